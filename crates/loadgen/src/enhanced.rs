//! Makes enhanced multi-frame objects, which consist mostly of metadata.

use dataset::Uid;

use crate::error::Error;
use crate::object::{Object, instance_uid};
use crate::writer::{SEQUENCE_DELIMITATION_ITEM, UNDEFINED_LENGTH, Writer};

impl Object {
    /// Makes an Enhanced CT object without pixel data, in Explicit VR Little Endian. It has functional groups
    /// for `frames` frames, nested up to four levels deep; every sequence and item has undefined length.
    ///
    /// A frame has [`ELEMENTS_PER_FRAME`] elements in about 2,300 bytes; all are kept in memory.
    ///
    /// # Errors
    /// None in practice: the SOP class has a UID.
    pub fn enhanced_ct(frames: u32) -> Result<Self, Error> {
        let mut head = Writer::default();
        head.element((0x0008, 0x0016), *b"UI", ENHANCED_CT);
        let instance = instance_uid(0)?;
        let instance_at = head.element((0x0008, 0x0018), *b"UI", instance.as_str().as_bytes());
        head.element((0x0008, 0x0060), *b"CS", b"CT");
        head.element((0x0010, 0x0010), *b"PN", b"Load^Generated");
        head.element((0x0020, 0x000D), *b"UI", b"2.25.306893479154866093\0");
        head.element((0x0028, 0x0008), *b"IS", &padded(frames));
        head.header((0x5200, 0x9230), *b"SQ", UNDEFINED_LENGTH);
        for number in 1..=frames {
            head.item(|item| functional_groups(item, number));
        }
        head.delimiter(SEQUENCE_DELIMITATION_ITEM, 0);
        Ok(Self::from_head(Uid::parse(ENHANCED_CT)?, head.bytes, instance_at))
    }
}

/// Number of elements per frame, including sequences (PS3.3 §C.7.6.16.2, §C.8.15.3).
pub const ELEMENTS_PER_FRAME: u32 = 35;

fn functional_groups(frame: &mut Writer, number: u32) {
    frame.sequence((0x0008, 0x9124), |derivation| {
        derivation.sequence((0x0008, 0x2112), |source| {
            source.element((0x0008, 0x1150), *b"UI", ENHANCED_CT);
            source.element((0x0008, 0x1155), *b"UI", b"2.25.306893479154866095\0");
            source.sequence((0x0040, 0xA170), |purpose| code(purpose, b"121322"));
        });
        derivation.sequence((0x0008, 0x9215), |method| code(method, b"113072"));
    });
    frame.sequence((0x0018, 0x9329), |frame_type| {
        frame_type.element((0x0008, 0x9007), *b"CS", b"ORIGINAL\\PRIMARY\\AXIAL\\NONE ");
        frame_type.element((0x0008, 0x9205), *b"CS", b"MONOCHROME");
        frame_type.element((0x0008, 0x9206), *b"CS", b"VOLUME");
        frame_type.element((0x0008, 0x9207), *b"CS", b"NONE");
    });
    frame.sequence((0x0020, 0x9111), |content| {
        content.element((0x0018, 0x9074), *b"DT", b"20260101120000.000000 ");
        content.element((0x0018, 0x9220), *b"FD", &12.5_f64.to_le_bytes());
        content.element((0x0020, 0x9056), *b"SH", b"1 ");
        content.element((0x0020, 0x9057), *b"UL", &number.to_le_bytes());
        content.element((0x0020, 0x9157), *b"UL", &number.to_le_bytes());
        content.element((0x0020, 0x9158), *b"LT", &[b'-'; COMMENT_BYTES]);
    });
    frame.sequence((0x0020, 0x9113), |position| {
        position.element((0x0020, 0x0032), *b"DS", b"-158.135803\\-179.035797\\-75.699997");
    });
    frame.sequence((0x0020, 0x9116), |orientation| {
        orientation.element(
            (0x0020, 0x0037),
            *b"DS",
            b"1.000000\\0.000000\\0.000000\\0.000000\\1\\0 ",
        );
    });
    frame.sequence((0x0028, 0x9110), |measures| {
        measures.element((0x0018, 0x0050), *b"DS", b"5.000000");
        measures.element((0x0028, 0x0030), *b"DS", b"0.661468\\0.661468 ");
    });
    frame.sequence((0x0028, 0x9145), |transformation| {
        transformation.element((0x0028, 0x1052), *b"DS", b"-1024 ");
        transformation.element((0x0028, 0x1053), *b"DS", b"1 ");
        transformation.element((0x0028, 0x1054), *b"LO", b"HU");
    });
}

fn code(item: &mut Writer, value: &[u8]) {
    item.element((0x0008, 0x0100), *b"SH", value);
    item.element((0x0008, 0x0102), *b"SH", b"DCM ");
    item.element((0x0008, 0x0104), *b"LO", b"A code that has a meaning ");
}

/// Formats a number as the value of an IS element.
fn padded(number: u32) -> Vec<u8> {
    let mut text = number.to_string().into_bytes();
    text.resize(text.len().next_multiple_of(2), b' ');
    text
}

/// Enhanced CT Image Storage.
const ENHANCED_CT: &[u8] = b"1.2.840.10008.5.1.4.1.1.2.1\0";

/// Makes 300,000 elements 20 MB.
const COMMENT_BYTES: usize = 1_434;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundred_thousand_elements_are_twenty_megabytes() {
        let bytes = |frames| Object::enhanced_ct(frames).unwrap().data_set_bytes();
        let for_a_frame = (bytes(11_000) - bytes(10_000)) / 1_000;
        let frames = 300_000 / u64::from(ELEMENTS_PER_FRAME);
        assert!((19_500_000..20_500_000).contains(&(frames * for_a_frame)), "{for_a_frame}");
    }
}
