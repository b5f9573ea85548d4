//! Represents data sets as trees that can be encoded in any transfer syntax, correctly or incorrectly (PS3.5
//! §7).

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;

use crate::wire::uid;

/// An element.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) group: u16,
    pub(super) number: u16,
    pub(super) vr: [u8; 2],
    pub(super) value: Value,
}

/// What an element holds.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A value in little endian; encoding swaps it as its VR requires.
    Bytes(Vec<u8>),
    /// As `Bytes`, with this number in the length field instead.
    Claimed(u32, Vec<u8>),
    /// Items. `implicit`: encoded in Implicit VR Little Endian, whatever the encoding around them.
    Items { explicit_length: bool, implicit: bool, items: Vec<Item>, slack: i32 },
    /// Pixel Data: native, or fragments if the transfer syntax is encapsulated.
    Pixels { native: Vec<u8>, fragments: Vec<Vec<u8>> },
    /// A pixel sequence, whatever the transfer syntax.
    Fragments { fragments: Vec<Vec<u8>>, delimited: bool },
    /// Tag and length without a VR, as items and delimiters have.
    Bare(u32),
}

/// An item. `slack` is added to its length field.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) explicit_length: bool,
    pub(super) elements: Vec<Element>,
    pub(super) slack: i32,
}

/// How elements are encoded (PS3.5 §10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    explicit: bool,
    big_endian: bool,
    encapsulated: bool,
}

impl Encoding {
    /// The encoding of a transfer syntax, ignoring deflation.
    pub(super) fn of(transfer_syntax: &str) -> Self {
        let explicit = transfer_syntax != uid::IVLE;
        let big_endian = transfer_syntax == uid::EVBE;
        let native = [uid::IVLE, uid::EVLE, uid::EVBE, uid::DEFLATED].contains(&transfer_syntax);
        Self { explicit, big_endian, encapsulated: !native }
    }

    const IMPLICIT: Self = Self { explicit: false, big_endian: false, encapsulated: false };

    pub(super) fn explicit(self) -> bool {
        self.explicit
    }

    /// True if Pixel Data is encapsulated in fragments.
    pub(super) fn encapsulated(self) -> bool {
        self.encapsulated
    }

