//! The processes of commands, and in a container those that commands leave behind.

use rustix::process::{Pid, WaitOptions, wait};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, PoisonError};

/// Runs commands, and buries what they leave running once it has ended.
///
/// Elsewhere process 1 of the system does that. In a container this program is process 1: a process in
/// the background whose shell has ended becomes its child, and stays a zombie until it is waited for.
pub(super) struct Children {
    inherit_orphans: bool,
    /// The commands that are running, with the status of those that ended and were waited for by
    /// another thread.
    running: Mutex<BTreeMap<i32, Option<ExitStatus>>>,
}

impl Children {
    pub(super) fn new() -> Self {
        let inherit_orphans = rustix::process::getpid().is_init();
        Self { inherit_orphans, running: Mutex::default() }
    }

    /// Runs a command to its end; as process 1, then waits for all orphans that have ended by now.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn run(&self, command: &mut Command) -> io::Result<ExitStatus> {
        if !self.inherit_orphans {
            return command.status();
        }
        let lock = || self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for the child before it is known as one of ours.
        let mut running = lock();
        let mut child = command.spawn()?;
        let id = Pid::from_child(&child).as_raw_pid();
        running.insert(id, None);
        drop(running);
        let status = child.wait();
        let mut running = lock();
        let told = running.remove(&id).flatten();
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if let Some(command) = running.get_mut(&ended.as_raw_pid()) {
                *command = Some(ExitStatus::from_raw(status.as_raw()));
            }
        }
        told.map_or(status, Ok)
    }
}
