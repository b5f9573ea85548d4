//! Turns at changing the names of a folder.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::limits::NAMING_TURNS;
use platform::sync::atomic::{AtomicUsize, Ordering};
use platform::sync::{Condvar, Mutex, PoisonError};

/// Lets at most [`NAMING_TURNS`] threads of this process at a time change the names of a folder.
///
/// The kernel lets one thread at a time change them, and others spin for as long as that one runs. A sync that
/// ends wakes all who waited for it: a hundred associations that name their files then would take the processor
/// from the one that changes the folder. Here they sleep, and get their turns in the order in which they came:
/// whoever ends a turn hands it on.
///
/// To be had for system calls alone: who has a turn waits for no name claim, no lock of a file and no sync. A
/// turn that is free costs one atomic operation, and one to give it back.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// How many are taken, and [`ONE_WAITS`] for each thread that waits for one.
    state: AtomicUsize,
    /// Turns that were handed on and that none of those who wait has noticed yet.
    handed_on: Mutex<usize>,
    noticed: Condvar,
}

const ONE_WAITS: usize = 1 << (usize::BITS / 2);

impl Turns {
    /// Waits for a turn.
    pub(crate) fn take(&self) -> Turn<'_> {
        let free = |state: usize| (state < NAMING_TURNS).then_some(state + 1);
        if self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, free).is_err() {
            self.wait();
        }
        Turn(self)
    }

    #[cold]
    fn wait(&self) {
        let mut handed_on = self.handed_on.lock().unwrap_or_else(PoisonError::into_inner);
        // One may be free by now. If any is, nobody waits.
        let before = self.update(|state| state + if state < NAMING_TURNS { 1 } else { ONE_WAITS });
        if before < NAMING_TURNS {
            return;
        }
        while *handed_on == 0 {
            handed_on = self.noticed.wait(handed_on).unwrap_or_else(PoisonError::into_inner);
        }
        *handed_on -= 1;
    }

    fn give_back(&self) {
        // The number of turns taken stays the same if one who waits gets this one.
        let before = self.update(|state| state - if state < ONE_WAITS { 1 } else { ONE_WAITS });
        if before >= ONE_WAITS {
            *self.handed_on.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.noticed.notify_one();
        }
    }

    /// Changes the state; returns the one before.
    fn update(&self, change: impl Fn(usize) -> usize) -> usize {
        let change = |state| Some(change(state));
        let (Ok(before) | Err(before)) =
            self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, change);
        before
    }
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'t>(&'t Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}
