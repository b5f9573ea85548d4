//! Whom a rule is about.

use crate::rules::TitlePattern;
use crate::settings::reader::{Read, Report, Value};
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::net::IpAddr;

/// A pattern of AE titles.
#[derive(Debug, Clone)]
pub(in crate::settings) struct Title(pub(in crate::settings) String);

impl Read for Title {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "an AE title in quotes, such as \"CT1\" or \"CT*\"");
            return None;
        };
        if let Err(why) = TitlePattern::parse(text) {
            report.fault(&value.span(), why);
            return None;
        }
        Some(Self(text.trim_matches(' ').to_owned()))
    }
}

impl JsonSchema for Title {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Title".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "AE title with wildcards", "type": "string", "minLength": 1, "maxLength": TitlePattern::BYTES })
    }
}

/// An address, or a network in CIDR notation.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Address(pub(in crate::settings) IpNet);

impl Read for Address {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let network = value.get_ref().as_str().and_then(network);
        let Some(network) = network else {
            report.expected(
                value,
                "an address such as \"10.1.2.3\" or a network such as \"10.1.0.0/16\" or \"2001:db8::/32\"",
            );
            return None;
        };
        if network.trunc() != network {
            let trunc = network.trunc();
            let message = format!(
                "{network} has bits behind its prefix: write \"{trunc}\" for the network, or \"{}\" for the host",
                network.addr()
            );
            report.fault(&value.span(), message);
            return None;
        }
        Some(Self(network))
    }
}

impl JsonSchema for Address {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "address or network",
            "type": "string",
            "pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$"
        })
    }
}

/// Of an IPv4 address in the form of IPv6 (`::ffff:10.1.2.3`), the IPv4 address: as such peers are compared.
fn network(text: &str) -> Option<IpNet> {
    let host = || text.parse::<IpAddr>().ok().map(|it| IpNet::from(it.to_canonical()));
    let network: IpNet = host().or_else(|| text.parse().ok())?;
    match network.addr() {
        IpAddr::V6(address) if network.prefix_len() >= 96 => {
            let mapped = address.to_ipv4_mapped();
            let mapped =
                mapped.and_then(|it| IpNet::new(it.into(), network.prefix_len() - 96).ok());
            Some(mapped.unwrap_or(network))
        }
        _ => Some(network),
    }
}

/// SHA-256 of a certificate: 64 hexadecimal digits, with colons between bytes or without.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Digest(pub(in crate::settings) [u8; 32]);

impl Read for Digest {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let digest = value.get_ref().as_str().and_then(digest);
        if digest.is_none() {
            let what =
                "64 hexadecimal digits, as 'openssl x509 -noout -fingerprint -sha256' prints them";
            report.expected(value, what);
        }
        digest.map(Self)
    }
}

impl JsonSchema for Digest {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "SHA-256", "type": "string", "pattern": "^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$" })
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> =
        text.chars().filter(|&it| it != ':').map(|it| it.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok());
    let bytes: Vec<u8> = pairs.collect::<Option<_>>()?;
    (digits.len() == 64).then(|| bytes.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks() {
        for (typed, wanted) in [
            ("10.1.2.3", "10.1.2.3/32"),
            ("10.1.0.0/16", "10.1.0.0/16"),
            ("::1", "::1/128"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("::ffff:10.1.0.0/112", "10.1.0.0/16"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(network(typed), Some(wanted.parse().unwrap()), "{typed}");
        }
        for bad in ["", "10.1.2", "10.1.0.0/33", "host", "10.1.0.0/"] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }

    #[test]
    fn digests_with_colons_and_without() {
        let plain = "0f".repeat(32);
        assert_eq!(digest(&plain), Some([15; 32]));
        assert_eq!(digest(&vec!["0F"; 32].join(":")), Some([15; 32]));
        for bad in ["", "0f", &plain[1..], &format!("{plain}00"), &plain.replace('f', "g")] {
            assert_eq!(digest(bad), None, "{bad}");
        }
    }
}
