//! Which attributes are noted in passing, beside those that each object is identified by.

use crate::limits::WANTED_ATTRIBUTES;
use crate::registry::uid::without_padding;
use crate::tag::Tag;

/// An attribute at the top level of a data set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeName {
    /// One with this tag.
    Public(Tag),
    /// A private one (PS3.5 §7.8).
    Private {
        /// The group, which is odd.
        group: u16,
        /// The private creator, without padding.
        creator: Box<str>,
        /// The element number within the block that the creator has reserved.
        element: u8,
    },
}

/// The attributes of data sets that are wanted: see [`Transcoder::noting`](crate::Transcoder::noting). At most
/// [`WANTED_ATTRIBUTES`], each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedAttributes {
    /// In ascending order: public ones first.
    names: Box<[AttributeName]>,
    /// How many are public.
    public: usize,
    /// No public one comes after this tag; there are private ones up to the end of its group.
    last: Tag,
}

impl WantedAttributes {
    /// Those; `None` if there are more than [`WANTED_ATTRIBUTES`].
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = AttributeName>) -> Option<Self> {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort();
        names.dedup();
        if names.len() > WANTED_ATTRIBUTES {
            return None;
        }
        let last_tag = |name: &AttributeName| match *name {
            AttributeName::Public(tag) => tag,
            AttributeName::Private { group, .. } => Tag(group, u16::MAX),
        };
        let public = names.iter().filter(|name| matches!(name, AttributeName::Public(_))).count();
        let last = names.iter().map(last_tag).max().unwrap_or_default();
        Some(Self { names: names.into(), public, last })
    }

    /// Those of both; `None` if there are more than [`WANTED_ATTRIBUTES`].
    #[must_use]
    pub fn with(&self, other: &Self) -> Option<Self> {
        Self::new(self.names.iter().chain(&other.names).cloned())
    }

    /// All of them, in ascending order.
    pub fn names(&self) -> impl Iterator<Item = &AttributeName> {
        self.names.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The place of an attribute among them: see [`Attributes::noted`](crate::Attributes::noted).
    #[must_use]
    pub fn position(&self, name: &AttributeName) -> Option<usize> {
        self.names.binary_search(name).ok()
    }

    /// The attribute at this place.
    pub(super) fn name(&self, place: usize) -> Option<&AttributeName> {
        self.names.get(place)
    }

    /// The last tag that can be one of them.
    pub(super) fn last(&self) -> Tag {
        self.last
    }

    /// The place of the public attribute with this tag.
    pub(super) fn public(&self, tag: Tag) -> Option<usize> {
        let number = |name: &AttributeName| match *name {
            AttributeName::Public(tag) => tag,
            AttributeName::Private { .. } => Tag(u16::MAX, u16::MAX),
        };
        self.names[..self.public].binary_search_by_key(&tag, number).ok()
    }

    /// The private attributes of a group: their places, creators and element numbers.
    pub(super) fn private(&self, in_group: u16) -> impl Iterator<Item = (usize, &str, u8)> {
        let places = self.names.iter().enumerate().skip(self.public);
        places.filter_map(move |(place, name)| match name {
            AttributeName::Private { group, creator, element } if *group == in_group => {
                Some((place, &**creator, *element))
            }
            _ => None,
        })
    }

    /// Whether there are private attributes of this group.
    pub(super) fn has_private(&self, group: u16) -> bool {
        self.private(group).next().is_some()
    }
}

/// Whether the value of a private creator element is this creator. Blanks around it mean nothing.
pub(super) fn is_creator(value: &[u8], creator: &str) -> bool {
    without_padding(value).trim_ascii_start() == creator.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private(group: u16, creator: &str, element: u8) -> AttributeName {
        AttributeName::Private { group, creator: creator.into(), element }
    }

    #[test]
    fn each_is_found_at_its_place() {
        let names = [
            private(0x0029, "B", 0x10),
            AttributeName::Public(Tag::STUDY_INSTANCE_UID),
            AttributeName::Public(Tag::PATIENT_NAME),
            private(0x0029, "A", 0x10),
            AttributeName::Public(Tag::PATIENT_NAME),
        ];
        let wanted = WantedAttributes::new(names.clone()).unwrap();
        assert_eq!((wanted.len(), wanted.last()), (4, Tag(0x0029, 0xFFFF)));
        assert_eq!(names.map(|name| wanted.position(&name)), [3, 1, 0, 2, 0].map(Some));
        assert_eq!(wanted.public(Tag::PATIENT_NAME), Some(0));
        assert_eq!(wanted.public(Tag(0x0029, 0x1010)), None);
        let found: Vec<_> = wanted.private(0x0029).collect();
        assert_eq!(found, [(2, "A", 0x10), (3, "B", 0x10)]);
        assert!(!wanted.has_private(0x002B));
        assert!(WantedAttributes::new([]).unwrap().is_empty());
    }

    #[test]
    fn their_number_has_a_bound() {
        let some = |count: u16| (0..count).map(|number| AttributeName::Public(Tag(0x0008, number)));
        let bound = u16::try_from(WANTED_ATTRIBUTES).unwrap();
        assert!(WantedAttributes::new(some(bound)).is_some());
        assert!(WantedAttributes::new(some(bound + 1)).is_none());
    }

    #[test]
    fn padding_is_no_part_of_a_creator() {
        for value in ["SIEMENS CSA HEADER", "SIEMENS CSA HEADER  ", " SIEMENS CSA HEADER\0"] {
            assert!(is_creator(value.as_bytes(), "SIEMENS CSA HEADER"), "{value:?}");
        }
        assert!(!is_creator(b"SIEMENS CSA HEADE", "SIEMENS CSA HEADER"));
    }
}
