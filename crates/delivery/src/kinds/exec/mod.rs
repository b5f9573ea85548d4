//! `exec`: a process for each delivery.
//!
//! | how it ends | what becomes of the delivery |
//! |---|---|
//! | exit code 0 | done |
//! | exit code 75 (`EX_TEMPFAIL`), any other, a signal, the time-out | again |
//! | it cannot be started | again, once a process can be started: the destination counts as unreachable |
//!
//! No shell is involved: values of the event become arguments, or parts of them, as they are. An argument that would begin
//! with `-` because a value does is not given to the program, which would take it for an option, unless `--` is
//! before it.

mod template;
#[cfg(test)]
mod tests;
mod variables;

use crate::kinds::programs::group::{Group, how_it_ended};
use crate::kinds::programs::output::{ErrorLog, bounded, never_wait, read_some};
use crate::kinds::programs::{environment, gone, not_started, split};
use crate::limits::{PROGRAM_STOP, TERMINATION};
use crate::{Destination, Error, ExecSettings, Item, Outcome, Session, Stop, cloud_event};
use rustix::event::PollFlags;
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use template::Template;

/// The longest time between two looks at whether to stop.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A process for each delivery. Holds nothing between deliveries.
struct Exec(Arc<Commands>);

struct Commands {
    name: String,
    program: OsString,
    arguments: Vec<Template>,
    timeout: Option<Duration>,
}

struct ExecSession(Arc<Commands>);

/// Why a process was ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByItself,
    TimedOut,
    Stopped,
}

/// Builds a destination of this kind. Starts nothing.
///
/// # Errors
/// [`Error::Destination`]: the command has no program, or a placeholder that no event has a value for.
pub(crate) fn build(name: &str, settings: &ExecSettings) -> Result<Arc<dyn Destination>, Error> {
    let (program, arguments) = split(name, &settings.command)?;
    let fault = |reason| Error::Destination { name: name.to_owned(), reason };
    if Template::parse(program).map_err(fault)?.has_value() {
        let reason = "the program cannot have a placeholder, only its arguments can; with arguments, write a list: \
                      [\"/opt/step\", \"{path}\"]";
        return Err(fault(reason.to_owned()));
    }
    let arguments: Result<_, _> = arguments.iter().map(|it| Template::parse(it)).collect();
    Ok(Arc::new(Exec(Arc::new(Commands {
        name: name.to_owned(),
        program: program.to_owned(),
        arguments: arguments.map_err(fault)?,
        timeout: settings.timeout,
    }))))
}

impl Destination for Exec {
    fn open(&self) -> Box<dyn Session> {
        Box::new(ExecSession(Arc::clone(&self.0)))
    }
}

impl Session for ExecSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        for (index, item) in items.iter().enumerate() {
            if stop.is_set() {
                return;
            }
            if let Some(outcome) = self.0.deliver(item, stop) {
                tell(index, outcome);
            }
        }
    }
}

impl Commands {
    /// What became of it; `None` if it was stopped.
    fn deliver(&self, item: &Item, stop: &Stop) -> Option<Outcome> {
        if let Some(reason) = gone(item) {
            return Some(Outcome::Park { reason });
        }
        let mut command = match self.command(item) {
            Ok(command) => command,
            Err(reason) => return Some(Outcome::Park { reason: bounded(&reason) }),
        };
        let group = match Group::start(&mut command) {
            Ok(group) => group,
            Err(error) => return Some(self.not_started(&error)),
        };
        let (ended, status, last) = self.run(group, stop);
        let because = |what: String| {
            let reason = if last.is_empty() { what } else { format!("{what}: {last}") };
            Some(Outcome::Again { reason: bounded(&reason), after: None })
        };
        match (ended, status) {
            (Ended::Stopped, _) => None,
            (Ended::TimedOut, _) => {
                let seconds = self.timeout.unwrap_or_default().as_secs_f64();
                because(format!("timed out after {seconds} s"))
            }
            (Ended::ByItself, Some(status)) if status.success() => Some(Outcome::Done),
            (Ended::ByItself, status) => because(how_it_ended(status)),
        }
    }

    /// The process of a delivery.
    ///
    /// # Errors
    /// An argument cannot be given to it.
    fn command(&self, item: &Item) -> Result<Command, String> {
        let event = cloud_event(item);
        let mut command = Command::new(&self.program);
        let mut may_begin_with_dash = false;
        for template in &self.arguments {
            let argument = template.fill_in(&event, item.path.as_deref(), may_begin_with_dash)?;
            may_begin_with_dash |= argument == "--";
            command.arg(argument);
        }
        environment::clean(&mut command);
        variables::give(&mut command, &event, item);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(command)
    }

    fn not_started(&self, error: &io::Error) -> Outcome {
        let reason = bounded(&not_started(&self.program, error));
        // What the event says is too much for the arguments or the environment: so it will be the next time.
        if Errno::from_io_error(error) == Some(Errno::TOOBIG) {
            return Outcome::Park { reason };
        }
        Outcome::Unreachable { reason, after: None }
    }

    /// Waits for the end of the process: why it has ended, how, and the last line of its standard error.
    fn run(&self, mut group: Group, stop: &Stop) -> (Ended, Option<ExitStatus>, String) {
        let whose = format!("{} [{}]", self.name, group.number());
        let mut log = ErrorLog::new();
        let mut errors = standard_error(&mut group.child);
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut stop_at = None;
        let ended = loop {
            // In this order: what it wrote before its end is there to be read.
            let has_ended = group.has_ended();
            drain(&mut errors, &whose, &mut log, has_ended);
            let now = Instant::now();
            if has_ended {
                break Ended::ByItself;
            }
            if deadline.is_some_and(|deadline| now >= deadline) {
                break Ended::TimedOut;
            }
            if stop.is_set() && now >= *stop_at.get_or_insert(now + PROGRAM_STOP) {
                break Ended::Stopped;
            }
            let until = deadline.map_or(LOOK_AGAIN, |deadline| (deadline - now).min(LOOK_AGAIN));
            match &errors {
                Some(errors) => group.wait(&[(errors.as_fd(), PollFlags::IN)], until),
                None => group.wait(&[], until),
            }
        };
        let status = if ended == Ended::ByItself {
            // What it has left in the background may go on, as after a command of the shell.
            group.leave()
        } else {
            let read = &mut || drain(&mut errors, &whose, &mut log, false);
            group.end(Duration::ZERO, TERMINATION, read)
        };
        log.finish(&whose);
        (ended, status, log.last().to_owned())
    }
}

/// Its standard error, which is read without waiting; `None` if that is not possible.
fn standard_error(child: &mut Child) -> Option<ChildStderr> {
    let errors = child.stderr.take()?;
    never_wait(&errors).ok().map(|()| errors)
}

/// Reads what there is; once the process has `ended` all of it, but no more than it may have left in the pipe: what it
/// has started may write on.
fn drain(errors: &mut Option<ChildStderr>, whose: &str, log: &mut ErrorLog, ended: bool) {
    let pieces = if ended { 64 } else { 1 };
    for _ in 0..pieces {
        let Some(open) = errors else { return };
        let mut any = false;
        let read = read_some(open, &mut |bytes| {
            any = true;
            log.push(whose, bytes);
        });
        if !matches!(read, Ok(true)) {
            *errors = None;
        }
        if !any {
            return;
        }
    }
}
