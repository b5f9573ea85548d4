//! What a verified certificate says of its owner.
//!
//! The owner of a certificate may have chosen what is in it. So names are bounded, a NUL cuts nothing off, and no
//! control character is passed on as it is.

use crate::limits::{CERTIFICATE_NAME_BYTES, CERTIFICATE_NAMES};
use openssl::asn1::Asn1Object;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::ssl::{SslRef, SslVerifyMode};
use openssl::x509::{GeneralNameRef, X509Ref, X509VerifyResult};
use std::fmt::Write;
use std::net::IpAddr;
use tracing::warn;

/// What a verified certificate says of its owner (RFC 5280 §4.1.2.6, §4.2.1.6).
///
/// Holds at most [`CERTIFICATE_NAME_BYTES`] for the subject, and as much for all alternative names together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The subject as RFC 2253 writes it, most specific part first: `CN=ct1,OU=Radiology,O=Example`. Letters beyond
    /// ASCII are UTF-8; control characters are escaped (`\0A`). Empty if it is longer than
    /// [`CERTIFICATE_NAME_BYTES`].
    pub subject: String,
    /// Subject alternative names: DNS names, addresses, URIs, e-mail addresses, at most [`CERTIFICATE_NAMES`]. Those
    /// with anything but printable ASCII are left out.
    pub alternative_names: Vec<String>,
    /// SHA-256 of the certificate in DER.
    pub fingerprint: [u8; 32],
}

impl PeerCertificate {
    /// The certificate that the peer of this connection has shown; `None` if it has shown none, or one that was not
    /// verified. Also of a session that was resumed.
    pub(super) fn of(ssl: &SslRef) -> Option<Self> {
        let is_verified = ssl.verify_mode().contains(SslVerifyMode::PEER)
            && ssl.verify_result() == X509VerifyResult::OK;
        let certificate = ssl.peer_certificate().filter(|_| is_verified)?;
        Self::read(&certificate)
    }

    fn read(certificate: &X509Ref) -> Option<Self> {
        let digest = certificate.digest(MessageDigest::sha256()).ok()?;
        let subject = certificate.subject_name().to_der().ok()?;
        let subject = distinguished_name(&subject).unwrap_or_else(|| {
            warn!(
                "the subject of the peer's certificate is unreadable or longer than {CERTIFICATE_NAME_BYTES} bytes, \
                 so it is not used"
            );
            String::new()
        });
        let alternative_names = alternative_names(certificate);
        Some(Self { subject, alternative_names, fingerprint: (*digest).try_into().ok()? })
    }
}

/// The names that can be written as text, as far as there is room.
fn alternative_names(certificate: &X509Ref) -> Vec<String> {
    let found = certificate.subject_alt_names();
    let (mut names, mut bytes) = (Vec::new(), 0);
    for name in found.iter().flatten() {
        let Some(name) = alternative_name(name) else { continue };
        bytes += name.len();
        if bytes > CERTIFICATE_NAME_BYTES || names.len() == CERTIFICATE_NAMES {
            warn!(
                "the peer's certificate has more than {CERTIFICATE_NAMES} alternative names, or more than \
                 {CERTIFICATE_NAME_BYTES} bytes of them: only the first {} are used",
                names.len()
            );
            break;
        }
        names.push(name);
    }
    names
}

fn alternative_name(name: &GeneralNameRef) -> Option<String> {
    if let Some(address) = name.ipaddress() {
        let v4 = <[u8; 4]>::try_from(address).map(IpAddr::from);
        let address = v4.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from));
        return address.ok().map(|address| address.to_string());
    }
    let text = name.dnsname().or_else(|| name.uri()).or_else(|| name.email())?;
    text.bytes().all(|byte| byte.is_ascii_graphic()).then(|| text.to_owned())
}

/// A Name in DER (RFC 5280 §4.1.2.4) as RFC 2253 writes it. `None` if it is not DER, or too long.
fn distinguished_name(der: &[u8]) -> Option<String> {
    let (SEQUENCE, mut sets, []) = element(der)? else { return None };
    let mut parts = Vec::new();
    let mut bytes = 0;
    while !sets.is_empty() {
        let (SET, attributes, rest) = element(sets)? else { return None };
        let part = relative_name(attributes)?;
        bytes += part.len() + 1;
        if bytes > CERTIFICATE_NAME_BYTES {
            return None;
        }
        parts.push(part);
        sets = rest;
    }
    parts.reverse();
    Some(parts.join(","))
}

