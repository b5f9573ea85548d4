//! Text of every character set that Specific Character Set can name (PS3.5 §6.1, PS3.3 §C.12.1.1.2).

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5,
    ISO_8859_6, ISO_8859_7, ISO_8859_8, ISO_8859_15, WINDOWS_874, WINDOWS_1254,
};

/// Decodes a person's name in the character sets that Specific Character Set (0008,0005) declares. The
/// second value is false if it could not be decoded as declared.
///
/// Code extensions are followed whether they are declared or not. Defined terms are recognized in upper
/// and lower case and with any punctuation. Names without a declaration, with an unknown one, or with
/// bytes that the declared character set does not have are decoded as UTF-8 if valid, else as Latin-1.
/// Bytes that cannot be decoded become U+FFFD. Holds a few times `value`.
#[must_use]
pub fn person_name(specific_character_set: Option<&[u8]>, value: &[u8]) -> (String, bool) {
    decode(specific_character_set, value, b"^=\\")
}

/// The same for values of other VRs whose text is in the character sets that are declared: `LO`, `SH`, `ST`, `LT`,
/// `UC`, `UT`. What begins anew with the character set declared first is a value or a line (PS3.5 §6.1.2.5.3).
#[must_use]
pub fn text(specific_character_set: Option<&[u8]>, value: &[u8]) -> (String, bool) {
    decode(specific_character_set, value, b"\\\r\n\t\x0c")
}

fn decode(
    specific_character_set: Option<&[u8]>,
    value: &[u8],
    delimiters: &[u8],
) -> (String, bool) {
    let term = first_term(specific_character_set.unwrap_or_default());
    let high = term.strip_prefix("ISOIR").or_else(|| term.strip_prefix("ISO2022IR"));
    let high = high.and_then(|number| registered(number.as_bytes()));
    let declared = match (term.as_str(), high) {
        ("ISOIR192" | "ISO2022IR192" | "UTF8", _) => utf_8(value),
        ("GB18030" | "ISO2022GB18030", _) => whole(GB18030, value),
        ("GBK" | "ISO2022GBK", _) => whole(GBK, value),
        (_, Some(high)) => Some(extended(high, value, delimiters)),
        _ => return (undeclared(value), true),
    };
    match declared {
        Some(text) if !text.contains(char::REPLACEMENT_CHARACTER) => (text, true),
        Some(text) if value.contains(&ESCAPE) => (text, true),
        _ => (undeclared(value), false),
    }
}

/// The first value of Specific Character Set in capitals, letters and digits alone.
fn first_term(declared: &[u8]) -> String {
    let first = declared.split(|&byte| byte == b'\\').next().unwrap_or_default();
    let signs = first.iter().filter(|byte| byte.is_ascii_alphanumeric());
    signs.map(|byte| char::from(byte.to_ascii_uppercase())).collect()
}

/// Text of which nothing is known.
fn undeclared(value: &[u8]) -> String {
    utf_8(value).unwrap_or_else(|| extended(High::Latin1, value, b""))
}

