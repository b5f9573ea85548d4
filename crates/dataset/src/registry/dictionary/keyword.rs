//! Attributes of the standard by their keywords (PS3.6 §6): `PatientID` is (0010,0020).

use super::{EntryVr, find_in_standard};
use crate::tag::Tag;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, TagRange};
use dicom_dictionary_std::StandardDataDictionary;
use std::sync::OnceLock;

/// An attribute of the standard that has one tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its keyword, as in PS3.6.
    pub keyword: &'static str,
    /// Its tag.
    pub tag: Tag,
    /// Its VR, which may depend on other elements.
    pub vr: EntryVr,
}

/// The attribute with this keyword, in the spelling of the standard. Attributes of repeating groups (PS3.5 §7.6)
/// have no tag of their own and are not found; nor are those of command sets and file meta information.
#[must_use]
pub fn attribute(keyword: &str) -> Option<Attribute> {
    let entry = StandardDataDictionary.by_name(keyword)?;
    let TagRange::Single(tag) = entry.tag else { return None };
    let tag = Tag(tag.group(), tag.element());
    let vr = find_in_standard(tag)?;
    (!tag.is_foreign()).then_some(Attribute { keyword: entry.alias(), tag, vr })
}

/// The keyword of a tag.
#[must_use]
pub fn keyword_of(tag: Tag) -> Option<&'static str> {
    let entry = StandardDataDictionary.by_tag(dicom_core::Tag(tag.group(), tag.element()))?;
    matches!(entry.tag, TagRange::Single(_)).then_some(entry.alias)
}

/// Of all keywords of attributes that [`attribute`] finds and `accepts`, the one that differs least from what was
/// typed, in either case: in at most a third of its characters. The first call lists the keywords, and holds 80 kB from
/// then on.
#[must_use]
pub fn nearest_keyword(typed: &str, accepts: impl Fn(&Attribute) -> bool) -> Option<&'static str> {
    if typed.len() > LONGEST_KEYWORD {
        return None;
    }
    let wanted = typed.to_lowercase();
    let most = (wanted.chars().count() / 3).max(1);
    let mut nearest: Option<(usize, &'static str)> = None;
    for keyword in keywords() {
        let least = nearest.map_or(most + 1, |(distance, _)| distance);
        // Most differ too much in length or letters alone, which is quicker to see.
        if least_distance(wanted.as_bytes(), keyword.as_bytes()) >= least {
            continue;
        }
        let distance = strsim::osa_distance(&wanted, &keyword.to_lowercase());
        if distance < least && attribute(keyword).is_some_and(|it| accepts(&it)) {
            nearest = Some((distance, keyword));
        }
    }
    nearest.map(|(_, keyword)| keyword)
}

/// The longest keyword of the standard has 63 characters.
const LONGEST_KEYWORD: usize = 80;

/// What two words differ in at least, from how often each letter occurs.
fn least_distance(wanted: &[u8], keyword: &[u8]) -> usize {
    let mut surplus = [0_i16; 256];
    for &byte in wanted {
        surplus[usize::from(byte)] += 1;
    }
    for byte in keyword.to_ascii_lowercase() {
        surplus[usize::from(byte)] -= 1;
    }
    let more: i16 = surplus.iter().filter(|&&count| count > 0).sum();
    let fewer: i16 = surplus.iter().filter(|&&count| count < 0).sum();
    // Letters of more than one byte differ in more bytes than in letters.
    usize::from(more.max(-fewer).unsigned_abs()) / if wanted.is_ascii() { 1 } else { 4 }
}

/// All keywords that [`attribute`] finds, in the order of their tags.
fn keywords() -> &'static [&'static str] {
    static KEYWORDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    KEYWORDS.get_or_init(|| {
        let pages = PLACES.iter().flat_map(|&(group, first, last)| {
            (first..=last).map(move |page| (group, u16::from(page) << 8))
        });
        let tags =
            pages.flat_map(|(group, page)| (page..=page | 0xFF).map(move |it| Tag(group, it)));
        tags.filter_map(keyword_of).collect()
    })
}