/// The attributes of one set: nearly always one.
fn relative_name(mut attributes: &[u8]) -> Option<String> {
    let mut text = String::new();
    while !attributes.is_empty() {
        let (SEQUENCE, attribute, rest) = element(attributes)? else { return None };
        let (OBJECT_IDENTIFIER, kind, value) = element(attribute)? else { return None };
        let (tag, content, []) = element(value)? else { return None };
        if !text.is_empty() {
            text.push('+');
        }
        let number = dotted(kind)?;
        match (short_name(&number), decoded(tag, content)) {
            (Some(name), Some(value)) => write!(text, "{name}={}", escaped(&value)).ok()?,
            (name, _) => {
                write!(text, "{}=#", name.unwrap_or(&number)).ok()?;
                value.iter().try_for_each(|byte| write!(text, "{byte:02X}")).ok()?;
            }
        }
        if text.len() > CERTIFICATE_NAME_BYTES {
            return None;
        }
        attributes = rest;
    }
    Some(text)
}

/// `CN` for 2.5.4.3.
fn short_name(number: &str) -> Option<&'static str> {
    let nid = Asn1Object::from_str(number).ok()?.nid();
    if nid == Nid::UNDEF { None } else { nid.short_name().ok() }
}

/// The text of a string type of ASN.1; `None` if it is none, or no valid one.
fn decoded(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        UTF8_STRING => String::from_utf8(content.to_vec()).ok(),
        NUMERIC_STRING | PRINTABLE_STRING | IA5_STRING | VISIBLE_STRING => {
            content.is_ascii().then(|| content.iter().copied().map(char::from).collect())
        }
        // As everybody reads it, Latin-1.
        TELETEX_STRING => Some(content.iter().copied().map(char::from).collect()),
        BMP_STRING if content.len().is_multiple_of(2) => {
            let units = content.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).collect::<Result<_, _>>().ok()
        }
        UNIVERSAL_STRING if content.len().is_multiple_of(4) => {
            let four = |it: &[u8]| u32::from_be_bytes([it[0], it[1], it[2], it[3]]);
            content.chunks_exact(4).map(|it| char::from_u32(four(it))).collect()
        }
        _ => None,
    }
}

