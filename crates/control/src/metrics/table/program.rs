//! Metrics of what only the program knows: disk, commands, studies, certificates, settings.

use super::family::{Family, Label, Values, View, by_word, labelled, one, timestamp, truth};
use crate::metrics::exposition::{Sample, Value};
use crate::metrics::vocabulary::RELOADS;
use crate::program::Directory;
use prometheus_client::metrics::MetricType::{Counter, Gauge, Info};
use prometheus_client::registry::Unit;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "storescp_directory_free",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        help: "Free space of the file system that a directory for objects is on.",
        labels: DIRECTORY,
        read: |view| by_directory(view, |it| it.free_bytes.map(Value::Whole)),
    },
    Family {
        name: "storescp_directory_size",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        help: "Size of the file system that a directory for objects is on.",
        labels: DIRECTORY,
        read: |view| by_directory(view, |it| it.total_bytes.map(Value::Whole)),
    },
    Family {
        name: "storescp_directory_min_free",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        help: "Space that must remain free: with less, objects and associations are refused.",
        labels: DIRECTORY,
        read: |view| by_directory(view, |it| it.min_free_bytes.map(Value::Whole)),
    },
    Family {
        name: "storescp_directory_ready",
        kind: Gauge,
        unit: None,
        help: "1 if the directory takes objects, 0 if not.",
        labels: DIRECTORY,
        read: |view| by_directory(view, |it| Some(truth(it.trouble.is_none()))),
    },
    Family {
        name: "storescp_commands_waiting",
        kind: Gauge,
        unit: None,
        help: "Commands of --exec-on-reception and --exec-on-eostudy in the queue.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.commands.waiting)),
    },
    Family {
        name: "storescp_commands_running",
        kind: Gauge,
        unit: None,
        help: "Commands that are running.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.commands.running)),
    },
    Family {
        name: "storescp_commands_ended",
        kind: Counter,
        unit: None,
        help: "Commands that have ended, those that failed too.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.commands.ended)),
    },
    Family {
        name: "storescp_commands_failed",
        kind: Counter,
        unit: None,
        help: "Commands that could not be started or ended with another code than 0.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.commands.failed)),
    },
    Family {
        name: "storescp_studies_open",
        kind: Gauge,
        unit: None,
        help: "Studies that have not ended.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.open_studies as u64)),
    },
    Family {
        name: "storescp_certificate_expiry_timestamp",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "When a certificate of the receiver or of HTTP expires, in seconds since 1970.",
        labels: &[Label { name: "file", values: Values::Described("file of the certificate") }],
        read: certificates,
    },
    Family {
        name: "storescp_settings_generation",
        kind: Gauge,
        unit: None,
        help: "Which settings are in effect: 1 at the start, one more after each reload.",
        labels: &[],
        read: |view| one(Value::Whole(view.facts.status.generation)),
    },
    Family {
        name: "storescp_settings_timestamp",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "When the settings came into effect, in seconds since 1970.",
        labels: &[],
        read: |view| one(timestamp(view.facts.status.settings_since)),
    },
    Family {
        name: "storescp_settings_reloads",
        kind: Counter,
        unit: None,
        help: "Reloads of the settings; one that fails changes nothing.",
        labels: &[Label { name: "result", values: Values::Words(&RELOADS) }],
        read: |view| by_word("result", RELOADS, view.counters.reloads.get()),
    },
    Family {
        name: "storescp_settings_last_reload_successful",
        kind: Gauge,
        unit: None,
        help: "0 if the last reload of the settings failed, 1 if not or if there was none.",
        labels: &[],
        read: |view| one(truth(view.counters.last_reload_failed.get() == 0)),
    },
    Family {
        name: "storescp_draining",
        kind: Gauge,
        unit: None,
        help: "1 while the receiver is shutting down and accepts no connections.",
        labels: &[],
        read: |view| one(truth(view.facts.status.is_draining)),
    },
    Family {
        name: "storescp_clock",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "The clock of the receiver's machine, in seconds since 1970.",
        labels: &[],
        read: |view| one(timestamp(view.now)),
    },
    Family {
        name: "storescp_build",
        kind: Info,
        unit: None,
        help: "The version of the receiver.",
        labels: &[Label { name: "version", values: Values::Described("name and version") }],
        read: |view| vec![labelled("version", view.facts.status.version.clone(), Value::Info)],
    },
    Family {
        name: "storescp_scrapes",
        kind: Counter,
        unit: None,
        help: "How often the metrics were read, this time included.",
        labels: &[],
        read: |view| one(Value::Whole(view.counters.scrapes.get())),
    },
];

const DIRECTORY: &[Label] = &[Label {
    name: "directory",
    values: Values::Described("each directory that objects go into, as in the settings"),
}];

/// A value of each directory. Two rules may share one: it is told once.
fn by_directory(view: &View<'_>, value: impl Fn(&Directory) -> Option<Value>) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for directory in &view.facts.status.directories {
        let Some(value) = value(directory) else { continue };
        let path = directory.path.to_string_lossy().into_owned();
        push_new(&mut samples, labelled("directory", path, value));
    }
    samples
}

fn certificates(view: &View<'_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for certificate in &view.facts.certificates {
        let file = certificate.file.to_string_lossy().into_owned();
        push_new(&mut samples, labelled("file", file, timestamp(certificate.expires)));
    }
    samples
}

/// Leaves out what has the labels of another: Prometheus would refuse the whole answer.
fn push_new(samples: &mut Vec<Sample>, sample: Sample) {
    if samples.iter().all(|it| it.labels != sample.labels) {
        samples.push(sample);
    }
}
