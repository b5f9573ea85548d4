//! What only destinations have.

use super::amounts::{SIZE_PATTERN, bytes};
use crate::settings::reader::{Read, Report, Value, integer, read_at, within};
use delivery::{Filter, FolderTemplate, Hours};
use proto::AeTitle;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Declares the schema of a value, in place.
macro_rules! schema {
    ($type:ty, $($schema:tt)*) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)*)
            }
        }
    };
}

/// A number of bytes, at least 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct ByteAmount(pub(in crate::settings) u64);

impl Read for ByteAmount {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        some_bytes(value, "an amount such as \"200 GB\" or \"50 GiB\"", report).map(Self)
    }
}

/// Bytes a second, at least 1.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct ByteRate(pub(in crate::settings) u64);

impl Read for ByteRate {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        some_bytes(value, "bytes a second, such as \"10 MB\" or \"16 MiB\"", report).map(Self)
    }
}

/// More than what any database or sum takes is nothing that somebody means.
fn some_bytes(value: &Value<'_>, what: &str, report: &mut Report) -> Option<u64> {
    let bytes = bytes(value.get_ref()).filter(|bytes| (1..=u64::MAX >> 8).contains(bytes));
    if bytes.is_none() {
        report.expected(value, what);
    }
    bytes
}

schema!(ByteAmount, { "anyOf": [
    { "title": "size", "type": "string", "pattern": SIZE_PATTERN },
    { "title": "bytes", "type": "integer", "minimum": 1 },
] });
schema!(ByteRate, { "anyOf": [
    { "title": "size", "type": "string", "pattern": SIZE_PATTERN },
    { "title": "bytes", "type": "integer", "minimum": 1 },
] });

/// How often a delivery is tried: `None` for as often as it takes.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Attempts(pub(in crate::settings) Option<u32>);

impl Read for Attempts {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        if value.get_ref().as_str() == Some("unlimited") {
            return Some(Self(None));
        }
        let number = integer(value.get_ref()).and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=Self::MOST).contains(number));
        if number.is_none() {
            let what = format!("an integer from 1 to {}, or \"unlimited\"", Self::MOST);
            report.expected_one_of(value, &what, ["unlimited"]);
        }
        number.map(|number| Self(Some(number)))
    }
}

impl Attempts {
    const MOST: u32 = 1_000_000;
}

schema!(Attempts, { "anyOf": [
    { "type": "integer", "minimum": 1, "maximum": Attempts::MOST },
    { "const": "unlimited" },
] });

/// Hours of the day: `22:00-06:00`.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct HoursText(pub(in crate::settings) Hours);

impl Read for HoursText {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let hours = value.get_ref().as_str().and_then(hours);
        if hours.is_none() {
            report.expected(value, "two different times of the day, such as \"22:00-06:00\"");
        }
        hours.map(Self)
    }
}

schema!(HoursText, {
    "title": "hours", "type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2} ?- ?[0-9]{1,2}:[0-9]{2}$"
});

fn hours(text: &str) -> Option<Hours> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (minutes(from.trim_end())?, minutes(to.trim_start())?);
    (from != to && from < MIDNIGHT).then_some(Hours { from, to })
}

const MIDNIGHT: u16 = 24 * 60;

/// Minutes after midnight, up to `24:00`.
fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str, most: usize| -> Option<u16> {
        let is_number = (1..=2).contains(&digits.len()) && digits.len() >= most;
        (is_number && digits.bytes().all(|it| it.is_ascii_digit())).then(|| digits.parse().ok())?
    };
    let (hour, minute) = (number(hour, 1)?, number(minute, 2)?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= MIDNIGHT).then_some(minutes)
}

/// A filter.
#[derive(Debug, Clone)]
pub(in crate::settings) struct FilterText(pub(in crate::settings) Filter);

