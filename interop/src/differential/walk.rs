//! Finds the elements in an encoded data set, as far as it is well formed.

use std::ops::Range;

use super::model::{Encoding, has_long_length};

/// An element, an item or a delimiter, with its content.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) tag: (u16, u16),
    /// The two bytes in place of the VR; blanks if the encoding has none.
    pub(super) vr: [u8; 2],
    pub(super) depth: usize,
    pub(super) range: Range<usize>,
    /// Offset of the value.
    pub(super) value: usize,
    /// Length that the length field states.
    pub(super) claimed: usize,
    /// Its own length field.
    pub(super) length: LengthField,
    /// Length fields of everything that encloses it.
    pub(super) enclosing: Vec<LengthField>,
}

/// Offset, size and byte order of a length field.
#[derive(Clone, Copy, Debug)]
pub(super) struct LengthField {
    pub(super) place: usize,
    pub(super) bytes: usize,
    pub(super) encoding: Encoding,
}

impl LengthField {
    /// Adds to the length, unless it is undefined; `None` on overflow.
    pub(super) fn add(self, bytes: &mut [u8], added: u32) -> Option<()> {
        let length = self.read(bytes);
        if length == u32::MAX {
            return Some(());
        }
        let length = length.checked_add(added)?;
        if self.bytes == 2 && length > 0xFFFF {
            return None;
        }
        self.write(bytes, length);
        Some(())
    }

    /// Subtracts from the length, unless it is undefined; stops at zero.
    pub(super) fn subtract(self, bytes: &mut [u8], removed: u32) {
        let length = self.read(bytes);
        if length != u32::MAX {
            self.write(bytes, length.saturating_sub(removed));
        }
    }

    fn read(self, bytes: &[u8]) -> u32 {
        let place = self.place;
        if self.bytes == 2 {
            return self.encoding.read_u16([bytes[place], bytes[place + 1]]).into();
        }
        self.encoding.read_u32(bytes[place..place + 4].try_into().expect("four bytes"))
    }

    fn write(self, bytes: &mut [u8], length: u32) {
        let place = self.place;
        if self.bytes == 2 {
            let length = u16::try_from(length).expect("a length that fits");
            bytes[place..place + 2].copy_from_slice(&self.encoding.u16(length));
        } else {
            bytes[place..place + 4].copy_from_slice(&self.encoding.u32(length));
        }
    }
}

/// Returns everything found, in the order of the bytes; contents follow their container.
pub(super) fn walk(bytes: &[u8], encoding: Encoding) -> Vec<Found> {
    walked(bytes, encoding).found
}

/// True if the bytes end within the header of an item, or of an element in an item.
pub(super) fn ends_within_inner_header(bytes: &[u8], encoding: Encoding) -> bool {
    walked(bytes, encoding).ends_within_inner_header
}

fn walked(bytes: &[u8], encoding: Encoding) -> Walker<'_> {
    let mut walker =
        Walker { bytes, found: Vec::new(), enclosing: Vec::new(), ends_within_inner_header: false };
    walker.elements(0, bytes.len(), encoding);
    walker
}

struct Walker<'a> {
    bytes: &'a [u8],
    found: Vec<Found>,
    enclosing: Vec<LengthField>,
    ends_within_inner_header: bool,
}

struct Header {
    tag: (u16, u16),
    vr: [u8; 2],
    value: usize,
    length: LengthField,
    claimed: usize,
}

