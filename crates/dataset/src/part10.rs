//! The header of a DICOM file: preamble and file meta information (PS3.10 §7.1).

use crate::registry::transfer_syntax::TransferSyntax;
use crate::registry::uid::Uid;

/// The content of the file meta information.
#[derive(Clone, Copy, Debug)]
pub struct FileMeta<'a> {
    /// Media Storage SOP Class UID (0002,0002).
    pub sop_class: &'a Uid,
    /// Media Storage SOP Instance UID (0002,0003).
    pub sop_instance: &'a Uid,
    /// The transfer syntax of the data set (0002,0010).
    pub transfer_syntax: &'a TransferSyntax,
    /// Implementation Class UID of the writer (0002,0012), at most 64 bytes.
    pub implementation_class_uid: &'a str,
    /// Implementation Version Name of the writer (0002,0013), at most 16 bytes.
    pub implementation_version_name: &'a str,
    /// Source Application Entity Title (0002,0016), the sender's, at most 16 bytes. Trailing spaces are
    /// removed.
    pub source_ae_title: &'a [u8],
}

/// Builds everything before the data set: 128 zeros, `DICM`, and group 0002 in explicit VR little
/// endian with its group length. About 350 bytes.
#[must_use]
pub fn header(meta: &FileMeta<'_>) -> Vec<u8> {
    let mut group = Vec::with_capacity(256);
    group.extend_from_slice(b"\x02\x00\x01\x00OB\0\0\x02\0\0\0\x00\x01");
    push_element(&mut group, 0x0002, *b"UI", meta.sop_class.as_str().as_bytes());
    push_element(&mut group, 0x0003, *b"UI", meta.sop_instance.as_str().as_bytes());
    push_element(&mut group, 0x0010, *b"UI", meta.transfer_syntax.uid().as_bytes());
    push_element(&mut group, 0x0012, *b"UI", meta.implementation_class_uid.as_bytes());
    push_element(&mut group, 0x0013, *b"SH", meta.implementation_version_name.as_bytes());
    push_element(&mut group, 0x0016, *b"AE", without_trailing_blanks(meta.source_ae_title));

    let mut header = Vec::with_capacity(PREAMBLE_BYTES + 16 + group.len());
    header.resize(PREAMBLE_BYTES, 0);
    header.extend_from_slice(GROUP_LENGTH_HEADER);
    // Six short texts: the sum is far below 4 GiB.
    header.extend_from_slice(&u32::try_from(group.len()).unwrap_or(u32::MAX).to_le_bytes());
    header.extend_from_slice(&group);
    header
}

/// Preamble, `DICM`, and the group length (0002,0000): what has to be read of a file to know how long its
/// file meta information is.
pub const START_BYTES: usize = PREAMBLE_BYTES + GROUP_LENGTH_HEADER.len() + 4;

/// How many bytes of file meta information follow [`START_BYTES`]; the data set is behind them. `None` if the file
/// has none, or none that begins with its length.
#[must_use]
pub fn group_length(start: &[u8; START_BYTES]) -> Option<u32> {
    let length = start[PREAMBLE_BYTES..].strip_prefix(GROUP_LENGTH_HEADER)?;
    length.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The value of the element (0002,`wanted`) in the file meta information behind [`START_BYTES`], padding included.
#[must_use]
pub fn value(mut group: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let (&[a, b, c, d, vr_0, vr_1, e, f], rest) = group.split_first_chunk()?;
        let (length, rest) = if matches!(&[vr_0, vr_1], b"OB" | b"UN") {
            let (length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*length), rest)
        } else {
            (u32::from(u16::from_le_bytes([e, f])), rest)
        };
        let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        if [a, b, c, d] == [2, 0, wanted.to_le_bytes()[0], wanted.to_le_bytes()[1]] {
            return Some(value);
        }
        group = after;
    }
}

const PREAMBLE_BYTES: usize = 128;

/// `DICM`, and the header of (0002,0000) UL.
const GROUP_LENGTH_HEADER: &[u8] = b"DICM\x02\0\0\0UL\x04\0";

/// Bytes rather than text: titles in Latin-1 occur, and are kept unchanged.
fn without_trailing_blanks(value: &[u8]) -> &[u8] {
    let trailing = value.iter().rev().take_while(|&&byte| byte == b' ').count();
    &value[..value.len() - trailing]
}

/// Appends one element of group 0002 with a text value, padded to even length (PS3.5 §6.2).
fn push_element(group: &mut Vec<u8>, element: u16, vr: [u8; 2], value: &[u8]) {
    let value = &value[..value.len().min(LONGEST_VALUE)];
    let padded = value.len() + value.len() % 2;
    group.extend_from_slice(&0x0002_u16.to_le_bytes());
    group.extend_from_slice(&element.to_le_bytes());
    group.extend_from_slice(&vr);
    group.extend_from_slice(&(padded as u16).to_le_bytes());
    group.extend_from_slice(value);
    if padded > value.len() {
        group.push(if vr == *b"UI" { 0 } else { b' ' });
    }
}

/// The largest even length that a 16-bit length field can hold.
const LONGEST_VALUE: usize = 0xFFFE;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;

    #[test]
    fn the_header_is_built_byte_for_byte() {
        let header = header(&FileMeta {
            sop_class: &Uid::parse(b"1.2.840.10008.5.1.4.1.1.2").unwrap(),
            sop_instance: &Uid::parse(b"1.2.34").unwrap(),
            transfer_syntax: IMPLICIT_VR_LITTLE_ENDIAN,
            implementation_class_uid: "1.2.276.0.7230010.3.0.3.6.7",
            implementation_version_name: "OFFIS_DCMTK_367",
            source_ae_title: b"SCU  ",
        });
        let mut expected = vec![0; 128];
        expected.extend_from_slice(b"DICM");
        expected.extend_from_slice(b"\x02\0\0\0UL\x04\0\xA0\0\0\0");
        expected.extend_from_slice(b"\x02\0\x01\0OB\0\0\x02\0\0\0\x00\x01");
        expected.extend_from_slice(b"\x02\0\x02\0UI\x1A\x001.2.840.10008.5.1.4.1.1.2\0");
        expected.extend_from_slice(b"\x02\0\x03\0UI\x06\x001.2.34");
        expected.extend_from_slice(b"\x02\0\x10\0UI\x12\x001.2.840.10008.1.2\0");
        expected.extend_from_slice(b"\x02\0\x12\0UI\x1C\x001.2.276.0.7230010.3.0.3.6.7\0");
        expected.extend_from_slice(b"\x02\0\x13\0SH\x10\0OFFIS_DCMTK_367 ");
        expected.extend_from_slice(b"\x02\0\x16\0AE\x04\0SCU ");
        assert_eq!(header, expected);
    }

    #[test]
    fn the_group_length_counts_what_follows_it() {
        let uid = Uid::parse(b"1.2.3").unwrap();
        let header = header(&FileMeta {
            sop_class: &uid,
            sop_instance: &uid,
            transfer_syntax: IMPLICIT_VR_LITTLE_ENDIAN,
            implementation_class_uid: "1.2",
            implementation_version_name: "",
            source_ae_title: &[b'x'; 70_000],
        });
        let length = u32::from_le_bytes(header[140..144].try_into().unwrap());
        assert_eq!(header.len(), 144 + length as usize);
    }
}