impl Read for FilterText {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = read_at::<String>(value, report)?.value;
        match Filter::parse(&text) {
            Ok(filter) => Some(Self(filter)),
            Err(fault) => {
                report.fault(&within(value, fault.offset), fault.message);
                None
            }
        }
    }
}

schema!(FilterText, { "title": "filter", "type": "string", "minLength": 1 });

/// The path of a copy, as a template.
#[derive(Debug, Clone)]
pub(in crate::settings) struct FolderFile(pub(in crate::settings) String);

impl Read for FolderFile {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = read_at::<String>(value, report)?.value;
        match FolderTemplate::parse(&text) {
            Ok(_) => Some(Self(text)),
            Err(fault) => {
                report.fault(&within(value, fault.offset), fault.message);
                None
            }
        }
    }
}

schema!(FolderFile, { "title": "path with fields of the event", "type": "string", "minLength": 1 });

/// An AE title of our own or of a peer, as the standard has them.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct AeTitleText(pub(in crate::settings) AeTitle);

impl Read for AeTitleText {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let title = value.get_ref().as_str().and_then(|it| AeTitle::parse(it.as_bytes()).ok());
        if title.is_none() {
            report.expected(value, "an AE title: 1 to 16 characters, such as \"PACS\"");
        }
        title.map(Self)
    }
}

schema!(AeTitleText, { "title": "AE title", "type": "string", "minLength": 1, "maxLength": AeTitle::BYTES });

/// `HOST:PORT`; an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) struct HostPort(pub(in crate::settings) String);

impl Read for HostPort {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = value.get_ref().as_str().filter(|text| is_host_port(text));
        if text.is_none() {
            let what =
                "a host with its port, such as \"pacs.example:104\" or \"[2001:db8::5]:104\"";
            report.expected(value, what);
        }
        text.map(|text| Self(text.to_owned()))
    }
}

schema!(HostPort, { "title": "host and port", "type": "string", "pattern": "^[^ ]+:[0-9]+$" });

fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.bytes().all(|it| it.is_ascii_digit())
        && port.parse::<u16>().is_ok_and(|port| port > 0);
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_name = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(is_name)
        }
    };
    is_port && is_host
}

/// A URL of the scheme `http` or `https`, without user and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) struct HttpUrl(pub(in crate::settings) String);

impl Read for HttpUrl {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a URL in quotes, such as \"https://host/path\"");
            return None;
        };
        match delivery::check_http_url(text) {
            Ok(()) => Some(Self(text.to_owned())),
            // What was typed is not shown: a password may be in it.
            Err(why) => {
                report.fault(&value.span(), why);
                None
            }
        }
    }
}

schema!(HttpUrl, { "title": "URL", "type": "string", "pattern": "^https?://" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_two_times_of_the_day() {
        for (typed, from, to) in [
            ("22:00-06:00", 22 * 60, 6 * 60),
            ("0:00-24:00", 0, 24 * 60),
            ("7:05 - 7:06", 425, 426),
        ] {
            assert_eq!(hours(typed), Some(Hours { from, to }), "{typed}");
        }
        for bad in [
            "",
            "22-6",
            "6:00",
            "6:0-7:00",
            "24:00-1:00",
            "6:00-24:01",
            "6:60-7:00",
            "6:00-6:00",
            "006:00-7:00",
            "+6:00-7:00",
        ] {
            assert_eq!(hours(bad), None, "{bad}");
        }
    }

    #[test]
    fn hosts_have_ports() {
        for good in ["pacs:104", "10.0.0.5:1", "[::1]:65535", "pacs-1.example_a.org:104"] {
            assert!(is_host_port(good), "{good}");
        }
        for bad in [
            "",
            "pacs",
            ":104",
            "pacs:",
            "pacs:0",
            "pacs:65536",
            "::1:104",
            "[pacs]:104",
            "a b:1",
            "a@b:1",
            "pacs:+1",
        ] {
            assert!(!is_host_port(bad), "{bad}");
        }
    }
}
