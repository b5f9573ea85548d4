//! The data dictionary (PS3.6): the VR of each attribute, for where the encoding does not say.

use std::collections::HashMap;
use std::io::{self, BufRead};

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, TagRange, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use crate::limits::SUPPLEMENTED_RANGES;
use crate::tag::Tag;
use crate::vr::Vr;
use entry::Range;
use line::Line;

mod entry;
mod keyword;
mod line;
mod sequences_since_2022;

pub use entry::EntryVr;
pub use keyword::{Attribute, attribute, keyword_of, nearest_keyword};
pub use line::LineError;

/// A data dictionary: the current standard, the content of dictionary files, or both.
///
/// Group lengths and private creators need no entry. Holds about 100 bytes per loaded entry; the
/// built-in table is shared.
///
/// ```
/// use dataset::dictionary::{Dictionary, EntryVr};
/// use dataset::{Tag, Vr};
///
/// let mut dictionary = Dictionary::built_in();
/// let lines = "(0009,\"ACME\",01)\tUL\tFrameCount\t1\tPrivateTag\n";
/// let errors = dictionary.load(lines.as_bytes())?;
/// assert!(errors.is_empty());
/// assert_eq!(dictionary.find(Tag::PATIENT_NAME), Some(EntryVr::Exact(Vr::PN)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dictionary {
    built_in: bool,
    /// Entries for single tags, public ones or in any private block.
    exact: HashMap<Tag, EntryVr>,
    /// Entries for the private blocks of a creator, by full element number or its low byte.
    private: HashMap<(CreatorId, Tag), EntryVr>,
    /// In the order in which they are searched: no range comes after one that contains it.
    ranges: Vec<RangeEntry>,
    creators: HashMap<Box<[u8]>, CreatorId>,
}

/// A private creator that the dictionary knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CreatorId(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RangeEntry {
    creator: Option<CreatorId>,
    groups: Range,
    elements: Range,
    vr: EntryVr,
}

impl Dictionary {
    /// The current standard, as built into the program. Has no private elements.
    #[must_use]
    pub fn built_in() -> Dictionary {
        Dictionary { built_in: true, ..Dictionary::default() }
    }

    /// A dictionary without entries, until some are [loaded](Self::load).
    #[must_use]
    pub fn empty() -> Dictionary {
        Dictionary::default()
    }

