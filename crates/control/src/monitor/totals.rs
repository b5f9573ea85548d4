//! What has happened since the start, in numbers.

use receiver::{AssociationEnd, Refused, Summary};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that only grow. Written by the threads of associations, a few nanoseconds each.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) accepted: Counter,
    pub(crate) released: Counter,
    pub(crate) aborted_by_peer: Counter,
    pub(crate) connection_lost: Counter,
    pub(crate) timed_out: Counter,
    pub(crate) faults: Counter,
    pub(crate) other_ends: Counter,
    pub(crate) objects_stored: Counter,
    pub(crate) objects_broken_off: Counter,
    pub(crate) objects_tolerated: Counter,
    pub(crate) bytes: Counter,
    pub(crate) connections_refused: Counter,
    pub(crate) associations_refused: Counter,
    pub(crate) classes_refused: Counter,
    pub(crate) requests_refused: Counter,
    pub(crate) objects_refused: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Totals {
    pub(crate) fn refused(&self, refused: &Refused<'_>) {
        let counter = match refused {
            Refused::Connection { .. } => &self.connections_refused,
            Refused::Association { .. } => &self.associations_refused,
            Refused::Classes { .. } => &self.classes_refused,
            Refused::Request { .. } => &self.requests_refused,
            Refused::Object { .. } => &self.objects_refused,
            _ => return,
        };
        counter.add(1);
    }

    pub(crate) fn ended(&self, summary: &Summary) {
        self.objects_broken_off.add(summary.broken_off);
        let counter = match summary.end {
            AssociationEnd::Released => &self.released,
            AssociationEnd::AbortedByPeer(_) => &self.aborted_by_peer,
            AssociationEnd::ConnectionLost => &self.connection_lost,
            AssociationEnd::TimedOut(_) => &self.timed_out,
            AssociationEnd::Fault(_) | AssociationEnd::NoRequest => &self.faults,
            _ => &self.other_ends,
        };
        counter.add(1);
    }
}