/// Where the standard has attributes of data sets, since the dictionary cannot be listed: groups, and the first and
/// the last high byte of element numbers.
const PLACES: [(u16, u8, u8); 139] = [
    (0x0008, 0x00, 0x04),
    (0x0008, 0x10, 0x13),
    (0x0008, 0x21, 0x22),
    (0x0008, 0x30, 0x30),
    (0x0008, 0x40, 0x40),
    (0x0008, 0x90, 0x94),
    (0x0010, 0x00, 0x02),
    (0x0010, 0x10, 0x11),
    (0x0010, 0x20, 0x22),
    (0x0010, 0x40, 0x40),
    (0x0010, 0x94, 0x94),
    (0x0012, 0x00, 0x00),
    (0x0014, 0x00, 0x02),
    (0x0014, 0x10, 0x10),
    (0x0014, 0x20, 0x22),
    (0x0014, 0x30, 0x31),
    (0x0014, 0x40, 0x41),
    (0x0014, 0x50, 0x51),
    (0x0014, 0x60, 0x60),
    (0x0016, 0x00, 0x00),
    (0x0016, 0x10, 0x10),
    (0x0018, 0x00, 0x00),
    (0x0018, 0x10, 0x18),
    (0x0018, 0x20, 0x20),
    (0x0018, 0x31, 0x31),
    (0x0018, 0x40, 0x40),
    (0x0018, 0x50, 0x52),
    (0x0018, 0x60, 0x60),
    (0x0018, 0x70, 0x70),
    (0x0018, 0x81, 0x81),
    (0x0018, 0x90, 0x99),
    (0x0018, 0xA0, 0xA0),
    (0x0020, 0x00, 0x02),
    (0x0020, 0x10, 0x12),
    (0x0020, 0x34, 0x34),
    (0x0020, 0x40, 0x40),
    (0x0020, 0x50, 0x50),
    (0x0020, 0x90, 0x95),
    (0x0022, 0x00, 0x00),
    (0x0022, 0x10, 0x16),
    (0x0024, 0x00, 0x03),
    (0x0028, 0x00, 0x04),
    (0x0028, 0x07, 0x0A),
    (0x0028, 0x10, 0x14),
    (0x0028, 0x20, 0x21),
    (0x0028, 0x30, 0x31),
    (0x0028, 0x40, 0x40),
    (0x0028, 0x50, 0x50),
    (0x0028, 0x60, 0x61),
    (0x0028, 0x70, 0x70),
    (0x0028, 0x7F, 0x7F),
    (0x0028, 0x90, 0x95),
    (0x0032, 0x00, 0x00),
    (0x0032, 0x10, 0x10),
    (0x0032, 0x40, 0x40),
    (0x0034, 0x00, 0x00),
    (0x0038, 0x00, 0x05),
    (0x0038, 0x40, 0x40),
    (0x003A, 0x00, 0x03),
    (0x0040, 0x00, 0x09),
    (0x0040, 0x10, 0x11),
    (0x0040, 0x14, 0x14),
    (0x0040, 0x20, 0x20),
    (0x0040, 0x24, 0x24),
    (0x0040, 0x30, 0x30),
    (0x0040, 0x40, 0x40),
    (0x0040, 0x83, 0x83),
    (0x0040, 0x90, 0x92),
    (0x0040, 0xA0, 0xA9),
    (0x0040, 0xB0, 0xB0),
    (0x0040, 0xDB, 0xDB),
    (0x0040, 0xE0, 0xE0),
    (0x0042, 0x00, 0x00),
    (0x0044, 0x00, 0x01),
    (0x0046, 0x00, 0x02),
    (0x0048, 0x00, 0x03),
    (0x0050, 0x00, 0x00),
    (0x0052, 0x00, 0x00),
    (0x0054, 0x00, 0x05),
    (0x0054, 0x10, 0x14),
    (0x0060, 0x30, 0x30),
    (0x0062, 0x00, 0x00),
    (0x0064, 0x00, 0x00),
    (0x0066, 0x00, 0x01),
    (0x0068, 0x62, 0x66),
    (0x0068, 0x70, 0x70),
    (0x006A, 0x00, 0x00),
    (0x0070, 0x00, 0x04),
    (0x0070, 0x11, 0x1B),
    (0x0072, 0x00, 0x07),
    (0x0074, 0x01, 0x01),
    (0x0074, 0x10, 0x14),
    (0x0076, 0x00, 0x00),
    (0x0078, 0x00, 0x00),
    (0x0080, 0x00, 0x00),
    (0x0082, 0x00, 0x00),
    (0x0088, 0x01, 0x02),
    (0x0088, 0x09, 0x09),
    (0x0100, 0x04, 0x04),
    (0x0400, 0x00, 0x06),
    (0x1000, 0x00, 0x00),
    (0x1010, 0x00, 0x00),
    (0x2000, 0x00, 0x00),
    (0x2000, 0x05, 0x05),
    (0x2010, 0x00, 0x05),
    (0x2020, 0x00, 0x01),
    (0x2030, 0x00, 0x00),
    (0x2040, 0x00, 0x01),
    (0x2040, 0x05, 0x05),
    (0x2050, 0x00, 0x00),
    (0x2050, 0x05, 0x05),
    (0x2100, 0x00, 0x01),
    (0x2100, 0x05, 0x05),
    (0x2110, 0x00, 0x00),
    (0x2120, 0x00, 0x00),
    (0x2130, 0x00, 0x00),
    (0x2200, 0x00, 0x00),
    (0x3002, 0x00, 0x01),
    (0x3004, 0x00, 0x00),
    (0x3006, 0x00, 0x00),
    (0x3008, 0x00, 0x02),
    (0x300A, 0x00, 0x07),
    (0x300C, 0x00, 0x01),
    (0x300E, 0x00, 0x00),
    (0x3010, 0x00, 0x00),
    (0x4000, 0x00, 0x00),
    (0x4000, 0x40, 0x40),
    (0x4008, 0x00, 0x03),
    (0x4008, 0x40, 0x40),
    (0x4010, 0x00, 0x00),
    (0x4010, 0x10, 0x10),
    (0x4FFE, 0x00, 0x00),
    (0x5200, 0x92, 0x92),
    (0x5400, 0x01, 0x01),
    (0x5400, 0x10, 0x10),
    (0x5600, 0x00, 0x00),
    (0x7FE0, 0x00, 0x00),
    (0xFFFA, 0xFF, 0xFF),
    (0xFFFC, 0xFF, 0xFF),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vr::Vr;

    #[test]
    fn keywords_find_tags_and_tags_keywords() {
        for (keyword, tag, vr) in [
            ("PatientID", Tag(0x0010, 0x0020), Vr::LO),
            ("SOPInstanceUID", Tag::SOP_INSTANCE_UID, Vr::UI),
            ("StudyDate", Tag(0x0008, 0x0020), Vr::DA),
            ("SeriesNumber", Tag(0x0020, 0x0011), Vr::IS),
        ] {
            let expected = Attribute { keyword, tag, vr: EntryVr::Exact(vr) };
            assert_eq!(attribute(keyword), Some(expected));
            assert_eq!(keyword_of(tag), Some(keyword));
        }
        for none in ["", "patientid", "Patient ID", "OverlayRows", "MediaStorageSOPClassUID"] {
            assert_eq!(attribute(none), None, "{none}");
        }
        assert_eq!(keyword_of(Tag(0x0009, 0x0010)), None);
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_keyword() {
        for (typed, keyword) in [
            ("patientid", Some("PatientID")),
            ("PatientId", Some("PatientID")),
            ("StudyDat", Some("StudyDate")),
            ("StuydDescription", Some("StudyDescription")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(nearest_keyword(typed, |_| true), keyword, "{typed}");
        }
        assert_eq!(nearest_keyword(&"x".repeat(1_000_000), |_| true), None);
        assert_eq!(
            nearest_keyword("PatientID", |it| it.keyword != "PatientID"),
            Some("PatientSex")
        );
    }

    #[test]
    fn all_keywords_are_found_by_name() {
        // Those of dicom-dictionary-std 0.10, but for command sets, files and directories.
        assert_eq!(keywords().iter().filter(|it| attribute(it).is_some()).count(), 5186);
        assert!(keywords().iter().all(|keyword| keyword.len() <= LONGEST_KEYWORD));
    }

    #[test]
    fn the_quick_look_never_says_too_much() {
        for (one, other) in [("patientid", "PatientName"), ("ö", "O"), ("abc", "cab"), ("", "A")] {
            let distance = strsim::osa_distance(one, &other.to_lowercase());
            assert!(least_distance(one.as_bytes(), other.as_bytes()) <= distance, "{one} {other}");
        }
    }
}