    pub(super) fn u16(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn u32(self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(super) fn read_u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(super) fn read_u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

/// Encodes a data set in a transfer syntax, without deflating it.
pub(super) fn encode(elements: &[Element], encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::new();
    for element in elements {
        append(&mut bytes, element, encoding);
    }
    bytes
}

/// Makes a raw deflate stream (PS3.5 §A.5), padded to even length.
pub(super) fn deflate(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).expect("writing to memory");
    let mut stream = encoder.finish().expect("writing to memory");
    if stream.len() % 2 == 1 {
        stream.push(0);
    }
    stream
}

/// True if explicit VR encodings give this VR two reserved bytes and a length of four bytes.
pub(super) fn has_long_length(vr: [u8; 2]) -> bool {
    const LONG: [[u8; 2]; 13] = [
        *b"OB", *b"OD", *b"OF", *b"OL", *b"OV", *b"OW", *b"SQ", *b"SV", *b"UC", *b"UN", *b"UR",
        *b"UT", *b"UV",
    ];
    const SHORT: [[u8; 2]; 20] = [
        *b"AE", *b"AS", *b"AT", *b"CS", *b"DA", *b"DS", *b"DT", *b"FD", *b"FL", *b"IS", *b"LO",
        *b"LT", *b"PN", *b"SH", *b"SL", *b"SS", *b"ST", *b"TM", *b"UI", *b"UL",
    ];
    let unknown = vr.iter().all(u8::is_ascii_uppercase) && !SHORT.contains(&vr) && vr != *b"US";
    LONG.contains(&vr) || unknown || vr == *b"ox"
}

/// Bytes per number of this VR; 1 for a VR that is not swapped.
pub(super) fn unit(vr: [u8; 2]) -> usize {
    match &vr {
        b"US" | b"SS" | b"OW" | b"AT" | b"xs" => 2,
        b"UL" | b"SL" | b"FL" | b"OF" | b"OL" => 4,
        b"FD" | b"OD" | b"OV" | b"SV" | b"UV" => 8,
        _ => 1,
    }
}

fn append(bytes: &mut Vec<u8>, element: &Element, encoding: Encoding) {
    let vr = element.vr;
    match &element.value {
        Value::Bytes(value) => {
            let fits = !encoding.explicit || has_long_length(vr) || value.len() <= 0xFFFF;
            let value = if fits { value } else { &value[..0xFFFE] };
            header(bytes, element, encoding, length_of(value));
            bytes.extend(swapped(value, vr, encoding));
        }
        Value::Claimed(length, value) => {
            header(bytes, element, encoding, *length);
            bytes.extend(swapped(value, vr, encoding));
        }
        Value::Items { explicit_length, implicit, items, slack } => {
            let inner = if *implicit { Encoding::IMPLICIT } else { encoding };
            let mut content = Vec::new();
            for item in items {
                append_item(&mut content, item, inner);
            }
            let length = if *explicit_length {
                length_of(&content).wrapping_add_signed(*slack)
            } else {
                UNDEFINED
            };
            header(bytes, element, encoding, length);
            bytes.extend(content);
            if !explicit_length {
                bare(bytes, inner, 0xE0DD, 0);
            }
        }
        Value::Pixels { fragments, .. } if encoding.encapsulated => {
            append_fragments(bytes, element, encoding, fragments, true);
        }
        Value::Pixels { native, .. } => {
            header(bytes, element, encoding, length_of(native));
            bytes.extend(swapped(native, vr, encoding));
        }
        Value::Fragments { fragments, delimited } => {
            append_fragments(bytes, element, encoding, fragments, *delimited);
        }
        Value::Bare(length) => {
            bytes.extend(encoding.u16(element.group));
            bytes.extend(encoding.u16(element.number));
            bytes.extend(encoding.u32(*length));
        }
    }
}

fn append_item(bytes: &mut Vec<u8>, item: &Item, encoding: Encoding) {
    let content = encode(&item.elements, encoding);
    if item.explicit_length {
        let length = length_of(&content).wrapping_add_signed(item.slack);
        bare(bytes, encoding, 0xE000, length);
        bytes.extend(content);
    } else {
        bare(bytes, encoding, 0xE000, UNDEFINED);
        bytes.extend(content);
        bare(bytes, encoding, 0xE00D, 0);
    }
}

fn append_fragments(
    bytes: &mut Vec<u8>,
    element: &Element,
    encoding: Encoding,
    fragments: &[Vec<u8>],
    delimited: bool,
) {
    header(bytes, element, encoding, UNDEFINED);
    for fragment in fragments {
        bare(bytes, encoding, 0xE000, length_of(fragment));
        bytes.extend(fragment);
    }
    if delimited {
        bare(bytes, encoding, 0xE0DD, 0);
    }
}

fn header(bytes: &mut Vec<u8>, element: &Element, encoding: Encoding, length: u32) {
    bytes.extend(encoding.u16(element.group));
    bytes.extend(encoding.u16(element.number));
    if !encoding.explicit {
        bytes.extend(encoding.u32(length));
        return;
    }
    bytes.extend(element.vr);
    if has_long_length(element.vr) {
        bytes.extend([0, 0]);
        bytes.extend(encoding.u32(length));
    } else {
        // Only a generated length can overflow, so any wrong length will do.
        bytes.extend(encoding.u16(u16::try_from(length).unwrap_or(0xFFFF)));
    }
}

fn bare(bytes: &mut Vec<u8>, encoding: Encoding, number: u16, length: u32) {
    bytes.extend(encoding.u16(0xFFFE));
    bytes.extend(encoding.u16(number));
    bytes.extend(encoding.u32(length));
}

fn swapped(value: &[u8], vr: [u8; 2], encoding: Encoding) -> Vec<u8> {
    let mut value = value.to_vec();
    if encoding.big_endian {
        value.chunks_exact_mut(unit(vr)).for_each(<[u8]>::reverse);
    }
    value
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a value below 4 GiB")
}

const UNDEFINED: u32 = 0xFFFF_FFFF;
