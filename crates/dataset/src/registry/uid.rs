//! Unique identifiers (PS3.5 §9).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use crate::error::Error;
use crate::limits::UID_BYTES;

/// A unique identifier that is safe in a file name and in a log line.
///
/// Holds 1 to 64 of the characters `A-Z a-z 0-9 . : @ _ -` inline, without heap memory. The standard
/// allows digits and dots only, but peers do send others, and a receiver that refused them would lose
/// objects: [`is_conformant`](Self::is_conformant) tells the two apart.
#[derive(Clone, Copy)]
pub struct Uid {
    bytes: [u8; UID_BYTES],
    len: u8,
}

impl Uid {
    /// Parses the value of a `UI` element or of a UID sub-item.
    ///
    /// Trailing NULs and spaces are padding and removed (PS3.5 §6.2, §9.1). Nothing else is removed,
    /// since that could make two different identifiers equal.
    ///
    /// # Errors
    /// [`Error::Uid`] if no letter or digit is left, more than 64 bytes are left, or one of them is
    /// outside the set named above.
    pub fn parse(raw: &[u8]) -> Result<Uid, Error> {
        let mut uid = Uid { bytes: [0; UID_BYTES], len: 0 };
        // `.` and `..` are names of folders.
        let mut named = false;
        for &byte in without_padding(raw) {
            if byte.is_ascii_alphanumeric() {
                named = true;
            } else if !is_punctuation(byte) {
                return Err(Error::Uid);
            }
            *uid.bytes.get_mut(usize::from(uid.len)).ok_or(Error::Uid)? = byte;
            uid.len += 1;
        }
        if named { Ok(uid) } else { Err(Error::Uid) }
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // All bytes are ASCII, so the conversion cannot fail.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether this is a UID as the standard defines it (PS3.5 §9.1): components of digits, separated
    /// by dots, none of them empty or with a leading zero, except `0` itself.
    #[must_use]
    pub fn is_conformant(&self) -> bool {
        self.as_str().split('.').all(|component| {
            !component.is_empty()
                && component.bytes().all(|byte| byte.is_ascii_digit())
                && (component.len() == 1 || !component.starts_with('0'))
        })
    }
}

/// The value of a UID without trailing padding: NULs, or spaces, which some senders write instead.
pub(crate) fn without_padding(raw: &[u8]) -> &[u8] {
    let end = raw.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    &raw[..end]
}

fn is_punctuation(byte: u8) -> bool {
    matches!(byte, b'.' | b':' | b'@' | b'_' | b'-')
}

impl Deref for Uid {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Uid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Uid {
    fn eq(&self, other: &Self) -> bool {
        self.bytes[..usize::from(self.len)] == other.bytes[..usize::from(other.len)]
    }
}

impl Eq for Uid {}

impl PartialOrd for Uid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Uid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialEq<str> for Uid {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Uid {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for Uid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::str::FromStr for Uid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Uid, Error> {
        Uid::parse(text.as_bytes())
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &[u8]) -> Option<String> {
        Uid::parse(raw).ok().map(|uid| uid.to_string())
    }

    #[test]
    fn padding_is_dropped() {
        assert_eq!(parsed(b"1.2.840\0"), Some("1.2.840".into()));
        assert_eq!(parsed(b"1.2.840\0\0"), Some("1.2.840".into()));
        assert_eq!(parsed(b"1.2.840  "), Some("1.2.840".into()));
        assert_eq!(parsed(b"1.2.840 \0 \0"), Some("1.2.840".into()));
    }

    #[test]
    fn what_is_no_padding_does_not_make_another_identifier() {
        for raw in [
            &b"1.2 3"[..],
            b"1.2. 3",
            b" 1.23",
            b"\x001.23",
            b"1.2\0.3",
            b"1.2\t3",
            b"1.23\t",
            b"1.23\n",
            b"1.23\r\n\0",
            b"1.2\xa03",
        ] {
            assert_eq!(parsed(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_file_name_is_refused() {
        for raw in [
            &b""[..],
            b"\0",
            b"   ",
            b"1/2",
            b"1\\2",
            b"1.\x002",
            b"..\0/",
            b"1.\xe4",
            b"1;2",
            b"~",
            b".",
            b"..",
            b"-_:@.",
        ] {
            assert_eq!(parsed(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn letters_and_marks_pass_but_do_not_conform() {
        for raw in ["1.2.a", "A-b_c:d@e", "1..2", ".1", "1.", "1.02"] {
            let uid = Uid::parse(raw.as_bytes()).unwrap();
            assert_eq!(uid, raw);
            assert!(!uid.is_conformant(), "{raw}");
        }
        for raw in ["1.2.840.10008.1.2", "0", "1.0.2"] {
            assert!(Uid::parse(raw.as_bytes()).unwrap().is_conformant(), "{raw}");
        }
    }

    #[test]
    fn the_limit_counts_what_is_left_after_cleaning() {
        let mut raw = vec![b'1'; 64];
        assert_eq!(Uid::parse(&raw).unwrap().as_str().len(), 64);
        raw.extend_from_slice(b"  \0");
        assert_eq!(Uid::parse(&raw).unwrap().as_str().len(), 64);
        assert!(Uid::parse(&[b'1'; 65]).is_err());
    }
}
