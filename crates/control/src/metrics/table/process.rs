//! Metrics of the process, under the names that they have in other programs.

use super::family::{Family, View, one, timestamp};
use crate::metrics::exposition::{Sample, Value};
use crate::metrics::process::Process;
use prometheus_client::metrics::MetricType::{Counter, Gauge};
use prometheus_client::registry::Unit;

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "process_start_time",
        kind: Gauge,
        unit: Some(Unit::Seconds),
        help: "When the receiver began to serve, in seconds since 1970.",
        labels: &[],
        read: |view| one(timestamp(view.facts.status.started)),
    },
    Family {
        name: "process_cpu",
        kind: Counter,
        unit: Some(Unit::Seconds),
        help: "CPU time of all threads, of user and system, without commands (Linux).",
        labels: &[],
        read: |view| of(view, |it| Some(Value::Number(it.cpu_seconds))),
    },
    Family {
        name: "process_resident_memory",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        help: "Resident memory (Linux).",
        labels: &[],
        read: |view| of(view, |it| Some(Value::Whole(it.resident_bytes))),
    },
    Family {
        name: "process_virtual_memory",
        kind: Gauge,
        unit: Some(Unit::Bytes),
        help: "Address space, mostly unused stacks of threads (Linux).",
        labels: &[],
        read: |view| of(view, |it| Some(Value::Whole(it.virtual_bytes))),
    },
    Family {
        name: "process_threads",
        kind: Gauge,
        unit: None,
        help: "Threads: about one for each connection (Linux).",
        labels: &[],
        read: |view| of(view, |it| Some(Value::Whole(it.threads))),
    },
    Family {
        name: "process_open_fds",
        kind: Gauge,
        unit: None,
        help: "Open file descriptors (Linux).",
        labels: &[],
        read: |view| of(view, |it| it.descriptors.map(Value::Whole)),
    },
    Family {
        name: "process_max_fds",
        kind: Gauge,
        unit: None,
        help: "File descriptors that may be open; left out without a limit (Linux).",
        labels: &[],
        read: |view| of(view, |it| it.descriptor_limit.map(Value::Whole)),
    },
];

/// What the system tells of the process; nothing where it does not.
fn of(view: &View<'_>, value: impl Fn(&Process) -> Option<Value>) -> Vec<Sample> {
    one(view.facts.process.as_ref().and_then(value))
}
