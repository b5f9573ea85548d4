//! What people are told of each destination, and what is counted for that.

use crate::{DestinationKind, Outcome};
use catalog::{Delivery, DestinationCounts};
use std::time::{Duration, SystemTime};

/// A destination, for people and metrics. Counts are since the start of the program, unless the catalogue keeps them.
#[derive(Debug, Clone, PartialEq)]
pub struct DestinationReport {
    /// Its name.
    pub name: String,
    /// `exec`, `worker`, `webhook`, `dicom`, `folder`; `unknown` if the settings do not have it any more, and something
    /// is owed to it still.
    pub kind: &'static str,
    /// Deliveries that wait or are under way: as the catalogue counted them about a second ago.
    pub waiting: u64,
    /// Bytes of their objects.
    pub waiting_bytes: u64,
    /// When the oldest of them was made.
    pub oldest: Option<SystemTime>,
    /// Deliveries that are parked.
    pub parked: u64,
    /// An operator has paused it.
    pub paused: bool,
    /// Too much waits for it, and its senders are refused.
    pub over_bounds: bool,
    /// Deliveries that sessions have right now.
    pub under_way: usize,
    /// Its threads.
    pub sessions: usize,
    /// Attempts that were made.
    pub attempts: u64,
    /// Deliveries that were done.
    pub delivered: u64,
    /// Bytes of their objects.
    pub delivered_bytes: u64,
    /// Attempts that failed, each class once.
    pub failures: Vec<(FailureClass, u64)>,
    /// From the making of a delivery until it was done.
    pub time_to_deliver: Histogram,
    /// Whether it is there.
    pub breaker: BreakerReport,
}

impl DestinationReport {
    /// Of a destination that the settings do not have, and that something is owed to.
    pub(crate) fn unknown(counts: &DestinationCounts) -> Self {
        Tally::default().report("unknown", counts)
    }
}

/// Whether a destination is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum BreakerReport {
    /// It is, as far as is known.
    #[default]
    Closed,
    /// It is not: it is tried with one delivery at a time.
    Open {
        /// Since when.
        since: SystemTime,
        /// What the last attempt said.
        reason: String,
        /// When it is tried next, or was tried.
        next: SystemTime,
    },
}

/// How an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureClass {
    /// It is tried again.
    Again,
    /// The destination was not there.
    Unreachable,
    /// The destination says that it never succeeds: parked.
    Parked,
    /// It was the last attempt that the settings allow: parked.
    Exhausted,
    /// The file of the object is gone: parked.
    Missing,
    /// The session failed by a mistake of this program: tried again.
    Panicked,
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Again,
        Self::Unreachable,
        Self::Parked,
        Self::Exhausted,
        Self::Missing,
        Self::Panicked,
    ];

    /// Its name for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Unreachable => "unreachable",
            Self::Parked => "parked",
            Self::Exhausted => "exhausted",
            Self::Missing => "missing",
            Self::Panicked => "panicked",
        }
    }

    fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Done => None,
            Outcome::Again { .. } => Some(Self::Again),
            Outcome::Unreachable { .. } => Some(Self::Unreachable),
            Outcome::Park { .. } => Some(Self::Parked),
        }
    }
}

/// How many took how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds of the buckets, in seconds; another one has no bound.
    pub bounds_seconds: &'static [f64],
    /// How many are in each bucket alone, one more than there are bounds.
    pub counts: Vec<u64>,
    /// All times together, in seconds.
    pub sum_seconds: f64,
}

/// From a hundredth of a second to a day.
const BOUNDS_SECONDS: [f64; 13] =
    [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0];

impl Default for Histogram {
    fn default() -> Self {
        let counts = vec![0; BOUNDS_SECONDS.len() + 1];
        Self { bounds_seconds: &BOUNDS_SECONDS, counts, sum_seconds: 0.0 }
    }
}

impl Histogram {
    fn add(&mut self, time: Duration) {
        let seconds = time.as_secs_f64();
        let bucket = BOUNDS_SECONDS.partition_point(|bound| *bound < seconds);
        self.counts[bucket] += 1;
        self.sum_seconds += seconds;
    }
}

/// What is counted of a destination.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    attempts: u64,
    delivered: u64,
    delivered_bytes: u64,
    failures: [u64; FailureClass::ALL.len()],
    time_to_deliver: Histogram,
}

impl Tally {
    /// An attempt was made. `exhausted` if it was the last one.
    pub(crate) fn outcome(
        &mut self,
        delivery: &Delivery,
        outcome: &Outcome,
        exhausted: bool,
        wall: SystemTime,
    ) {
        self.attempts += 1;
        match FailureClass::of(outcome) {
            None => {
                self.delivered += 1;
                self.delivered_bytes += delivery.instance.as_ref().map_or(0, |it| it.object.size);
                let since = wall.duration_since(delivery.since).unwrap_or_default();
                self.time_to_deliver.add(since);
            }
            Some(FailureClass::Again) if exhausted => self.failure(FailureClass::Exhausted),
            Some(class) => self.failure(class),
        }
    }

    /// A delivery failed otherwise.
    pub(crate) fn failure(&mut self, class: FailureClass) {
        if let Some(at) = FailureClass::ALL.iter().position(|one| *one == class) {
            self.failures[at] += 1;
        }
    }

    /// Of a destination with these counts.
    pub(crate) fn report(
        &self,
        kind: &'static str,
        counts: &DestinationCounts,
    ) -> DestinationReport {
        DestinationReport {
            name: counts.destination.clone(),
            kind,
            waiting: counts.waiting,
            waiting_bytes: counts.waiting_bytes,
            oldest: counts.oldest,
            parked: counts.parked,
            paused: counts.paused,
            over_bounds: false,
            under_way: 0,
            sessions: 0,
            attempts: self.attempts,
            delivered: self.delivered,
            delivered_bytes: self.delivered_bytes,
            failures: FailureClass::ALL.into_iter().zip(self.failures).collect(),
            time_to_deliver: self.time_to_deliver.clone(),
            breaker: BreakerReport::Closed,
        }
    }
}

/// The name of a kind.
pub(crate) fn kind_name(kind: &DestinationKind) -> &'static str {
    match kind {
        DestinationKind::Exec(_) => "exec",
        DestinationKind::Worker(_) => "worker",
        DestinationKind::Webhook(_) => "webhook",
        DestinationKind::Dicom(_) => "dicom",
        DestinationKind::Folder(_) => "folder",
    }
}
