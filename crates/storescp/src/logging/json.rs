//! Log lines as JSON objects (`--log-format json`), one on each line.

use super::level::LogLevel;
use super::structured::{FieldValue, StructuredRecord};
use chrono::SecondsFormat;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

/// A record as an object with an end of line. Keys are constants of this program; of what a peer has sent, every
/// character that could end a line or mislead a terminal is escaped.
pub(super) fn line(record: &StructuredRecord) -> String {
    let mut object = Object::begin();
    object.text("time", &record.time.to_rfc3339_opts(SecondsFormat::Micros, true));
    object.text("level", level_word(record.level));
    object.text("message", &record.message);
    if let Some(served) = &record.served {
        object.text("peer", &served.address.to_string());
        if let Some(port) = served.port {
            object.raw("peerPort", &port.to_string());
        }
        if let Some(title) = served.calling_ae {
            object.text("callingAeTitle", &title.to_string());
        }
        if let Some(title) = served.called_ae {
            object.text("calledAeTitle", &title.to_string());
        }
        object.raw("association", &served.association.to_string());
    }
    for (name, value) in &record.fields {
        match value {
            FieldValue::Text(text) => object.text(name, text),
            FieldValue::Number(_) | FieldValue::Bool(_) => object.raw(name, value.text()),
        }
    }
    if !record.lines.is_empty() {
        object.texts("lines", &record.lines);
    }
    object.end()
}

/// A line of the log that no event stands for: as an object if the log is of these, else as `X: message`.
pub(super) fn own_line(level: LogLevel, message: &str) -> String {
    if IN_USE.load(Ordering::Relaxed) {
        line(&StructuredRecord::of_text(level, message.to_owned()))
    } else {
        format!("{}: {message}\n", level.letter())
    }
}

/// From now on the log is of JSON objects.
pub(super) fn use_for_all() {
    IN_USE.store(true, Ordering::Relaxed);
}

static IN_USE: AtomicBool = AtomicBool::new(false);

fn level_word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Fatal => "fatal",
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    }
}

/// An object being written.
struct Object(String);

impl Object {
    fn begin() -> Self {
        Self(String::with_capacity(256))
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_string(&mut self.0, key);
        self.0.push(':');
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(&mut self.0, value);
    }

    /// A number, or a truth value.
    fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    fn texts(&mut self, key: &str, values: &[String]) {
        self.key(key);
        for (index, value) in values.iter().enumerate() {
            self.0.push(if index == 0 { '[' } else { ',' });
            push_string(&mut self.0, value);
        }
        self.0.push(']');
    }

    fn end(mut self) -> String {
        self.0.push_str("}\n");
        self.0
    }
}

/// A string (RFC 8259 §7) of printable characters only.
fn push_string(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                json.push('\\');
                json.push(character);
            }
            _ if super::line::is_unprintable(character) => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    // Writing into a string does not fail.
                    let _ = write!(json, "\\u{unit:04x}");
                }
            }
            _ => json.push(character),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use receiver::log::ServedBy;
    use serde_json::Value;

    fn record(message: &str) -> StructuredRecord {
        StructuredRecord::of_text(LogLevel::Warn, message.to_owned())
    }

    #[test]
    fn an_object_has_its_keys() {
        let mut record = record("refused");
        record.time = "2026-11-30T12:00:00.000123Z".parse().unwrap();
        record.served = Some(ServedBy {
            address: "10.1.2.3".parse().unwrap(),
            port: Some(4711),
            calling_ae: Some("CT1".parse().unwrap()),
            called_ae: Some("ARCHIVE".parse().unwrap()),
            association: 17,
        });
        record.fields = vec![
            ("sopInstanceUid", FieldValue::Text("1.2.3".to_owned())),
            ("stored", FieldValue::Number("3".to_owned())),
            ("replaced", FieldValue::Bool(false)),
        ];
        assert_eq!(
            line(&record),
            r#"{"time":"2026-11-30T12:00:00.000123Z","level":"warn","message":"refused","peer":"10.1.2.3","peerPort":4711,"callingAeTitle":"CT1","calledAeTitle":"ARCHIVE","association":17,"sopInstanceUid":"1.2.3","stored":3,"replaced":false}
"#
        );
    }

    #[test]
    fn what_misleads_a_terminal_is_escaped() {
        assert_eq!(own_line(LogLevel::Error, "a"), "E: a\n");
        let text = line(&record("\u{1b}[2J\u{85}\u{2028}\u{202e}\u{7f}\u{e9}"));
        assert!(text.contains(r#""\u001b[2J\u0085\u2028\u202e\u007fé""#), "{text}");
    }

    proptest! {
        /// Whatever a peer calls itself, a line is one object with the keys that it has otherwise, and its texts
        /// are the peer's.
        #[test]
        fn no_text_breaks_a_line_or_adds_a_key(message: String, field: String, more: Vec<String>) {
            let mut record = record(&message);
            record.fields = vec![("file", FieldValue::Text(field.clone()))];
            record.lines.clone_from(&more);
            let text = line(&record);
            let inside = text.strip_suffix('\n').expect("an end of line");
            prop_assert!(!inside.chars().any(char::is_control));
            let object: Value = serde_json::from_str(inside).expect("JSON");
            prop_assert_eq!(&object["message"], &Value::from(message));
            prop_assert_eq!(&object["file"], &Value::from(field));
            let keys = object.as_object().map_or(0, serde_json::Map::len);
            prop_assert_eq!(keys, 4 + usize::from(!more.is_empty()));
            if !more.is_empty() {
                prop_assert_eq!(&object["lines"], &Value::from(more));
            }
        }
    }
}
