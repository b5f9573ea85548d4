//! The text that metrics are read as: OpenMetrics 1.0, or Prometheus's older text format.

use super::cells::Reading;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// The text format of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0, for who asks for it, as Prometheus does.
    OpenMetrics,
    /// Prometheus's text format 0.0.4, for all others: `promtool check metrics` reads nothing else.
    PrometheusText,
}

impl Format {
    /// The format for the value of an `Accept` header (RFC 9110 §12.5.1).
    pub(super) fn accepted_by(accept: Option<&str>) -> Self {
        let is_wanted = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let is_open_metrics = parts.next().is_some_and(|media_type| {
                media_type.eq_ignore_ascii_case("application/openmetrics-text")
            });
            let is_not_refused = |parameter: &str| match parameter.split_once('=') {
                Some((name, weight)) if name.trim().eq_ignore_ascii_case("q") => {
                    weight.trim().parse().is_ok_and(|weight: f32| weight > 0.0)
                }
                _ => true,
            };
            is_open_metrics && parts.all(is_not_refused)
        };
        match accept {
            Some(accept) if accept.split(',').any(is_wanted) => Self::OpenMetrics,
            _ => Self::PrometheusText,
        }
    }

    /// The value of `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::PrometheusText => prometheus_text::CONTENT_TYPE,
        }
    }

    /// The text of these families.
    pub(super) fn text(self, families: Vec<Samples>) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape(families)));
        let mut text = String::new();
        let written = match self {
            Self::OpenMetrics => text::encode(&mut text, &registry),
            Self::PrometheusText => prometheus_text::encode(&mut text, &registry),
        };
        // Writing into a String does not fail.
        debug_assert!(written.is_ok());
        text
    }
}

/// A family of metrics with its samples, at a moment.
#[derive(Debug)]
pub(super) struct Samples {
    /// Without the unit, and without what the kind adds (`_total`).
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: MetricType,
    pub(super) unit: Option<Unit>,
    pub(super) samples: Vec<Sample>,
}

/// A value with its labels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) labels: Vec<(&'static str, Cow<'static, str>)>,
    pub(super) value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Whole(u64),
    Number(f64),
    Histogram(Reading),
    /// 1: all that there is to tell is in the labels.
    Info,
}

/// What prometheus-client asks when it encodes.
#[derive(Debug)]
struct Scrape(Vec<Samples>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for Samples { name, help, kind, unit, samples } in &self.0 {
            if samples.is_empty() {
                continue;
            }
            let mut metric = encoder.encode_descriptor(name, help, unit.as_ref(), *kind)?;
            for Sample { labels, value } in samples {
                let labels = labels.as_slice();
                match value {
                    Value::Info => metric.encode_info(&labels)?,
                    _ if labels.is_empty() => encode(value, *kind, &mut metric)?,
                    _ => encode(value, *kind, &mut metric.encode_family(&labels)?)?,
                }
            }
        }
        Ok(())
    }
}

fn encode(value: &Value, kind: MetricType, to: &mut MetricEncoder<'_>) -> fmt::Result {
    let no_exemplar = None::<&Exemplar<NoLabelSet, f64>>;
    let is_counter = kind == MetricType::Counter;
    match value {
        Value::Whole(value) if is_counter => to.encode_counter(value, no_exemplar),
        Value::Number(value) if is_counter => to.encode_counter(value, no_exemplar),
        Value::Whole(value) => to.encode_gauge(value),
        Value::Number(value) => to.encode_gauge(value),
        Value::Histogram(Reading { buckets, count, sum }) => {
            let no_exemplars = None::<&HashMap<usize, Exemplar<NoLabelSet, f64>>>;
            to.encode_histogram(*sum, *count, buckets, no_exemplars)
        }
        Value::Info => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_given_to_who_asks_for_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
                          application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (Some(prometheus), Format::OpenMetrics),
            (Some("text/html , Application/OpenMetrics-Text"), Format::OpenMetrics),
            (Some("application/openmetrics-text; q=0, text/plain"), Format::PrometheusText),
            (Some("application/openmetrics-text; q=x"), Format::PrometheusText),
            (Some("*/*"), Format::PrometheusText),
            (Some(""), Format::PrometheusText),
            (None, Format::PrometheusText),
        ] {
            assert_eq!(Format::accepted_by(accept), format, "{accept:?}");
        }
    }

    fn families() -> Vec<Samples> {
        let labels = vec![("rule", Cow::from("a \"b\"\\\n"))];
        let of = |name, kind, unit, samples| Samples { name, help: "Help", kind, unit, samples };
        let reading = Reading { buckets: vec![(0.5, 2), (f64::INFINITY, 1)], count: 3, sum: 9.5 };
        let sample = |labels, value| vec![Sample { labels, value }];
        vec![
            of("n", MetricType::Counter, Some(Unit::Bytes), sample(labels, Value::Whole(7))),
            of("g", MetricType::Gauge, None, sample(vec![], Value::Number(0.25))),
            of("none", MetricType::Gauge, None, vec![]),
            of("h", MetricType::Histogram, None, sample(vec![], Value::Histogram(reading))),
            of("i", MetricType::Info, None, sample(vec![("v", "1".into())], Value::Info)),
        ]
    }

    #[test]
    fn open_metrics_ends_with_its_mark_and_escapes_labels() {
        let text = Format::OpenMetrics.text(families());
        let expected = r#"# HELP n_bytes Help
# TYPE n_bytes counter
# UNIT n_bytes bytes
n_bytes_total{rule="a \"b\"\\\n"} 7
# HELP g Help
# TYPE g gauge
g 0.25
# HELP h Help
# TYPE h histogram
h_sum 9.5
h_count 3
h_bucket{le="0.5"} 2
h_bucket{le="+Inf"} 3
# HELP i Help
# TYPE i info
i_info{v="1"} 1
# EOF
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn the_older_format_types_the_names_of_samples() {
        let text = Format::PrometheusText.text(families());
        for line in [
            "# TYPE n_bytes_total counter",
            r#"n_bytes_total{rule="a \"b\"\\\n"} 7"#,
            "# TYPE i_info gauge",
            r#"h_bucket{le="+Inf"} 3"#,
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        assert!(!text.contains("EOF") && !text.contains("none"), "{text}");
    }
}
