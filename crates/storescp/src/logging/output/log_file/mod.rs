//! Files as outputs of lines, put aside for new ones by size or by time.

use super::console::complain;
use super::line_queue::LineOutput;
use crate::logging::config::Rotation;
use chrono::{DateTime, Local};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file, and when it is put aside.
///
/// It is opened by the thread that writes, before the first line: that may take any time.
pub(super) struct LogFile {
    path: PathBuf,
    append: bool,
    file: Option<File>,
    bytes: u64,
    rotation: Rotation,
    /// The period that its lines are of, with [`Rotation::ByTime`].
    period: String,
    last_tried: Option<Instant>,
    /// What was tried last: to "open" it or to "write to" it.
    step: &'static str,
    /// Only a part of a line could be written.
    mid_line: bool,
}

/// How long is waited before a file that cannot be opened is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl LogFile {
    pub(super) fn new(path: &Path, append: bool, rotation: Rotation) -> Self {
        Self {
            path: path.to_owned(),
            append,
            file: None,
            bytes: 0,
            rotation,
            period: String::new(),
            last_tried: None,
            step: "open",
            mid_line: false,
        }
    }

    /// Opens the file for the first time, or again after that failed.
    fn open(&mut self) -> io::Result<()> {
        if self.last_tried.is_some_and(|tried| tried.elapsed() < TRY_AGAIN) {
            return Err(io::Error::other("it could not be opened a moment ago"));
        }
        let modified = fs::metadata(&self.path).and_then(|it| it.modified()).ok();
        let modified = modified.filter(|_| self.append);
        self.period = self.period_of(modified.map_or_else(Local::now, DateTime::from));
        self.last_tried = Some(Instant::now());
        self.open_file(self.append)?;
        // What comes in between is kept, should it be opened again.
        self.append = true;
        Ok(())
    }

    fn open_file(&mut self, append: bool) -> io::Result<()> {
        self.step = "open";
        // Appending always: others may cut or rotate the file meanwhile.
        if !append {
            drop(File::create(&self.path)?);
        }
        let file = OpenOptions::new().append(true).create(true).open(&self.path)?;
        self.bytes = file.metadata().map_or(0, |it| it.len());
        self.file = Some(file);
        self.mid_line = false;
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
                self.open_file(true)
            }
            _ => Ok(()),
        }
    }

    /// The file becomes `.1`, what was that `.2`, and so on.
    fn put_aside(&mut self, target: &Path, backups: usize) -> io::Result<()> {
        if backups > 0 {
            shift(target, backups);
            return self.open_file(true);
        }
        self.open_file(false)
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

impl LineOutput for LogFile {
    fn write(&mut self, time: Option<DateTime<Local>>, lines: &str) -> io::Result<()> {
        let time = time.unwrap_or_else(Local::now);
        if self.file.is_none() {
            self.open()?;
        }
        // A file that cannot be put aside is written on.
        let rotated = if matches!(self.rotation, Rotation::ByTime { .. }) {
            self.rotate(time)
        } else {
            Ok(())
        };
        let Some(file) = &mut self.file else { return rotated };
        self.step = "write to";
        if self.mid_line {
            file.write_all(b"\n")?;
        }
        self.mid_line = true;
        file.write_all(lines.as_bytes())?;
        self.mid_line = false;
        self.bytes += lines.len() as u64;
        if matches!(self.rotation, Rotation::BySize { .. }) { self.rotate(time) } else { rotated }
    }

    fn takes_batches(&self) -> bool {
        self.rotation == Rotation::Never
    }

    /// If that fails, the file that is open is written on.
    fn reopen(&mut self) -> io::Result<()> {
        self.last_tried = None;
        if self.file.is_some() { self.open_file(true) } else { self.open() }
    }

    fn failed(&self, error: &io::Error) {
        complain(&format!("cannot {} {}: {error}", self.step, self.path.display()));
    }
}

#[cfg(test)]
mod tests;
