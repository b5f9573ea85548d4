//! Times and sizes, with their units.

use crate::settings::reader::{Read, Report, Value, integer};
use receiver::SocketTimeout;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::time::Duration;
use storage::MinFree;
use toml::de::DeValue;

/// A time of at least `MIN` seconds: `"60 s"`, `"5 min"`, `"2 h"`, or an integer of seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Time<const MIN: u64>(pub(in crate::settings) Duration);

const TIMES: &str = "a time such as \"60 s\", \"5 min\" or \"2 h\"";

impl<const MIN: u64> Read for Time<MIN> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let seconds = seconds(value.get_ref(), MIN);
        if seconds.is_none() {
            report.expected(value, &described_time(MIN));
        }
        seconds.map(Self)
    }
}

impl<const MIN: u64> JsonSchema for Time<MIN> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Time_{MIN}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        time_schema(MIN, &[])
    }
}

/// A time of at least one second, or `"never"`.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct TimeOrNever(pub(in crate::settings) Option<Duration>);

impl Read for TimeOrNever {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        if value.get_ref().as_str() == Some("never") {
            return Some(Self(None));
        }
        let seconds = seconds(value.get_ref(), 1);
        if seconds.is_none() {
            report.expected_one_of(
                value,
                &format!("{} or \"never\"", described_time(1)),
                ["never"],
            );
        }
        seconds.map(|time| Self(Some(time)))
    }
}

impl JsonSchema for TimeOrNever {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TimeOrNever".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        time_schema(1, &["never"])
    }
}

/// How long a peer may be silent: a time, `"never"` closed for silence, or as the `"system"` does.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Silence(pub(in crate::settings) SocketTimeout);

impl Read for Silence {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("never") => return Some(Self(SocketTimeout::None)),
            Some("system") => return Some(Self(SocketTimeout::System)),
            _ => {}
        }
        let seconds = seconds(value.get_ref(), 1);
        if seconds.is_none() {
            let what = format!("{}, \"never\" or \"system\"", described_time(1));
            report.expected_one_of(value, &what, ["never", "system"]);
        }
        seconds.map(|time| Self(SocketTimeout::After(time)))
    }
}

impl JsonSchema for Silence {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Silence".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        time_schema(1, &["never", "system"])
    }
}

fn described_time(min: u64) -> String {
    if min == 0 { TIMES.to_owned() } else { format!("{TIMES}, at least {min} s") }
}

fn time_schema(min: u64, words: &[&str]) -> Schema {
    let mut any = vec![
        serde_json::json!({ "title": "time", "type": "string", "pattern": "^[0-9]+ ?(s|min|h|d|days?)$" }),
        serde_json::json!({ "title": "seconds", "type": "integer", "minimum": min }),
    ];
    any.extend(words.iter().map(|word| serde_json::json!({ "const": word })));
    json_schema!({ "anyOf": any })
}

/// At least `min` seconds, and at most 2^32 - 1 (136 years), so that sums with the current time cannot overflow.
pub(super) fn seconds(value: &DeValue<'_>, min: u64) -> Option<Duration> {
    const UNITS: [(&str, u64); 6] =
        [("s", 1), ("min", 60), ("h", 3600), ("d", 86_400), ("day", 86_400), ("days", 86_400)];

    let seconds = match value {
        DeValue::String(text) => with_unit(text, &UNITS)?,
        _ => integer(value)?,
    };
    (min..=u64::from(u32::MAX)).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// A number, perhaps a blank, and a unit.
pub(super) fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit = text.trim_start_matches(|it: char| it.is_ascii_digit());
    let number = &text[..text.len() - unit.len()];
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Units of sizes: those of 1024 and of 1000, and those of `--min-free`.
const SIZES: [(&str, u64); 13] = [
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("T", 1 << 40),
];

pub(super) fn bytes(value: &DeValue<'_>) -> Option<u64> {
    match value {
        DeValue::String(text) => with_unit(text, &SIZES),
        _ => integer(value),
    }
}

/// A number of bytes from `MIN` to `MAX`, even: `16384`, `"64 KiB"`.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Size<const MIN: u32, const MAX: u32>(pub(in crate::settings) u32);

impl<const MIN: u32, const MAX: u32> Read for Size<MIN, MAX> {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let size = bytes(value.get_ref()).and_then(|bytes| u32::try_from(bytes).ok());
        let size = size.filter(|size| (MIN..=MAX).contains(size) && size.is_multiple_of(2));
        if size.is_none() {
            let what =
                format!("an even number of bytes from {MIN} to {MAX}, such as 16384 or \"64 KiB\"");
            report.expected(value, &what);
        }
        size.map(Self)
    }
}

impl<const MIN: u32, const MAX: u32> JsonSchema for Size<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Size_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "title": "bytes", "type": "integer", "minimum": MIN, "maximum": MAX, "multipleOf": 2 },
            { "title": "size", "type": "string", "pattern": SIZE_PATTERN },
        ] })
    }
}

pub(super) const SIZE_PATTERN: &str = "^[0-9]+ ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB|K|M|G|T)$";

/// Room on a disk: `"2 GiB"`, `"5 %"`, or an integer of bytes.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Room(pub(in crate::settings) MinFree);

impl Read for Room {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let percent = || {
            let percent = with_unit(value.get_ref().as_str()?, &[("%", 1)])?;
            u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(MinFree::Percent)
        };
        let room = percent().or_else(|| bytes(value.get_ref()).map(MinFree::Bytes));
        if room.is_none() {
            report.expected(value, "an amount such as \"2 GiB\", \"500 MB\" or \"5 %\"");
        }
        room.map(Self)
    }
}

impl JsonSchema for Room {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Room".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "title": "per cent", "type": "string", "pattern": "^[0-9]+ ?%$" },
            { "title": "size", "type": "string", "pattern": SIZE_PATTERN },
            { "title": "bytes", "type": "integer", "minimum": 0 },
        ] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> DeValue<'_> {
        DeValue::String(text.into())
    }

    #[test]
    fn times_have_units() {
        for (typed, wanted) in [
            ("60 s", 60),
            ("60s", 60),
            ("5 min", 300),
            ("2 h", 7200),
            ("1 d", 86_400),
            ("30 days", 2_592_000),
            ("0 s", 0),
        ] {
            assert_eq!(seconds(&text(typed), 0), Some(Duration::from_secs(wanted)), "{typed}");
        }
        for bad in ["", "60", "s", "60  s", "60 S", "-1 s", "1.5 s", "5 m", "4294967296 s", "+1 s"]
        {
            assert_eq!(seconds(&text(bad), 0), None, "{bad}");
        }
        assert_eq!(seconds(&text("0 s"), 1), None);
        assert_eq!(seconds(&text("18446744073709551615 d"), 0), None);
    }

    #[test]
    fn sizes_have_units() {
        for (typed, wanted) in [
            ("2 GiB", 2 << 30),
            ("500 MB", 500_000_000),
            ("64KiB", 65_536),
            ("2G", 2 << 30),
            ("7 B", 7),
        ] {
            assert_eq!(bytes(&text(typed)), Some(wanted), "{typed}");
        }
        for bad in ["2", "2 gb", "2 GiBs", "GiB", "99999999999 TiB"] {
            assert_eq!(bytes(&text(bad)), None, "{bad}");
        }
    }
}
