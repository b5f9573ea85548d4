//! Text from peers, made safe to show.

use dataset::Uid;
use proto::AeTitle;
use std::fmt::Write;

/// A title as Latin-1; control characters and `\` as `\x1b`, so that no two titles look the same.
pub(crate) fn title(title: &AeTitle) -> String {
    let mut text = String::with_capacity(AeTitle::BYTES);
    for &byte in title.as_bytes() {
        let character = char::from(byte);
        if character.is_control() || character == '\\' {
            let _ = write!(text, "\\x{byte:02x}");
        } else {
            text.push(character);
        }
    }
    text
}

/// A UID; `None` if it has characters other than digits and dots, since then it may be anything, a name too.
pub(crate) fn uid(uid: &Uid) -> Option<String> {
    is_plain_uid(uid.as_str()).then(|| uid.to_string())
}

/// Whether it has only digits and dots, and no more of them than a UID can have.
pub(crate) fn is_plain_uid(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// At most so many bytes of a text, with `…` where it is cut. Control characters, and those that change the direction
/// of writing, are replaced by `?`.
pub(crate) fn bounded(text: &str, most: usize) -> Box<str> {
    const ELLIPSIS: &str = "…";
    let shown = |character: char| match character {
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        other if other.is_control() => '?',
        other => other,
    };
    let mut safe = String::with_capacity(text.len().min(most));
    for character in text.chars().map(shown) {
        if safe.len() + character.len_utf8() + ELLIPSIS.len() > most && text.len() > most {
            safe.push_str(ELLIPSIS);
            break;
        }
        safe.push(character);
    }
    safe.into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_told_apart_and_printable() {
        for (field, shown) in [
            (b"CT1             ", "CT1"),
            (b"M\xdcNCHEN \"A\"     ", "MÜNCHEN \"A\""),
            (b"A\x1b[31mB\\x1b     ", r"A\x1b[31mB\x5cx1b"),
            (b"A\x9b\r\nB\x7f          ", r"A\x9b\x0d\x0aB\x7f"),
            (b"                ", ""),
        ] {
            assert_eq!(title(&AeTitle::from_field(*field)), shown);
        }
    }

    #[test]
    fn what_may_be_a_name_is_no_uid() {
        let shown = |text: &str| uid(&Uid::parse(text.as_bytes()).unwrap());
        assert_eq!(shown("1.2.840.010"), Some("1.2.840.010".to_owned()));
        assert_eq!(shown("1.2.MUELLER"), None);
        assert_eq!(shown("19450301_HANS"), None);
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(&*bounded("short", 5), "short");
        assert_eq!(&*bounded("a\u{1b}[2J\n\u{202e}b", 99), "a?[2J??b");
        assert_eq!(&*bounded("longer", 5), "lo…");
        for most in 3..36 {
            let cut = bounded("ÄÖÜ山田太郎ÄÖÜ山田太郎", most);
            assert!(cut.len() <= most && cut.ends_with('…'), "{most}: {cut}");
        }
    }
}
