//! What the control plane is told of the catalogue and the outbox.

use super::Archive;
use control::{CatalogStatus, DELIVERY_FAILURES, DestinationStatus, Distribution, Outage};
use delivery::{BreakerReport, DestinationReport, FailureClass};
use std::time::SystemTime;

impl Archive {
    /// The destinations, with what is owed to each. Asks no database.
    pub(in crate::service) fn destinations(&self) -> Vec<DestinationStatus> {
        self.outbox.reports().into_iter().map(destination).collect()
    }

    /// How the catalogue is kept.
    pub(in crate::service) fn status(&self) -> CatalogStatus {
        let (counters, waiting, is_available) = self.counters();
        let now = SystemTime::now();
        let complete = self.cataloguer.complete_until(now);
        CatalogStatus {
            is_available,
            waiting: waiting as u64,
            lag: complete.map(|until| now.duration_since(until).unwrap_or_default()),
            taken_in: counters.taken_in.count(),
            recovered: counters.recovered.count(),
            batches: counters.batches.count(),
            waits: counters.waits.count(),
            refused: counters.refused.count(),
            dropped_events: counters.dropped_events.count(),
            ended_studies: counters.ended_studies.count(),
            verified_files: counters.verified_files.count(),
            // As control::VERIFICATION_FINDINGS has them.
            findings: [
                counters.unknown_files.count(),
                counters.missing_files.count(),
                counters.changed_files.count(),
                counters.unreadable_files.count(),
            ],
            removed_files: counters.removed_files.count(),
            removed_bytes: counters.removed_bytes.count(),
            set_aside: self.parts.availability.made_anew(),
        }
    }
}

fn destination(report: DestinationReport) -> DestinationStatus {
    let times = report.time_to_deliver;
    DestinationStatus {
        name: report.name,
        kind: report.kind,
        waiting: report.waiting,
        waiting_bytes: report.waiting_bytes,
        oldest: report.oldest,
        parked: report.parked,
        paused: report.paused,
        over_bounds: report.over_bounds,
        under_way: report.under_way as u64,
        attempts: report.attempts,
        delivered: report.delivered,
        delivered_bytes: report.delivered_bytes,
        failures: failures(&report.failures),
        time_to_deliver: Distribution {
            bounds: times.bounds_seconds.to_vec(),
            counts: times.counts,
            sum: times.sum_seconds,
        },
        outage: match report.breaker {
            BreakerReport::Closed => None,
            BreakerReport::Open { since, reason, next } => Some(Outage { since, reason, next }),
        },
    }
}

/// In the order of [`DELIVERY_FAILURES`].
fn failures(counted: &[(FailureClass, u64)]) -> [u64; DELIVERY_FAILURES.len()] {
    DELIVERY_FAILURES.map(|name| {
        counted.iter().filter(|(class, _)| class.name() == name).map(|(_, count)| count).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_failures_has_its_place() {
        let names = FailureClass::ALL.map(FailureClass::name);
        assert_eq!(names, DELIVERY_FAILURES);
        let counted: Vec<_> = FailureClass::ALL.into_iter().zip(1..).collect();
        assert_eq!(failures(&counted), [1, 2, 3, 4, 5, 6]);
    }
}
