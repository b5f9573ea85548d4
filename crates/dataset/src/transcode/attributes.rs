//! Attributes that are kept while a data set passes, for naming, sorting and checks.

use super::noted_value::NotedValue;
use super::noting::Noting;
use super::wanted::{AttributeName, WantedAttributes};
use crate::encoding::token::Element;
use crate::limits::{ATTRIBUTE_BYTES, OTHER_UIDS};
use crate::registry::uid::without_padding;
use crate::tag::Tag;
use crate::vr::Vr;
use std::sync::Arc;

/// The values of five attributes at the top level of a data set, as received: raw bytes, including
/// padding. Of a longer value, the first [`ATTRIBUTE_BYTES`] are kept.
///
/// If an element occurs twice, the first one counts, as in what a [`Transcoder`](crate::Transcoder)
/// writes. Readers differ in which one they use, so for the three UIDs up to [`OTHER_UIDS`] other
/// values are kept as well. If a UID is too long, the last byte kept tells whether everything after it
/// is padding. At most eleven times [`ATTRIBUTE_BYTES`] are held, and as much for each further attribute that is
/// [wanted](crate::Transcoder::noting).
#[derive(Clone, Debug)]
pub struct Attributes {
    values: [Option<Vec<u8>>; KEPT.len()],
    /// Of the three UIDs: values that occurred later and are neither empty nor known already, and the
    /// one that is being read.
    others: [Vec<Vec<u8>>; KEPT.len()],
    /// The value that is being read.
    current: Option<Current>,
    /// No value is kept of elements after this tag.
    last: Tag,
    /// There was an element after it.
    has_passed: bool,
    /// Further attributes.
    noting: Option<Box<Noting>>,
}

