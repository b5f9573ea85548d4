//! A destination's breaker: one that is not there is tried with one delivery at a time, after pauses that grow.
//!
//! ```text
//!            unreachable, or failures in a row
//!   closed ───────────────────────────────────► open ◄──────┐
//!      ▲                                          │ pause   │ fails: the pause doubles
//!      └─────────────── succeeds ◄──────────── probing ─────┘
//! ```
//!
//! If others succeed while one session finds the destination unreachable, the destination takes no more sessions than
//! that: it stays closed, and fewer sessions are used for a while.

use super::pause::{Random, pause};
use crate::limits::FAILURES_IN_A_ROW;
use catalog::DeliveryId;
use std::time::Duration;

/// For how long a success shows that a destination is there.
const RECENTLY: Duration = Duration::from_secs(10);

/// What may be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    /// Deliveries in so many sessions at a time.
    Sessions(usize),
    /// One delivery, to see whether the destination is back.
    Probe,
    /// Nothing until then; `None` while the probe is under way.
    Nothing(Option<Duration>),
}

/// What an outcome changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Nothing,
    /// The destination is left alone for so long; true if it was closed before.
    Opened(Duration, bool),
    /// Fewer sessions are used for so long.
    Narrowed(Duration),
    /// The destination is back.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed,
    Open { until: Duration },
    Probing,
}

/// The destination takes fewer sessions than it may have.
#[derive(Debug, Clone, Copy)]
struct Narrowed {
    sessions: usize,
    /// When one more is tried.
    until: Duration,
    /// How long it is until the next one is.
    step: Duration,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Counts changes of the state, so that what was begun before a change does not count after it.
    generation: u64,
    /// Pauses since it was closed.
    pauses: u32,
    /// What failed since the last success, each delivery once.
    failing: Vec<DeliveryId>,
    last_success: Option<Duration>,
    narrowed: Option<Narrowed>,
    narrowings: u32,
}

impl Breaker {
    /// A destination that is there, until it turns out otherwise.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Closed,
            generation: 0,
            pauses: 0,
            failing: Vec::new(),
            last_success: None,
            narrowed: None,
            narrowings: 0,
        }
    }

    /// What may be begun now, with up to `concurrency` sessions.
    pub(crate) fn permit(&mut self, concurrency: usize, now: Duration) -> Permit {
        match self.state {
            State::Closed => Permit::Sessions(self.sessions(concurrency, now)),
            State::Open { until } if now < until => Permit::Nothing(Some(until)),
            State::Open { .. } => Permit::Probe,
            State::Probing => Permit::Nothing(None),
        }
    }

    fn sessions(&mut self, concurrency: usize, now: Duration) -> usize {
        let Some(mut narrowed) = self.narrowed else { return concurrency };
        if now >= narrowed.until {
            narrowed.sessions += 1;
            narrowed.until = now + narrowed.step;
            let is_over = narrowed.sessions > concurrency;
            self.narrowed = (!is_over).then_some(narrowed);
            if is_over {
                self.narrowings = 0;
            }
        }
        narrowed.sessions.min(concurrency)
    }

    /// Deliveries are begun: returns the generation that their outcomes are told with.
    pub(crate) fn begin(&mut self) -> u64 {
        if let State::Open { .. } = self.state {
            self.state = State::Probing;
            self.generation += 1;
        }
        self.generation
    }

    /// A delivery got an answer that shows that the destination is there.
    pub(crate) fn succeeded(&mut self, generation: u64, now: Duration) -> Change {
        if generation != self.generation {
            return Change::Nothing;
        }
        self.failing.clear();
        self.last_success = Some(now);
        if self.state == State::Closed {
            return Change::Nothing;
        }
        self.state = State::Closed;
        self.generation += 1;
        self.pauses = 0;
        Change::Closed
    }

    /// A delivery failed in a way that may be its own, or not.
    pub(crate) fn failed(
        &mut self,
        id: DeliveryId,
        generation: u64,
        longest: Duration,
        now: Duration,
        random: &mut Random,
    ) -> Change {
        if generation != self.generation {
            return Change::Nothing;
        }
        if !self.failing.contains(&id) {
            self.failing.push(id);
        }
        let many = self.failing.len() >= FAILURES_IN_A_ROW;
        if self.state == State::Probing || many {
            return self.open(longest, None, now, random);
        }
        Change::Nothing
    }

    /// The destination is not there. `others` are the sessions beside this one that have something under way.
    pub(crate) fn unreachable(
        &mut self,
        generation: u64,
        others: usize,
        (longest, asked): (Duration, Option<Duration>),
        now: Duration,
        random: &mut Random,
    ) -> Change {
        if generation != self.generation {
            return Change::Nothing;
        }
        let recently = self.last_success.is_some_and(|last| now.saturating_sub(last) <= RECENTLY);
        if self.state == State::Closed && recently && others > 0 {
            let time = pause(self.narrowings, longest, asked, random);
            self.narrowings = self.narrowings.saturating_add(1);
            self.narrowed =
                Some(Narrowed { sessions: others, until: now + time, step: time.max(RECENTLY) });
            return Change::Narrowed(time);
        }
        self.open(longest, asked, now, random)
    }

    fn open(
        &mut self,
        longest: Duration,
        asked: Option<Duration>,
        now: Duration,
        random: &mut Random,
    ) -> Change {
        let time = pause(self.pauses, longest, asked, random);
        let was_closed = self.state == State::Closed;
        self.pauses = self.pauses.saturating_add(1);
        self.failing.clear();
        self.state = State::Open { until: now + time };
        self.generation += 1;
        (self.narrowed, self.narrowings) = (None, 0);
        Change::Opened(time, was_closed)
    }

    /// What was begun was not tried after all.
    pub(crate) fn not_tried(&mut self, generation: u64, now: Duration) {
        if self.state == State::Probing && generation == self.generation {
            self.state = State::Open { until: now };
            self.generation += 1;
        }
    }

    /// The destination is tried now, whatever the pause: an operator says so.
    pub(crate) fn try_now(&mut self, now: Duration) {
        if let State::Open { until } = &mut self.state {
            *until = now.min(*until);
        }
    }

    /// When the destination is tried next, if it is left alone now.
    pub(crate) fn open_until(&self) -> Option<Duration> {
        match self.state {
            State::Open { until } => Some(until),
            State::Closed | State::Probing => None,
        }
    }

    /// Whether the destination is there, as far as is known.
    pub(crate) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}
