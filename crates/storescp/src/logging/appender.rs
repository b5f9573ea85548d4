//! Where lines go: files and consoles, each with a thread that writes.
//!
//! Whoever logs hands its line over and goes on. A disk or a terminal that does not take lines in
//! costs lines, not associations: once many are waiting, the next ones are dropped, and counted.

use super::appender_setup::{AppenderSetup, Rotation, Target};
use crate::limits::{LOG_LINES_WAITING, LOG_PATIENCE};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use crate::sync::{Arc, Instant, thread};
use chrono::{DateTime, Local};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An appender at work.
pub(super) struct Appender {
    pub(super) setup: AppenderSetup,
    /// `None` if its lines go nowhere.
    lines: Option<SyncSender<Job>>,
    lost: Arc<AtomicU64>,
}

enum Job {
    Write(DateTime<Local>, String),
    /// All before it is written: answers.
    Finish(SyncSender<()>),
}

impl Appender {
    /// Opens the file, if it is one, and starts the thread. What fails is told on standard error, and
    /// tried again when there is something to write.
    pub(super) fn start(setup: AppenderSetup) -> Self {
        let lost = Arc::new(AtomicU64::new(0));
        let output: Option<Box<dyn Output>> = match &setup.target {
            Target::Nowhere => None,
            Target::StandardOutput => Some(Box::new(Console(io::stdout))),
            Target::StandardError => Some(Box::new(Console(io::stderr))),
            Target::File { path, append, rotation } => {
                Some(Box::new(LogFile::open(path, *append, rotation.clone())))
            }
        };
        let lines = output.and_then(|output| {
            let (sender, receiver) = mpsc::sync_channel(LOG_LINES_WAITING);
            let lost = Arc::clone(&lost);
            let thread = thread::Builder::new().name("log".into());
            let started = thread.spawn(move || write_all(output, &receiver, &lost));
            started.is_ok().then_some(sender)
        });
        Self { setup, lines, lost }
    }