    /// Whether it has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.built_in && self.exact.is_empty() && self.private.is_empty() && self.ranges.is_empty()
    }

    /// Whether it is the standard, without entries that could contradict it.
    pub(crate) fn is_standard(&self) -> bool {
        self.built_in && self.exact.is_empty() && self.private.is_empty() && self.ranges.is_empty()
    }

    /// Adds the entries of a file in DCMTK's `dicom.dic` format. Later entries override earlier ones.
    /// Lines that cannot be parsed are skipped, and returned.
    ///
    /// # Errors
    /// That of the reader; what was read before it stays.
    pub fn load(&mut self, reader: impl BufRead) -> io::Result<Vec<LineError>> {
        let mut errors = Vec::new();
        self.read(reader, false, |error| errors.push(error))?;
        Ok(errors)
    }

    /// As [`load`](Self::load), but built-in entries override those of the file for single elements
    /// that are not private, and no more than 4096 ranges of tags are loaded. Returns how many lines
    /// cannot be parsed, and the first of them.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn supplement(&mut self, reader: impl BufRead) -> io::Result<(u64, Option<LineError>)> {
        let (mut count, mut first) = (0, None);
        self.read(reader, true, |error| {
            count += 1;
            first.get_or_insert(error);
        })?;
        Ok((count, first))
    }

    fn read(
        &mut self,
        mut reader: impl BufRead,
        supplements: bool,
        mut fault: impl FnMut(LineError),
    ) -> io::Result<()> {
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            if reader.read_until(b'\n', &mut text)? == 0 {
                break;
            }
            match line::parse(&text) {
                Ok(Some(parsed)) => self.add(&parsed, supplements),
                Ok(None) => {}
                Err(error) => fault(LineError::new(number, error)),
            }
        }
        Ok(())
    }

    fn add(&mut self, line: &Line<'_>, supplements: bool) {
        let creator = line.creator.map(|name| {
            let next = CreatorId(self.creators.len() as u32);
            *self.creators.entry(name.into()).or_insert(next)
        });
        let (groups, elements, vr) = (line.groups, line.elements, line.vr);
        if groups.first == groups.last && elements.first == elements.last {
            let tag = Tag(groups.first, elements.first);
            match creator {
                Some(creator) => _ = self.private.insert((creator, tag), vr),
                None if supplements && self.find_built_in(tag, true).is_some() => {}
                None => _ = self.exact.insert(tag, vr),
            }
            return;
        }
        if supplements && self.ranges.len() >= SUPPLEMENTED_RANGES {
            return;
        }
        let entry = RangeEntry { creator, groups, elements, vr };
        let same = |other: &&mut RangeEntry| RangeEntry { vr, ..**other } == entry;
        if let Some(other) = self.ranges.iter_mut().find(same) {
            other.vr = vr;
            return;
        }
        let wider = self.ranges.iter().position(|other| {
            groups.lies_within(other.groups) && elements.lies_within(other.elements)
        });
        self.ranges.insert(wider.unwrap_or(self.ranges.len()), entry);
    }

    /// The entry for an element that is not private, or has no known creator.
    #[must_use]
    pub fn find(&self, tag: Tag) -> Option<EntryVr> {
        self.exact
            .get(&tag)
            .copied()
            .or_else(|| self.find_built_in(tag, true))
            .or_else(|| self.find_range(None, tag))
            .or_else(|| self.find_built_in(tag, false))
            .or(match tag {
                Tag::ITEM | Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => {
                    Some(EntryVr::Na)
                }
                _ if tag.is_group_length() => Some(EntryVr::Exact(Vr::UL)),
                _ if tag.is_private_creator() => Some(EntryVr::Exact(Vr::LO)),
                _ => None,
            })
    }

    /// The entry for an element in a block that `creator` has reserved.
    pub(crate) fn find_private(&self, creator: CreatorId, tag: Tag) -> Option<EntryVr> {
        let in_block = Tag(tag.group(), tag.element() & 0xFF);
        self.private
            .get(&(creator, tag))
            .or_else(|| self.private.get(&(creator, in_block)))
            .copied()
            .or_else(|| self.find_range(Some(creator), tag))
            .or_else(|| self.find_range(Some(creator), in_block))
            .or_else(|| self.find(tag))
    }

    /// The creator of this name, as in a private creator element: trailing spaces and NULs are padding.
    pub(crate) fn creator(&self, value: &[u8]) -> Option<CreatorId> {
        let blanks = value.iter().rev().take_while(|&&byte| byte == b' ').count();
        let name = value[..value.len() - blanks].split(|&byte| byte == 0).next()?;
        self.creators.get(name).copied()
    }

    /// Whether it has entries for private blocks.
    pub(crate) fn knows_creators(&self) -> bool {
        !self.creators.is_empty()
    }

    fn find_range(&self, creator: Option<CreatorId>, tag: Tag) -> Option<EntryVr> {
        let holds = |entry: &&RangeEntry| {
            entry.creator == creator
                && entry.groups.contains(tag.group())
                && entry.elements.contains(tag.element())
        };
        self.ranges.iter().find(holds).map(|entry| entry.vr)
    }

    fn find_built_in(&self, tag: Tag, single: bool) -> Option<EntryVr> {
        if self.built_in { find_standard(tag, single) } else { None }
    }
}

/// The entry of the standard, whatever dictionary is in use.
pub(crate) fn find_in_standard(tag: Tag) -> Option<EntryVr> {
    find_standard(tag, true).or_else(|| find_standard(tag, false))
}