impl Walker<'_> {
    /// Reads up to `end`, or to a delimiter, and returns the offset reached; `None` if it cannot be parsed.
    fn elements(&mut self, mut place: usize, end: usize, encoding: Encoding) -> Option<usize> {
        while place < end {
            let Some(header) = self.header(place, encoding) else {
                self.ends_within_inner_header =
                    place < self.bytes.len() && !self.enclosing.is_empty();
                return None;
            };
            let index = self.push(place, &header);
            if header.tag.0 == 0xFFFE && header.tag.1 != 0xE000 {
                self.found[index].range.end = header.value;
                if self.enclosing.is_empty() {
                    return None;
                }
                return Some(header.value);
            }
            let inner_end = self.content(&header, end, encoding);
            self.found[index].range.end = inner_end.unwrap_or(self.bytes.len());
            place = inner_end?;
        }
        Some(place)
    }

    /// Reads the content of an element or an item and returns its end; `None` if it cannot be parsed.
    fn content(&mut self, header: &Header, end: usize, encoding: Encoding) -> Option<usize> {
        let undefined = header.claimed == UNDEFINED;
        let value_end = if undefined { end } else { header.value.checked_add(header.claimed)? };
        // A header may extend past the end of its item, and its value then starts beyond that.
        let too_long =
            if header.value > end { value_end > self.bytes.len() } else { value_end > end };
        if self.enclosing.len() > 64 {
            return None;
        }
        if !self.nests(header, encoding) {
            return (!too_long).then_some(value_end);
        }
        let inner =
            if header.vr == *b"UN" { Encoding::of(crate::wire::uid::IVLE) } else { encoding };
        self.enclosing.push(header.length);
        let stopped = self.elements(header.value, value_end.min(self.bytes.len()), inner);
        self.enclosing.pop();
        stopped.filter(|_| !too_long)
    }

    /// True if it contains items or elements.
    fn nests(&self, header: &Header, encoding: Encoding) -> bool {
        // The rest of a truncated header may belong to an item. Unknown values may be items (PS3.5 §6.2.2).
        let unknown = header.vr == *b"UN";
        let encoding = if unknown { Encoding::of(crate::wire::uid::IVLE) } else { encoding };
        let item = [encoding.u16(0xFFFE), encoding.u16(0xE000)].concat();
        let start = self.bytes.get(header.value..self.bytes.len().min(header.value + 4));
        let starts_with_item =
            start.is_some_and(|start| !start.is_empty() && item.starts_with(start));
        let is_item = header.tag == (0xFFFE, 0xE000);
        let nests = is_item
            || header.claimed == UNDEFINED
            || header.vr == *b"SQ"
            || !encoding.explicit() && starts_with_item;
        // A fragment is an item of Pixel Data; its bytes are not elements.
        let is_fragment = is_item
            && self
                .found
                .iter()
                .rfind(|found| found.depth + 1 == self.enclosing.len())
                .is_some_and(|parent| parent.tag == (0x7FE0, 0x0010));
        nests && !is_fragment
    }

    fn push(&mut self, place: usize, header: &Header) -> usize {
        self.found.push(Found {
            tag: header.tag,
            vr: header.vr,
            depth: self.enclosing.len(),
            range: place..header.value,
            value: header.value,
            claimed: header.claimed,
            length: header.length,
            enclosing: self.enclosing.clone(),
        });
        self.found.len() - 1
    }

    fn header(&self, place: usize, encoding: Encoding) -> Option<Header> {
        let two = |at: usize| Some(encoding.read_u16(self.bytes.get(at..at + 2)?.try_into().ok()?));
        let four = |at: usize| {
            let number = encoding.read_u32(self.bytes.get(at..at + 4)?.try_into().ok()?);
            usize::try_from(number).ok()
        };
        let field = |place, bytes| LengthField { place, bytes, encoding };
        let tag = (two(place)?, two(place + 2)?);
        if tag.0 == 0xFFFE || !encoding.explicit() {
            let (value, length) = (place + 8, field(place + 4, 4));
            return Some(Header { tag, vr: *b"  ", value, length, claimed: four(place + 4)? });
        }
        let vr: [u8; 2] = self.bytes.get(place + 4..place + 6)?.try_into().ok()?;
        if has_long_length(vr) || matches!(&vr, b"lt" | b"px") {
            let (value, length) = (place + 12, field(place + 8, 4));
            return Some(Header { tag, vr, value, length, claimed: four(place + 8)? });
        }
        let (value, length) = (place + 8, field(place + 6, 2));
        Some(Header { tag, vr, value, length, claimed: usize::from(two(place + 6)?) })
    }
}

/// The length field of an element or item that ends with a delimiter.
pub(super) const UNDEFINED: usize = 0xFFFF_FFFF;
