//! One folder sync for all who wait for one.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

/// Shares folder syncs among concurrent associations.
///
/// Whoever needs the folder synced needs a sync that *starts* after it gave its name. While one
/// runs, all newcomers gather for the next, which one of them runs for all: at most two syncs'
/// time is waited, however many associations store at once.
#[derive(Debug, Default)]
pub struct FolderSync {
    state: Mutex<State>,
    /// Where those wait who need a sync of an even number, and of an odd one: nobody is woken by
    /// the end of one that is not theirs.
    ended: [Condvar; 2],
}

/// Syncs are numbered from 1 in the order in which they start.
#[derive(Debug, Default)]
struct State {
    started: u64,
    running: bool,
    ended: u64,
    /// The latest one that failed. The kernel reports a lost write once, so a later sync that
    /// succeeds says nothing to those who waited for this one.
    failed: Option<(u64, io::ErrorKind)>,
}

impl FolderSync {
    /// Returns after a run of `sync` that started after this call, by this thread or another.
    ///
    /// # Errors
    /// What that run said.
    pub fn run(&self, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = state.started + 1;
        loop {
            if let Some((number, kind)) = state.failed
                && number >= needed
            {
                return Err(kind.into());
            }
            if state.ended >= needed {
                return Ok(());
            }
            if !state.running {
                break;
            }
            state = self.of(needed).wait(state).unwrap_or_else(PoisonError::into_inner);
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
            state.failed = Some((number, error.kind()));
        }
        drop(state);
        self.of(number).notify_all();
        // One of those who wait for the next runs it for all of them.
        self.of(number + 1).notify_one();
        result
    }

    fn of(&self, number: u64) -> &Condvar {
        &self.ended[usize::from(number % 2 == 1)]
    }
}
