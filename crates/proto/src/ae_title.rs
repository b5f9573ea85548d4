//! Application entity titles (PS3.5 §6.2, VR AE; PS3.8 §9.3.2).

use std::fmt;

use crate::error::Error;

/// The title of an application entity: any 16 bytes, as in the field of a PDU.
///
/// The standard forbids control characters, bytes outside ASCII and blank titles, but peers use all of
/// them. They are kept and sent back unchanged. [`Display`](fmt::Display) shows the title as Latin-1.
///
/// Memory: 16 bytes, no heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AeTitle {
    field: [u8; AeTitle::BYTES],
}

impl AeTitle {
    /// Longest title, and the size of its field in a PDU.
    pub const BYTES: usize = 16;

    /// Takes the field of a PDU as it is.
    #[must_use]
    pub fn from_field(field: [u8; AeTitle::BYTES]) -> AeTitle {
        AeTitle { field }
    }

    /// Parses a title by the rules of the standard, for an application entity of our own.
    ///
    /// # Errors
    /// [`Error::AeTitle`] if it is blank, longer than 16 bytes, or has a control character.
    pub fn parse(raw: &[u8]) -> Result<AeTitle, Error> {
        let text = without_padding(raw);
        let control = text.iter().any(u8::is_ascii_control);
        if text.is_empty() || text.len() > AeTitle::BYTES || control {
            return Err(Error::AeTitle);
        }
        let mut field = [b' '; AeTitle::BYTES];
        field[..text.len()].copy_from_slice(text);
        Ok(AeTitle { field })
    }

    /// The title without padding: trailing spaces, and anything after a NUL, are dropped; leading spaces
    /// are kept. Empty for a blank title.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        without_padding(&self.field)
    }

    /// The 16 bytes of the field in a PDU.
    #[must_use]
    pub fn field(&self) -> [u8; AeTitle::BYTES] {
        self.field
    }
}

fn without_padding(raw: &[u8]) -> &[u8] {
    let text = raw.split(|&byte| byte == 0).next().unwrap_or_default();
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
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
    fn any_field_is_a_title() {
        for (field, title, shown) in [
            (b"A\nB\x07\x7f\0C        \0", &b"A\nB\x07\x7f"[..], "A?B??"),
            (b"                ", b"", ""),
            (b"\0ABC            ", b"", ""),
            (b"TAB\t            ", b"TAB\t", "TAB?"),
            (b"ABCDEFGHIJKLMNO\xFC", b"ABCDEFGHIJKLMNO\xFC", "ABCDEFGHIJKLMNO\u{fc}"),
        ] {
            let title_of_field = AeTitle::from_field(*field);
            assert_eq!(title_of_field.as_bytes(), title);
            assert_eq!(title_of_field.to_string(), shown);
            assert_eq!(title_of_field.field(), *field);
        }
    }

    #[test]
    fn blank_long_and_control_characters_are_refused() {
        for raw in [&b""[..], b"                ", b"\0\0\0\0", b"A\nB", b"ABCDEFGHIJKLMNOPQ"] {
            assert!(matches!(AeTitle::parse(raw), Err(Error::AeTitle)), "{raw:?}");
        }
    }
}
