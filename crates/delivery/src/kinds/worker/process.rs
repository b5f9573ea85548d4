//! A worker that runs: events are written to it and answers read from it, without waiting for either.

use super::WorkerCommand;
use super::answer::Answer;
use crate::kinds::programs::environment;
use crate::kinds::programs::group::{Group, how_it_ended};
use crate::kinds::programs::output::{ErrorLog, Lines, never_wait, read_some};
use crate::limits::{ANSWER_BYTES, TERMINATION, WORKER_END};
use rustix::event::PollFlags;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long after its files have ended a process may take to end.
const CLOSING: Duration = Duration::from_millis(200);

/// A worker that runs. Dropping it ends it.
pub(super) struct Process {
    group: Group,
    /// `None` once it has closed it, or is to end.
    input: Option<ChildStdin>,
    /// What is still to be written, from `written` on.
    unwritten: Vec<u8>,
    written: usize,
    /// `None` once it has closed it.
    output: Option<ChildStdout>,
    lines: Lines,
    errors: Option<ChildStderr>,
    log: ErrorLog,
    /// What the log calls it.
    pub(super) whose: String,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// Those of the operating system.
    pub(super) fn start(worker: &WorkerCommand) -> io::Result<Self> {
        let mut command = Command::new(&worker.program);
        command.args(&worker.arguments);
        environment::clean(&mut command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::start(&mut command)?;
        let child = &mut group.child;
        let (input, output, errors) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        input.as_ref().map_or(Ok(()), never_wait)?;
        output.as_ref().map_or(Ok(()), never_wait)?;
        errors.as_ref().map_or(Ok(()), never_wait)?;
        let whose = format!("{} [{}]", worker.name, group.number());
        tracing::debug!("{whose}: worker started");
        let (lines, log) = (Lines::new(ANSWER_BYTES), ErrorLog::new());
        let (unwritten, written) = (Vec::new(), 0);
        Ok(Self { group, input, unwritten, written, output, lines, errors, log, whose })
    }

    /// Queues an event for it.
    pub(super) fn send(&mut self, line: &str) {
        self.unwritten.extend_from_slice(line.as_bytes());
        self.unwritten.push(b'\n');
    }

    /// Writes and reads what is possible, after waiting for that at most so long. Passes on what it answers.
    ///
    /// # Errors
    /// Why it cannot be used any more. What it answered before that was passed on.
    pub(super) fn exchange(
        &mut self,
        most: Duration,
        answered: &mut dyn FnMut(Answer),
    ) -> Result<(), String> {
        self.wait(most);
        // In this order: what it wrote before its end is there to be read.
        let has_ended = self.group.has_ended();
        let read = self.read(has_ended, answered);
        self.read_errors();
        read?;
        if has_ended {
            return Err(how_it_ended(self.group.reap()));
        }
        let closed = match (self.output.is_none(), self.write()?) {
            (true, _) => "closed its standard output",
            (_, false) => "closed its standard input",
            _ => return Ok(()),
        };
        // One that ends closes its files just before.
        if !self.group.ends_within(CLOSING, &mut || ()) {
            return Err(closed.to_owned());
        }
        let read = self.read(true, answered);
        self.read_errors();
        read?;
        Err(how_it_ended(self.group.reap()))
    }

    /// What it has answered so far, and written into the log, without waiting: all that is there.
    ///
    /// # Errors
    /// Those of [`exchange`](Self::exchange).
    pub(super) fn look(&mut self, answered: &mut dyn FnMut(Answer)) -> Result<(), String> {
        self.exchange(Duration::ZERO, answered)
    }

    /// The last line of its standard error; empty if there was none.
    pub(super) fn last_error(&self) -> &str {
        self.log.last()
    }

    /// Ends it: waits `before` for it to do so by itself, which it does when its standard input has ended.
    fn end(&mut self, before: Duration) {
        self.input = None;
        let Self { group, output, errors, log, whose, .. } = self;
        let mut drain = || {
            if let Some(output) = output {
                let _ = read_some(output, &mut |_| ());
            }
            if let Some(errors) = errors {
                let _ = read_some(errors, &mut |bytes| log.push(whose, bytes));
            }
        };
        group.end(before, TERMINATION, &mut drain);
        drain();
        self.log.finish(&self.whose);
    }

    /// Ends it now: it does not do what it should.
    pub(super) fn stop_now(mut self) -> String {
        self.end(Duration::ZERO);
        self.last_error().to_owned()
    }

    fn wait(&self, most: Duration) {
        let mut files = Vec::with_capacity(3);
        if let Some(input) = self.input.as_ref().filter(|_| self.written < self.unwritten.len()) {
            files.push((input.as_fd(), PollFlags::OUT));
        }
        if let Some(output) = &self.output {
            files.push((output.as_fd(), PollFlags::IN));
        }
        if let Some(errors) = &self.errors {
            files.push((errors.as_fd(), PollFlags::IN));
        }
        self.group.wait(&files, most);
    }

    /// Reads its answers: one piece, or all that is there if it has ended.
    fn read(&mut self, to_the_end: bool, answered: &mut dyn FnMut(Answer)) -> Result<(), String> {
        let Self { output, lines, .. } = self;
        let Some(open) = output else { return Ok(()) };
        let mut fault = None;
        // A process that it has left behind may write for ever.
        for _ in 0..if to_the_end { 64 } else { 1 } {
            let mut any = false;
            let is_open = read_some(open, &mut |bytes| {
                any = true;
                lines.push(bytes, &mut |line| match Answer::parse(line.text) {
                    _ if fault.is_some() => {}
                    _ if line.is_cut => fault = Some(too_long()),
                    Ok(answer) => answered(answer),
                    Err(wrong) => fault = Some(wrong),
                });
            });
            if !matches!(is_open, Ok(true)) {
                *output = None;
                break;
            }
            if !any || fault.is_some() {
                break;
            }
        }
        if lines.is_cut() {
            fault.get_or_insert_with(too_long);
        }
        fault.map_or(Ok(()), Err)
    }

    fn read_errors(&mut self) {
        let Self { errors, log, whose, .. } = self;
        let Some(open) = errors else { return };
        if !matches!(read_some(open, &mut |bytes| log.push(whose, bytes)), Ok(true)) {
            *errors = None;
        }
    }

    /// Writes as much as it takes. False if it has closed its standard input.
    fn write(&mut self) -> Result<bool, String> {
        let rest = &self.unwritten[self.written..];
        let Some(input) = self.input.as_mut().filter(|_| !rest.is_empty()) else {
            return Ok(true);
        };
        match input.write(rest) {
            Ok(count) => self.written += count,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) if is_for_now(&error) => {}
            Err(error) => return Err(format!("takes no events: {}", platform::reason(&error))),
        }
        if self.written == self.unwritten.len() {
            self.unwritten.clear();
            self.written = 0;
        }
        Ok(true)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.group.has_ended() {
            self.end(WORKER_END);
        }
    }
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn too_long() -> String {
    format!("wrote a line of more than {ANSWER_BYTES} bytes")
}
