//! Faults on purpose.

use crate::cli::fault_on_purpose;
use crate::settings::reader::{Read, Report, Value, within};
use receiver::faults::Rule;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A fault, as `--fault` takes it.
#[derive(Debug, Clone)]
pub(in crate::settings) struct FaultText(pub(in crate::settings) Rule);

impl Read for FaultText {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a fault in quotes, such as \"object every 10th: status A700\"");
            return None;
        };
        match fault_on_purpose(text) {
            Ok(rule) => Some(Self(rule)),
            Err((column, why)) => {
                let offset = text.char_indices().nth(column - 1).map_or(text.len(), |it| it.0);
                report.fault(&within(value, offset), why);
                None
            }
        }
    }
}

impl JsonSchema for FaultText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Fault".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "title": "fault" })
    }
}