/// Where a value that is being read is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Current {
    First(usize),
    Again(usize),
    /// A further attribute.
    Noted,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            values: Default::default(),
            others: Default::default(),
            current: None,
            last: KEPT[KEPT.len() - 1],
            has_passed: false,
            noting: None,
        }
    }
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

    /// Values of SOP Class UID that occurred later and differ from the first. Empty ones are ignored.
    pub fn other_sop_class_uids(&self) -> impl Iterator<Item = &[u8]> {
        self.others(1)
    }

    /// Values of SOP Instance UID that occurred later and differ from the first. Empty ones are
    /// ignored.
    pub fn other_sop_instance_uids(&self) -> impl Iterator<Item = &[u8]> {
        self.others(2)
    }

    /// Values of Study Instance UID that occurred later and differ from the first. Empty ones are
    /// ignored.
    pub fn other_study_instance_uids(&self) -> impl Iterator<Item = &[u8]> {
        self.others(4)
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

    /// Study Instance UID, once its value is complete.
    #[must_use]
    pub fn whole_study_instance_uid(&self) -> Option<&[u8]> {
        self.study_instance_uid().filter(|_| self.current != Some(Current::First(4)))
    }

    /// The value of a wanted attribute, by its place among them ([`WantedAttributes::position`]); `None` if the
    /// data set does not have it, or nothing is wanted.
    #[must_use]
    pub fn noted(&self, place: usize) -> Option<NotedValue<'_>> {
        let noting = self.noting.as_deref()?;
        let noted = noting.noted(place);
        match noting.wanted().name(place)? {
            &AttributeName::Public(tag) if noted.is_none() => {
                let at = KEPT.iter().position(|&kept| kept == tag)?;
                let bytes = self.values[at].as_deref()?;
                Some(NotedValue { bytes, vr: KEPT_VRS[at], big_endian: false, rest: None })
            }
            _ => noted,
        }
    }

    /// The same by its name; `None` too if it is not wanted.
    #[must_use]
    pub fn noted_as(&self, name: &AttributeName) -> Option<NotedValue<'_>> {
        self.noted(self.noting.as_deref()?.wanted().position(name)?)
    }

    /// Whether the data set has come past the last attribute that is kept. In one whose elements are not in ascending
    /// order, some may follow all the same.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.has_passed
    }

    /// Has these attributes noted too.
    pub(super) fn note(&mut self, wanted: Arc<WantedAttributes>) {
        self.last = KEPT[KEPT.len() - 1].max(wanted.last());
        self.noting = Some(Box::new(Noting::new(wanted)));
    }

    /// SOP Instance UID, once its value is complete.
    #[must_use]
    pub fn whole_sop_instance_uid(&self) -> Option<&[u8]> {
        self.sop_instance_uid().filter(|_| self.current != Some(Current::First(2)))
    }

    /// An element at the top level begins.
    #[inline]
    pub(crate) fn begin(&mut self, element: &Element) {
        self.end();
        if element.tag <= self.last {
            self.begin_kept(element);
        } else {
            self.has_passed = true;
        }
    }

    /// The next value is not kept.
    #[inline]
    pub(crate) fn end(&mut self) {
        if let Some(current) = self.current.take() {
            self.end_kept(current);
        }
    }

    fn end_kept(&mut self, current: Current) {
        match current {
            Current::First(_) => {}
            Current::Again(at) => self.keep_if_new(at),
            Current::Noted => {
                if let Some(noting) = &mut self.noting {
                    noting.end();
                }
            }
        }
    }

    fn begin_kept(&mut self, element: &Element) {
        let tag = element.tag;
        let Some(at) = KEPT.iter().position(|&kept| kept == tag) else {
            if self.noting.as_mut().is_some_and(|noting| noting.begin(element)) {
                self.current = Some(Current::Noted);
            }
            return;
        };
        if self.values[at].is_none() {
            self.values[at] = Some(Vec::new());
            self.current = Some(Current::First(at));
        } else if tag.is_object_identifier() && self.others[at].len() < OTHER_UIDS {
            self.others[at].push(Vec::new());
            self.current = Some(Current::Again(at));
        }
    }

    /// Drops the value that was read last unless it is a new one.
    fn keep_if_new(&mut self, at: usize) {
        let Some(last) = self.others[at].pop() else { return };
        let value = without_padding(&last);
        let mut known = self.values[at].iter().chain(&self.others[at]);
        if !value.is_empty() && known.all(|known| without_padding(known) != value) {
            self.others[at].push(last);
        }
    }

    /// Later values that differ from the first one.
    fn others(&self, at: usize) -> impl Iterator<Item = &[u8]> {
        let first = self.values[at].as_deref().map(without_padding).unwrap_or_default();
        let values = self.others[at].iter().map(Vec::as_slice);
        values.filter(move |other| ![&[], first].contains(&without_padding(other)))
    }

    /// Whether the current value is kept.
    pub(crate) fn is_keeping(&self) -> bool {
        self.current.is_some()
    }

    /// The next piece of the current value.
    #[inline]
    pub(crate) fn value(&mut self, bytes: &[u8]) {
        if let Some(current) = self.current {
            self.keep(current, bytes);
        }
    }

    fn keep(&mut self, current: Current, bytes: &[u8]) {
        let (at, value) = match current {
            Current::First(at) => (at, self.values[at].as_mut()),
            Current::Again(at) => (at, self.others[at].last_mut()),
            Current::Noted => {
                if let Some(noting) = &mut self.noting {
                    noting.value(bytes);
                }
                return;
            }
        };
        let Some(value) = value else { return };
        let (kept, rest) = bytes.split_at(bytes.len().min(ATTRIBUTE_BYTES - value.len()));
        value.extend_from_slice(kept);
        if KEPT[at].is_object_identifier()
            && let Some(&content) = without_padding(rest).last()
            && let Some(last) = value.last_mut()
        {
            *last = content;
        }
    }
}

/// In ascending order; the accessors above use the index.
const KEPT: [Tag; 5] = [
    Tag::SPECIFIC_CHARACTER_SET,
    Tag::SOP_CLASS_UID,
    Tag::SOP_INSTANCE_UID,
    Tag::PATIENT_NAME,
    Tag::STUDY_INSTANCE_UID,
];

