//! Lines of a dictionary file in DCMTK's format: five fields, separated by tabs.
//!
//! ```text
//! (0010,0010)          PN  PatientName   1    DICOM
//! (6000-60FF,3000)     ox  OverlayData   1    DICOM       even groups
//! (0009-o-FFFF,0000)   UL  GroupLength   1    PRIVATE     odd groups; -u- is both
//! (0019,"CREATOR",04)  ST  SomeText      1-n  PrivateTag  low byte of the element
//! ```

use std::fmt;

use super::entry::{EntryVr, Parity, Range};
use crate::vr::Vr;

/// A parsed line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) groups: Range,
    pub(super) creator: Option<&'a [u8]>,
    pub(super) elements: Range,
    pub(super) vr: EntryVr,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineFault {
    TooFewFields,
    TooManyFields,
    Field { name: &'static str, text: String },
}

/// A line of a dictionary file that cannot be parsed. Prints as in DCMTK: `bad Tag field (line 7):
/// (0010,0010`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    line: u64,
    fault: LineFault,
}

impl LineError {
    pub(super) fn new(line: u64, fault: LineFault) -> LineError {
        LineError { line, fault }
    }

    /// The number of the line, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match &self.fault {
            LineFault::TooFewFields => write!(f, "too few fields (line {line})"),
            LineFault::TooManyFields => write!(f, "too many fields (line {line}): "),
            LineFault::Field { name, text } => write!(f, "bad {name} field (line {line}): {text}"),
        }
    }
}

impl std::error::Error for LineError {}

/// Parses a line; `None` if it is empty or a comment.
pub(super) fn parse(line: &[u8]) -> Result<Option<Line<'_>>, LineFault> {
    let text = line.trim_ascii_end();
    if text.is_empty() || text.trim_ascii_start().starts_with(b"#") {
        return Ok(None);
    }
    let fields: Vec<&[u8]> = text.split(|&byte| byte == b'\t').map(<[u8]>::trim_ascii).collect();
    if fields.len() < 3 {
        return Err(LineFault::TooFewFields);
    }
    if fields.len() > 5 {
        return Err(LineFault::TooManyFields);
    }
    let bad = |name, field: &[u8]| LineFault::Field {
        name,
        text: String::from_utf8_lossy(field).into_owned(),
    };
    if fields.get(3).is_some_and(|field| !is_multiplicity(field)) {
        return Err(bad("VM", fields[3]));
    }
    let vr = parse_vr(fields[1]).ok_or_else(|| bad("VR", fields[1]))?;
    let (groups, creator, elements) = parse_tag(fields[0]).ok_or_else(|| bad("Tag", fields[0]))?;
    Ok(Some(Line { groups, creator, elements, vr }))
}

fn parse_tag(field: &[u8]) -> Option<(Range, Option<&[u8]>, Range)> {
    let inner = field.strip_prefix(b"(")?.strip_suffix(b")")?;
    let comma = inner.iter().position(|&byte| byte == b',')?;
    let (groups, rest) = (&inner[..comma], inner[comma + 1..].trim_ascii());
    let groups = parse_range(groups)?;
    // A creator may contain commas: its quotes delimit it.
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let end = quoted.iter().position(|&byte| byte == b'"')?;
        let elements = quoted[end + 1..].trim_ascii().strip_prefix(b",")?;
        return Some((groups, Some(&quoted[..end]), parse_range(elements)?));
    }
    Some((groups, None, parse_range(rest)?))
}

fn parse_range(text: &[u8]) -> Option<Range> {
    let mut parts = text.split(|&byte| byte == b'-').map(<[u8]>::trim_ascii);
    let first = parse_hex(parts.next()?)?;
    let (second, third) = (parts.next(), parts.next());
    if parts.next().is_some() {
        return None;
    }
    let (parity, last) = match (second, third) {
        (None, _) => (Parity::Any, first),
        (Some(last), None) => (Parity::Even, parse_hex(last)?),
        (Some(parity), Some(last)) => {
            let parity = match parity {
                b"o" | b"O" => Parity::Odd,
                b"u" | b"U" => Parity::Any,
                _ => return None,
            };
            (parity, parse_hex(last)?)
        }
    };
    Some(Range { first, last, parity })
}

