//! `worker`: long-lived processes that read events and answer what became of them.
//!
//! ```text
//!   stdin    {"specversion":"1.0","id":"k1",…}       an event a line, `window` of them without an answer at a time
//!   stdout   {"ack":"k1"}                            it is done
//!            {"retry":"k1","after":30,"reason":"…"}  it is to be sent again, after so many seconds
//!            {"park":"k1","reason":"…"}              it cannot succeed by waiting
//!   stderr   lines for the log
//! ```
//!
//! Answers come in any order; `after` and `reason` may be left out, other names are passed over. Anything else on
//! standard output breaks the protocol. A worker that breaks it, takes longer than the time-out, or ends is ended with
//! all processes of its group, and started again after a pause that grows; what it had is sent again. At the end its
//! standard input ends; one that goes on gets SIGTERM, then SIGKILL.

mod answer;
mod process;
mod session;
#[cfg(test)]
mod tests;

use crate::kinds::programs::split;
use crate::limits::WORKER_LINGER;
use crate::{Destination, Error, Session, WorkerSettings};
use session::WorkerSession;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

/// Long-lived processes, one for each session. Each holds the events that it has, and up to
/// [`ANSWER_BYTES`](crate::limits::ANSWER_BYTES) of an answer.
struct Worker(Arc<WorkerCommand>);

/// What is started, and how it is spoken to.
struct WorkerCommand {
    name: String,
    program: OsString,
    arguments: Vec<OsString>,
    window: usize,
    timeout: Option<Duration>,
}

/// Builds a destination of this kind. Starts nothing: a session starts its process with the first delivery.
///
/// # Errors
/// [`Error::Destination`]: the command has no program.
pub(crate) fn build(name: &str, settings: &WorkerSettings) -> Result<Arc<dyn Destination>, Error> {
    let (program, arguments) = split(name, &settings.command)?;
    Ok(Arc::new(Worker(Arc::new(WorkerCommand {
        name: name.to_owned(),
        program: program.to_owned(),
        arguments: arguments.to_vec(),
        window: settings.window.max(1),
        timeout: settings.timeout,
    }))))
}

impl Destination for Worker {
    fn open(&self) -> Box<dyn Session> {
        Box::new(WorkerSession::new(Arc::clone(&self.0)))
    }

    fn batch(&self) -> usize {
        self.0.window
    }

    fn linger(&self) -> Duration {
        WORKER_LINGER
    }
}
