//! The few values that naming, sorting and checks need, noted while the data set passes.

use crate::Tag;
use crate::limits::ATTRIBUTE_BYTES;
use crate::uid::without_padding;

/// Values of five attributes at the top level of a data set, as they came: raw bytes, padding
/// included. Of a longer value the first [`ATTRIBUTE_BYTES`] are kept.
///
/// Where an element occurs twice, the first one counts, as it does in what a
/// [`Transcoder`](crate::Transcoder) writes. Of UIDs, another value than the first is kept as well. At
/// most eight times [`ATTRIBUTE_BYTES`] are held.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    values: [Option<Vec<u8>>; NOTED.len()],
    /// What came when the element occurred again, of the three UIDs.
    others: [Option<Vec<u8>>; NOTED.len()],
    /// Which of them is being read.
    current: Option<Current>,
}

/// The place of a value that is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    First(usize),
    Again(usize),
}

impl Attributes {
    /// Specific Character Set (0008,0005).
    #[must_use]
    pub fn specific_character_set(&self) -> Option<&[u8]> {
        self.values[0].as_deref()
    }

    /// SOP Class UID (0008,0016).
    #[must_use]
    pub fn sop_class_uid(&self) -> Option<&[u8]> {
        self.values[1].as_deref()
    }

    /// SOP Instance UID (0008,0018).
    #[must_use]
    pub fn sop_instance_uid(&self) -> Option<&[u8]> {
        self.values[2].as_deref()
    }

    /// A value of SOP Class UID that came later and differs from the first.
    #[must_use]
    pub fn other_sop_class_uid(&self) -> Option<&[u8]> {
        self.other(1)
    }

    /// A value of SOP Instance UID that came later and differs from the first.
    #[must_use]
    pub fn other_sop_instance_uid(&self) -> Option<&[u8]> {
        self.other(2)
    }

    /// A value of Study Instance UID that came later and differs from the first.
    #[must_use]
    pub fn other_study_instance_uid(&self) -> Option<&[u8]> {
        self.other(4)
    }

    /// Patient's Name (0010,0010).
    #[must_use]
    pub fn patient_name(&self) -> Option<&[u8]> {
        self.values[3].as_deref()
    }

    /// Study Instance UID (0020,000D).
    #[must_use]
    pub fn study_instance_uid(&self) -> Option<&[u8]> {
        self.values[4].as_deref()
    }

    /// Study Instance UID, once all of its value has passed.
    #[must_use]
    pub fn whole_study_instance_uid(&self) -> Option<&[u8]> {
        self.study_instance_uid().filter(|_| self.current != Some(Current::First(4)))
    }

    /// An element at the top level begins.
    pub(crate) fn begin(&mut self, tag: Tag) {
        self.current = None;
        if tag > NOTED[NOTED.len() - 1] {
            return;
        }
        let Some(at) = NOTED.iter().position(|&noted| noted == tag) else {
            return;
        };
        if self.values[at].is_none() {
            self.values[at] = Some(Vec::new());
            self.current = Some(Current::First(at));
        } else if COMPARED.contains(&tag) && self.other(at).is_none() {
            self.others[at] = Some(Vec::new());
            self.current = Some(Current::Again(at));
        }
    }

    /// A later value that differs from the first.
    fn other(&self, at: usize) -> Option<&[u8]> {
        let [first, other] = [&self.values, &self.others].map(|values| values[at].as_deref());
        other.filter(|other| first.map(without_padding) != Some(without_padding(other)))
    }

    /// Whether the value of the element that began last is kept.
    pub(crate) fn is_noting(&self) -> bool {
        self.current.is_some()
    }

    /// The element that began last has this as the next piece of its value.
    pub(crate) fn value(&mut self, bytes: &[u8]) {
        let value = match self.current {
            Some(Current::First(at)) => self.values[at].as_mut(),
            Some(Current::Again(at)) => self.others[at].as_mut(),
            None => None,
        };
        if let Some(value) = value {
            let room = ATTRIBUTE_BYTES - value.len();
            value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// In ascending order; the accessors above name them by position.
const NOTED: [Tag; 5] = [
    Tag::SPECIFIC_CHARACTER_SET,
    Tag::SOP_CLASS_UID,
    Tag::SOP_INSTANCE_UID,
    Tag::PATIENT_NAME,
    Tag::STUDY_INSTANCE_UID,
];

/// Of these, later values are compared with the first.
const COMPARED: [Tag; 3] = [Tag::SOP_CLASS_UID, Tag::SOP_INSTANCE_UID, Tag::STUDY_INSTANCE_UID];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_counts_and_pieces_add_up() {
        let mut attributes = Attributes::default();
        attributes.begin(Tag::PATIENT_NAME);
        attributes.value(b"A^");
        attributes.value(b"B");
        attributes.begin(Tag(0x0010, 0x0020));
        attributes.value(b"4711");
        attributes.begin(Tag::PATIENT_NAME);
        attributes.value(b"C");
        assert_eq!(attributes.patient_name(), Some(&b"A^B"[..]));
        assert_eq!(attributes.sop_class_uid(), None);
    }

    #[test]
    fn of_several_later_uids_one_that_differs_is_kept() {
        let mut attributes = Attributes::default();
        for value in [&b"1.2"[..], b"1.2\0", b"1.2 ", b"1.3", b"1.2"] {
            attributes.begin(Tag::SOP_INSTANCE_UID);
            attributes.value(&value[..1]);
            attributes.value(&value[1..]);
        }
        assert_eq!(attributes.sop_instance_uid(), Some(&b"1.2"[..]));
        assert_eq!(attributes.other_sop_instance_uid(), Some(&b"1.3"[..]));
        assert_eq!(attributes.other_sop_class_uid(), None);
    }

    #[test]
    fn a_study_is_known_when_something_follows_its_uid() {
        let mut attributes = Attributes::default();
        attributes.begin(Tag::STUDY_INSTANCE_UID);
        attributes.value(b"1.");
        assert_eq!(attributes.whole_study_instance_uid(), None);
        attributes.value(b"2");
        attributes.begin(Tag(0x0020, 0x000E));
        assert_eq!(attributes.whole_study_instance_uid(), Some(&b"1.2"[..]));
    }

    #[test]
    fn long_values_are_cut() {
        let mut attributes = Attributes::default();
        attributes.begin(Tag::STUDY_INSTANCE_UID);
        for _ in 0..3 {
            attributes.value(&[b'1'; 500]);
        }
        assert_eq!(attributes.study_instance_uid().map(<[u8]>::len), Some(ATTRIBUTE_BYTES));
    }

    #[test]
    fn an_empty_value_is_not_a_missing_one() {
        let mut attributes = Attributes::default();
        attributes.begin(Tag::SOP_CLASS_UID);
        assert_eq!(attributes.sop_class_uid(), Some(&b""[..]));
        assert_eq!(attributes.sop_instance_uid(), None);
    }
}
