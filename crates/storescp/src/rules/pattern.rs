//! Patterns with `*` (any characters, or none) and `?` (one character).

/// A pattern of AE titles. Case is significant, blanks at either end are not (PS3.5 §6.2, VR AE).
///
/// Memory: 34 bytes, no heap, so that thousands lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TitlePattern {
    bytes: [u8; TitlePattern::BYTES],
    length: u8,
    has_wildcards: bool,
}

impl TitlePattern {
    /// The longest pattern: each of 16 characters, and a `*` before each.
    pub const BYTES: usize = 32;

    /// Reads a pattern; characters are those of Latin-1, as which titles are shown.
    ///
    /// # Errors
    /// Why no title can match it.
    pub fn parse(text: &str) -> Result<Self, String> {
        const TITLE_BYTES: usize = proto::AeTitle::BYTES;

        let text = text.trim_matches(' ');
        if text.is_empty() {
            return Err("expected an AE title or a pattern with * and ?, not a blank text".into());
        }
        let letters = text.chars().filter(|&it| it != '*').count();
        if letters > TITLE_BYTES || text.chars().count() > Self::BYTES {
            return Err(format!(
                "an AE title has at most {TITLE_BYTES} characters, this pattern needs {letters}"
            ));
        }
        let mut pattern =
            Self { bytes: [0; Self::BYTES], length: 0, has_wildcards: text.contains(['*', '?']) };
        for (place, letter) in pattern.bytes.iter_mut().zip(text.chars()) {
            let byte = u8::try_from(letter).ok().filter(|_| !letter.is_control());
            *place = byte.ok_or_else(|| {
                format!("an AE title cannot have the character {}", letter.escape_debug())
            })?;
            pattern.length += 1;
        }
        Ok(pattern)
    }

    /// Whether a title matches, given without blanks at its ends.
    #[must_use]
    pub fn matches(&self, title: &[u8]) -> bool {
        if self.has_wildcards {
            glob(self.as_bytes(), title, one_byte, <[u8]>::eq)
        } else {
            self.as_bytes() == title
        }
    }

    /// Whether this matches every title that the other one matches. False if that is not seen at once.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        covers(self.as_bytes(), other.as_bytes(), one_byte, <[u8]>::eq)
    }

    /// The one title that matches, if there are no wildcards.
    pub(super) fn literal(&self) -> Option<&[u8]> {
        (!self.has_wildcards).then(|| self.as_bytes())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

/// Whether a text of a certificate matches a pattern; ASCII letters in either case (RFC 5280 §7).
///
/// A backslash and the character behind it are one, in both: otherwise `CN=*,O=Trusted` would match `CN=x\,O=Trusted`,
/// which is a common name that somebody has chosen.
pub(super) fn matches_text(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes(), one_character, <[u8]>::eq_ignore_ascii_case)
}

/// Whether a pattern of certificates matches every text that another one matches.
pub(super) fn covers_text(pattern: &str, other: &str) -> bool {
    covers(pattern.as_bytes(), other.as_bytes(), one_character, <[u8]>::eq_ignore_ascii_case)
}

/// How many bytes of a text that is not empty its first character takes.
type Length = fn(&[u8]) -> usize;

fn one_byte(_: &[u8]) -> usize {
    1
}

/// Of UTF-8, in which a backslash and what is behind it are one character.
fn one_character(text: &[u8]) -> usize {
    let length = |text: &[u8]| match text.first() {
        Some(0xC0..=0xDF) => 2,
        Some(0xE0..=0xEF) => 3,
        Some(0xF0..) => 4,
        _ => 1,
    };
    let whole = match text {
        [b'\\', escaped @ ..] if !escaped.is_empty() => 1 + length(escaped),
        _ => length(text),
    };
    whole.min(text.len())
}

/// Matches by going back to the last `*` only, so the time is at most the product of both lengths.
fn glob(pattern: &[u8], text: &[u8], length: Length, equal: fn(&[u8], &[u8]) -> bool) -> bool {
    walk(pattern, text, length, |wanted, found| wanted == b"?" || equal(wanted, found))
}

/// The other pattern is taken as a text in which `*` and `?` are letters that only wildcards match.
fn covers(pattern: &[u8], other: &[u8], length: Length, equal: fn(&[u8], &[u8]) -> bool) -> bool {
    walk(pattern, other, length, |wanted, found| match wanted {
        b"?" => found != b"*",
        _ => !matches!(found, b"*" | b"?") && equal(wanted, found),
    })
}

