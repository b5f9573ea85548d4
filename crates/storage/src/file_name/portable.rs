//! Values as parts of names of files and folders, and names that are safe on every system.

use crate::limits::PATH_COMPONENT_BYTES;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Stands between a name and the number that tells it from other ones. No value has it in a name.
const MARK: char = '+';

/// What [`MARK`] and the number take, in bytes.
const NUMBER_BYTES: usize = 9;

/// The name of a component of which nothing is left.
pub const UNKNOWN: &str = "unknown";

/// A text as a part of a name: letters of any alphabet, digits and `. _ -` stay; blanks, `^` and `=`, which separate
/// the parts of values, become `_`.
///
/// All else becomes `_` too, and a number is appended that is made from the whole text, so that different texts
/// remain different. `rest` is a number made from what had been cut off the text before.
#[must_use]
pub fn part(text: &str, rest: Option<u64>) -> String {
    let (mut part, is_changed) = plain(text);
    if is_changed || rest.is_some() {
        append_number(&mut part, hash(text.bytes().chain(rest.unwrap_or_default().to_le_bytes())));
    }
    part
}

/// The same without a number: different texts may become equal. The second value is true if they may.
#[must_use]
pub fn plain(text: &str) -> (String, bool) {
    let mut part = String::with_capacity(text.len());
    let mut is_changed = false;
    let mut before_mark = false;
    for letter in text.nfc() {
        // A vowel sign belongs to the letter before it.
        let stays = is_plain(letter) || before_mark && is_combining_mark(letter);
        before_mark = stays && !letter.is_ascii_punctuation();
        is_changed |= !stays && !matches!(letter, ' ' | '^' | '=');
        part.push(if stays { letter } else { '_' });
    }
    (part, is_changed)
}

/// Whether a character may stand in every name: a letter of any alphabet, a digit, or one of `. _ -`.
#[must_use]
pub fn is_plain(letter: char) -> bool {
    match letter {
        '\0'..='\x7f' => letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-'),
        // Letters of Hangul that show nothing.
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => false,
        _ => letter.is_alphanumeric() && !is_combining_mark(letter),
    }
}

/// The first so many characters, and the combining marks behind the last of them.
#[must_use]
pub fn cut(text: &str, most: usize) -> &str {
    let mut letters = text.char_indices();
    let end = letters.nth(most).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

/// A name made of a stem and an extension, of at most [`PATH_COMPONENT_BYTES`], that is not empty, hidden, reserved,
/// or an option of commands, and does not end in a dot or a blank. If it had to be changed for that, a number is
/// appended to the stem that is made from all of it, so that different names remain different.
#[must_use]
pub fn safe(stem: &str, extension: &str) -> String {
    let stem = if stem.is_empty() { UNKNOWN } else { stem };
    let ends_badly = |text: &str| text.ends_with(['.', ' ']);
    let room = PATH_COMPONENT_BYTES - extension.len();
    let begins_badly = stem.starts_with(['.', '-', ' ']);
    let reserved = is_reserved(stem);
    let is_long = stem.len() > room;
    let ends_badly = ends_badly(if extension.is_empty() { stem } else { extension });
    if !begins_badly && !reserved && !is_long && !ends_badly {
        return format!("{stem}{extension}");
    }
    let mut name = String::with_capacity(PATH_COMPONENT_BYTES);
    if reserved {
        name.push('_');
    }
    let mut letters = stem.chars();
    if begins_badly {
        letters.next();
        name.push('_');
    }
    let room = room - NUMBER_BYTES;
    for letter in letters {
        if name.len() + letter.len_utf8() > room {
            break;
        }
        name.push(letter);
    }
    append_number(&mut name, hash(stem.bytes()));
    name + extension.trim_end_matches(['.', ' '])
}

/// A name without its extension, and that with its dot: what follows the last dot, if it is short and begins with a letter, as no
/// component of a UID does.
#[must_use]
pub fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot)
            if name.len() - dot <= EXTENSION_BYTES
                && name[dot + 1..].starts_with(|it: char| it.is_ascii_alphabetic()) =>
        {
            name.split_at(dot)
        }
        _ => (name, ""),
    }
}

/// The longest that counts as an extension, with its dot.
const EXTENSION_BYTES: usize = 10;

/// Whether Windows takes a name for that of a device, whatever its extension and case.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let is_number = |rest: &str| {
        let mut letters = rest.chars();
        letters.next().is_some_and(|it| it.is_ascii_digit() || "¹²³".contains(it))
            && letters.next().is_none()
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || ["COM", "LPT"].iter().any(|port| stem.strip_prefix(port).is_some_and(is_number))
}