fn parse_hex(text: &[u8]) -> Option<u16> {
    let digits = std::str::from_utf8(text).ok()?;
    if digits.starts_with('+') {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

fn parse_vr(field: &[u8]) -> Option<EntryVr> {
    Some(match field {
        b"ox" => EntryVr::Ox,
        b"xs" => EntryVr::Xs,
        b"px" => EntryVr::Px,
        b"lt" => EntryVr::Lt,
        b"up" => EntryVr::Up,
        b"na" => EntryVr::Na,
        _ => {
            let &[first, second] = field else {
                return None;
            };
            EntryVr::Exact(Vr::from_code([first, second])?)
        }
    })
}

/// `k`, `k-m`, `k-n`, `k-kn` or `n`.
fn is_multiplicity(field: &[u8]) -> bool {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is_bound = |text: &[u8]| {
        let digits = text.strip_suffix(b"n").unwrap_or(text);
        is_number(text) || is_number(digits) || text == b"n"
    };
    match field.iter().position(|&byte| byte == b'-') {
        None => is_number(field) || field == b"n",
        Some(dash) => {
            is_number(field[..dash].trim_ascii()) && is_bound(field[dash + 1..].trim_ascii())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(number: u16) -> Range {
        Range { first: number, last: number, parity: Parity::Any }
    }

    #[test]
    fn lines_that_are_understood() {
        let line = |groups, creator, elements, vr| Ok(Some(Line { groups, creator, elements, vr }));
        let pn = EntryVr::Exact(Vr::PN);
        for text in [
            "(0010,0010)\tPN\tPatientName\t1\tDICOM\n",
            "(0010,0010)\tPN\tPatientName",
            "  ( 0010 , 10 )\t PN \tX\t1-n\r\n",
            "(0010,0010)\tPN\tX\t2-2n\tDICOM\t\t",
        ] {
            assert_eq!(parse(text.as_bytes()), line(single(0x10), None, single(0x10), pn));
        }
        let range = |first, last, parity| Range { first, last, parity };
        assert_eq!(
            parse(b"(6000-60ff,3000)\tox\tOverlayData\t1"),
            line(range(0x6000, 0x60FF, Parity::Even), None, single(0x3000), EntryVr::Ox)
        );
        assert_eq!(
            parse(b"(0009-o-FFFF,0010-u-00FF)\tLO\tPrivateCreator\t1\tPRIVATE"),
            line(
                range(9, 0xFFFF, Parity::Odd),
                None,
                range(0x10, 0xFF, Parity::Any),
                EntryVr::Exact(Vr::LO)
            )
        );
        assert_eq!(
            parse(b"(0019,\"A, B (C)\",04)\txs\tText\t1\tPrivateTag"),
            line(single(0x19), Some(b"A, B (C)"), single(4), EntryVr::Xs)
        );
    }

    #[test]
    fn empty_lines_and_comments() {
        for text in ["", "\n", "  \t\n", "# a\tb\tc\td\te\tf", "  # x"] {
            assert_eq!(parse(text.as_bytes()), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn errors_read_as_those_of_dcmtk() {
        for (text, message) in [
            ("(0008,0005)\tCS", "too few fields (line 7)"),
            ("(0008,0005) CS X 1 D", "too few fields (line 7)"),
            ("(0008,0005)\tCS\tX\t1\tD\tE", "too many fields (line 7): "),
            ("0008,0005\tCS\tX\t1", "bad Tag field (line 7): 0008,0005"),
            ("(0008,0005\tCS\tX\t1", "bad Tag field (line 7): (0008,0005"),
            ("(0008-x-0010,0005)\tCS\tX", "bad Tag field (line 7): (0008-x-0010,0005)"),
            ("(0009,\"ABC,05)\tCS\tX\t1", "bad Tag field (line 7): (0009,\"ABC,05)"),
            ("(0008,00G5)\tCS\tX\t1", "bad Tag field (line 7): (0008,00G5)"),
            ("(0008,0005)\tZZ\tX\t1", "bad VR field (line 7): ZZ"),
            ("(0008,0005)\tCS\tX\t1-", "bad VM field (line 7): 1-"),
            ("(0008,0005)\tCS\tX\tabc", "bad VM field (line 7): abc"),
        ] {
            let fault = parse(text.as_bytes()).unwrap_err();
            assert_eq!(LineError::new(7, fault).to_string(), message);
        }
    }
}
