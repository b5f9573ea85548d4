//! The name of an intent, which says what the file does not.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What is known of an object beside its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// When its C-STORE-RQ came, to the nanosecond.
    pub received: SystemTime,
    /// The number of its association.
    pub association: u64,
    /// Tells apart the objects of one association.
    pub sequence: u32,
    /// The object has no other name than its intent: it is kept until it is delivered.
    pub is_alone: bool,
    /// Which rule decided: a number that is the same for the same name of a rule, whatever run of the program; 0 for none.
    pub route: u32,
    /// Calling AE title as sent (PS3.8 §9.3.2).
    pub calling: [u8; 16],
    /// Called AE title as sent.
    pub called: [u8; 16],
    /// The peer's address.
    pub address: IpAddr,
}

/// The name of an intent: an envelope as text, `a` to `z` and `2` to `7`, at most [`IntentName::MOST`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntentName(Box<str>);

impl IntentName {
    /// The longest name, in bytes.
    pub const MOST: usize = 200;

    /// The characters of names, in their order.
    pub(crate) const CHARACTERS: [char; 32] = {
        let mut characters = ['a'; 32];
        let mut at = 0;
        while at < characters.len() {
            characters[at] = DIGITS[at] as char;
            at += 1;
        }
        characters
    };

    /// Reads a name, which may be anything.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_fine = |byte: u8| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte);
        let fits = (8..=Self::MOST).contains(&text.len());
        (fits && text.bytes().all(is_fine)).then(|| Self(text.into()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IntentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of the encoding.
const VERSION: u8 = 1;

/// Base32 (RFC 4648 §6), in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

impl Envelope {
    /// As the name of an intent.
    #[must_use]
    pub fn name(&self) -> IntentName {
        let nanoseconds = self.received.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut bytes = Vec::with_capacity(80);
        bytes.push(VERSION);
        bytes.extend(u64::try_from(nanoseconds).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend(self.association.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.push(u8::from(self.is_alone));
        bytes.extend(self.route.to_be_bytes());
        for title in [&self.calling, &self.called] {
            bytes.extend(title);
        }
        match self.address {
            IpAddr::V4(address) => bytes.extend(address.octets()),
            IpAddr::V6(address) => bytes.extend(address.octets()),
        }
        IntentName(base32(&bytes).into())
    }

    /// Reads the name of an intent, which may be anything.
    #[must_use]
    pub fn parse(name: &IntentName) -> Option<Self> {
        let bytes = from_base32(name.as_str())?;
        let mut rest = bytes.as_slice();
        let [VERSION] = take(&mut rest)? else { return None };
        let received =
            UNIX_EPOCH.checked_add(Duration::from_nanos(u64::from_be_bytes(take(&mut rest)?)))?;
        let association = u64::from_be_bytes(take(&mut rest)?);
        let sequence = u32::from_be_bytes(take(&mut rest)?);
        let [alone @ (0 | 1)] = take(&mut rest)? else { return None };
        let route = u32::from_be_bytes(take(&mut rest)?);
        let (calling, called) = (take(&mut rest)?, take(&mut rest)?);
        let address = match rest.len() {
            4 => IpAddr::from(take::<4>(&mut rest)?),
            16 => IpAddr::from(take::<16>(&mut rest)?),
            _ => return None,
        };
        let is_alone = alone == 1;
        Some(Self { received, association, sequence, is_alone, route, calling, called, address })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for &byte in bytes {
        held = held << 8 | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(DIGITS[(held >> bits) as usize % 32]));
        }
    }
    if bits > 0 {
        text.push(char::from(DIGITS[(held << (5 - bits)) as usize % 32]));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut held, mut bits, mut bytes) = (0_u32, 0, Vec::with_capacity(text.len() * 5 / 8));
    for byte in text.bytes() {
        let digit = DIGITS.iter().position(|&it| it == byte)?;
        held = held << 5 | u32::try_from(digit).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_comes_back_from_its_name() {
        for address in ["10.1.2.3", "fe80::1:2"] {
            let envelope = Envelope {
                received: UNIX_EPOCH + Duration::from_nanos(1_796_000_000_123_456_789),
                association: u64::MAX,
                sequence: 7,
                is_alone: address.len() > 8,
                route: 0xDEAD_BEEF,
                calling: *b"CT \\'\"/..\0;$\xFF  x",
                called: [b' '; 16],
                address: address.parse().unwrap(),
            };
            let name = envelope.name();
            assert!(name.as_str().len() <= 130, "{name}");
            assert_eq!(IntentName::parse(name.as_str()), Some(name.clone()));
            assert_eq!(Envelope::parse(&name), Some(envelope));
        }
    }

    #[test]
    fn what_is_no_envelope_is_none() {
        for text in ["", "aaaaaaaa", "../../../etc/passwd", "AAAAAAAAAAAA", &"a".repeat(201)] {
            let parsed = IntentName::parse(text).and_then(|name| Envelope::parse(&name));
            assert_eq!(parsed, None, "{text}");
        }
    }
}
