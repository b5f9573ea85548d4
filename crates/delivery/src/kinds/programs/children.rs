//! The child processes of this program; as process 1 of a container, also orphans that they leave.
//!
//! Elsewhere process 1 of the system reaps those. In a container this program is process 1: a process in the
//! background whose parent has ended becomes its child, and stays a zombie until it is waited for. Whoever reaps those may
//! get another one's child, so all that start children share what is known of them here.

use rustix::process::{Pid, WaitOptions};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// As process 1, the children that [`wait`] is to tell of, with the status of those that ended and were reaped by
/// another thread.
static KNOWN: Mutex<BTreeMap<i32, Option<ExitStatus>>> = Mutex::new(BTreeMap::new());

/// Starts a child.
///
/// # Errors
/// Those of [`Command::spawn`].
pub fn start(command: &mut Command) -> io::Result<Child> {
    // The reaper leaves the child alone until it is known as one of ours.
    let known = inherits_orphans().then(known);
    let child = command.spawn()?;
    if let Some(mut known) = known {
        known.insert(Pid::from_child(&child).as_raw_pid(), None);
    }
    Ok(child)
}

/// Waits for the end of a child that [`start`] has started; as process 1, then reaps all orphans that have ended.
///
/// # Errors
/// Its exit status is not known.
pub fn wait(child: &mut Child) -> io::Result<ExitStatus> {
    let status = child.wait();
    if !inherits_orphans() {
        return status;
    }
    let mut known = known();
    let told = known.remove(&Pid::from_child(child).as_raw_pid()).flatten();
    while let Ok(Some((ended, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if let Some(child) = known.get_mut(&ended.as_raw_pid()) {
            *child = Some(ExitStatus::from_raw(status.as_raw()));
        }
    }
    told.map_or(status, Ok)
}

fn inherits_orphans() -> bool {
    rustix::process::getpid().is_init()
}

fn known() -> MutexGuard<'static, BTreeMap<i32, Option<ExitStatus>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
