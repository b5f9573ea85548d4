//! What the program tells of its catalogue and of what it owes to destinations.

use std::time::{Duration, SystemTime};

/// How attempts to deliver fail; labels of metrics.
pub const DELIVERY_FAILURES: [&str; 6] =
    ["again", "unreachable", "parked", "exhausted", "missing", "panicked"];

/// A destination. Counts are since the start of the program, but for those of what waits and is parked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DestinationStatus {
    /// Its name.
    pub name: String,
    /// `exec`, `worker`, `webhook`, `dicom`, `folder`; `unknown` if the settings do not have it any more.
    pub kind: &'static str,
    /// Deliveries that wait or are under way.
    pub waiting: u64,
    /// Bytes of their objects.
    pub waiting_bytes: u64,
    /// When the oldest of them was made.
    pub oldest: Option<SystemTime>,
    /// Deliveries that are parked.
    pub parked: u64,
    /// Whether an operator has paused it.
    pub paused: bool,
    /// Whether too much waits for it, so that its senders are refused.
    pub over_bounds: bool,
    /// Deliveries that are under way.
    pub under_way: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// Deliveries that were done.
    pub delivered: u64,
    /// Bytes of their objects.
    pub delivered_bytes: u64,
    /// Attempts that failed, by [`DELIVERY_FAILURES`].
    pub failures: [u64; DELIVERY_FAILURES.len()],
    /// From the making of a delivery until it was done.
    pub time_to_deliver: Distribution,
    /// Why it is left alone for now; `None` if it is there, as far as is known.
    pub outage: Option<Outage>,
}

/// A destination that is not there is tried with one delivery at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: SystemTime,
    /// What the last attempt said. It may quote whatever a server sent, escaped.
    pub reason: String,
    /// When it is tried next, or was tried.
    pub next: SystemTime,
}

/// How many took how long.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// The longest time of each bucket but the last, which has none, in seconds.
    pub bounds: Vec<f64>,
    /// How many are in each bucket alone: one more than there are bounds, or none at all.
    pub counts: Vec<u64>,
    /// All times together, in seconds.
    pub sum: f64,
}

/// The catalogue's upkeep. Counts are since the start of the program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CatalogStatus {
    /// Whether the last use of the catalogue succeeded.
    pub is_available: bool,
    /// Objects and events that wait in memory to be taken in.
    pub waiting: u64,
    /// How old the oldest object is that is not taken in; `None` while that is not known, after a crash or an outage.
    pub lag: Option<Duration>,
    /// Objects that were taken in.
    pub taken_in: u64,
    /// Of these, objects that were read from their files: after a crash, or since the catalogue was unavailable.
    pub recovered: u64,
    /// Transactions that took them in.
    pub batches: u64,
    /// How often reception has waited for the catalogue.
    pub waits: u64,
    /// Objects that cannot be taken in: their intents stay.
    pub refused: u64,
    /// Ends of associations and refusals that a destination is not told of, because the catalogue was unavailable, or too
    /// many deliveries already wait for that destination.
    pub dropped_events: u64,
    /// Studies that have ended.
    pub ended_studies: u64,
    /// Files that were verified.
    pub verified_files: u64,
    /// What verification has found, by [`VERIFICATION_FINDINGS`].
    pub findings: [u64; VERIFICATION_FINDINGS.len()],
    /// Files that were removed since they are kept no longer.
    pub removed_files: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// How often a damaged catalogue was set aside, and begun anew.
    pub set_aside: u64,
}

/// What verification finds; labels of metrics.
pub const VERIFICATION_FINDINGS: [&str; 4] = ["unknown", "missing", "changed", "unreadable"];