const KEPT_VRS: [Vr; KEPT.len()] = [Vr::CS, Vr::UI, Vr::UI, Vr::PN, Vr::UI];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::element::Encoding;

    impl Attributes {
        fn begin_tag(&mut self, tag: Tag) {
            let encoding = Encoding::EXPLICIT;
            self.begin(&Element { tag, vr: Vr::UN, length: 0, encoding });
        }
    }

    #[test]
    fn what_is_kept_anyway_is_noted_too() {
        let names = [Tag::PATIENT_NAME, Tag(0x0010, 0x0020)].map(AttributeName::Public);
        let mut attributes = Attributes::default();
        attributes.note(Arc::new(WantedAttributes::new(names).unwrap()));
        for (tag, value) in
            [(Tag::PATIENT_NAME, b"Doe"), (Tag(0x0010, 0x0020), b"471"), (Tag(0x20, 0x20), b"xyz")]
        {
            attributes.begin_tag(tag);
            attributes.value(value);
        }
        let noted = |place| attributes.noted(place).map(|it| (it.bytes, it.vr));
        assert_eq!(noted(0), Some((&b"Doe"[..], Vr::PN)));
        let by_name = |tag| attributes.noted_as(&AttributeName::Public(tag)).map(|it| it.bytes);
        assert_eq!(by_name(Tag(0x0010, 0x0020)), Some(&b"471"[..]));
        assert_eq!(by_name(Tag(0x0020, 0x0020)), None, "not wanted");
        assert!(attributes.has_passed(), "(0020,0020) is behind them");
        assert_eq!(noted(1), Some((&b"471"[..], Vr::UN)));
        assert_eq!(noted(2), None);
        assert_eq!(attributes.patient_name(), Some(&b"Doe"[..]));
        assert_eq!(Attributes::default().noted(0), None);
    }

    #[test]
    fn the_first_of_two_counts_and_pieces_add_up() {
        let mut attributes = Attributes::default();
        attributes.begin_tag(Tag::PATIENT_NAME);
        attributes.value(b"A^");
        attributes.value(b"B");
        attributes.begin_tag(Tag(0x0010, 0x0020));
        attributes.value(b"4711");
        attributes.begin_tag(Tag::PATIENT_NAME);
        attributes.value(b"C");
        assert_eq!(attributes.patient_name(), Some(&b"A^B"[..]));
        assert_eq!(attributes.sop_class_uid(), None);
    }

    #[test]
    fn of_several_later_uids_one_that_differs_is_kept() {
        let mut attributes = Attributes::default();
        for value in [&b"1.2"[..], b"1.2\0", b"1.2 ", b"1.3", b"1.2"] {
            attributes.begin_tag(Tag::SOP_INSTANCE_UID);
            attributes.value(&value[..1]);
            attributes.value(&value[1..]);
        }
        assert_eq!(attributes.sop_instance_uid(), Some(&b"1.2"[..]));
        assert_eq!(attributes.other_sop_instance_uids().collect::<Vec<_>>(), [b"1.3"]);
        assert_eq!(attributes.other_sop_class_uids().count(), 0);
    }

    #[test]
    fn two_identifiers_are_found_whatever_comes_before_them() {
        let values = [&b""[..], b" ", b"1.2", b"\0\0", b"1.2\0", b"", b"1.3", b"1.4", b""];
        for start in 0..7 {
            let mut attributes = Attributes::default();
            for value in &values[start..] {
                attributes.begin_tag(Tag::SOP_INSTANCE_UID);
                attributes.value(value);
            }
            let first = attributes.sop_instance_uid().into_iter();
            let mut named: Vec<&[u8]> = first.chain(attributes.other_sop_instance_uids()).collect();
            named.retain(|value| !without_padding(value).is_empty());
            assert!(named.len() >= 2, "from {start}: {named:?}");
        }
    }

    #[test]
    fn what_stands_behind_much_padding_is_seen() {
        let mut attributes = Attributes::default();
        attributes.begin_tag(Tag::SOP_INSTANCE_UID);
        for _ in 0..11 {
            attributes.value(&[b' '; 100]);
        }
        assert_eq!(attributes.sop_instance_uid().map(without_padding), Some(&b""[..]));
        attributes.value(b"1.3\0");
        attributes.value(b"  ");
        let kept = attributes.sop_instance_uid().unwrap();
        assert_eq!((kept.len(), kept.last()), (ATTRIBUTE_BYTES, Some(&b'3')));
    }

    #[test]
    fn a_study_is_known_when_something_follows_its_uid() {
        let mut attributes = Attributes::default();
        attributes.begin_tag(Tag::STUDY_INSTANCE_UID);
        attributes.value(b"1.");
        assert_eq!(attributes.whole_study_instance_uid(), None);
        attributes.value(b"2");
        attributes.begin_tag(Tag(0x0020, 0x000E));
        assert_eq!(attributes.whole_study_instance_uid(), Some(&b"1.2"[..]));
    }

    #[test]
    fn long_values_are_cut() {
        let mut attributes = Attributes::default();
        attributes.begin_tag(Tag::STUDY_INSTANCE_UID);
        for _ in 0..3 {
            attributes.value(&[b'1'; 500]);
        }
        assert_eq!(attributes.study_instance_uid().map(<[u8]>::len), Some(ATTRIBUTE_BYTES));
    }

    #[test]
    fn an_empty_value_is_not_a_missing_one() {
        let mut attributes = Attributes::default();
        attributes.begin_tag(Tag::SOP_CLASS_UID);
        assert_eq!(attributes.sop_class_uid(), Some(&b""[..]));
        assert_eq!(attributes.sop_instance_uid(), None);
    }
}
