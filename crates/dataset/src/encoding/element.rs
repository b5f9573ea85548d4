//! Element headers in the three encodings (PS3.5 §7.1).

use crate::registry::transfer_syntax::TransferSyntax;
use crate::tag::Tag;
use crate::vr::Vr;

/// The length field of undefined length: a delimiter marks the end (PS3.5 §7.5).
pub(crate) const UNDEFINED_LENGTH: u32 = 0xFFFF_FFFF;

/// The longest element header: explicit VR with a 32-bit length.
pub(crate) const LONGEST_HEADER: usize = 12;

/// The encoding of elements: byte order, and whether they have a VR field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) explicit_vr: bool,
    pub(crate) big_endian: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT: Encoding = Encoding { explicit_vr: false, big_endian: false };
    #[cfg(test)]
    pub(crate) const EXPLICIT: Encoding = Encoding { explicit_vr: true, big_endian: false };
    #[cfg(test)]
    pub(crate) const BIG: Encoding = Encoding { explicit_vr: true, big_endian: true };

    pub(crate) fn of(syntax: &TransferSyntax) -> Encoding {
        Encoding { explicit_vr: syntax.explicit_vr(), big_endian: syntax.big_endian() }
    }

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    pub(crate) fn u16_bytes(self, value: u16) -> [u8; 2] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn u32_bytes(self, value: u32) -> [u8; 4] {
        if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }
}

/// A header as encoded: its VR has not been interpreted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawHeader {
    pub(crate) tag: Tag,
    /// The two bytes in the place of the VR, unless in implicit VR or in an item or delimiter.
    pub(crate) code: Option<[u8; 2]>,
    /// The VR that these are, if it is one of the standard's.
    pub(crate) vr: Option<Vr>,
    pub(crate) length: u32,
}

/// Reads the header at the start of `bytes`, and returns its size as well. `None` if `bytes` ends
/// within it.
// Called for each element. Not inlined, the header would be returned through memory and waited for.
#[inline(always)]
pub(crate) fn read(bytes: &[u8], encoding: Encoding) -> Option<(RawHeader, usize)> {
    let (&[a, b, c, d, e, f, g, h], rest) = bytes.split_first_chunk()?;
    let tag = Tag(encoding.u16([a, b]), encoding.u16([c, d]));
    if !encoding.explicit_vr || is_item_or_delimiter(tag) {
        let length = encoding.u32([e, f, g, h]);
        return Some((RawHeader { tag, code: None, vr: None, length }, 8));
    }
    let (code, vr) = (Some([e, f]), Vr::from_code([e, f]));
    if !vr.map_or_else(|| unknown_has_long_length([e, f]), Vr::has_long_length) {
        let length = u32::from(encoding.u16([g, h]));
        return Some((RawHeader { tag, code, vr, length }, 8));
    }
    let &[i, j, k, l, ..] = rest else {
        return None;
    };
    Some((RawHeader { tag, code, vr, length: encoding.u32([i, j, k, l]) }, 12))
}

/// Appends a header. The length field of this VR must be able to hold `length`.
pub(crate) fn write(out: &mut Vec<u8>, tag: Tag, vr: Vr, length: u32, encoding: Encoding) {
    if !encoding.explicit_vr {
        return write_item(out, tag, length, encoding);
    }
    let ([a, b], [c, d]) = (encoding.u16_bytes(tag.group()), encoding.u16_bytes(tag.element()));
    let [e, f] = vr.code();
    if vr.has_long_length() {
        let [i, j, k, l] = encoding.u32_bytes(length);
        out.extend_from_slice(&[a, b, c, d, e, f, 0, 0, i, j, k, l]);
    } else {
        debug_assert!(length <= 0xFFFF, "{tag} {vr} {length}");
        let [g, h] = encoding.u16_bytes(length as u16);
        out.extend_from_slice(&[a, b, c, d, e, f, g, h]);
    }
}

/// Appends the header of an item or of a delimiter, which never has a VR.
pub(crate) fn write_item(out: &mut Vec<u8>, tag: Tag, length: u32, encoding: Encoding) {
    let ([a, b], [c, d]) = (encoding.u16_bytes(tag.group()), encoding.u16_bytes(tag.element()));
    let [e, f, g, h] = encoding.u32_bytes(length);
    out.extend_from_slice(&[a, b, c, d, e, f, g, h]);
}

pub(crate) fn is_item_or_delimiter(tag: Tag) -> bool {
    matches!(tag, Tag::ITEM | Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION)
}

/// Whether a 32-bit length follows these two bytes, no VR of the standard, in its place. Future VRs will have one
/// (PS3.5 §6.2). Other bytes, and the lower-case names that some toolkits use for ambiguous VRs, are
/// read as DCMTK reads them.
fn unknown_has_long_length(code: [u8; 2]) -> bool {
    matches!(&code, b"ox" | b"lt" | b"px") || code.iter().all(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: Tag = Tag(0x0028, 0x0010);

    #[test]
    fn the_three_encodings() {
        let header = |code: Option<_>, length| {
            Some(RawHeader { tag: ROWS, code, vr: code.and_then(Vr::from_code), length })
        };
        let read = |bytes: &[u8], encoding| read(bytes, encoding);
        assert_eq!(
            read(b"\x28\0\x10\0\x02\0\0\0", Encoding::IMPLICIT),
            header(None, 2).map(|h| (h, 8))
        );
        assert_eq!(
            read(b"\x28\0\x10\0US\x02\0", Encoding::EXPLICIT),
            header(Some(*b"US"), 2).map(|h| (h, 8))
        );
        assert_eq!(
            read(b"\0\x28\0\x10US\0\x02", Encoding::BIG),
            header(Some(*b"US"), 2).map(|h| (h, 8))
        );
        assert_eq!(
            read(b"\0\x28\0\x10OW\0\0\0\x01\0\x02", Encoding::BIG),
            header(Some(*b"OW"), 0x10002).map(|h| (h, 12))
        );
    }

    #[test]
    fn headers_are_never_read_before_they_are_whole() {
        for (bytes, encoding) in [
            (&b"\x28\0\x10\0OW\0\0\x01\0\0\0"[..], Encoding::EXPLICIT),
            (b"\x28\0\x10\0\x01\0\0\0", Encoding::IMPLICIT),
            (b"\xfe\xff\x00\xe0\x01\0\0\0", Encoding::EXPLICIT),
        ] {
            for cut in 0..bytes.len() {
                assert_eq!(read(&bytes[..cut], encoding), None, "{bytes:?} cut at {cut}");
            }
            assert_eq!(read(bytes, encoding).map(|(_, size)| size), Some(bytes.len()));
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        for encoding in [Encoding::IMPLICIT, Encoding::EXPLICIT, Encoding::BIG] {
            for vr in Vr::ALL {
                let mut bytes = Vec::new();
                write(&mut bytes, ROWS, vr, 0x1234, encoding);
                let code = encoding.explicit_vr.then(|| vr.code());
                let vr = code.and_then(Vr::from_code);
                let expected = RawHeader { tag: ROWS, code, vr, length: 0x1234 };
                assert_eq!(read(&bytes, encoding), Some((expected, bytes.len())));
            }
        }
    }

    #[test]
    fn unknown_codes_take_the_length_field_that_dcmtk_assumes() {
        for code in [b"ZZ", b"ox", b"lt", b"px"] {
            assert!(unknown_has_long_length(*code), "{code:?}");
        }
        for code in [b"??", b"Z?", b"ob", b"xs", b"up", b"\0\0", b"Z1"] {
            assert!(!unknown_has_long_length(*code), "{code:?}");
        }
    }
}
