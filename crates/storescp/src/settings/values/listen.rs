//! Where to listen.

use crate::settings::reader::{Read, Report, Value, integer};
use control::parse_listen;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::net::SocketAddr;
use toml::de::DeValue;

/// A port, on the protocols of `address-family`; or an address with its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum Listen {
    Port(u16),
    Address(SocketAddr),
}

impl Read for Listen {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let listen = match value.get_ref() {
            DeValue::String(text) => address(text).map(Self::Address),
            number => integer(number).and_then(|port| u16::try_from(port).ok()).map(Self::Port),
        };
        let listen = listen.filter(|it| !matches!(it, Self::Port(0)));
        if listen.is_none() {
            report.expected(
                value,
                "a port from 1 to 65535 or an address with its port, such as \"127.0.0.1:11112\" or \
                 \"[::]:11112\"",
            );
        }
        listen
    }
}

impl JsonSchema for Listen {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Listen".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "title": "port", "type": "integer", "minimum": 1, "maximum": 65535 },
            { "title": "address with port", "type": "string", "pattern": "^.+:[0-9]+$" },
        ] })
    }
}

/// Where the control plane listens: a port of this machine only, an address, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) struct HttpAddress(pub(in crate::settings) SocketAddr);

impl Read for HttpAddress {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let text = match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            number => integer(number).map(|port| port.to_string()),
        };
        let address = text.and_then(|text| parse_listen(&text).ok());
        if address.is_none() {
            report.expected(
                value,
                "a port or an address, such as 8042, \"127.0.0.1:8042\" or \"[::1]:8042\"",
            );
        }
        address.map(Self)
    }
}

impl JsonSchema for HttpAddress {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HttpAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "title": "port", "type": "integer", "minimum": 0, "maximum": 65535 },
            { "title": "address", "type": "string" },
        ] })
    }
}

fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().filter(|address: &SocketAddr| address.port() > 0)
}