    /// Hands a line over. Waits for room for [`LOG_PATIENCE`] at most, and only if no line was lost
    /// just before.
    pub(super) fn write(&self, time: DateTime<Local>, line: String) {
        let Some(lines) = &self.lines else { return };
        let mut job = Job::Write(time, line);
        let deadline = Instant::now() + LOG_PATIENCE;
        while let Err(TrySendError::Full(back)) = lines.try_send(job) {
            if self.lost.load(Ordering::Relaxed) > 0 || Instant::now() > deadline {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            job = back;
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Returns when all lines are written, or after `limit`.
    pub(super) fn finish(&self, limit: Duration) {
        let Some(lines) = &self.lines else { return };
        let (sender, written) = mpsc::sync_channel(1);
        let mut job = Job::Finish(sender);
        let deadline = Instant::now() + limit;
        while let Err(TrySendError::Full(back)) = lines.try_send(job) {
            if Instant::now() > deadline {
                return;
            }
            job = back;
            thread::sleep(Duration::from_millis(1));
        }
        let _ = written.recv_timeout(limit);
    }
}

/// What takes lines.
trait Output: Send {
    fn write(&mut self, time: DateTime<Local>, line: &str) -> io::Result<()>;
    /// How it is called in messages.
    fn name(&self) -> String;
}

/// What the thread of an appender does, as long as anybody may log.
fn write_all(mut output: Box<dyn Output>, jobs: &Receiver<Job>, lost: &AtomicU64) {
    let mut failing = false;
    while let Ok(job) = jobs.recv() {
        let (time, line) = match job {
            Job::Write(time, line) => (time, line),
            Job::Finish(written) => {
                let _ = written.send(());
                continue;
            }
        };
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            let _ = output.write(time, &format!("W: {count} log lines were lost here\n"));
        }
        match output.write(time, &line) {
            Ok(()) => failing = false,
            // Said once, until it works again.
            Err(error) if !failing => {
                failing = true;
                complain(&format!("cannot write to {}: {error}", output.name()));
            }
            Err(_) => {}
        }
    }
}

/// Says on standard error what cannot be logged.
fn complain(what: &str) {
    let _ = writeln!(io::stderr(), "E: log: {what}");
}

struct Console<M>(M);

impl<W: Write, M: Fn() -> W + Send> Output for Console<M> {
    fn write(&mut self, _: DateTime<Local>, line: &str) -> io::Result<()> {
        let mut console = (self.0)();
        console.write_all(line.as_bytes())?;
        console.flush()
    }

    fn name(&self) -> String {
        "the console".to_owned()
    }
}

/// A file, and when it is put aside.
struct LogFile {
    path: PathBuf,
    file: Option<File>,
    bytes: u64,
    rotation: Rotation,
    /// The period that its lines are of, with [`Rotation::ByTime`].
    period: String,
    last_tried: Instant,
}

/// How long is waited before a file that cannot be opened is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl LogFile {
    fn open(path: &Path, append: bool, rotation: Rotation) -> Self {
        let mut log = Self {
            path: path.to_owned(),
            file: None,
            bytes: 0,
            rotation,
            period: String::new(),
            last_tried: Instant::now(),
        };
        let modified = fs::metadata(path).and_then(|it| it.modified()).ok().filter(|_| append);
        log.period = log.period_of(modified.map_or_else(Local::now, DateTime::from));
        if let Err(error) = log.reopen(append) {
            complain(&format!("cannot open {}: {error}", path.display()));
        }
        log
    }

    fn reopen(&mut self, append: bool) -> io::Result<()> {
        self.last_tried = Instant::now();
        // Appending always: others may cut or rotate the file meanwhile.
        if !append && let Err(error) = File::create(&self.path) {
            return Err(error);
        }
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        self.bytes = file.metadata().map_or(0, |it| it.len());
        self.file = Some(file);
        Ok(())
    }

    fn period_of(&self, time: DateTime<Local>) -> String {
        match self.rotation {
            Rotation::ByTime { format, .. } => time.format(format).to_string(),
            Rotation::Never | Rotation::BySize { .. } => String::new(),
        }
    }

    /// Puts the file aside if it is full, or its time is over.
    fn rotate(&mut self, time: DateTime<Local>) -> io::Result<()> {
        match self.rotation {
            Rotation::BySize { max_bytes, backups } if self.bytes > max_bytes => {
                let target = self.path.clone();
                self.put_aside(&target, backups)
            }
            Rotation::ByTime { backups, .. } => {
                let now = self.period_of(time);
                if now == self.period {
                    return Ok(());
                }
                let target = with_suffix(&self.path, &self.period);
                self.period = now;
                shift(&target, backups);
                fs::rename(&self.path, &target)?;
                self.reopen(true)
            }
            _ => Ok(()),
        }
    }

    /// The file becomes `.1`, what was that `.2`, and so on.
    fn put_aside(&mut self, target: &Path, backups: usize) -> io::Result<()> {
        if backups > 0 {
            shift(target, backups);
            return self.reopen(true);
        }
        self.reopen(false)
    }
}

/// Moves a file that is there to `.1`, what was that to `.2`, up to the last that is kept.
fn shift(path: &Path, backups: usize) {
    // What cannot be moved is in the way, and lost: it is the oldest.
    for number in (1..backups).rev() {
        let _ = fs::rename(
            with_suffix(path, &number.to_string()),
            with_suffix(path, &(number + 1).to_string()),
        );
    }
    if backups > 0 && path.exists() {
        let _ = fs::rename(path, with_suffix(path, "1"));
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

impl Output for LogFile {
    fn write(&mut self, time: DateTime<Local>, line: &str) -> io::Result<()> {
        if self.file.is_none() {
            if self.last_tried.elapsed() < TRY_AGAIN {
                return Err(io::Error::other("it could not be opened a moment ago"));
            }
            self.reopen(true)?;
        }
        // A file that cannot be put aside is written on.
        let rotated = if matches!(self.rotation, Rotation::ByTime { .. }) {
            self.rotate(time)
        } else {
            Ok(())
        };
        let Some(file) = &mut self.file else { return rotated };
        file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        if matches!(self.rotation, Rotation::BySize { .. }) { self.rotate(time) } else { rotated }
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

#[cfg(test)]
#[path = "appender_tests.rs"]
mod tests;
