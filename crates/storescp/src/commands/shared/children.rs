//! The processes of commands.

use delivery::children;
use rustix::io::Errno;
use std::io;
use std::process::{Command, ExitStatus};

/// What became of a command that was to be run.
pub(in crate::commands) enum Execution {
    Ended(ExitStatus),
    /// It was run, but its exit status is unknown.
    Lost(io::Error),
    /// It was not run, for lack of processes, memory or descriptors; may be retried.
    Shortage(io::Error),
    /// It cannot be run.
    Failed(io::Error),
}

/// Runs a command to its end; as process 1 of a container, then reaps orphans that have ended.
pub(in crate::commands) fn run(command: &mut Command) -> Execution {
    let mut child = match children::start(command) {
        Ok(child) => child,
        Err(error) if is_shortage(&error) => return Execution::Shortage(error),
        Err(error) => return Execution::Failed(error),
    };
    match children::wait(&mut child) {
        Ok(status) => Execution::Ended(status),
        Err(error) => Execution::Lost(error),
    }
}

/// True if the system lacked processes, memory or descriptors, which may be available again soon.
pub(in crate::commands) fn is_shortage(error: &io::Error) -> bool {
    let lacks = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::INTR];
    Errno::from_io_error(error).is_some_and(|error| lacks.contains(&error))
}
