//! Everything that is counted and has a fixed set of labels.

use super::cells::{Count, Counts, Histogram};
use super::vocabulary::{
    CONNECTION_REASONS, DUPLICATE_REJECTED, DUPLICATES, REJECTED, REJECTION_REASONS, RELOADS,
    RESULTS, STATUS_REASONS, STATUSES, TOLERANCES, connection_reason, rejection_reason, result,
    status, status_reason, tolerance,
};
use proto::StatusKind;
use receiver::{AssociationEnd, Refused, Status, Tolerance};
use std::time::Duration;

/// The counters. Memory: about 2 kB.
#[derive(Debug)]
pub(super) struct Counters {
    /// Associations that were accepted.
    pub(super) accepted: Count,
    /// How associations have ended.
    pub(super) results: Counts<{ RESULTS.len() }>,
    pub(super) duration: Histogram,
    pub(super) refused_connections: Counts<{ CONNECTION_REASONS.len() }>,
    pub(super) refused_associations: Counts<{ REJECTION_REASONS.len() }>,
    /// Associations with SOP classes that are refused.
    pub(super) refused_classes: Count,
    pub(super) refused_requests: Counts<{ STATUS_REASONS.len() }>,
    pub(super) refused_objects: Counts<{ STATUS_REASONS.len() }>,
    pub(super) responses: Counts<{ STATUSES.len() }>,
    /// Objects that are stored, but their senders were not told.
    pub(super) unsent: Count,
    /// Objects whose data sets did not come to their ends.
    pub(super) broken_off: Count,
    pub(super) tolerated: Counts<{ TOLERANCES.len() }>,
    pub(super) duplicates: Counts<{ DUPLICATES.len() }>,
    pub(super) size: Histogram,
    pub(super) receive: Histogram,
    pub(super) commit: Histogram,
    pub(super) answer: Histogram,
    pub(super) reloads: Counts<{ RELOADS.len() }>,
    /// 1 if the last reload failed.
    pub(super) last_reload_failed: Count,
    /// How often metrics were read.
    pub(super) scrapes: Count,
}

/// Upper bounds of sizes: powers of four from 1 KiB to 4 GiB.
const SIZE_BOUNDS: &[u64] = &[
    1 << 10,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
    1 << 28,
    1 << 30,
    1 << 32,
];

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;

/// Upper bounds of what takes a disk or a network, in nanoseconds.
const TIME_BOUNDS: &[u64] = &[
    100 * MICROSECOND,
    250 * MICROSECOND,
    500 * MICROSECOND,
    MILLISECOND,
    5 * MILLISECOND / 2,
    5 * MILLISECOND,
    10 * MILLISECOND,
    25 * MILLISECOND,
    50 * MILLISECOND,
    100 * MILLISECOND,
    250 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    5 * SECOND / 2,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
];

/// Upper bounds of what senders take their time for, in nanoseconds.
const DURATION_BOUNDS: &[u64] = &[
    100 * MILLISECOND,
    500 * MILLISECOND,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    300 * SECOND,
    900 * SECOND,
    3_600 * SECOND,
    14_400 * SECOND,
];

impl Default for Counters {
    fn default() -> Self {
        Self {
            accepted: Count::default(),
            results: Counts::default(),
            duration: Histogram::new(DURATION_BOUNDS),
            refused_connections: Counts::default(),
            refused_associations: Counts::default(),
            refused_classes: Count::default(),
            refused_requests: Counts::default(),
            refused_objects: Counts::default(),
            responses: Counts::default(),
            unsent: Count::default(),
            broken_off: Count::default(),
            tolerated: Counts::default(),
            duplicates: Counts::default(),
            size: Histogram::new(SIZE_BOUNDS),
            receive: Histogram::new(TIME_BOUNDS),
            commit: Histogram::new(TIME_BOUNDS),
            answer: Histogram::new(TIME_BOUNDS),
            reloads: Counts::default(),
            last_reload_failed: Count::default(),
            scrapes: Count::default(),
        }
    }
}

impl Counters {
    /// An object is stored: two additions, and one more if there was one before: its number in [`DUPLICATES`].
    pub(super) fn stored(&self, bytes: u64, duplicate: Option<usize>) {
        self.size.observe(bytes);
        if let Some(number) = duplicate {
            self.duplicates.add_one(number);
        }
    }

    /// Its answer was sent, or could not be: seven additions.
    pub(super) fn answered(
        &self,
        receive: Duration,
        commit: Duration,
        answer: Duration,
        is_sent: bool,
    ) {
        self.receive.observe_time(receive);
        self.commit.observe_time(commit);
        self.answer.observe_time(answer);
        if is_sent {
            self.responses.add_one(status(Status::SUCCESS));
        } else {
            self.unsent.add(1);
        }
    }

    pub(super) fn tolerated(&self, what: Tolerance) {
        self.tolerated.add_one(tolerance(what));
    }

    /// A connection, an association, a request or an object is refused.
    pub(super) fn refused(&self, refused: &Refused<'_>) {
        match *refused {
            Refused::Connection { cause, .. } => {
                self.refused_connections.add_one(connection_reason(cause));
            }
            Refused::Association { rejection, .. } => {
                self.refused_associations.add_one(rejection_reason(rejection));
                self.results.add_one(REJECTED);
            }
            Refused::Classes { .. } => self.refused_classes.add(1),
            Refused::Request { status: told, .. } => {
                self.refused_requests.add_one(status_reason(told));
                self.responses.add_one(status(told));
            }
            Refused::Object { status: told, .. } => {
                if is_refusal(told) {
                    self.refused_objects.add_one(status_reason(told));
                }
                if told == Status::DUPLICATE_SOP_INSTANCE {
                    self.duplicates.add_one(DUPLICATE_REJECTED);
                }
                self.responses.add_one(status(told));
            }
            _ => {}
        }
    }

    pub(super) fn association_ended(
        &self,
        end: &AssociationEnd,
        duration: Duration,
        broken_off: u64,
    ) {
        self.results.add_one(result(end));
        self.duration.observe_time(duration);
        self.broken_off.add(broken_off);
    }

    pub(super) fn settings_reloaded(&self, has_succeeded: bool) {
        self.reloads.add_one(usize::from(!has_succeeded));
        self.last_reload_failed.set((!has_succeeded).into());
    }

    /// Associations that were accepted and have not ended.
    pub(super) fn active(&self) -> u64 {
        // In this order, so that none is missing that has begun meanwhile.
        let results = self.results.get();
        let ended = results.iter().sum::<u64>() - results[REJECTED];
        self.accepted.get().saturating_sub(ended)
    }
}

/// Whether an object that is answered so counts as refused: faults on purpose answer success for what they drop.
pub(super) fn is_refusal(status: Status) -> bool {
    status.kind() == StatusKind::Failure
}
