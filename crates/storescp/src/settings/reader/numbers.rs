//! Numbers within bounds.

use super::{Read, Report, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use toml::de::DeValue;

/// An integer from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Integer<const MIN: u64, const MAX: u64>(pub(in crate::settings) u64);

impl<const MIN: u64, const MAX: u64> Read for Integer<MIN, MAX> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let number = integer(value.get_ref()).filter(|number| (MIN..=MAX).contains(number));
        if number.is_none() {
            report.expected(value, &described_integer(MIN, MAX));
        }
        number.map(Self)
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Integer<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Integer_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if MAX == u64::MAX {
            return json_schema!({ "type": "integer", "minimum": MIN });
        }
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// The value of an integer that is not negative.
pub(in crate::settings) fn integer(value: &DeValue<'_>) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// What bounds allow, in words.
pub(in crate::settings) fn described_integer(min: u64, max: u64) -> String {
    match max {
        u64::MAX => format!("an integer of at least {min}"),
        _ => format!("an integer from {min} to {max}"),
    }
}
