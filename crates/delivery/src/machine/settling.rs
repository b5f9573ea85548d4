//! What becomes of outcomes: settled in the catalogue together, then durable, and only then the bytes are released that
//! nobody is owed any more.
//!
//! ```text
//!   outcome ──► settle ──► make durable ──► release
//! ```
//!
//! A power loss may undo a settlement that is not durable: the delivery is repeated, and needs its bytes.

use crate::limits::{CATALOG_PAUSE, DURABLE_TIME, RELEASES, SETTLE_TIME, SETTLED};
use catalog::{Settlement, SpooledObject};
use std::collections::VecDeque;
use std::time::Duration;

/// A settlement, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settled<D> {
    /// The destination, however the driver knows it.
    pub(crate) destination: D,
    /// What became of a delivery.
    pub(crate) settlement: Settlement,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Settle these, then say so by [`Settling::settled`] or [`Settling::failed`].
    Settle(Vec<Settlement>),
    /// Make the catalogue durable, for so many objects, then say so by [`Settling::durable`] or [`Settling::failed`].
    MakeDurable(usize),
    /// Release these.
    Release(Vec<SpooledObject>),
    /// Nothing until then; `None` until there are outcomes.
    Wait(Option<Duration>),
}

/// See the module's documentation. Bounded by what is leased: each delivery has one outcome.
#[derive(Debug)]
pub(crate) struct Settling<D> {
    waiting: VecDeque<Settled<D>>,
    /// When the first of them came.
    since: Duration,
    /// Outcomes are settled one by one, since together they were refused.
    alone: usize,
    /// Released once the catalogue is durable.
    settled: Vec<SpooledObject>,
    last_durable: Duration,
    durable: Vec<SpooledObject>,
    failures: u32,
    retry_at: Duration,
}

impl<D> Default for Settling<D> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            since: Duration::ZERO,
            alone: 0,
            settled: Vec::new(),
            last_durable: Duration::ZERO,
            durable: Vec::new(),
            failures: 0,
            retry_at: Duration::ZERO,
        }
    }
}

impl<D> Settling<D> {
    /// Takes in outcomes.
    pub(crate) fn add(&mut self, outcomes: impl IntoIterator<Item = Settled<D>>, now: Duration) {
        if self.waiting.is_empty() {
            self.since = now;
        }
        self.waiting.extend(outcomes);
    }

    /// What is to be done next; with `at_once`, without waiting for more.
    pub(crate) fn step(&self, at_once: bool, now: Duration) -> Step {
        if !self.durable.is_empty() {
            let first = &self.durable[..self.durable.len().min(SETTLED)];
            return Step::Release(first.to_vec());
        }
        if now < self.retry_at {
            return Step::Wait(Some(self.retry_at));
        }
        let due = self.since + SETTLE_TIME;
        let has_waiting = !self.waiting.is_empty();
        if has_waiting && (at_once || self.waiting.len() >= SETTLED || now >= due) {
            return Step::Settle(self.next().map(|it| it.settlement.clone()).collect());
        }
        let sync = self.last_durable + DURABLE_TIME;
        let has_settled = !self.settled.is_empty();
        if has_settled && (at_once || self.settled.len() >= RELEASES || now >= sync) {
            return Step::MakeDurable(self.settled.len());
        }
        let times = [has_waiting.then_some(due), has_settled.then_some(sync)];
        Step::Wait(times.into_iter().flatten().min())
    }

    fn next(&self) -> impl Iterator<Item = &Settled<D>> {
        self.waiting.iter().take(if self.alone > 0 { 1 } else { SETTLED })
    }

    /// What [`Step::Settle`] had is settled, and nobody is owed these any more. Returns the outcomes.
    pub(crate) fn settled(
        &mut self,
        count: usize,
        spooled: Vec<SpooledObject>,
        now: Duration,
    ) -> Vec<Settled<D>> {
        self.failures = 0;
        self.since = now;
        self.alone = self.alone.saturating_sub(count);
        self.settled.extend(spooled);
        self.waiting.drain(..count.min(self.waiting.len())).collect()
    }

    /// The catalogue is durable with the first so many objects of which it was settled that nobody is owed them.
    pub(crate) fn durable(&mut self, count: usize, now: Duration) {
        self.failures = 0;
        self.last_durable = now;
        self.durable.extend(self.settled.drain(..count.min(self.settled.len())));
    }

    /// The first so many are released.
    pub(crate) fn released(&mut self, count: usize) {
        self.durable.drain(..count.min(self.durable.len()));
    }

    /// Nobody is owed these any more, for another reason than an outcome.
    pub(crate) fn also_release(&mut self, spooled: Vec<SpooledObject>) {
        self.settled.extend(spooled);
    }

    /// The catalogue could not do it: it is tried again later.
    pub(crate) fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        let pause = SETTLE_TIME.saturating_mul(1 << self.failures.min(10)).min(CATALOG_PAUSE);
        self.retry_at = now + pause;
    }

    /// The catalogue refuses to settle, and trying again does not help: outcomes are settled one by one, and one that is
    /// refused alone is given up and returned: its lease runs out, and it is repeated.
    pub(crate) fn refused(&mut self, now: Duration) -> Option<Settled<D>> {
        if self.alone == 0 && self.waiting.len() > 1 {
            self.alone = self.waiting.len().min(SETTLED);
            return None;
        }
        self.alone = self.alone.saturating_sub(1);
        self.since = now;
        self.waiting.pop_front()
    }

    /// How many outcomes wait to be settled.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Whether so many wait that they are settled at once.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= SETTLED
    }

    /// Whether everything is settled and released.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.settled.is_empty() && self.durable.is_empty()
    }
}
