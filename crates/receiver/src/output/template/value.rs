//! Values of attributes as text.

use dataset::dictionary::EntryVr;
use dataset::{NotedValue, Vr};

/// A value as text, and a number made from what was cut off it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextValue {
    pub(super) text: String,
    pub(super) vr: Option<Vr>,
    pub(super) rest: Option<u64>,
}

/// The first value of an attribute, without padding, in UTF-8; `None` if it is empty, or is nothing that can be text.
/// `standard` is its VR by the standard, where the data set does not say.
pub(super) fn first_value(
    noted: &NotedValue<'_>,
    standard: Option<EntryVr>,
    character_set: Option<&[u8]>,
) -> Option<TextValue> {
    let vr = match (noted.vr, standard) {
        (Vr::UN, Some(EntryVr::Exact(vr))) => Some(vr),
        (Vr::UN, _) => None,
        (vr, _) => Some(vr),
    };
    if matches!(vr, Some(Vr::OB | Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::OW | Vr::SQ)) {
        return None;
    }
    match vr.and_then(|vr| noted.numbers(vr)) {
        Some(mut numbers) => Some(TextValue { text: numbers.next()?, vr, rest: None }),
        None => text(noted, vr, character_set),
    }
}

fn text(noted: &NotedValue<'_>, vr: Option<Vr>, character_set: Option<&[u8]>) -> Option<TextValue> {
    let text = noted.text(vr.unwrap_or(Vr::UN), character_set);
    let has_one_value = matches!(vr, Some(Vr::LT | Vr::ST | Vr::UT | Vr::UR));
    let first = if has_one_value { &text } else { text.split('\\').next().unwrap_or_default() };
    // What was cut off belongs to another value.
    let rest = noted.rest.filter(|_| first.len() == text.len());
    let mut first = first.trim_matches([' ', '\0']);
    if vr == Some(Vr::PN) {
        // Empty components at the end may be left out (PS3.5 §6.2).
        first = first.trim_end_matches(['^', '=', ' ', '\0']);
    }
    (!first.is_empty()).then(|| TextValue { text: first.to_owned(), vr, rest })
}

/// An integer with zeros in front, at least `width` digits; other text as it is.
pub(super) fn padded(text: &str, width: usize) -> String {
    let unsigned = text.trim_start_matches('+');
    let (sign, digits) = match unsigned.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", unsigned),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    // Zeros mean nothing, so that a number is one text however it is sent.
    format!("{sign}{:0>width$}", digits.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(bytes: &[u8], vr: Vr) -> NotedValue<'_> {
        NotedValue { bytes, vr, big_endian: false, rest: None }
    }

    fn read(bytes: &[u8], vr: Vr) -> Option<String> {
        first_value(&noted(bytes, vr), None, None).map(|it| it.text)
    }

    #[test]
    fn the_first_value_counts_without_padding() {
        for (bytes, vr, text) in [
            (&b"4711 "[..], Vr::LO, Some("4711")),
            (b"1.2.3\0", Vr::UI, Some("1.2.3")),
            (b"ORIGINAL\\PRIMARY", Vr::CS, Some("ORIGINAL")),
            (b"a\\b", Vr::LT, Some("a\\b")),
            (b"\\b", Vr::LO, None),
            (b"Doe^Jane^^", Vr::PN, Some("Doe^Jane")),
            (b"^^", Vr::PN, None),
            (b"  ", Vr::LO, None),
            (b"\x00\x02\x01\x00", Vr::US, Some("512")),
            (b"\xff\xff", Vr::SS, Some("-1")),
            (b"\x01", Vr::US, None),
            (b"\x10\x00\x20\x00", Vr::AT, Some("00100020")),
            (b"\x00\x00\xc0\x3f", Vr::FL, Some("1.5")),
            (b"abc", Vr::OB, None),
            (b"abc", Vr::SQ, None),
            (b"abc", Vr::UN, Some("abc")),
        ] {
            assert_eq!(read(bytes, vr).as_deref(), text, "{bytes:?}");
        }
        let big = NotedValue { big_endian: true, ..noted(b"\x02\x00", Vr::US) };
        assert_eq!(first_value(&big, None, None).unwrap().text, "512");
    }

    #[test]
    fn what_the_data_set_does_not_say_the_standard_says() {
        let us = Some(EntryVr::Exact(Vr::US));
        let value = first_value(&noted(b"\x00\x02", Vr::UN), us, None).unwrap();
        assert_eq!((value.text.as_str(), value.vr), ("512", Some(Vr::US)));
        let value = first_value(&noted(b"7 ", Vr::IS), us, None).unwrap();
        assert_eq!((value.text.as_str(), value.vr), ("7", Some(Vr::IS)));
    }

    #[test]
    fn text_is_read_in_its_character_set() {
        let read = |declared: &[u8], bytes: &[u8]| {
            first_value(&noted(bytes, Vr::LO), None, Some(declared)).unwrap().text
        };
        assert_eq!(read(b"ISO_IR 100", b"Sch\xe4del"), "Schädel");
        assert_eq!(read(b"ISO_IR 192", "頭部".as_bytes()), "頭部");
        assert_eq!(read(b"ISO 2022 IR 6\\ISO 2022 IR 87", b"\x1b$BF,It\x1b(B\\x"), "頭部");
        // The second byte of a character is no separator.
        assert_eq!(read(b"GBK", b"\x81\x5c"), "乗");
    }

    #[test]
    fn a_character_that_was_cut_does_not_spoil_the_others() {
        let text = "é".repeat(10);
        let bytes = &text.as_bytes()[..19];
        let cut = NotedValue { rest: Some(7), ..noted(bytes, Vr::LO) };
        let value = first_value(&cut, None, Some(b"ISO_IR 192")).unwrap();
        assert_eq!((value.text, value.rest), ("é".repeat(9), Some(7)));
        let first = NotedValue { rest: Some(7), ..noted(b"a\\bcd", Vr::LO) };
        assert_eq!(first_value(&first, None, None).unwrap().rest, None, "of another value");
    }

    #[test]
    fn integers_are_padded_and_other_text_stays() {
        for (text, padded_text) in [
            ("7", "0007"),
            ("0007", "0007"),
            ("00007", "0007"),
            ("0", "0000"),
            ("12345", "12345"),
            ("-7", "-0007"),
            ("+7", "0007"),
            ("", ""),
            ("7a", "7a"),
            ("1.5", "1.5"),
            ("٧", "٧"),
        ] {
            assert_eq!(padded(text, 4), padded_text, "{text}");
        }
    }
}
