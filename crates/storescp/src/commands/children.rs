//! The processes of commands; as process 1 of a container, also orphans that commands leave.

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

/// Runs commands, and reaps orphans of theirs that have ended.
///
/// Elsewhere process 1 of the system does that. In a container this program is process 1: a process in
/// the background whose shell has ended becomes its child, and stays a zombie until it is waited for.
pub(super) struct Children {
    inherit_orphans: bool,
    /// The commands that are running, with the status of those that ended and were waited for by
    /// another thread.
    running: Mutex<BTreeMap<i32, Option<ExitStatus>>>,
}

/// What became of a command that was to be run.
pub(super) enum Execution {
    Ended(ExitStatus),
    /// It was run, but its exit status is unknown.
    Lost(io::Error),
    /// It was not run, for lack of processes, memory or descriptors; may be retried.
    Shortage(io::Error),
    /// It cannot be run.
    Failed(io::Error),
}

impl Children {
    pub(super) fn new() -> Self {
        let inherit_orphans = rustix::process::getpid().is_init();
        Self { inherit_orphans, running: Mutex::default() }
    }

    /// Runs a command to its end; as process 1, then reaps all orphans that have ended.
    pub(super) fn run(&self, command: &mut Command) -> Execution {
        let lock = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // As process 1, the reaper leaves the child alone until it is known as one of ours.
        let known = self.inherit_orphans.then(lock);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) if is_shortage(&error) => return Execution::Shortage(error),
            Err(error) => return Execution::Failed(error),
        };
        let id = Pid::from_child(&child).as_raw_pid();
        if let Some(mut running) = known {
            running.insert(id, None);
        }
        let status = child.wait();
        let told = if self.inherit_orphans { self.reap_orphans(id) } else { None };
        match told.map_or(status, Ok) {
            Ok(status) => Execution::Ended(status),
            Err(error) => Execution::Lost(error),
        }
    }

    /// Reaps all that have ended; the status of this command if another thread reaped it.
    fn reap_orphans(&self, id: i32) -> Option<ExitStatus> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let told = running.remove(&id).flatten();
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if let Some(command) = running.get_mut(&ended.as_raw_pid()) {
                *command = Some(ExitStatus::from_raw(status.as_raw()));
            }
        }
        told
    }
}

/// True if the system lacked processes, memory or descriptors, which may be available again soon.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    let lacks = [Errno::AGAIN, Errno::NOMEM, Errno::MFILE, Errno::NFILE, Errno::INTR];
    Errno::from_io_error(error).is_some_and(|error| lacks.contains(&error))
}
