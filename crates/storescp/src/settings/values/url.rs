//! Where audit messages and traces go, and how many.

use crate::settings::reader::{Read, Report, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::fmt::Display;
use std::str::FromStr;
use toml::de::DeValue;

/// A URL of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) struct Url<U>(pub(in crate::settings) U);

impl<U: FromStr<Err: Display>> Read for Url<U> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a URL in quotes");
            return None;
        };
        text.parse()
            .map(Self)
            .map_err(|why: U::Err| report.fault(&value.span(), why.to_string()))
            .ok()
    }
}

impl<U> JsonSchema for Url<U> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Url".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z+]+:/" })
    }
}

/// A number from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::settings) struct Share(pub(in crate::settings) f64);

impl Read for Share {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let number: Option<f64> = match value.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) => number.as_str().parse().ok(),
            _ => None,
        };
        let share = number.filter(|number| (0.0..=1.0).contains(number));
        if share.is_none() {
            report.expected(value, "a number from 0 to 1");
        }
        share.map(Self)
    }
}

impl JsonSchema for Share {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}
