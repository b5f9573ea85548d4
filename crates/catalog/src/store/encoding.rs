//! How values are kept in columns.

use super::database::Value;
use crate::limits::{FILE_KEY_BYTES, REASON_BYTES, TEXT_BYTES, WILDCARDS};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01; negative ones before.
pub(crate) fn from_time(time: SystemTime) -> i64 {
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    }
}

/// The time of [`from_time`].
pub(crate) fn to_time(micros: i64) -> SystemTime {
    let distance = Duration::from_micros(micros.unsigned_abs());
    let time = if micros < 0 {
        UNIX_EPOCH.checked_sub(distance)
    } else {
        UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(UNIX_EPOCH)
}

/// A duration in microseconds.
pub(crate) fn from_duration(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// A size or a count.
pub(crate) fn from_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Any 64 bits.
pub(crate) fn from_bits(number: u64) -> i64 {
    number.cast_signed()
}

/// A text of a data set or a peer: without NUL, which PostgreSQL does not keep, and bounded.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    bounded(text, TEXT_BYTES)
}

/// Likewise; `NULL` if there is none, or an empty one.
pub(crate) fn optional_text(text: Option<&str>) -> Value<'_> {
    match text {
        None | Some("") => Value::Null,
        Some(some) => self::text(some).into(),
    }
}

/// A reason, likewise.
pub(crate) fn reason(reason: &str) -> Cow<'_, str> {
    bounded(reason, REASON_BYTES)
}

/// A text without NUL, whatever its length.
pub(crate) fn whole(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{FFFD}"))
    } else {
        Cow::Borrowed(text)
    }
}

fn bounded(text: &str, bytes: usize) -> Cow<'_, str> {
    // What takes the place of a NUL is longer.
    match whole(cut(text, bytes)) {
        Cow::Borrowed(text) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(cut(&text, bytes).to_owned()),
    }
}

/// The beginning of a text: whole characters.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text for searching without regard to case.
pub(crate) fn folded(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    bounded(&lower, TEXT_BYTES).into_owned()
}

/// Likewise; `NULL` if there is none, or an empty one.
pub(crate) fn optional_folded(text: Option<&str>) -> Value<'static> {
    match text.map(folded) {
        None => Value::Null,
        Some(text) if text.is_empty() => Value::Null,
        Some(text) => text.into(),
    }
}

/// What a text that is searched for means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Anything, also where there is no value.
    Anything,
    /// Exactly this, in lower case.
    Exactly(String),
    /// This pattern of `LIKE … ESCAPE '!'`, in lower case.
    Like(String),
}

/// Reads a text with `*` (any characters, or none) and `?` (one character) as wildcards. Wildcards past
/// [`WILDCARDS`] stand for themselves, so that a search stays cheap.
pub(crate) fn pattern(text: &str) -> Pattern {
    let folded = folded(text);
    if folded.is_empty() || folded.chars().all(|c| c == '*') {
        return Pattern::Anything;
    }
    if !folded.contains(['*', '?']) {
        return Pattern::Exactly(folded);
    }
    let mut like = String::with_capacity(folded.len() + 8);
    let mut wildcards = 0;
    let mut before = None;
    for character in folded.chars() {
        match character {
            '*' if before == Some('*') => {}
            '*' if wildcards < WILDCARDS => {
                wildcards += 1;
                like.push('%');
            }
            '?' => like.push('_'),
            '%' | '_' | '!' => like.extend(['!', character]),
            other => like.push(other),
        }
        before = Some(character);
    }
    Pattern::Like(like)
}

/// A path as text, without loss: bytes that are not UTF-8, NUL and `%` become `%` with two hexadecimal digits.
pub(crate) fn from_path(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '%' | '\0' => {
                    write!(text, "%{:02X}", u32::from(character)).expect("a String takes all");
                }
                other => text.push(other),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "%{byte:02X}").expect("a String takes all");
        }
    }
    text
}

/// The path of [`from_path`].
pub(crate) fn to_path(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            _ => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// By which the file of an instance is found: itself, or if it is long, its beginning and a digest.
pub(crate) fn file_key(file: &str) -> Cow<'_, str> {
    if file.len() <= FILE_KEY_BYTES {
        return whole(file);
    }
    let digest = openssl::sha::sha256(file.as_bytes());
    let mut key = bounded(file, FILE_KEY_BYTES - 65).into_owned();
    key.push('#');
    for byte in digest {
        write!(key, "{byte:02x}").expect("a String takes all");
    }
    Cow::Owned(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsStr;

    #[test]
    fn wildcards_become_those_of_like() {
        for (text, expected) in [
            ("Meier", Pattern::Exactly("meier".to_owned())),
            ("", Pattern::Anything),
            ("***", Pattern::Anything),
            ("a*b?", Pattern::Like("a%b_".to_owned())),
            ("50%*", Pattern::Like("50!%%".to_owned())),
            ("a_!**", Pattern::Like("a!_!!%".to_owned())),
            ("É*", Pattern::Like("é%".to_owned())),
        ] {
            assert_eq!(pattern(text), expected, "{text}");
        }
    }

    /// However many there are, a pattern has few of the wildcards that cost much.
    #[test]
    fn wildcards_are_bounded() {
        let Pattern::Like(like) = pattern(&"*a".repeat(400)) else { panic!("a pattern") };
        assert_eq!(like.matches('%').count(), WILDCARDS);
    }

    #[test]
    fn long_files_have_keys_of_their_own() {
        let (one, other) = ("a/".repeat(2000), "a/".repeat(1999) + "b/");
        assert_eq!(file_key("short"), "short");
        assert_ne!(file_key(&one), file_key(&other));
        assert!(file_key(&one).len() <= FILE_KEY_BYTES);
    }

    proptest! {
        #[test]
        fn a_path_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let path = Path::new(OsStr::from_bytes(&bytes));
            let text = from_path(path);
            prop_assert!(!text.contains('\0'));
            prop_assert_eq!(to_path(&text), path);
        }

        #[test]
        fn a_time_comes_back(micros in any::<i64>()) {
            let micros = micros / 2;
            prop_assert_eq!(from_time(to_time(micros)), micros);
        }

        #[test]
        fn a_text_is_bounded_and_without_nul(sent in ".{0,600}") {
            let kept = text(&sent);
            prop_assert!(kept.len() <= TEXT_BYTES && !kept.contains('\0'));
        }
    }
}
