//! Application entity titles (PS3.5 §6.2, VR AE; PS3.8 §9.3.2).

use std::fmt;

use crate::Error;

/// The title of an application entity: 1 to 16 bytes, not all blank, no control characters.
///
/// Leading spaces count, trailing ones and what follows a NUL are padding. Bytes outside ASCII are
/// against the standard but kept, for peers that have them; [`Display`](fmt::Display) shows them as
/// Latin-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AeTitle {
    bytes: [u8; AeTitle::BYTES],
    len: u8,
}

impl AeTitle {
    /// Longest title, and the size of its field in a PDU.
    pub const BYTES: usize = 16;

    /// Reads a title as typed, or as found in the field of a PDU.
    ///
    /// # Errors
    /// [`Error::AeTitle`] if it is blank, longer than 16 bytes, or has a control character.
    pub fn parse(raw: &[u8]) -> Result<AeTitle, Error> {
        let text = raw.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii_end();
        let control = text.iter().any(u8::is_ascii_control);
        if text.is_empty() || text.len() > AeTitle::BYTES || control {
            return Err(Error::AeTitle);
        }
        let mut title = AeTitle { bytes: [b' '; AeTitle::BYTES], len: 0 };
        for (to, from) in title.bytes.iter_mut().zip(text) {
            *to = *from;
            title.len += 1;
        }
        Ok(title)
    }

    /// The title without padding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The title padded with spaces to the field of a PDU.
    #[must_use]
    pub fn field(&self) -> [u8; AeTitle::BYTES] {
        self.bytes
    }
}

impl std::str::FromStr for AeTitle {
    type Err = Error;

    fn from_str(text: &str) -> Result<AeTitle, Error> {
        AeTitle::parse(text.as_bytes())
    }
}

impl fmt::Display for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.as_bytes().iter().map(|&byte| printable(byte)).collect();
        f.pad(&text)
    }
}

impl fmt::Debug for AeTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AeTitle({self})")
    }
}

/// The byte as a Latin-1 character, `?` for a control character.
pub(crate) fn printable(byte: u8) -> char {
    let character = char::from(byte);
    if character.is_control() { '?' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_dropped_and_leading_spaces_stay() {
        let title = AeTitle::parse(b"  STORESCP\0\0    ").unwrap();
        assert_eq!(title.as_bytes(), b"  STORESCP");
        assert_eq!(&title.field(), b"  STORESCP      ");
        assert_eq!(title, "  STORESCP".parse().unwrap());
    }

    #[test]
    fn latin_1_is_kept_and_shown() {
        let title = AeTitle::parse(b"M\xDCNCHEN").unwrap();
        assert_eq!(title.as_bytes(), b"M\xDCNCHEN");
        assert_eq!(title.to_string(), "MÜNCHEN");
        assert_eq!(AeTitle::parse(b"A\x85B").unwrap().to_string(), "A?B");
    }

    #[test]
    fn blank_long_and_control_characters_are_refused() {
        for raw in [&b""[..], b"                ", b"\0\0\0\0", b"A\nB", b"ABCDEFGHIJKLMNOPQ"] {
            assert!(matches!(AeTitle::parse(raw), Err(Error::AeTitle)), "{raw:?}");
        }
    }
}