fn utf_8(value: &[u8]) -> Option<String> {
    // Escape sequences would be valid, but belong to others.
    let text = std::str::from_utf8(value).ok().filter(|_| !value.contains(&ESCAPE))?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

/// Text that is all in one encoding, if it is.
fn whole(encoding: &'static Encoding, value: &[u8]) -> Option<String> {
    encoding.decode_without_bom_handling_and_without_replacement(value).map(Into::into)
}

const ESCAPE: u8 = 0x1b;

/// What bytes from 0x80 up stand for (G1).
#[derive(Clone, Copy)]
enum High {
    Latin1,
    /// JIS X 0201: a katakana each.
    Katakana,
    Encoded(&'static Encoding),
}

/// What bytes below 0x80 stand for (G0).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Low {
    Ascii,
    /// Two bytes each.
    JisX0208,
    JisX0212,
}

/// The character set with this number in the ISO registry, as the upper half of a code table.
fn registered(number: &[u8]) -> Option<High> {
    Some(match number {
        b"100" => High::Latin1,
        b"101" => High::Encoded(ISO_8859_2),
        b"109" => High::Encoded(ISO_8859_3),
        b"110" => High::Encoded(ISO_8859_4),
        b"144" => High::Encoded(ISO_8859_5),
        b"127" => High::Encoded(ISO_8859_6),
        b"126" => High::Encoded(ISO_8859_7),
        b"138" => High::Encoded(ISO_8859_8),
        b"148" => High::Encoded(WINDOWS_1254),
        b"203" => High::Encoded(ISO_8859_15),
        b"166" => High::Encoded(WINDOWS_874),
        b"13" => High::Katakana,
        _ => return None,
    })
}

/// Reads text with escape sequences (ISO 2022). Behind each of the delimiters, as between the components of a name
/// and its three representations, text begins with the character set that was declared first.
fn extended(initial: High, value: &[u8], delimiters: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    let (mut low, mut high) = (Low::Ascii, initial);
    let mut rest = value;
    while let Some(&byte) = rest.first() {
        if byte == ESCAPE {
            match designation(rest) {
                Some((length, Designated::Low(set))) => (low, rest) = (set, &rest[length..]),
                Some((length, Designated::High(set))) => (high, rest) = (set, &rest[length..]),
                // Of a character set that is not known: what follows is read in those that are.
                None => rest = &rest[escape_sequence_length(rest)..],
            }
            continue;
        }
        if byte >= 0x80 {
            let length = rest.iter().take_while(|&&byte| byte >= 0x80).count();
            push_high(&mut text, high, &rest[..length]);
            rest = &rest[length..];
        } else if low == Low::Ascii {
            if delimiters.contains(&byte) {
                high = initial;
            }
            text.push(char::from(byte));
            rest = &rest[1..];
        } else {
            let length = rest.iter().take_while(|&&byte| byte < 0x80 && byte != ESCAPE).count();
            push_japanese(&mut text, low, &rest[..length]);
            rest = &rest[length..];
        }
    }
    text
}

fn push_high(text: &mut String, set: High, bytes: &[u8]) {
    match set {
        High::Latin1 => text.extend(bytes.iter().copied().map(char::from)),
        High::Katakana => text.extend(bytes.iter().map(|&byte| {
            match byte {
                0xa1..=0xdf => char::from_u32(0xff61 + u32::from(byte - 0xa1)),
                _ => None,
            }
            .unwrap_or(char::REPLACEMENT_CHARACTER)
        })),
        High::Encoded(encoding) => text.push_str(&encoding.decode_without_bom_handling(bytes).0),
    }
}

/// Two-byte characters, which EUC-JP has with the upper bits set.
fn push_japanese(text: &mut String, set: Low, bytes: &[u8]) {
    let mut euc = Vec::with_capacity(bytes.len() / 2 * 3 + 1);
    for pair in bytes.chunks(2) {
        if set == Low::JisX0212 {
            euc.push(0x8f);
        }
        euc.extend(pair.iter().map(|byte| byte | 0x80));
    }
    text.push_str(&EUC_JP.decode_without_bom_handling(&euc).0);
}

enum Designated {
    Low(Low),
    High(High),
}

/// What the escape sequence at the start of `bytes` switches to, and its length.
fn designation(bytes: &[u8]) -> Option<(usize, Designated)> {
    use Designated::{High as ToHigh, Low as ToLow};
    const SEQUENCES: [(&[u8], Designated); 19] = [
        (b"\x1b(B", ToLow(Low::Ascii)),
        // JIS X 0201, which differs from ASCII in the back slash and the tilde alone.
        (b"\x1b(J", ToLow(Low::Ascii)),
        (b"\x1b$B", ToLow(Low::JisX0208)),
        (b"\x1b$@", ToLow(Low::JisX0208)),
        (b"\x1b$(D", ToLow(Low::JisX0212)),
        (b"\x1b)I", ToHigh(High::Katakana)),
        (b"\x1b-A", ToHigh(High::Latin1)),
        (b"\x1b-B", ToHigh(High::Encoded(ISO_8859_2))),
        (b"\x1b-C", ToHigh(High::Encoded(ISO_8859_3))),
        (b"\x1b-D", ToHigh(High::Encoded(ISO_8859_4))),
        (b"\x1b-L", ToHigh(High::Encoded(ISO_8859_5))),
        (b"\x1b-G", ToHigh(High::Encoded(ISO_8859_6))),
        (b"\x1b-F", ToHigh(High::Encoded(ISO_8859_7))),
        (b"\x1b-H", ToHigh(High::Encoded(ISO_8859_8))),
        (b"\x1b-M", ToHigh(High::Encoded(WINDOWS_1254))),
        (b"\x1b-b", ToHigh(High::Encoded(ISO_8859_15))),
        (b"\x1b-T", ToHigh(High::Encoded(WINDOWS_874))),
        (b"\x1b$)C", ToHigh(High::Encoded(EUC_KR))),
        (b"\x1b$)A", ToHigh(High::Encoded(GBK))),
    ];
    let (sequence, to) = SEQUENCES.into_iter().find(|(sequence, _)| bytes.starts_with(sequence))?;
    Some((sequence.len(), to))
}

/// How long the escape sequence at the start of `bytes` is: signs from blank to slash may stand between
/// the escape and the one that ends it (ISO 2022).
fn escape_sequence_length(bytes: &[u8]) -> usize {
    let between = bytes[1..].iter().take_while(|byte| matches!(byte, 0x20..=0x2F)).count();
    let ends = bytes.get(1 + between).is_some_and(|byte| matches!(byte, 0x30..=0x7E));
    if ends { between + 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(declared: &str, value: &[u8]) -> String {
        person_name(Some(declared.as_bytes()), value).0
    }

    /// The examples of PS3.5 Annex H to K.
    #[test]
    fn the_examples_of_the_standard() {
        let kanji = "Yamada^Tarou=山田^太郎=やまだ^たろう";
        assert_eq!(
            read(
                r"\ISO 2022 IR 87",
                b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
            ),
            kanji
        );
        assert_eq!(
            read(
                r"ISO 2022 IR 13\ISO 2022 IR 87",
                b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\
                  \x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
            ),
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
        );
        assert_eq!(
            read(
                r"\ISO 2022 IR 149",
                b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
            ),
            "Hong^Gildong=洪^吉洞=홍^길동"
        );
        assert_eq!(
            read("ISO_IR 192", "Wang^XiaoDong=王^小東=".as_bytes()),
            "Wang^XiaoDong=王^小東="
        );
        let chinese = b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=";
        assert_eq!(read("GB18030", chinese), "Wang^XiaoDong=王^小东=");
        assert_eq!(read("GBK", chinese), "Wang^XiaoDong=王^小东=");
        assert_eq!(
            read(r"\ISO 2022 IR 58", b"Wang^XiaoDong=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1\xb6\xab="),
            "Wang^XiaoDong=王^小东="
        );
    }

    #[test]
    fn single_bytes_in_every_alphabet() {
        for (declared, value, text) in [
            ("ISO_IR 100", &b"M\xfcller"[..], "Müller"),
            ("ISO 2022 IR 100", b"M\xfcller", "Müller"),
            ("ISO_IR 101", b"W\xb3och", "Włoch"),
            ("ISO_IR 109", b"\xacorbo", "Ĵorbo"),
            ("ISO_IR 110", b"B\xe7rzi\xf2\xb9", "Bįrziōš"),
            ("ISO_IR 144", b"\xbb\xee\xda^\xdb", "Люк^л"),
            ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea", "قباني"),
            ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
            ("ISO_IR 138", b"\xf9\xf8\xe5\xef", "שרון"),
            ("ISO_IR 148", b"\xd6zg\xfcr\x20\xde", "Özgür Ş"),
            ("ISO_IR 203", b"\xbcuvre", "Œuvre"),
            ("ISO_IR 166", b"\xa1\xd2", "กา"),
            ("ISO_IR 13", b"\xd4\xcf^A", "ﾔﾏ^A"),
        ] {
            assert_eq!(read(declared, value), text, "{declared}");
        }
    }

    #[test]
    fn an_alphabet_that_was_switched_to_ends_with_the_component() {
        assert_eq!(read(r"ISO 2022 IR 100\ISO 2022 IR 144", b"\x1b-L\xbb^\xbb"), "Л^»");
    }

    #[test]
    fn what_is_not_declared_is_guessed() {
        assert_eq!(person_name(None, "Müller".as_bytes()), ("Müller".to_owned(), true));
        assert_eq!(person_name(None, b"M\xfcller"), ("Müller".to_owned(), true));
        assert_eq!(read("ISO_IR 6", b"M\xfcller"), "Müller");
        assert_eq!(read("nonsense", b"Doe^Jane"), "Doe^Jane");
        assert_eq!(read("", b"\x1b$)C\xc8\xab"), "홍");
        assert_eq!(read("", "\u{feff}Müller".as_bytes()), "Müller");
    }

    #[test]
    fn what_cannot_be_as_declared_is_read_as_if_nothing_were() {
        for (declared, value, text) in [
            ("ISO_IR 192", &b"Gr\xfcn^\xc4pfel"[..], "Grün^Äpfel"),
            ("ISO_IR 192", b"Gr\xc3\xbcn^\xc4pfel", "GrÃ¼n^Äpfel"),
            ("ISO_IR 192", b"\xff", "ÿ"),
            ("GB18030", b"M\xfc\x20ller", "Mü ller"),
            ("GBK", b"Andr\xe9", "André"),
            ("ISO_IR 127", b"M\xfcller", "Müller"),
            ("ISO_IR 13", b"M\xfcller", "Müller"),
            ("ISO_IR 192", b"\x1b$B;3ED", "山田"),
            ("ISO_IR 166", b"M\xfcller", "Müller"),
        ] {
            let read = person_name(Some(declared.as_bytes()), value);
            assert_eq!(read, (text.to_owned(), false), "{declared}");
        }
    }

    /// Katakana of JIS X 0201 behind an escape sequence, and Latin-1 again.
    #[test]
    fn what_ends_a_component_of_a_name_does_not_end_other_text() {
        let value = b"\x1b)I\xb1^\xb1\\\xb1";
        let declared = Some(&b"ISO 2022 IR 100\\ISO 2022 IR 13"[..]);
        assert_eq!(person_name(declared, value).0, "\u{ff71}^\u{b1}\\\u{b1}");
        assert_eq!(text(declared, value).0, "\u{ff71}^\u{ff71}\\\u{b1}");
    }

    #[test]
    fn terms_are_known_however_they_are_written() {
        for declared in
            ["ISO_IR 192", "iso_ir 192", " ISO_IR 192 ", "ISO-IR_192\0", "ISO IR192", "utf-8"]
        {
            assert_eq!(read(declared, "王".as_bytes()), "王", "{declared}");
        }
        for declared in ["iso_ir 144", "ISO_IR_144", "ISO IR 144\\ISO 2022 IR 87", "ISO2022IR144"] {
            assert_eq!(read(declared, b"\xbb"), "Л", "{declared}");
        }
        assert_eq!(read("gb18030", b"\xcd\xf5"), "王");
    }

    #[test]
    fn broken_escape_sequences_leave_the_rest_legible() {
        assert_eq!(read("ISO 2022 IR 100", b"\x1b(XDoe^\x1b-ZM\xfcller"), "Doe^Müller");
        assert_eq!(read("", b"Doe\x1b"), "Doe");
        assert_eq!(read("", b"\x1bZ\x1b\x80"), "\u{80}");
        assert_eq!(read("", b"\x1b$B;3E"), "山\u{fffd}");
    }
}
