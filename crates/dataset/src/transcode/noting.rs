//! The values of [`WantedAttributes`], noted while a data set passes.

use super::noted_value::NotedValue;
use super::wanted::{WantedAttributes, is_creator};
use crate::encoding::token::Element;
use crate::limits::{ATTRIBUTE_BYTES, DECIDING_VALUE_BYTES};
use crate::tag::Tag;
use crate::vr::Vr;
use std::sync::Arc;

/// What is noted of one data set. Holds [`ATTRIBUTE_BYTES`] for each attribute that is wanted and present, and one
/// private creator.
#[derive(Clone, Debug)]
pub(super) struct Noting {
    wanted: Arc<WantedAttributes>,
    /// By the places in `wanted`.
    values: Box<[Option<Value>]>,
    /// Of private attributes: the block that their creator has reserved.
    blocks: Box<[Option<u8>]>,
    /// The private creator that is being read, the group and the block that it reserves.
    creator: Vec<u8>,
    creator_of: (u16, u8),
    current: Option<Target>,
}

#[derive(Clone, Debug)]
struct Value {
    bytes: Vec<u8>,
    vr: Vr,
    big_endian: bool,
    rest: Option<u64>,
}

/// Where the value that is being read goes.
#[derive(Clone, Copy, Debug)]
enum Target {
    Value(usize),
    Creator,
}

impl Noting {
    pub(super) fn new(wanted: Arc<WantedAttributes>) -> Self {
        let count = wanted.len();
        Self {
            wanted,
            values: vec![None; count].into(),
            blocks: vec![None; count].into(),
            creator: Vec::new(),
            creator_of: (0, 0),
            current: None,
        }
    }

    pub(super) fn wanted(&self) -> &WantedAttributes {
        &self.wanted
    }

    /// An element at the top level begins. True if its value is wanted.
    pub(super) fn begin(&mut self, element: &Element) -> bool {
        self.current = self.target(element.tag);
        match self.current {
            Some(Target::Value(place)) => {
                let (vr, big_endian) = (element.vr, element.encoding.big_endian);
                self.values[place] = Some(Value { bytes: Vec::new(), vr, big_endian, rest: None });
            }
            Some(Target::Creator) => self.creator.clear(),
            None => {}
        }
        self.current.is_some()
    }

    fn target(&mut self, tag: Tag) -> Option<Target> {
        let mut place = self.wanted.public(tag);
        if place.is_none() && tag.is_private() {
            let [high, low] = tag.element().to_be_bytes();
            if tag.is_private_creator() && self.wanted.has_private(tag.group()) {
                self.creator_of = (tag.group(), low);
                return Some(Target::Creator);
            }
            let mut private = self.wanted.private(tag.group());
            place = private
                .find(|&(place, _, element)| element == low && self.blocks[place] == Some(high))
                .map(|(place, ..)| place);
        }
        // If an element occurs twice, the first one counts.
        place.filter(|&place| self.values[place].is_none()).map(Target::Value)
    }

    /// The next piece of the value.
    pub(super) fn value(&mut self, bytes: &[u8]) {
        match self.current {
            Some(Target::Value(place)) => {
                if let Some(value) = &mut self.values[place] {
                    value.push(bytes);
                }
            }
            Some(Target::Creator) => {
                // A longer one is none.
                let room = DECIDING_VALUE_BYTES + 2 - self.creator.len();
                self.creator.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            None => {}
        }
    }

    /// The value is complete.
    pub(super) fn end(&mut self) {
        if let Some(Target::Creator) = self.current.take() {
            let (group, block) = self.creator_of;
            for (place, creator, _) in self.wanted.private(group) {
                if self.blocks[place].is_none() && is_creator(&self.creator, creator) {
                    self.blocks[place] = Some(block);
                }
            }
        }
    }

    /// The value at a place of the wanted attributes.
    pub(super) fn noted(&self, place: usize) -> Option<NotedValue<'_>> {
        let Value { bytes, vr, big_endian, rest } = self.values.get(place)?.as_ref()?;
        Some(NotedValue { bytes, vr: *vr, big_endian: *big_endian, rest: *rest })
    }
}

impl Value {
    fn push(&mut self, bytes: &[u8]) {
        let (kept, rest) = bytes.split_at(bytes.len().min(ATTRIBUTE_BYTES - self.bytes.len()));
        self.bytes.extend_from_slice(kept);
        if !rest.is_empty() {
            self.rest = Some(add_to_hash(self.rest, rest));
        }
    }
}

/// Goes on with a number made of many bytes (the hash FNV-1a).
fn add_to_hash(hash: Option<u64>, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash.unwrap_or(0xcbf2_9ce4_8422_2325), |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::element::Encoding;
    use crate::transcode::wanted::AttributeName;

    fn element(group: u16, element: u16) -> Element {
        let (tag, encoding) = (Tag(group, element), Encoding::EXPLICIT);
        Element { tag, vr: Vr::LO, length: 0, encoding }
    }

    fn read(noting: &mut Noting, header: &Element, value: &[u8]) {
        if noting.begin(header) {
            value.iter().for_each(|byte| noting.value(&[*byte]));
            noting.end();
        }
    }

    fn noting(names: impl IntoIterator<Item = AttributeName>) -> Noting {
        Noting::new(Arc::new(WantedAttributes::new(names).unwrap()))
    }

    fn private(creator: &str, element: u8) -> AttributeName {
        AttributeName::Private { group: 0x0029, creator: creator.into(), element }
    }

    #[test]
    fn a_private_attribute_is_found_in_the_block_of_its_creator() {
        let mut noting = noting([private("A", 0x10), private("B", 0x10), private("C", 0x10)]);
        for (number, value) in [
            (0x1010, "before its creator"),
            (0x10, "OTHER"),
            (0x11, "B "),
            (0x12, "A"),
            (0x13, "A"),
            (0x1010, "other"),
            (0x1110, "b"),
            (0x1111, "b11"),
            (0x1210, "a"),
            (0x1310, "a in a second block"),
        ] {
            read(&mut noting, &element(0x0029, number), value.as_bytes());
        }
        let found: Vec<_> = (0..3).map(|place| noting.noted(place).map(|it| it.bytes)).collect();
        assert_eq!(found, [Some(&b"a"[..]), Some(b"b"), None]);
    }

    #[test]
    fn of_a_long_value_the_rest_is_told_apart() {
        let rest = |value: &[u8]| {
            let mut noting = noting([AttributeName::Public(Tag(0x0010, 0x0020))]);
            read(&mut noting, &element(0x0010, 0x0020), value);
            let noted = noting.noted(0).unwrap();
            assert_eq!(noted.bytes, &value[..value.len().min(ATTRIBUTE_BYTES)]);
            noted.rest
        };
        let long = |last: u8| [vec![b'x'; 64 * 1024], vec![last]].concat();
        assert_eq!(rest(&vec![b'x'; ATTRIBUTE_BYTES]), None);
        assert_eq!(rest(&long(b'y')), rest(&long(b'y')));
        assert_ne!(rest(&long(b'y')), rest(&long(b'z')));
    }

    #[test]
    fn a_long_creator_is_none() {
        let mut noting = noting([private(&"A".repeat(DECIDING_VALUE_BYTES), 0x10)]);
        read(&mut noting, &element(0x0029, 0x10), &[b'A'; 1000]);
        read(&mut noting, &element(0x0029, 0x1010), b"value");
        assert_eq!(noting.noted(0), None);
    }
}