fn walk(
    pattern: &[u8],
    text: &[u8],
    length: Length,
    matches: impl Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let first = |of: &[u8]| if of.is_empty() { 0 } else { length(of) };
    let (mut at, mut position) = (0, 0);
    // Behind the last `*`, and where in the text what it stands for ends.
    let mut star: Option<(usize, usize)> = None;
    while position < text.len() {
        let wanted = &pattern[at..at + first(&pattern[at..])];
        let found = &text[position..position + first(&text[position..])];
        if wanted == b"*" {
            at += 1;
            star = Some((at, position));
        } else if !wanted.is_empty() && matches(wanted, found) {
            (at, position) = (at + wanted.len(), position + found.len());
        } else if let Some((behind, end)) = star {
            let end = end + first(&text[end..]);
            (at, position) = (behind, end);
            star = Some((behind, end));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> TitlePattern {
        TitlePattern::parse(text).expect(text)
    }

    #[test]
    fn titles_match_patterns() {
        for (text, matching, others) in [
            ("CT1", &["CT1"][..], &["CT", "CT12", "ct1", "XCT1", ""][..]),
            ("CT*", &["CT", "CT1", "CT*"], &["C", "ct1", "XCT"]),
            ("*", &["", "A"], &[]),
            ("?", &["A"], &["", "AB"]),
            ("*A?B*", &["AXB", "xxAyBzz", "AABAB"], &["AB", "A?"]),
            ("A*B*C", &["ABC", "AxBBxC"], &["AB", "ACB"]),
            (" CT1  ", &["CT1"], &[" CT1"]),
            ("M?NCHEN", &["M\u{dc}NCHEN"], &["MNCHEN"]),
        ] {
            let latin_1 = |title: &str| title.chars().map(|it| it as u8).collect::<Vec<u8>>();
            for title in matching {
                assert!(pattern(text).matches(&latin_1(title)), "{text} {title}");
            }
            for title in others {
                assert!(!pattern(text).matches(&latin_1(title)), "{text} {title}");
            }
        }
    }

    #[test]
    fn what_no_title_can_match_is_refused() {
        for (text, why) in [
            ("", "not a blank text"),
            ("   ", "not a blank text"),
            ("ABCDEFGHIJKLMNOPQ", "at most 16 characters, this pattern needs 17"),
            ("A\tB", "cannot have the character \\t"),
            ("東", "cannot have the character 東"),
        ] {
            let told = TitlePattern::parse(text).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert!(TitlePattern::parse("*A*B*C*D*E*F*G*H*I*J*K*L*M*N*O*P").is_ok());
    }

    #[test]
    fn one_pattern_covers_another() {
        for (one, other) in
            [("*", "CT*"), ("CT*", "CT1"), ("CT*", "CT?"), ("C?", "C?"), ("*A*", "xA*"), ("A", "A")]
        {
            assert!(pattern(one).covers(&pattern(other)), "{one} {other}");
        }
        for (one, other) in [("CT*", "*"), ("C?", "C*"), ("CT1", "CT?"), ("A*", "a*"), ("?", "*")] {
            assert!(!pattern(one).covers(&pattern(other)), "{one} {other}");
        }
    }

    #[test]
    fn certificates_match_in_either_case() {
        assert!(matches_text("CN=ct*,*O=Example", "cn=CT1,OU=Radiology,O=example"));
        assert!(!matches_text("CN=ct*", "OU=x,CN=ct1"));
        assert!(covers_text("*.CT.example", "a*.ct.example"));
    }

    /// Whoever applies for a certificate chooses its common name, and the authority vouches for the organization.
    #[test]
    fn a_comma_within_a_name_ends_no_part_of_a_subject() {
        for (pattern, text, is_match) in [
            ("CN=*,O=Trusted", "CN=ct1,O=Trusted", true),
            ("CN=*,O=Trusted", r"CN=ct1\,O=Trusted", false),
            ("*,O=Trusted", r"CN=ct1\\\,O=Trusted", false),
            ("*,O=Trusted", r"CN=ct1\\,O=Trusted", true),
            ("CN=ct*,OU=Radiology,*", r"CN=ct1\,OU=Radiology,O=Other", false),
            ("CN=ct1?O=Trusted", r"CN=ct1\,O=Trusted", true),
            (r"*,O=Example\, Inc.", r"CN=a\,b,O=example\, inc.", true),
            (r"*\", r"CN=a\\", false),
            ("CN=M?ller", "CN=Müller", true),
            ("*", r"CN=\,\\", true),
        ] {
            assert_eq!(matches_text(pattern, text), is_match, "{pattern} {text}");
        }
        assert!(covers_text("CN=*,O=Trusted", "CN=ct*,O=Trusted"));
        assert!(!covers_text("CN=*,O=Trusted", r"CN=ct\,O=Trusted"));
    }

    #[test]
    fn many_wildcards_take_no_more_than_the_product_of_the_lengths() {
        let (pattern, text) = ("*a".repeat(500) + "b", "a".repeat(5000));
        let begun = std::time::Instant::now();
        assert!(!matches_text(&pattern, &text));
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}
