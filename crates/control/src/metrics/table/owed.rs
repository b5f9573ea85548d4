//! Metrics of the catalogue and of what is owed to destinations; none of them without a catalogue.

use super::family::{Family, Label, Values, View, by_word, one, truth};
use crate::metrics::cells::Reading;
use crate::metrics::exposition::{Sample, Value};
use crate::program::{
    CatalogStatus, DELIVERY_FAILURES, DestinationStatus, Distribution, VERIFICATION_FINDINGS,
};
use prometheus_client::metrics::MetricType::{Counter, Gauge, Histogram};
use prometheus_client::registry::Unit;
use std::borrow::Cow;

const DESTINATION: Label = Label {
    name: "destination",
    values: Values::Described(
        "each destination of the settings, and others that something is owed to",
    ),
};

/// A family of destinations.
const OF_DESTINATIONS: Family = Family {
    name: "",
    kind: Gauge,
    unit: None,
    help: "",
    labels: &[DESTINATION],
    read: |_| Vec::new(),
};

/// A counter of the catalogue.
const OF_CATALOG: Family =
    Family { name: "", kind: Counter, unit: None, help: "", labels: &[], read: |_| Vec::new() };

pub(super) const DESTINATIONS: &[Family] = &[
    Family {
        name: "storescp_deliveries_waiting",
        help: "Deliveries that wait or are under way.",
        read: |view| each(view, |it| Value::Whole(it.waiting)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_delivery_backlog",
        unit: Some(Unit::Bytes),
        help: "Bytes of the objects of deliveries that wait or are under way.",
        read: |view| each(view, |it| Value::Whole(it.waiting_bytes)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_deliveries_oldest_age",
        unit: Some(Unit::Seconds),
        help: "Age of the oldest delivery that waits or is under way; 0 if there is none.",
        read: |view| {
            let age = |it: &DestinationStatus| {
                it.oldest.and_then(|oldest| view.now.duration_since(oldest).ok())
            };
            each(view, |it| Value::Number(age(it).unwrap_or_default().as_secs_f64()))
        },
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_deliveries_parked",
        help: "Deliveries that are parked: an operator has to retry or drop them.",
        read: |view| each(view, |it| Value::Whole(it.parked)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_deliveries_under_way",
        help: "Deliveries that are under way.",
        read: |view| each(view, |it| Value::Whole(it.under_way)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_delivery_attempts",
        kind: Counter,
        help: "Attempts to deliver.",
        read: |view| each(view, |it| Value::Whole(it.attempts)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_delivery_failures",
        kind: Counter,
        help: "Attempts that failed: tried again, since the destination was not there, parked since it says so, after the \
               last attempt or since the file is gone, or by a mistake of this program.",
        labels: &[DESTINATION, Label { name: "reason", values: Values::Words(&DELIVERY_FAILURES) }],
        read: failures,
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_deliveries_done",
        kind: Counter,
        help: "Deliveries that were done.",
        read: |view| each(view, |it| Value::Whole(it.delivered)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_delivered",
        kind: Counter,
        unit: Some(Unit::Bytes),
        help: "Bytes of the objects of deliveries that were done.",
        read: |view| each(view, |it| Value::Whole(it.delivered_bytes)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_delivery_duration",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        help: "From the making of a delivery until it was done, all its attempts included.",
        read: |view| each(view, |it| Value::Histogram(reading(&it.time_to_deliver))),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_destination_available",
        help: "0 while the destination is not there and is tried with one delivery at a time, 1 otherwise.",
        read: |view| each(view, |it| truth(it.outage.is_none())),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_destination_paused",
        help: "1 if an operator has paused the destination.",
        read: |view| each(view, |it| truth(it.paused)),
        ..OF_DESTINATIONS
    },
    Family {
        name: "storescp_destination_over_bounds",
        help: "1 while so much waits for the destination that associations whose rule names it are rejected.",
        read: |view| each(view, |it| truth(it.over_bounds)),
        ..OF_DESTINATIONS
    },
];

pub(super) const CATALOG: &[Family] = &[
    Family {
        name: "storescp_catalog_available",
        kind: Gauge,
        help: "1 if the last use of the catalogue succeeded, 0 if not: objects are received all the same, and taken in later.",
        read: |view| catalog(view, |it| truth(it.is_available)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_waiting",
        kind: Gauge,
        help: "Objects and events that wait in memory to be taken into the catalogue.",
        read: |view| catalog(view, |it| Value::Whole(it.waiting)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_lag",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "How old the oldest object is that is not taken in; none while that is not known, after a crash or an outage.",
        read: |view| {
            let lag = view.facts.catalog.as_ref().and_then(|it| it.lag);
            one(lag.map(|lag| Value::Number(lag.as_secs_f64())))
        },
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_waits",
        help: "How often reception has waited for the catalogue, since objects came faster than they were taken in.",
        read: |view| catalog(view, |it| Value::Whole(it.waits)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_objects",
        help: "Objects that were taken into the catalogue.",
        read: |view| catalog(view, |it| Value::Whole(it.taken_in)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_recovered_objects",
        help: "Of these, objects that were read from their files: after a crash, or since the catalogue was unavailable.",
        read: |view| catalog(view, |it| Value::Whole(it.recovered)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_transactions",
        help: "Transactions that took them in.",
        read: |view| catalog(view, |it| Value::Whole(it.batches)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_refused_objects",
        help: "Objects that cannot be taken in; the log has each of them.",
        read: |view| catalog(view, |it| Value::Whole(it.refused)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_dropped_events",
        help: "Ends of associations and refusals that a destination is not told of, because the catalogue was unavailable, or too many deliveries already wait for that destination.",
        read: |view| catalog(view, |it| Value::Whole(it.dropped_events)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_ended_studies",
        help: "Ends of studies, those after objects that came late included.",
        read: |view| catalog(view, |it| Value::Whole(it.ended_studies)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_verified_files",
        help: "Files that were verified.",
        read: |view| catalog(view, |it| Value::Whole(it.verified_files)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_verification_findings",
        help: "What verification has found: files that the catalogue does not have, objects whose files are not there, files \
               with another content than they were stored with, files that cannot be read.",
        labels: &[Label { name: "finding", values: Values::Words(&VERIFICATION_FINDINGS) }],
        read: |view| match &view.facts.catalog {
            Some(status) => by_word("finding", VERIFICATION_FINDINGS, status.findings),
            None => Vec::new(),
        },
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_removed_files",
        help: "Files that were removed since they are kept no longer.",
        read: |view| catalog(view, |it| Value::Whole(it.removed_files)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_removed",
        unit: Some(Unit::Bytes),
        help: "Bytes of these files.",
        read: |view| catalog(view, |it| Value::Whole(it.removed_bytes)),
        ..OF_CATALOG
    },
    Family {
        name: "storescp_catalog_set_aside",
        help: "How often a damaged catalogue was set aside, and begun anew from what came since.",
        read: |view| catalog(view, |it| Value::Whole(it.set_aside)),
        ..OF_CATALOG
    },
];

fn each(view: &View<'_>, value: impl Fn(&DestinationStatus) -> Value) -> Vec<Sample> {
    let sample = |it: &DestinationStatus| Sample { labels: vec![label(it)], value: value(it) };
    view.facts.destinations.iter().map(sample).collect()
}

fn label(destination: &DestinationStatus) -> (&'static str, Cow<'static, str>) {
    (DESTINATION.name, Cow::Owned(destination.name.clone()))
}

fn failures(view: &View<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for destination in &view.facts.destinations {
        for (reason, count) in DELIVERY_FAILURES.into_iter().zip(destination.failures) {
            let labels = vec![label(destination), ("reason", Cow::Borrowed(reason))];
            samples.push(Sample { labels, value: Value::Whole(count) });
        }
    }
    samples
}

fn reading(times: &Distribution) -> Reading {
    let bounds = times.bounds.iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(times.counts.iter().copied()).collect();
    Reading { count: times.counts.iter().sum(), sum: times.sum, buckets }
}

fn catalog(view: &View<'_>, value: impl Fn(&CatalogStatus) -> Value) -> Vec<Sample> {
    one(view.facts.catalog.as_ref().map(value))
}
