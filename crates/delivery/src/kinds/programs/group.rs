//! A process with all that it starts: a process group, which is ended as a whole.

use super::children;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{BorrowedFd, OwnedFd};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long is waited at most before it is looked again whether a process has ended, where the system does not tell.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The groups whose first process was not reaped yet, so that their numbers cannot be others'.
static GROUPS: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// Kills all programs of destinations that go on, with all that they started: the outbox has stopped, and the program ends.
pub fn kill_programs() {
    for &id in groups().iter() {
        let _ = kill_process_group(id, Signal::KILL);
    }
}

fn groups() -> MutexGuard<'static, Vec<Pid>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process that was started as the first of its process group. Dropping it ends the whole group at once.
///
/// The process is reaped last, so its number, which is the group's, cannot be another's before.
pub(in crate::kinds) struct Group {
    pub(in crate::kinds) child: Child,
    id: Pid,
    /// Readable once the process has ended; `None` where the system has no such thing.
    end: Option<OwnedFd>,
    is_reaped: bool,
}

impl Group {
    /// Starts a command in a process group of its own.
    ///
    /// # Errors
    /// Those of starting a process.
    pub(in crate::kinds) fn start(command: &mut Command) -> io::Result<Self> {
        let child = children::start(command.process_group(0))?;
        let id = Pid::from_child(&child);
        groups().push(id);
        Ok(Self { child, id, end: end_of(id), is_reaped: false })
    }

    /// The number of the process, and of its group.
    pub(in crate::kinds) fn number(&self) -> i32 {
        self.id.as_raw_pid()
    }

    /// Whether the process has ended; others of the group may go on.
    pub(in crate::kinds) fn has_ended(&self) -> bool {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        match waitid(WaitId::Pid(self.id), ended) {
            Ok(status) => status.is_some(),
            // Somebody else has reaped it.
            Err(error) => error == rustix::io::Errno::CHILD,
        }
    }

    /// Waits until the process has ended, one of the files is ready, or the time is over.
    pub(in crate::kinds) fn wait(&self, files: &[(BorrowedFd<'_>, PollFlags)], most: Duration) {
        let most = if self.end.is_some() { most } else { most.min(LOOK_AGAIN) };
        let mut polled: Vec<_> =
            files.iter().map(|(file, flags)| PollFd::from_borrowed_fd(*file, *flags)).collect();
        if let Some(end) = &self.end {
            polled.push(PollFd::new(end, PollFlags::IN));
        }
        let most = Timespec::try_from(most).ok();
        if poll(&mut polled, most.as_ref()).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends the group: waits `before` for the process to end by itself, sends SIGTERM, after `grace` SIGKILL, which
    /// the others of the group get in any case. `drain` is called meanwhile, to read what the process writes: it would
    /// not end if it had to wait for that. The exit status; `None` if somebody else has got it.
    pub(in crate::kinds) fn end(
        &mut self,
        before: Duration,
        grace: Duration,
        drain: &mut dyn FnMut(),
    ) -> Option<ExitStatus> {
        if !self.ends_within(before, drain) {
            self.signal(Signal::TERM);
            self.ends_within(grace, drain);
        }
        self.reap()
    }

    /// Ends all others of the group, and the process too if it has not ended. The exit status; `None` if somebody else
    /// has got it.
    pub(in crate::kinds) fn reap(&mut self) -> Option<ExitStatus> {
        if !self.is_reaped {
            self.signal(Signal::KILL);
            self.forget();
        }
        children::wait(&mut self.child).ok()
    }

    /// The process has ended: leaves the others of the group alone. The exit status; `None` if somebody else has got it.
    pub(in crate::kinds) fn leave(&mut self) -> Option<ExitStatus> {
        self.forget();
        children::wait(&mut self.child).ok()
    }

    /// Waits at most so long for the process to end; whether it has. `drain` is called meanwhile.
    pub(in crate::kinds) fn ends_within(&self, most: Duration, drain: &mut dyn FnMut()) -> bool {
        let until = Instant::now() + most;
        loop {
            drain();
            if self.has_ended() {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            self.wait(&[], left.min(LOOK_AGAIN));
        }
    }

    /// From now on, its number may become another's.
    fn forget(&mut self) {
        self.is_reaped = true;
        groups().retain(|&id| id != self.id);
    }

    /// Nobody of the group is left to be signalled: that is no error.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.id, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.reap();
    }
}

/// How a process ended, for people.
pub(in crate::kinds) fn how_it_ended(status: Option<ExitStatus>) -> String {
    match status.map(|status| (status.code(), status.signal())) {
        Some((Some(code), _)) => format!("ended with exit code {code}"),
        Some((None, Some(signal))) => format!("was ended by signal {signal}"),
        Some((None, None)) | None => "ended, its exit status is unknown".to_owned(),
    }
}

#[cfg(target_os = "linux")]
fn end_of(id: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn end_of(_: Pid) -> Option<OwnedFd> {
    None
}
