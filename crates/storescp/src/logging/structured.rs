//! An event with its fields, for outputs that keep them: JSON lines and systemd's journal.

use super::level::LogLevel;
use super::record::SourceLocation;
use chrono::{DateTime, Utc};
use receiver::log::{ONLY_FIELDS, ServedBy};
use std::fmt;
use tracing::Event;
use tracing::field::{Field, Visit};

/// An event, or the lines of a block.
#[derive(Debug, Clone)]
pub(super) struct StructuredRecord {
    pub(super) level: LogLevel,
    pub(super) time: DateTime<Utc>,
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, FieldValue)>,
    pub(super) source: SourceLocation,
    /// Whose association it is about.
    pub(super) served: Option<ServedBy>,
    /// Of a block, the messages of all of its lines; the first is `message`.
    pub(super) lines: Vec<String>,
}

/// How a record becomes text: with an end of line, if the output has lines.
pub(super) type Render = fn(&StructuredRecord) -> String;

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FieldValue {
    Text(String),
    /// As JSON has it.
    Number(String),
    Bool(bool),
}

impl StructuredRecord {
    /// What `event` says, now.
    pub(super) fn of(event: &Event<'_>, level: LogLevel) -> Self {
        let mut visitor = Visitor::default();
        event.record(&mut visitor);
        let source = SourceLocation::of(event.metadata());
        let Visitor { message, fields } = visitor;
        let served = receiver::log::served();
        Self { fields, source, served, ..Self::of_text(level, message) }
    }

    /// A message without an event, now.
    pub(super) fn of_text(level: LogLevel, message: String) -> Self {
        let (time, source) = (Utc::now(), SourceLocation::default());
        Self { level, time, message, fields: Vec::new(), source, served: None, lines: Vec::new() }
    }
}

impl FieldValue {
    /// The value without quotation marks.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
        }
    }
}

/// Collects the message and the fields of an event, those about its form left out.
#[derive(Default)]
struct Visitor {
    message: String,
    fields: Vec<(&'static str, FieldValue)>,
}

impl Visitor {
    fn add(&mut self, field: &Field, value: FieldValue) {
        match field.name() {
            "message" => value.text().clone_into(&mut self.message),
            "fatal" | "dcmtks" | ONLY_FIELDS => {}
            name => self.fields.push((name, value)),
        }
    }
}

impl Visit for Visitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, FieldValue::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, FieldValue::Text(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, FieldValue::Number(value.to_string()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, FieldValue::Number(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let is_number = value.is_finite();
        let text = value.to_string();
        self.add(field, if is_number { FieldValue::Number(text) } else { FieldValue::Text(text) });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, FieldValue::Bool(value));
    }
}