/// RFC 2253 §2.4.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, letter) in value.chars().enumerate() {
        let at_an_end = (at == 0 && matches!(letter, ' ' | '#')) || (at == last && letter == ' ');
        if letter.is_control() {
            for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                text.push_str(&format!("\\{byte:02X}"));
            }
            continue;
        }
        if at_an_end || matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';') {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// An object identifier as numbers with dots.
fn dotted(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    let mut number = 0_u64;
    let (mut is_first, mut is_open) = (true, false);
    for byte in content {
        number = number.checked_mul(128)? | u64::from(byte & 0x7F);
        is_open = byte & 0x80 != 0;
        if is_open {
            continue;
        }
        if is_first {
            let root = (number / 40).min(2);
            write!(text, "{root}.{}", number - 40 * root).ok()?;
        } else {
            write!(text, ".{number}").ok()?;
        }
        (number, is_first) = (0, false);
    }
    (!is_first && !is_open).then_some(text)
}

/// The first element of DER: its tag, its content, and what is behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const NUMERIC_STRING: u8 = 0x12;
const PRINTABLE_STRING: u8 = 0x13;
const TELETEX_STRING: u8 = 0x14;
const IA5_STRING: u8 = 0x16;
const VISIBLE_STRING: u8 = 0x1A;
const UNIVERSAL_STRING: u8 = 0x1C;
const BMP_STRING: u8 = 0x1E;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::asn1::Asn1Type;
    use openssl::x509::{X509Name, X509NameBuilder};

    fn name(entries: &[(&str, &str, Asn1Type)]) -> X509Name {
        let mut name = X509NameBuilder::new().unwrap();
        for (kind, value, encoding) in entries {
            name.append_entry_by_text_with_type(kind, value, *encoding).unwrap();
        }
        name.build()
    }

    fn written(entries: &[(&str, &str, Asn1Type)]) -> Option<String> {
        distinguished_name(&name(entries).to_der().unwrap())
    }

    /// As `openssl x509 -subject -nameopt RFC2253,-esc_msb,utf8` writes them.
    #[test]
    fn subjects_are_written_as_rfc_2253_says() {
        let utf8 = Asn1Type::UTF8STRING;
        for (entries, expected) in [
            (&[][..], ""),
            (
                &[
                    ("C", "DE", Asn1Type::PRINTABLESTRING),
                    ("O", "Example, Inc.", utf8),
                    ("OU", "Radiology", utf8),
                    ("CN", "ct1", utf8),
                ],
                r"CN=ct1,OU=Radiology,O=Example\, Inc.,C=DE",
            ),
            (&[("CN", "Müller", utf8)], "CN=Müller"),
            (&[("CN", " #a ", utf8)], r"CN=\ #a\ "),
            (&[("CN", "#a", utf8)], r"CN=\#a"),
            (&[("CN", r#"a+"\<>;=b"#, utf8)], r#"CN=a\+\"\\\<\>\;=b"#),
            (&[("emailAddress", "a@b", Asn1Type::IA5STRING)], "emailAddress=a@b"),
        ] {
            assert_eq!(written(entries).as_deref(), Some(expected), "{entries:?}");
        }
    }

    #[test]
    fn each_string_type_is_read_in_its_encoding() {
        for (tag, content, expected) in [
            (UTF8_STRING, &b"M\xC3\xBCller"[..], Some("Müller")),
            (TELETEX_STRING, b"M\xFCller", Some("Müller")),
            (BMP_STRING, b"\0M\0\xFC", Some("Mü")),
            (BMP_STRING, b"\xD8\x3D\xDE\x00", Some("😀")),
            (UNIVERSAL_STRING, b"\0\0\0M\0\0\0\xFC", Some("Mü")),
            (PRINTABLE_STRING, b"ct1", Some("ct1")),
            (UTF8_STRING, b"M\xFC", None),
            (PRINTABLE_STRING, b"M\xFC", None),
            (BMP_STRING, b"\0M\0", None),
            (BMP_STRING, b"\xD8\x3D", None),
            (UNIVERSAL_STRING, b"\xFF\0\0\0", None),
            (SEQUENCE, b"ct1", None),
        ] {
            assert_eq!(decoded(tag, content).as_deref(), expected, "{tag:02X} {content:?}");
        }
    }

    /// `CN=admin`, a NUL and more; line feed and escape sequences for terminals.
    #[test]
    fn control_characters_are_escaped_and_a_nul_cuts_nothing_off() {
        let utf8 = Asn1Type::UTF8STRING;
        let found = written(&[("CN", "admin\0.evil\n\u{1b}[2J\u{85}", utf8)]);
        assert_eq!(found.as_deref(), Some(r"CN=admin\00.evil\0A\1B[2J\C2\85"));
    }

    #[test]
    fn a_name_that_is_too_long_is_none() {
        let utf8 = Asn1Type::UTF8STRING;
        let long = "x".repeat(60);
        let many = vec![("OU", long.as_str(), utf8); CERTIFICATE_NAME_BYTES / 64 + 1];
        assert_eq!(written(&many), None);
        assert!(written(&many[..CERTIFICATE_NAME_BYTES / 64 - 1]).is_some());
    }

    #[test]
    fn names_of_several_attributes_and_unknown_kinds_are_kept_apart() {
        // SET of CN=a and OU=b, and a kind of attribute that nobody knows.
        let cn = b"\x30\x08\x06\x03\x55\x04\x03\x0C\x01a";
        let ou = b"\x30\x08\x06\x03\x55\x04\x0B\x0C\x01b";
        let own = b"\x30\x0A\x06\x05\x2A\x86\x48\xCE\x7F\x0C\x01c";
        let set = |attributes: &[&[u8]]| {
            let all = attributes.concat();
            [&[SET, u8::try_from(all.len()).unwrap()], &all[..]].concat()
        };
        let sets = [set(&[own]), set(&[cn, ou])].concat();
        let der = [&[SEQUENCE, u8::try_from(sets.len()).unwrap()], &sets[..]].concat();
        let expected = "CN=a+OU=b,1.2.840.10111=#0C0163";
        assert_eq!(distinguished_name(&der).as_deref(), Some(expected));
    }

    /// Every truncation, and every byte changed.
    #[test]
    fn what_is_not_der_is_no_name_and_no_panic() {
        let der = name(&[("CN", "ct1", Asn1Type::UTF8STRING), ("OU", "x", Asn1Type::UTF8STRING)]);
        let der = der.to_der().unwrap();
        for end in 0..der.len() {
            assert_eq!(distinguished_name(&der[..end]), None, "{end}");
        }
        for at in 0..der.len() {
            for byte in 0..=0xFF {
                let mut changed = der.clone();
                changed[at] = byte;
                let text = distinguished_name(&changed).unwrap_or_default();
                assert!(!text.contains(char::is_control), "{text:?}");
            }
        }
    }
}
