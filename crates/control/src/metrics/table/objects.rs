//! Metrics of objects.

use super::family::{Family, Label, Values, View, by_word, one, sizes, times};
use crate::metrics::exposition::{Sample, Value};
use crate::metrics::senders::Sender;
use crate::metrics::vocabulary::{DUPLICATES, STATUS_CODES, TOLERANCES};
use prometheus_client::metrics::MetricType::{Counter, Gauge, Histogram};
use prometheus_client::registry::Unit;
use std::borrow::Cow;
use std::sync::Arc;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "storescp_stored_objects",
        kind: Counter,
        unit: None,
        help: "Objects that were stored.",
        labels: SENDER,
        read: |view| by_sender(view, |it| Some(Value::Whole(it.objects.get()))),
    },
    Family {
        name: "storescp_stored",
        kind: Counter,
        unit: Some(Unit::Bytes),
        help: "Bytes of the data sets of stored objects, as received.",
        labels: SENDER,
        read: |view| by_sender(view, |it| Some(Value::Whole(it.bytes.get()))),
    },
    Family {
        name: "storescp_refused_objects",
        kind: Counter,
        unit: None,
        help: "Objects that were refused.",
        labels: SENDER,
        read: |view| by_sender(view, |it| Some(Value::Whole(it.refused.get()))),
    },
    Family {
        name: "storescp_last_object_timestamp",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "When the last object that was stored was announced, in seconds since 1970.",
        labels: SENDER,
        read: |view| {
            by_sender(view, |it| {
                let milliseconds = it.latest.get();
                #[allow(clippy::cast_precision_loss, reason = "exact up to 2⁵³")]
                let seconds = milliseconds as f64 / 1e3;
                (milliseconds > 0).then_some(Value::Number(seconds))
            })
        },
    },
    Family {
        name: "storescp_object_size",
        kind: Histogram,
        unit: Some(Unit::Bytes),
        help: "Length of the data sets of stored objects, as received.",
        labels: &[],
        read: |view| sizes(&view.counters.size),
    },
    Family {
        name: "storescp_receive_duration",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        help: "Time from the C-STORE-RQ of a stored object to the last fragment of its data set.",
        labels: &[],
        read: |view| times(&view.counters.receive),
    },
    Family {
        name: "storescp_commit_duration",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        help: "Time from the last fragment until the object was stored: naming and sync.",
        labels: &[],
        read: |view| times(&view.counters.commit),
    },
    Family {
        name: "storescp_answer_duration",
        kind: Histogram,
        unit: Some(Unit::Seconds),
        help: "Time from the last fragment of a stored object until its answer was sent.",
        labels: &[],
        read: |view| times(&view.counters.answer),
    },
    Family {
        name: "storescp_responses",
        kind: Counter,
        unit: None,
        help: "Answers to C-STORE requests, and to requests that were refused.",
        labels: &[Label { name: "status", values: Values::Words(&STATUS_CODES) }],
        read: |view| by_word("status", STATUS_CODES, view.counters.responses.get()),
    },
    Family {
        name: "storescp_unsent_responses",
        kind: Counter,
        unit: None,
        help: "Objects that were stored, but the answer could not be sent.",
        labels: &[],
        read: |view| one(Value::Whole(view.counters.unsent.get())),
    },
    Family {
        name: "storescp_interrupted_objects",
        kind: Counter,
        unit: None,
        help: "Objects whose data sets did not come to their ends; counted when associations end.",
        labels: &[],
        read: |view| one(Value::Whole(view.counters.broken_off.get())),
    },
    Family {
        name: "storescp_tolerated",
        kind: Counter,
        unit: None,
        help: "Faults of stored objects that leniency has tolerated.",
        labels: &[Label { name: "fault", values: Values::Words(&TOLERANCES) }],
        read: |view| by_word("fault", TOLERANCES, view.counters.tolerated.get()),
    },
    Family {
        name: "storescp_duplicates",
        kind: Counter,
        unit: None,
        help: "Objects whose SOP Instance UID was stored already; with `both`, they are not told from others.",
        labels: &[Label { name: "action", values: Values::Words(&DUPLICATES) }],
        read: |view| by_word("action", DUPLICATES, view.counters.duplicates.get()),
    },
];

const SENDER: &[Label] = &[
    Label {
        name: "calling",
        values: Values::Described("calling AE titles that a rule names literally, `other`"),
    },
    Label {
        name: "rule",
        values: Values::Described("name of the rule that decides, `other` if none does"),
    },
];

/// A value of each sender.
fn by_sender(view: &View<'_>, value: impl Fn(&Sender) -> Option<Value>) -> Vec<Sample> {
    let sample = |(title, rule, sender): &(String, String, Arc<Sender>)| {
        let labels =
            vec![("calling", Cow::Owned(title.clone())), ("rule", Cow::Owned(rule.clone()))];
        Some(Sample { labels, value: value(sender)? })
    };
    view.senders.iter().filter_map(sample).collect()
}
