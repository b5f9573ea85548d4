//! What the threads of the outbox share.

use super::clock::Clock;
use super::spool::Spool;
use crate::machine::{Settled, Settling};
use catalog::{Catalog, DeliveryId, DestinationCounts, SpooledObject};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// See the module's documentation.
pub(crate) struct Shared {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) spool: Arc<dyn Spool>,
    pub(crate) owner: String,
    /// Which receiver it is.
    pub(crate) source: Arc<str>,
    pub(crate) clock: Clock,
    /// Held while the catalogue is asked to lease or to settle and until memory knows of it. A lease in between would
    /// bring a delivery that memory takes for one that is not settled: nobody would deliver it until the lease runs out.
    turn: Mutex<()>,
    pub(crate) feeder: Bell,
    pub(crate) settler: SettlerQueue,
    /// What is owed to destinations that the settings do not have.
    unknown: Mutex<Vec<DestinationCounts>>,
}

impl Shared {
    /// With nothing under way.
    pub(crate) fn new(
        catalog: Arc<dyn Catalog>,
        spool: Arc<dyn Spool>,
        (owner, source): (String, Arc<str>),
    ) -> Self {
        Self {
            catalog,
            spool,
            owner,
            source,
            clock: Clock::new(),
            turn: Mutex::new(()),
            feeder: Bell::default(),
            settler: SettlerQueue::default(),
            unknown: Mutex::default(),
        }
    }

    /// Waits until nobody else leases or settles.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is owed to destinations that the settings do not have.
    pub(crate) fn unknown(&self) -> Vec<DestinationCounts> {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers that.
    pub(crate) fn set_unknown(&self, unknown: Vec<DestinationCounts>) {
        *self.unknown.lock().unwrap_or_else(PoisonError::into_inner) = unknown;
    }
}

/// Whoever has deliveries leased.
pub(crate) trait Leaseholder: Send + Sync {
    /// These are settled, or given up.
    fn settled(&self, ids: &[DeliveryId]);
}

/// Wakes a thread.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct BellState {
    is_rung: bool,
    is_over: bool,
}

impl Bell {
    /// Wakes the thread, now or when it comes to wait.
    pub(crate) fn wake(&self) {
        let mut state = self.lock();
        if !state.is_rung {
            state.is_rung = true;
            self.rung.notify_all();
        }
    }

    /// Tells the thread to end.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.rung.notify_all();
    }

    /// Waits until it is woken, for so long at most. False if it is to end.
    pub(crate) fn wait(&self, most: Duration) -> bool {
        let mut state = self.lock();
        if !state.is_rung && !state.is_over {
            let woken = self.rung.wait_timeout(state, most);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_rung = false;
        !state.is_over
    }

    /// Whether it is to end.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    fn lock(&self) -> MutexGuard<'_, BellState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waits to be settled.
#[derive(Default)]
pub(crate) struct SettlerQueue {
    state: Mutex<SettlerState>,
    changed: Condvar,
}

/// What the lock protects.
#[derive(Default)]
pub(crate) struct SettlerState {
    pub(crate) settling: Settling<Arc<dyn Leaseholder>>,
    /// No more will come: what waits is settled at once.
    pub(crate) is_over: bool,
    /// The thread has come to its end.
    pub(crate) has_ended: bool,
}

impl SettlerQueue {
    /// Takes in outcomes.
    pub(crate) fn add(
        &self,
        outcomes: impl ExactSizeIterator<Item = Settled<Arc<dyn Leaseholder>>>,
        now: Duration,
    ) {
        if outcomes.len() == 0 {
            return;
        }
        let mut state = self.lock();
        let before = state.settling.waiting();
        state.settling.add(outcomes, now);
        // In between, the thread waits for its time.
        if before == 0 || state.settling.is_full() {
            self.changed.notify_all();
        }
    }

    /// Nobody is owed these any more.
    pub(crate) fn release(&self, spooled: Vec<SpooledObject>) {
        self.lock().settling.also_release(spooled);
        self.changed.notify_all();
    }

    /// No more will come.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Waits until the thread has come to its end, until then at most. True if it has.
    pub(crate) fn wait_for_end(&self, until: Duration, clock: &Clock) -> bool {
        let mut state = self.lock();
        loop {
            let now = clock.elapsed();
            if state.has_ended || now >= until {
                return state.has_ended;
            }
            state = self.wait(state, until - now);
        }
    }

    /// The state.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SettlerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, for so long at most.
    pub(crate) fn wait<'a>(
        &self,
        state: MutexGuard<'a, SettlerState>,
        most: Duration,
    ) -> MutexGuard<'a, SettlerState> {
        let woken = self.changed.wait_timeout(state, most);
        woken.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Tells those who wait that something changed.
    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }
}
