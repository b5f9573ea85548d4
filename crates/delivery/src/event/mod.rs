//! Events in the shape that all destinations share: CloudEvents 1.0 as JSON.
//!
//! `docs/events.md` and `docs/event.schema.json` are made from the types here.

mod data;
#[cfg(test)]
mod tests;

pub(crate) use data::time_text;

use crate::Item;
use catalog::{Event, EventKind};
use data::ObjectData;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// The event of a delivery as a CloudEvent: `specversion`, `id`, `source`, `type`, `subject`, `time`,
/// `datacontenttype`, `data`.
///
/// `id` is the key of the event: the same for each attempt, and for each destination. The whole event is the same for each
/// attempt, but for `path` and `digest`, which may become known later.
#[must_use]
pub fn cloud_event(item: &Item) -> Value {
    let event = &item.delivery.event;
    let data = data(item);
    let mut made = json!({
        "specversion": "1.0",
        "id": event.key,
        "source": &*item.source,
        "type": event_type(event, &data),
        "time": time_text(event.time),
        "datacontenttype": "application/json",
    });
    if let Some(subject) = subject(event.kind, &data) {
        made["subject"] = subject;
    }
    made["data"] = Value::Object(data);
    made
}

/// A field of an event's `data`, or of the `attributes` in it, as text; `None` if it has no such field, or one that is
/// neither text nor a number nor a truth value.
#[must_use]
pub fn event_field(event: &Value, name: &str) -> Option<String> {
    let data = &event["data"];
    match data.get(name).or_else(|| data["attributes"].get(name))? {
        Value::String(text) => Some(text.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) | Value::Null => None,
    }
}

/// Names that [`event_field`] may know, whatever the event: those of each type's `data` and `attributes`.
#[must_use]
pub fn is_event_field(name: &str) -> bool {
    FIELDS.contains(&name)
}

/// The `source` of the events of a receiver that stores in this directory: `//host/directory`, a URI reference
/// (RFC 3986 §4.2). It stays the same for as long as the machine's name and the directory do.
#[must_use]
pub fn event_source(directory: &Path) -> Arc<str> {
    let name = rustix::system::uname();
    let mut source = "//".to_owned();
    push_encoded(&mut source, name.nodename().to_bytes());
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    push_encoded(&mut source, directory.as_os_str().as_bytes());
    source.into()
}

/// See `docs/events.md`.
const FIELDS: &[&str] = &[
    "accessionNumber",
    "association",
    "bodyPartExamined",
    "bytes",
    "calledAeTitle",
    "callingAeTitle",
    "complete",
    "digest",
    "directory",
    "end",
    "epoch",
    "file",
    "first",
    "instanceNumber",
    "institutionName",
    "kept",
    "last",
    "modality",
    "numberOfFrames",
    "objects",
    "path",
    "pathBase64",
    "patientBirthDate",
    "patientId",
    "patientName",
    "patientSex",
    "peer",
    "reason",
    "received",
    "referringPhysicianName",
    "refused",
    "replaced",
    "rule",
    "seconds",
    "series",
    "seriesDescription",
    "seriesInstanceUid",
    "seriesNumber",
    "size",
    "sopClassUid",
    "sopInstanceUid",
    "stationName",
    "status",
    "studyDate",
    "studyDescription",
    "studyId",
    "studyInstanceUid",
    "studyTime",
    "transferSyntaxUid",
];

/// Percent-encoding (RFC 3986 §2.1) of everything but unreserved characters and `/`.
fn push_encoded(text: &mut String, bytes: &[u8]) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

fn data(item: &Item) -> Map<String, Value> {
    let made = match &item.delivery.instance {
        Some(instance) => serde_json::to_value(ObjectData::of(instance, item.path.as_deref())).ok(),
        None => item.delivery.event.data.clone(),
    };
    match made {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn event_type(event: &Event, data: &Map<String, Value>) -> &'static str {
    match event.kind {
        EventKind::ObjectStored => "storescp.object.stored",
        EventKind::StudyEnded => "storescp.study.ended",
        EventKind::StudyUpdated => "storescp.study.updated",
        EventKind::AssociationEnded => "storescp.association.ended",
        EventKind::Refused => match data.get("refused").and_then(Value::as_str) {
            Some("object") => "storescp.object.refused",
            Some("connection") => "storescp.connection.refused",
            _ => "storescp.association.refused",
        },
    }
}

/// What an event is about: a SOP instance, a study or an association.
fn subject(kind: EventKind, data: &Map<String, Value>) -> Option<Value> {
    let names: &[&str] = match kind {
        EventKind::ObjectStored => &["sopInstanceUid"],
        EventKind::StudyEnded | EventKind::StudyUpdated => &["studyInstanceUid"],
        EventKind::AssociationEnded => &["association"],
        EventKind::Refused => &["sopInstanceUid", "association", "peer"],
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let known = names.iter().filter_map(|name| data.get(*name)).map(text);
    known.filter(|text| !text.is_empty()).map(Value::String).next()
}
