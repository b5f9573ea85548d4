//! Data sets written by hand, and what becomes of them.

#![allow(dead_code, reason = "each test uses its part")]

use std::io::IoSlice;
use std::sync::Arc;

use dataset::format::{OutputFormat, OutputTransferSyntax};
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, Error, Fault, Transcoder, TransferSyntax};

/// An undefined length.
pub(crate) const UNDEFINED: u32 = 0xFFFF_FFFF;

/// An encoding to write elements in.
#[derive(Clone, Copy)]
pub(crate) struct Writer {
    explicit: bool,
    big: bool,
}

/// Explicit VR little endian.
pub(crate) const LITTLE: Writer = Writer { explicit: true, big: false };
/// Explicit VR big endian.
pub(crate) const BIG: Writer = Writer { explicit: true, big: true };
/// Implicit VR little endian.
pub(crate) const IMPLICIT: Writer = Writer { explicit: false, big: false };

impl Writer {
    pub(crate) fn syntax(self) -> &'static TransferSyntax {
        match (self.explicit, self.big) {
            (false, _) => IMPLICIT_VR_LITTLE_ENDIAN,
            (true, false) => EXPLICIT_VR_LITTLE_ENDIAN,
            (true, true) => EXPLICIT_VR_BIG_ENDIAN,
        }
    }

    pub(crate) fn u16(self, number: u16) -> [u8; 2] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    pub(crate) fn u32(self, number: u32) -> [u8; 4] {
        if self.big { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    /// A header with any length.
    pub(crate) fn header(self, tag: (u16, u16), vr: &str, length: u32) -> Vec<u8> {
        let mut out = [self.u16(tag.0), self.u16(tag.1)].concat();
        let is_item = tag.0 == 0xFFFE && matches!(tag.1, 0xE000 | 0xE00D | 0xE0DD);
        if !self.explicit || is_item {
            out.extend(self.u32(length));
            return out;
        }
        out.extend(vr.as_bytes());
        let long = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"];
        if long.contains(&vr) || ["ox", "lt", "px", "OX", "ZZ"].contains(&vr) {
            out.extend([0, 0]);
            out.extend(self.u32(length));
        } else {
            out.extend(self.u16(length as u16));
        }
        out
    }

    /// An element.
    pub(crate) fn element(self, tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
        [self.header(tag, vr, value.len() as u32), value.to_vec()].concat()
    }

    /// A sequence of defined length.
    pub(crate) fn sequence(self, tag: (u16, u16), items: &[Vec<u8>]) -> Vec<u8> {
        self.element(tag, "SQ", &items.concat())
    }

    /// A sequence of undefined length.
    pub(crate) fn open_sequence(self, tag: (u16, u16), items: &[Vec<u8>]) -> Vec<u8> {
        [self.header(tag, "SQ", UNDEFINED), items.concat(), self.sequence_end()].concat()
    }

    /// An item of defined length.
    pub(crate) fn item(self, elements: &[Vec<u8>]) -> Vec<u8> {
        self.element(ITEM, "", &elements.concat())
    }

    /// An item of undefined length.
    pub(crate) fn open_item(self, elements: &[Vec<u8>]) -> Vec<u8> {
        [self.header(ITEM, "", UNDEFINED), elements.concat(), self.item_end()].concat()
    }

    pub(crate) fn item_end(self) -> Vec<u8> {
        self.header((0xFFFE, 0xE00D), "", 0)
    }

    pub(crate) fn sequence_end(self) -> Vec<u8> {
        self.header((0xFFFE, 0xE0DD), "", 0)
    }

    /// A group length.
    pub(crate) fn group_length(self, group: u16, length: u32) -> Vec<u8> {
        self.element((group, 0), "UL", &self.u32(length))
    }

    /// Encapsulated Pixel Data.
    pub(crate) fn fragments(self, vr: &str, fragments: &[&[u8]]) -> Vec<u8> {
        let mut out = self.header(PIXEL_DATA, vr, UNDEFINED);
        for fragment in fragments {
            out.extend(self.element(ITEM, "", fragment));
        }
        [out, self.sequence_end()].concat()
    }
}

pub(crate) const ITEM: (u16, u16) = (0xFFFE, 0xE000);
pub(crate) const PIXEL_DATA: (u16, u16) = (0x7FE0, 0x0010);
pub(crate) const PATIENT_NAME: (u16, u16) = (0x0010, 0x0010);
pub(crate) const SEQUENCE: (u16, u16) = (0x0008, 0x1140);

/// The default format, with this transfer syntax.
pub(crate) fn to(writer: Writer) -> OutputFormat {
    let transfer_syntax = match (writer.explicit, writer.big) {
        (false, _) => OutputTransferSyntax::ImplicitVrLittleEndian,
        (true, false) => OutputTransferSyntax::ExplicitVrLittleEndian,
        (true, true) => OutputTransferSyntax::ExplicitVrBigEndian,
    };
    OutputFormat { transfer_syntax, ..OutputFormat::default() }
}

/// Transcodes a data set that comes in one piece.
pub(crate) fn transcode(
    input: &'static TransferSyntax,
    bytes: &[u8],
    format: &OutputFormat,
) -> Result<Vec<u8>, Error> {
    transcode_pieces(input, &[bytes], format, Dictionary::built_in())
}

/// Transcodes a data set that comes in pieces, two at a time as an upper layer hands them over.
pub(crate) fn transcode_pieces(
    input: &'static TransferSyntax,
    pieces: &[&[u8]],
    format: &OutputFormat,
    dictionary: Dictionary,
) -> Result<Vec<u8>, Error> {
    let mut transcoder = Transcoder::new(input, format, Arc::new(dictionary));
    let mut out = Vec::new();
    for pair in pieces.chunks(2) {
        let slices: Vec<_> = pair.iter().map(|piece| IoSlice::new(piece)).collect();
        transcoder.push(&slices, &mut out)?;
    }
    transcoder.finish(&mut out)?;
    Ok(out)
}

/// What a data set is refused for.
pub(crate) fn fault(input: &'static TransferSyntax, bytes: &[u8], format: &OutputFormat) -> Fault {
    match transcode(input, bytes, format) {
        Err(Error::Malformed { fault, .. }) => fault,
        other => panic!("not refused as malformed: {other:?}"),
    }
}

/// Asserts that `bytes`, read as `reader` has it, come out as `expected`.
#[track_caller]
pub(crate) fn becomes(reader: Writer, bytes: &[u8], format: &OutputFormat, expected: &[u8]) {
    let out = transcode(reader.syntax(), bytes, format).expect("to be taken");
    assert!(out == expected, "\n  {}\n  {} expected", dump(&out), dump(expected));
}

/// Bytes, readable where they are text.
fn dump(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
