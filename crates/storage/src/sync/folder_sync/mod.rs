//! One folder sync for all who wait for one.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
#[cfg(test)]
mod tests;

use platform::sync::{Condvar, Mutex, PoisonError};
use std::io;

/// Shares folder syncs among concurrent associations.
///
/// Whoever needs the folder synced needs a sync that *starts* after it gave its name. While one
/// runs, all newcomers gather for the next, which one of them runs for all: at most two syncs'
/// time is waited, however many associations store at once.
///
/// The kernel reports a lost write once, and counts what it could not write as written from then on.
/// So a sync that succeeds says nothing of names that were given before an earlier one failed: whoever
/// gives a name takes a [`SyncMark`] first, and gets every failure since.
#[derive(Debug, Default)]
pub struct FolderSync {
    state: Mutex<State>,
    /// Where those wait who need a sync of an even number, and of an odd one: nobody is woken by
    /// the end of one that is not theirs.
    ended: [Condvar; 2],
}

/// How many syncs of a folder had failed at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyncMark(u64);

/// Syncs are numbered from 1 in the order in which they start.
#[derive(Debug, Default)]
struct State {
    started: u64,
    running: bool,
    ended: u64,
    failures: SyncMark,
    last_failure: Option<Failure>,
    /// How many wait at each of [`FolderSync::ended`]. Waking nobody costs a system call.
    waiting: [usize; 2],
}

/// What is said again to those who did not run the sync themselves.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Os(i32),
    Other(io::ErrorKind),
}

impl FolderSync {
    /// To be taken before the name is given that [`FolderSync::run`] is then to make durable.
    #[must_use]
    pub fn mark(&self) -> SyncMark {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failures
    }

    /// Returns after a run of `sync` that started after this call, by this thread or another.
    ///
    /// # Errors
    /// What that run said, or one that failed after `since` was taken.
    pub fn run(&self, since: SyncMark, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = state.started + 1;
        let mine = parity(needed);
        loop {
            if let Some(failure) = state.last_failure
                && state.failures > since
            {
                return Err(failure.into());
            }
            if state.ended >= needed {
                return Ok(());
            }
            if !state.running {
                break;
            }
            state.waiting[mine] += 1;
            state = self.ended[mine].wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting[mine] -= 1;
        }
        state.started += 1;
        state.running = true;
        let number = state.started;
        drop(state);
        let result = sync();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.running = false;
        state.ended = number;
        if let Err(error) = &result {
            state.failures.0 += 1;
            state.last_failure = Some(error.into());
        }
        let waiting = state.waiting;
        drop(state);
        let (this, next) = (parity(number), parity(number + 1));
        if waiting[this] > 0 {
            self.ended[this].notify_all();
        }
        if waiting[next] > 0 && result.is_ok() {
            // One of those who wait for the next runs it for all of them.
            self.ended[next].notify_one();
        } else if waiting[next] > 0 {
            // It has failed them too, and nobody else may come.
            self.ended[next].notify_all();
        }
        result
    }
}

fn parity(number: u64) -> usize {
    usize::from(number % 2 == 1)
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        error.raw_os_error().map_or(Self::Other(error.kind()), Self::Os)
    }
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Os(code) => Self::from_raw_os_error(code),
            Failure::Other(kind) => kind.into(),
        }
    }
}
