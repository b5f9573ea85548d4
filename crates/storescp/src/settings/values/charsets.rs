//! Character sets (PS3.3 §C.12.1.1.2).

use crate::settings::reader::{Read, Report, Value, meant, quoted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// The defined terms of Specific Character Set (0008,0005): those of one set, then those with code extensions.
const TERMS: [&str; 31] = [
    "ISO_IR 6",
    "ISO_IR 13",
    "ISO_IR 100",
    "ISO_IR 101",
    "ISO_IR 109",
    "ISO_IR 110",
    "ISO_IR 126",
    "ISO_IR 127",
    "ISO_IR 138",
    "ISO_IR 144",
    "ISO_IR 148",
    "ISO_IR 166",
    "ISO_IR 192",
    "ISO_IR 203",
    "GB18030",
    "GBK",
    "ISO 2022 IR 6",
    "ISO 2022 IR 13",
    "ISO 2022 IR 58",
    "ISO 2022 IR 87",
    "ISO 2022 IR 100",
    "ISO 2022 IR 101",
    "ISO 2022 IR 109",
    "ISO 2022 IR 110",
    "ISO 2022 IR 126",
    "ISO 2022 IR 127",
    "ISO 2022 IR 138",
    "ISO 2022 IR 144",
    "ISO 2022 IR 148",
    "ISO 2022 IR 149",
    "ISO 2022 IR 159",
];

/// Specific Character Set, as it could stand in a data set: terms separated by backslashes.
#[derive(Debug, Clone)]
pub(in crate::settings) struct CharacterSet(pub(in crate::settings) String);

impl Read for CharacterSet {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a character set such as \"ISO_IR 100\"");
            return None;
        };
        let is_known = |term: &str| TERMS.contains(&term) || term.is_empty() && text.contains('\\');
        if let Some(unknown) = text.split('\\').find(|term| !is_known(term)) {
            let meant = meant(unknown, TERMS);
            let message = format!(
                "expected defined terms of Specific Character Set such as \"ISO_IR 100\" (Latin-1) or \"ISO_IR 192\" \
                 (UTF-8), not {}{meant}",
                quoted(unknown)
            );
            report.fault(&value.span(), message);
            return None;
        }
        Some(Self(text.to_owned()))
    }
}

impl JsonSchema for CharacterSet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CharacterSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "title": "character set", "anyOf": [{ "enum": TERMS.to_vec() }, { "pattern": "\\\\" }] })
    }
}