/// Whether this is the tag of a sequence that was added to the standard since 2022. Older senders may
/// use it for a value, and older readers, such as DCMTK 3.6.7, do not know it.
pub(crate) fn is_sequence_since_2022(tag: Tag) -> bool {
    sequences_since_2022::TAGS.binary_search(&tag).is_ok()
}

fn find_standard(tag: Tag, single: bool) -> Option<EntryVr> {
    let entry = StandardDataDictionary.by_tag(dicom_core::Tag(tag.group(), tag.element()))?;
    // Repeating groups (PS3.5 §7.6) and elements have even numbers only.
    let is_known = match entry.tag {
        TagRange::Single(_) => single,
        TagRange::Element100(_) => !single && tag.element().is_multiple_of(2),
        _ => !single && !tag.is_private(),
    };
    if !is_known {
        return None;
    }
    match entry.vr() {
        VirtualVr::Exact(vr) => {
            let code = vr.to_string().as_bytes().try_into().ok()?;
            Vr::from_code(code).map(EntryVr::Exact)
        }
        VirtualVr::Xs => Some(EntryVr::Xs),
        VirtualVr::Ox => Some(EntryVr::Ox),
        VirtualVr::Px => Some(EntryVr::Px),
        VirtualVr::Lt => Some(EntryVr::Lt),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Dictionary {
        let mut dictionary = Dictionary::empty();
        let errors = dictionary.load(text.as_bytes()).unwrap();
        assert!(errors.is_empty(), "{errors:?}");
        dictionary
    }

    fn exact(vr: Vr) -> Option<EntryVr> {
        Some(EntryVr::Exact(vr))
    }

    #[test]
    fn what_is_built_in_is_supplemented_not_replaced() {
        let text = "(0010,0010)\tUT\tX\n(0011,\"ABC\",01)\tUS\tX\n(0010,0007)\tUS\tX\nnonsense\n";
        let mut dictionary = Dictionary::built_in();
        let (count, first) = dictionary.supplement(text.as_bytes()).unwrap();
        assert_eq!((count, first.map(|error| error.line())), (1, Some(4)));
        let pn = Some(EntryVr::Exact(Vr::PN));
        assert_eq!(dictionary.find(Tag(0x0010, 0x0010)), pn);
        assert_eq!(dictionary.find(Tag(0x0010, 0x0007)), Some(EntryVr::Exact(Vr::US)));
        let creator = dictionary.creator(b"ABC ").unwrap();
        let private = dictionary.find_private(creator, Tag(0x0011, 0x1001));
        assert_eq!(private, Some(EntryVr::Exact(Vr::US)));
        let mut loaded = Dictionary::built_in();
        loaded.load(text.as_bytes()).unwrap();
        assert_eq!(loaded.find(Tag(0x0010, 0x0010)), Some(EntryVr::Exact(Vr::UT)));
    }

    #[test]
    fn the_standard_is_built_in() {
        let dictionary = Dictionary::built_in();
        for (tag, vr) in [
            (Tag::PATIENT_NAME, exact(Vr::PN)),
            (Tag::PIXEL_DATA, Some(EntryVr::Px)),
            (Tag(0x0028, 0x0106), Some(EntryVr::Xs)),
            (Tag(0x0028, 0x3006), Some(EntryVr::Lt)),
            (Tag(0x6002, 0x3000), Some(EntryVr::Ox)),
            (Tag(0x6001, 0x3000), None),
            (Tag(0x0020, 0x3106), exact(Vr::CS)),
            (Tag(0x0020, 0x3105), None),
            (Tag(0x0008, 0x0000), exact(Vr::UL)),
            (Tag(0x0009, 0x0010), exact(Vr::LO)),
            (Tag(0x0009, 0x1010), None),
            (Tag::ITEM, Some(EntryVr::Na)),
        ] {
            assert_eq!(dictionary.find(tag), vr, "{tag}");
        }
    }

    #[test]
    fn an_empty_dictionary_knows_what_needs_no_entry() {
        let dictionary = Dictionary::empty();
        assert!(dictionary.is_empty());
        assert_eq!(dictionary.find(Tag(0x0008, 0x0000)), exact(Vr::UL));
        assert_eq!(dictionary.find(Tag(0x0009, 0x0010)), exact(Vr::LO));
        assert_eq!(dictionary.find(Tag::PATIENT_NAME), None);
    }

    #[test]
    fn later_entries_override() {
        let mut dictionary = Dictionary::built_in();
        dictionary.load(&b"(0010,0010)\tLO\tX\n(0010,0010)\tSH\tX\n"[..]).unwrap();
        assert_eq!(dictionary.find(Tag::PATIENT_NAME), exact(Vr::SH));
        assert_eq!(dictionary.find(Tag::SOP_CLASS_UID), exact(Vr::UI));
    }

    #[test]
    fn narrower_ranges_come_first() {
        let dictionary = load(
            "(0008,3000-3010)\tSL\tA\n(0008,3004-u-3008)\tUL\tB\n(0008,3006-u-3006)\tSS\tC\n\
             (0008,3108-u-3118)\tUL\tD\n(0008,3100-u-3110)\tSL\tE\n(0008,3110)\tUS\tF\n\
             (6000-o-60FF,0012)\tFL\tG\n",
        );
        for (element, vr) in [
            (0x3000, exact(Vr::SL)),
            (0x3001, None),
            (0x3004, exact(Vr::UL)),
            (0x3005, exact(Vr::UL)),
            (0x3006, exact(Vr::SS)),
            (0x3108, exact(Vr::UL)),
            (0x3101, exact(Vr::SL)),
            (0x3110, exact(Vr::US)),
        ] {
            assert_eq!(dictionary.find(Tag(8, element)), vr, "{element:04x}");
        }
        assert_eq!(dictionary.find(Tag(0x6001, 0x12)), exact(Vr::FL));
        assert_eq!(dictionary.find(Tag(0x6002, 0x12)), None);
    }

    #[test]
    fn private_elements_are_found_by_creator_and_block() {
        let dictionary = load(
            "(0009,\"ABC\",05)\tUL\tA\n(0009,\"ABC\",1007)\tSL\tB\n(0009,\"ABC\",20-28)\tUS\tC\n\
             (0009,\"ABC\",10a0-u-10a8)\tSS\tD\n(0009,1099)\tFL\tE\n(0009,\" A B\",05)\tFD\tF\n",
        );
        let abc = dictionary.creator(b"ABC ").unwrap();
        for (element, vr) in [
            (0x1005, exact(Vr::UL)),
            (0x1105, exact(Vr::UL)),
            (0x1007, exact(Vr::SL)),
            (0x1107, None),
            (0x1020, exact(Vr::US)),
            (0x1021, None),
            (0x10A1, exact(Vr::SS)),
            (0x11A0, None),
            (0x1099, exact(Vr::FL)),
        ] {
            assert_eq!(dictionary.find_private(abc, Tag(9, element)), vr, "{element:04x}");
        }
        assert_eq!(dictionary.find(Tag(9, 0x1005)), None);
    }

    #[test]
    fn creators_lose_their_padding() {
        let dictionary = load("(0009,\"ABC\",05)\tUL\tA\n(0009,\" A B\",05)\tFD\tF\n");
        let abc = dictionary.creator(b"ABC").unwrap();
        for same in [&b"ABC "[..], b"ABC   ", b"ABC\0", b"ABC\0 \0"] {
            assert_eq!(dictionary.creator(same), Some(abc), "{same:?}");
        }
        for other in [&b" ABC"[..], b"abc ", b"ABC \0", b"", b"\0"] {
            assert_eq!(dictionary.creator(other), None, "{other:?}");
        }
        assert!(dictionary.creator(b" A B").is_some());
    }
}
