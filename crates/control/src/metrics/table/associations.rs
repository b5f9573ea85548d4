//! Metrics of associations and connections.

use super::family::{Family, Label, Values, by_word, one, times};
use crate::metrics::exposition::{Sample, Value};
use crate::metrics::vocabulary::{
    CLASS_REASONS, CONNECTION_REASONS, REJECTION_REASONS, RESULTS, STATUS_REASONS, TLS_HANDSHAKE,
};
use prometheus_client::metrics::MetricType::{Counter, Gauge, Histogram};
use prometheus_client::registry::Unit;
use std::borrow::Cow;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "storescp_associations_active",
        kind: Gauge,
        unit: None,
        help: "Associations that were accepted and have not ended.",
        labels: &[],
        read: |view| one(Value::Whole(view.counters.active())),
    },
    Family {
        name: "storescp_associations_limit",
        kind: Gauge,
        unit: None,
        help: "Associations that may be served at a time.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.status.capacity as u64)),
    },
    Family {
        name: "storescp_connections_open",
        kind: Gauge,
        unit: None,
        help: "DICOM connections that are open, with or without an association.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.status.connections as u64)),
    },
    Family {
        name: "storescp_associations",
        kind: Counter,
        unit: None,
        help: "Associations that have ended or were rejected.",
        labels: &[Label { name: "result", values: Values::Words(&RESULTS) }],
        read: |view| by_word("result", RESULTS, view.counters.results.get()),
    },
    Family {
        name: "storescp_association_duration",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        help: "Time from the connection to the end of an association that was accepted.",
        labels: &[],
        read: |view| times(&view.counters.duration),
    },
    Family {
        name: "storescp_refusals",
        kind: Counter,
        unit: None,
        help: "Connections, associations, requests and objects that were refused, and associations with SOP classes that were.",
        labels: &[
            Label { name: "what", values: Values::Words(&WHATS) },
            Label {
                name: "reason",
                values: Values::WordsBy(&[
                    ("connection", &CONNECTION_REASONS),
                    ("association", &REJECTION_REASONS),
                    ("classes", &CLASS_REASONS),
                    ("request or object", &STATUS_REASONS),
                ]),
            },
        ],
        read: |view| {
            let counters = view.counters;
            let [connection, association, classes, request, object] = WHATS;
            let connections = counters.refused_connections.get();
            let associations = counters.refused_associations.get();
            let mut samples = refusals(connection, CONNECTION_REASONS, connections);
            samples.extend(refusals(association, REJECTION_REASONS, associations));
            samples.extend(refusals(classes, CLASS_REASONS, [counters.refused_classes.get()]));
            samples.extend(refusals(request, STATUS_REASONS, counters.refused_requests.get()));
            samples.extend(refusals(object, STATUS_REASONS, counters.refused_objects.get()));
            samples
        },
    },
    Family {
        name: "storescp_tls_failures",
        kind: Counter,
        unit: None,
        help: "TLS handshakes that failed.",
        labels: &[],
        read: |view| one(Value::Whole(view.counters.refused_connections.get()[TLS_HANDSHAKE])),
    },
];

/// What can be refused.
const WHATS: [&str; 5] = ["connection", "association", "classes", "request", "object"];

fn refusals<const N: usize>(
    what: &'static str,
    reasons: [&'static str; N],
    counts: [u64; N],
) -> Vec<Sample> {
    let mut samples = by_word("reason", reasons, counts);
    for sample in &mut samples {
        sample.labels.insert(0, ("what", Cow::Borrowed(what)));
    }
    samples
}
