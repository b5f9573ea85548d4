//! A data set in normal form does not change when it is parsed and written.

use dataset::OutputFormat;
use dataset::format::SequenceLengths;
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};

use super::{Choices, transcode};

/// The bytes choose the elements of a data set: in order, with values of even length and nothing to trim.
pub fn run(data: &[u8]) {
    let mut choices = Choices(data);
    let piece_bytes = usize::from(choices.next());
    let (syntax, explicit, big) = match choices.next() % 3 {
        0 => (IMPLICIT_VR_LITTLE_ENDIAN, false, false),
        1 => (EXPLICIT_VR_LITTLE_ENDIAN, true, false),
        _ => (EXPLICIT_VR_BIG_ENDIAN, true, true),
    };
    let sequence_lengths = if choices.next() % 2 == 0 {
        SequenceLengths::Explicit
    } else {
        SequenceLengths::Undefined
    };
    let mut writer =
        Writer { explicit, big, undefined: sequence_lengths == SequenceLengths::Undefined };
    let mut bytes = writer.element((0x0008, 0x0005), b"CS", b"ISO_IR 100");
    bytes.extend(writer.elements(&mut choices, 0));

    let format = OutputFormat { sequence_lengths, ..OutputFormat::default() };
    let out = transcode(syntax, &format, &bytes, piece_bytes).expect("nothing is wrong with it");
    assert!(out == bytes, "{}\n{}", bytes.escape_ascii(), out.escape_ascii());
}

#[derive(Clone, Copy)]
struct Writer {
    explicit: bool,
    big: bool,
    undefined: bool,
}

/// Tags in ascending order, each with its VR in the dictionary.
const ELEMENTS: [((u16, u16), &[u8; 2]); 17] = [
    ((0x0008, 0x0008), b"CS"),
    ((0x0008, 0x1140), b"SQ"),
    ((0x0008, 0x2111), b"ST"),
    ((0x0009, 0x0010), b"LO"),
    ((0x0009, 0x1001), b"UN"),
    ((0x0010, 0x0010), b"PN"),
    ((0x0020, 0x000D), b"UI"),
    ((0x0020, 0x0032), b"DS"),
    ((0x0028, 0x0010), b"US"),
    ((0x0028, 0x9001), b"UL"),
    ((0x0040, 0xA160), b"UT"),
    ((0x0040, 0xA730), b"SQ"),
    ((0x0042, 0x0011), b"OB"),
    ((0x0054, 0x0010), b"US"),
    ((0x0072, 0x0082), b"SV"),
    ((0x3006, 0x0050), b"DS"),
    ((0x7FE0, 0x0010), b"OW"),
];

impl Writer {
    fn elements(&mut self, choices: &mut Choices<'_>, depth: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        while !choices.is_empty() {
            let choice = choices.next();
            at += usize::from(choice % 8);
            let Some(&(tag, vr)) = ELEMENTS.get(at) else {
                break;
            };
            at += 1;
            if vr != b"SQ" {
                out.extend(self.element(tag, vr, &value(vr, choices)));
            } else if depth < 6 {
                let items: Vec<u8> = (0..choice >> 6)
                    .flat_map(|_| {
                        let content = self.elements(choices, depth + 1);
                        self.enclosed((0xFFFE, 0xE000), b"  ", &content, (0xFFFE, 0xE00D))
                    })
                    .collect();
                out.extend(self.enclosed(tag, b"SQ", &items, (0xFFFE, 0xE0DD)));
            }
        }
        out
    }

    /// A sequence or an item, of defined or undefined length.
    fn enclosed(&self, tag: (u16, u16), vr: &[u8; 2], content: &[u8], end: (u16, u16)) -> Vec<u8> {
        let length = if self.undefined { u32::MAX } else { content.len() as u32 };
        let mut out = self.header(tag, vr, length);
        out.extend(content);
        if self.undefined {
            out.extend(self.header(end, b"  ", 0));
        }
        out
    }

    fn element(&self, tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut out = self.header(tag, vr, value.len() as u32);
        out.extend(value);
        out
    }

    fn header(&self, tag: (u16, u16), vr: &[u8; 2], length: u32) -> Vec<u8> {
        let half = |n: u16| if self.big { n.to_be_bytes() } else { n.to_le_bytes() };
        let whole = if self.big { length.to_be_bytes() } else { length.to_le_bytes() };
        let mut out = [half(tag.0), half(tag.1)].concat();
        if !self.explicit || vr == b"  " {
            out.extend(whole);
        } else if matches!(vr, b"OB" | b"OW" | b"SQ" | b"SV" | b"UN" | b"UT") {
            out.extend(vr);
            out.extend([0, 0]);
            out.extend(whole);
        } else {
            out.extend(vr);
            out.extend(half(length as u16));
        }
        out
    }
}

/// A value of whole units and even length, whose last byte is not padding.
fn value(vr: &[u8; 2], choices: &mut Choices<'_>) -> Vec<u8> {
    let units = usize::from(choices.next() % 8);
    let mut value: Vec<u8> = (0..8 * units).map(|_| choices.next()).collect();
    if !matches!(vr, b"US" | b"UL" | b"OB" | b"OW" | b"SV" | b"UN") {
        for byte in &mut value {
            *byte = b'0' + *byte % 10;
        }
    }
    value
}
