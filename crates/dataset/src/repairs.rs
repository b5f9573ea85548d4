//! Repairs of a data set, for the log: a short list, whatever the size of the data set.

use std::fmt;

use crate::error::TagPath;
use crate::limits::REPAIR_LOCATIONS;

/// A difference between output and input that is due to an input that breaks the rules.
///
/// What the standard or an option requires is not a repair: removed padding, recalculated group
/// lengths, another encoding of lengths, another transfer syntax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RepairKind {
    /// An element of group 0000 or 0002 was omitted: readers would take it for a part of the file meta
    /// information (PS3.10 §7.1).
    ForeignGroup,
    /// An element that occurs again was omitted: the first one counts.
    Duplicate,
    /// A value under the tag of a sequence was kept as `UN`.
    NotASequence,
    /// Bytes after the last element, too few for another one, were omitted.
    TrailingBytes,
    /// An extra delimiter was omitted.
    ExtraDelimiter,
    /// The data set ends within an item, or before its delimiter: the item ends there.
    MissingEnd,
    /// A length that does not match its content was corrected.
    WrongLength,
    /// A value, or a fragment, of odd length was padded (PS3.5 §7.1.1).
    OddLength,
    /// An unknown VR was replaced by `UN`.
    UnknownVr,
    /// A VR that the element cannot have was corrected.
    WrongVr,
    /// An element after one with a larger tag was moved to its place.
    OutOfOrder,
    /// An element of a group that a data set must not have (PS3.5 §7.8) was kept: readers ignore it.
    InvalidGroup,
}

impl fmt::Display for RepairKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RepairKind::ForeignGroup => "no element of a data set, left out",
            RepairKind::Duplicate => "occurs again, left out",
            RepairKind::NotASequence => "not a sequence, kept as UN",
            RepairKind::TrailingBytes => "trailing bytes left out",
            RepairKind::ExtraDelimiter => "extra delimiter left out",
            RepairKind::MissingEnd => "end of item missing, added",
            RepairKind::WrongLength => "wrong length, corrected",
            RepairKind::OddLength => "odd length, padded",
            RepairKind::UnknownVr => "unknown VR, written as UN",
            RepairKind::WrongVr => "impossible VR, corrected",
            RepairKind::OutOfOrder => "out of order, moved",
            RepairKind::InvalidGroup => "illegal group, kept",
        })
    }
}

/// The repairs of one data set.
///
/// Of each kind, the first [`REPAIR_LOCATIONS`] locations are kept, and all are counted, so memory does
/// not depend on the data set; nothing is held without a repair. Prints tags only, never a value:
/// `occurs again, left out: (0010,0020) and 3 more; out of order, moved: (0008,0018)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Ordered by kind.
    kinds: Vec<OfKind>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OfKind {
    kind: RepairKind,
    count: u64,
    /// Ordered by offset.
    locations: Vec<(u64, TagPath)>,
}

impl Repairs {
    /// Notes a repair of the element at `path`. `offset`, in bytes of the input, orders the locations
    /// of a kind.
    pub(crate) fn note(&mut self, kind: RepairKind, offset: u64, path: impl FnOnce() -> TagPath) {
        let noted = self.of_kind(kind);
        noted.count += 1;
        if noted.locations.len() < REPAIR_LOCATIONS {
            noted.locations.push((offset, path()));
        }
    }

    /// Adds other repairs of the same data set.
    pub(crate) fn extend(&mut self, other: &Repairs) {
        for from in &other.kinds {
            let noted = self.of_kind(from.kind);
            noted.count += from.count;
            noted.locations.extend_from_slice(&from.locations);
            noted.locations.sort_by_key(|(offset, _)| *offset);
            noted.locations.truncate(REPAIR_LOCATIONS);
        }
    }

    fn of_kind(&mut self, kind: RepairKind) -> &mut OfKind {
        let at = self.kinds.binary_search_by_key(&kind, |noted| noted.kind).unwrap_or_else(|at| {
            self.kinds.insert(at, OfKind { kind, count: 0, locations: Vec::new() });
            at
        });
        &mut self.kinds[at]
    }

    /// Whether nothing was repaired.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How many repairs of this kind there were.
    #[must_use]
    pub fn count(&self, kind: RepairKind) -> u64 {
        self.kinds.iter().find(|noted| noted.kind == kind).map_or(0, |noted| noted.count)
    }

    /// The first locations of repairs of this kind.
    pub fn locations(&self, kind: RepairKind) -> impl Iterator<Item = &TagPath> {
        let noted = self.kinds.iter().filter(move |noted| noted.kind == kind);
        noted.flat_map(|noted| noted.locations.iter().map(|(_, path)| path))
    }
}

impl fmt::Display for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, noted) in self.kinds.iter().enumerate() {
            write!(f, "{}{}: ", if at > 0 { "; " } else { "" }, noted.kind)?;
            for (at, (_, path)) in noted.locations.iter().enumerate() {
                write!(f, "{}{path}", if at > 0 { ", " } else { "" })?;
            }
            let more = noted.count - noted.locations.len() as u64;
            if more > 0 {
                write!(f, " and {more} more")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tag;

    fn top(tag: Tag) -> TagPath {
        TagPath::new(std::iter::empty(), tag)
    }

    fn noted(locations: &[(RepairKind, u64, Tag)]) -> Repairs {
        let mut repairs = Repairs::default();
        for &(kind, offset, tag) in locations {
            repairs.note(kind, offset, || top(tag));
        }
        repairs
    }

    #[test]
    fn the_first_places_of_each_kind_are_named_and_the_others_counted() {
        let id = |number| Tag(0x0010, number);
        let mut repairs = noted(&[(RepairKind::OutOfOrder, 9, Tag(0x0008, 0x0018))]);
        assert_eq!(repairs.to_string(), "out of order, moved: (0008,0018)");
        for number in 0x20..0x28 {
            repairs.note(RepairKind::Duplicate, u64::from(number), || top(id(number)));
        }
        assert_eq!(
            repairs.to_string(),
            "occurs again, left out: (0010,0020), (0010,0021), (0010,0022), (0010,0023) and 4 more; \
             out of order, moved: (0008,0018)"
        );
        assert_eq!(repairs.count(RepairKind::Duplicate), 8);
        assert_eq!(repairs.locations(RepairKind::Duplicate).count(), REPAIR_LOCATIONS);
    }

    #[test]
    fn two_lists_become_one_in_the_order_of_the_data_set() {
        let tag = Tag(0x0010, 0x0010);
        let mut repairs = noted(&[(RepairKind::UnknownVr, 20, tag)]);
        repairs.extend(&noted(&[
            (RepairKind::UnknownVr, 10, Tag::PIXEL_DATA),
            (RepairKind::Duplicate, 5, tag),
        ]));
        let unknown: Vec<Tag> =
            repairs.locations(RepairKind::UnknownVr).map(TagPath::tag).collect();
        assert_eq!(unknown, [Tag::PIXEL_DATA, tag]);
        assert_eq!(repairs.count(RepairKind::Duplicate), 1);
    }

    #[test]
    fn nothing_is_held_where_nothing_was_repaired() {
        let repairs = Repairs::default();
        assert!(repairs.is_empty());
        assert_eq!(repairs.kinds.capacity(), 0);
    }
}
