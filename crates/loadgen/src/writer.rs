//! Encodes elements.

/// Group and element number.
pub(crate) type Tag = (u16, u16);

/// Appends elements in one of the little endian encodings (PS3.5 §7.1).
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) implicit: bool,
}

impl Writer {
    /// Appends an element and returns the offset of its value.
    pub(crate) fn element(&mut self, tag: Tag, vr: [u8; 2], value: &[u8]) -> usize {
        debug_assert!(value.len().is_multiple_of(2), "values have even length (PS3.5 §7.1.1)");
        self.header(tag, vr, value.len() as u32);
        self.bytes.extend_from_slice(value);
        self.bytes.len() - value.len()
    }

    /// Appends the header of an element whose value the caller appends.
    pub(crate) fn header(&mut self, (group, element): Tag, vr: [u8; 2], length: u32) {
        self.bytes.extend_from_slice(&group.to_le_bytes());
        self.bytes.extend_from_slice(&element.to_le_bytes());
        if !self.implicit {
            self.bytes.extend_from_slice(&vr);
        }
        if self.implicit || has_long_header(vr) {
            self.bytes.resize(self.bytes.len() + if self.implicit { 0 } else { 2 }, 0);
            self.bytes.extend_from_slice(&length.to_le_bytes());
        } else {
            self.bytes.extend_from_slice(&(length as u16).to_le_bytes());
        }
    }

    /// Appends a sequence with one item, both of undefined length; `content` appends the elements of the item.
    pub(crate) fn sequence(&mut self, tag: Tag, content: impl FnOnce(&mut Self)) {
        self.header(tag, *b"SQ", UNDEFINED_LENGTH);
        self.item(content);
        self.delimiter(SEQUENCE_DELIMITATION_ITEM, 0);
    }

    /// Appends an item of undefined length.
    pub(crate) fn item(&mut self, content: impl FnOnce(&mut Self)) {
        self.delimiter(ITEM, UNDEFINED_LENGTH);
        content(self);
        self.delimiter(ITEM_DELIMITATION_ITEM, 0);
    }

    /// Appends an item or delimiter, which has no VR in any encoding (PS3.5 §7.5).
    pub(crate) fn delimiter(&mut self, (group, element): Tag, length: u32) {
        self.bytes.extend_from_slice(&group.to_le_bytes());
        self.bytes.extend_from_slice(&element.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
    }
}

/// True if the VR has a 32-bit length in explicit VR (PS3.5 §7.1.2).
pub(crate) fn has_long_header(vr: [u8; 2]) -> bool {
    const LONG: [&[u8; 2]; 13] =
        [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];
    LONG.contains(&&vr)
}

/// The length field of a sequence or item that ends with a delimiter.
pub(crate) const UNDEFINED_LENGTH: u32 = 0xFFFF_FFFF;

pub(crate) const ITEM: Tag = (0xFFFE, 0xE000);
const ITEM_DELIMITATION_ITEM: Tag = (0xFFFE, 0xE00D);
pub(crate) const SEQUENCE_DELIMITATION_ITEM: Tag = (0xFFFE, 0xE0DD);
