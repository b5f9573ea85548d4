//! One sync of a folder for all threads that wait for one.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
#[cfg(test)]
mod tests;

use platform::sync::{Condvar, Mutex, PoisonError};
use std::io;

/// Shares folder syncs among concurrent associations.
///
/// A thread needs a sync that *starts* after it gave its file a name. While one sync runs, all others wait for
/// the next one, which one of them runs for all. So a thread waits for two syncs at most, however many
/// associations store at the same time.
///
/// The kernel reports a lost write once, and from then on treats as written what it could not write. So a
/// successful sync proves nothing about names from before an earlier one that failed. A thread therefore takes
/// a [`SyncMark`] before it gives a name, and every failure since then is its own.
#[derive(Debug, Default)]
pub struct FolderSync {
    state: Mutex<State>,
    /// Where threads wait for a sync with an even number, and with an odd one: the end of a sync wakes only
    /// those that need it.
    ended: [Condvar; 2],
}

/// How many syncs of a folder had failed at that moment.
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
    /// How many threads wait at each of [`FolderSync::ended`]. To wake none would cost a system call.
    waiting: [usize; 2],
}

/// The error, for the threads that did not run the sync themselves.
#[derive(Clone, Copy, Debug)]
enum Failure {
    Os(i32),
    Other(io::ErrorKind),
}

impl FolderSync {
    /// To be taken before the file gets the name that [`FolderSync::run`] then makes durable.
    #[must_use]
    pub fn mark(&self) -> SyncMark {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failures
    }

    /// Returns after a run of `sync` that started after this call, by this thread or another.
    ///
    /// # Errors
    /// The error of that run, or of one that failed after `since` was taken.
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
            // It has failed for them too, and no other may come.
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
