//! A row of the table: a family of metrics.

use crate::metrics::cells::{Histogram, Scale};
use crate::metrics::counters::Counters;
use crate::metrics::exposition::{Sample, Samples, Value};
use crate::metrics::facts::Facts;
use crate::metrics::senders::Sender;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A family of metrics.
pub(in crate::metrics) struct Family {
    /// Without the unit, and without what the kind adds (`_total`).
    pub(in crate::metrics) name: &'static str,
    pub(in crate::metrics) kind: MetricType,
    pub(in crate::metrics) unit: Option<Unit>,
    pub(in crate::metrics) help: &'static str,
    #[cfg_attr(not(test), allow(dead_code, reason = "for docs/metrics.md and the tests"))]
    pub(in crate::metrics) labels: &'static [Label],
    /// Reads its samples: none if there is nothing to tell.
    pub(super) read: fn(&View<'_>) -> Vec<Sample>,
}

/// A label, and what values it can have.
pub(in crate::metrics) struct Label {
    #[cfg_attr(not(test), allow(dead_code, reason = "for docs/metrics.md and the tests"))]
    pub(in crate::metrics) name: &'static str,
    #[cfg_attr(not(test), allow(dead_code, reason = "for docs/metrics.md and the tests"))]
    pub(in crate::metrics) values: Values,
}

/// The values of a label.
#[cfg_attr(not(test), allow(dead_code, reason = "for docs/metrics.md and the tests"))]
pub(in crate::metrics) enum Values {
    /// These words.
    Words(&'static [&'static str]),
    /// These words, depending on another label.
    WordsBy(&'static [(&'static str, &'static [&'static str])]),
    /// As described.
    Described(&'static str),
}

/// What families are read from.
pub(in crate::metrics) struct View<'a> {
    pub(in crate::metrics) counters: &'a Counters,
    /// Each with its title and rule.
    pub(in crate::metrics) senders: &'a [(String, String, Arc<Sender>)],
    pub(in crate::metrics) facts: &'a Facts,
    pub(in crate::metrics) now: SystemTime,
}

impl Family {
    /// Its samples at this moment.
    pub(in crate::metrics) fn samples(&self, view: &View<'_>) -> Samples {
        let Self { name, kind, unit, help, read, .. } = self;
        Samples { name, help, kind: *kind, unit: unit.clone(), samples: read(view) }
    }
}

/// A family with one sample without labels, or none.
pub(super) fn one(value: impl Into<Option<Value>>) -> Vec<Sample> {
    let value: Option<Value> = value.into();
    value.map(|value| Sample { labels: Vec::new(), value }).into_iter().collect()
}

/// A count of each word.
pub(super) fn by_word<const N: usize>(
    label: &'static str,
    words: [&'static str; N],
    counts: [u64; N],
) -> Vec<Sample> {
    let sample = |(word, count)| Sample {
        labels: vec![(label, Cow::Borrowed(word))],
        value: Value::Whole(count),
    };
    words.into_iter().zip(counts).map(sample).collect()
}

/// A sample with one label of free text.
pub(super) fn labelled(label: &'static str, text: String, value: Value) -> Sample {
    Sample { labels: vec![(label, Cow::Owned(text))], value }
}

/// What a histogram of times has.
pub(super) fn times(histogram: &Histogram) -> Vec<Sample> {
    one(Value::Histogram(histogram.read(Scale::Seconds)))
}

/// What a histogram of sizes has.
pub(super) fn sizes(histogram: &Histogram) -> Vec<Sample> {
    one(Value::Histogram(histogram.read(Scale::Bytes)))
}

/// Seconds since 1970.
pub(super) fn timestamp(time: SystemTime) -> Value {
    Value::Number(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    })
}

/// Yes or no.
pub(super) fn truth(is_true: bool) -> Value {
    Value::Whole(is_true.into())
}