fn append_number(name: &mut String, number: u32) {
    name.push_str(&format!("{MARK}{number:08x}"));
}

/// A number that tells texts apart (the hash FNV-1a, folded); always the same for the same text.
fn hash(bytes: impl Iterator<Item = u8>) -> u32 {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [a, b, c, d, e, f, g, h] = hash.to_be_bytes();
    u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes([e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_and_separators_become_underscores() {
        for (text, expected) in [
            ("Doe^Jane", "Doe_Jane"),
            ("CT HEAD", "CT_HEAD"),
            ("Müller^Özge", "Müller_Özge"),
            // The same, decomposed.
            ("Mu\u{308}ller", "Müller"),
            ("Yamada^Tarou=山田^太郎", "Yamada_Tarou_山田_太郎"),
            ("राम", "राम"),
            ("1.2.840.10008", "1.2.840.10008"),
            ("t1_mprage-sag", "t1_mprage-sag"),
            ("", ""),
        ] {
            assert_eq!(part(text, None), expected);
        }
    }

    #[test]
    fn what_is_replaced_is_told_apart() {
        let all = ["12/34", "12\\34", "12:34", "12\u{202e}34", "12\u{200b}34", "12\n34", "12+34"];
        let mut parts: Vec<_> = all.iter().map(|text| part(text, None)).collect();
        assert!(parts.iter().all(|part| part.starts_with("12_34+") && part.len() == 14));
        parts.sort();
        parts.dedup();
        assert_eq!(parts.len(), all.len());
        assert_ne!(part("x", Some(1)), part("x", Some(2)));
        assert_ne!(part("a\u{fffd}", None), part("a\u{1f642}", None));
        assert_eq!(part("\u{301}", None).chars().next(), Some('_'), "a mark without a letter");
    }

    #[test]
    fn names_are_safe_on_every_system() {
        for (stem, extension, start) in [
            ("..", "", "_.+"),
            (".", ".dcm", "_+"),
            (".ssh", "", "_ssh+"),
            ("-rf", "", "_rf+"),
            ("a.", "", "a.+"),
            ("CON", ".dcm", "_CON+"),
            ("nul", "", "_nul+"),
            ("com1.x", "", "_com1.x+"),
            ("LPT²", "", "_LPT²+"),
        ] {
            let name = safe(stem, extension);
            assert!(name.starts_with(start) && name.ends_with(extension), "{stem}: {name}");
            assert!(!name.ends_with('.') && !is_reserved(&name), "{name}");
        }
        for (stem, extension, expected) in [
            ("", "", "unknown"),
            ("", ".dcm", "unknown.dcm"),
            ("a.", ".dcm", "a..dcm"),
            ("CONTROL", "", "CONTROL"),
            ("COM", "", "COM"),
            ("COM12", "", "COM12"),
        ] {
            assert_eq!(safe(stem, extension), expected);
        }
    }

    #[test]
    fn long_names_are_cut_between_characters_and_told_apart() {
        for letter in ["x", "é", "山", "😀"] {
            for extension in ["", ".dcm"] {
                let name = |last: &str| safe(&(letter.repeat(300) + last), extension);
                let (one, other) = (name("1"), name("2"));
                assert_ne!(one, other);
                assert_eq!(one, name("1"));
                assert!(one.len() <= PATH_COMPONENT_BYTES && one.ends_with(extension), "{one}");
            }
        }
        assert_eq!(safe(&"x".repeat(PATH_COMPONENT_BYTES), "").len(), PATH_COMPONENT_BYTES);
        assert!(!safe(&"x".repeat(PATH_COMPONENT_BYTES), "").contains(MARK));
    }

    #[test]
    fn a_component_of_a_uid_is_no_extension() {
        for (name, expected) in [
            ("00012.dcm", ("00012", ".dcm")),
            ("1.2.840.1", ("1.2.840.1", "")),
            ("1.2.3.dcm", ("1.2.3", ".dcm")),
            (".dcm", ("", ".dcm")),
            ("a.", ("a.", "")),
            ("a.nothing-short", ("a.nothing-short", "")),
        ] {
            assert_eq!(split_extension(name), expected);
        }
    }

    #[test]
    fn characters_are_cut_whole() {
        assert_eq!(cut("山田太郎", 2), "山田");
        assert_eq!(cut("山田", 3), "山田");
        assert_eq!(cut("", 3), "");
    }
}
