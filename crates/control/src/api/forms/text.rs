//! Texts in parameters and bodies: bounded, and without control characters.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// A text of 1 to [`Text::MOST`] characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::api) struct Text(pub(in crate::api) String);

impl Text {
    /// The longest, in characters.
    pub(in crate::api) const MOST: usize = 256;
    /// What it consists of, as a regular expression.
    pub(in crate::api) const PATTERN: &str = r"^[^\x00-\x1F\x7F-\x9F]+$";
}

impl TryFrom<String> for Text {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.chars().count() {
            1..=Self::MOST if !text.chars().any(char::is_control) => Ok(Self(text)),
            1..=Self::MOST => Err("control characters are not possible".to_owned()),
            count => Err(format!("{count} characters are not from 1 to {}", Self::MOST)),
        }
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "minLength": 1, "maxLength": Self::MOST, "pattern": Self::PATTERN,
        })
    }
}

/// A date as DICOM has it: `YYYYMMDD`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::api) struct Date(pub(in crate::api) String);

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_date = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_date { Ok(Self(text)) } else { Err("expected a date as 20261130".to_owned()) }
    }
}

impl JsonSchema for Date {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Date".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{8}$" })
    }
}
