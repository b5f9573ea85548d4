//! Makes objects with encapsulated pixel data: many fragments (PS3.5 §A.4).

use dataset::{TransferSyntax, Uid};

use crate::Filler;
use crate::error::Error;
use crate::object::{Object, instance_uid};
use crate::writer::{ITEM, SEQUENCE_DELIMITATION_ITEM, UNDEFINED_LENGTH, Writer};

impl Object {
    /// Makes a multi-frame object in JPEG 2000 with `fragments` fragments of noise, one for each frame, and a basic
    /// offset table. Fragments differ in size, by half of the mean; together, they have about `bytes` bytes, all
    /// of which are kept in memory.
    ///
    /// # Errors
    /// [`Error::Size`] if an offset exceeds 32 bits.
    pub fn encapsulated(fragments: u32, bytes: u64) -> Result<Self, Error> {
        let lengths = lengths(fragments, bytes).ok_or(Error::Size(bytes))?;
        let mut head = Writer::default();
        head.element((0x0008, 0x0016), *b"UI", SECONDARY_CAPTURE);
        let instance = instance_uid(0)?;
        let instance_at = head.element((0x0008, 0x0018), *b"UI", instance.as_str().as_bytes());
        head.element((0x0008, 0x0060), *b"CS", b"OT");
        head.element((0x0010, 0x0010), *b"PN", b"Load^Generated");
        head.element((0x0020, 0x000D), *b"UI", b"2.25.306893479154866093\0");
        head.header((0x7FE0, 0x0010), *b"OB", UNDEFINED_LENGTH);
        head.delimiter(ITEM, 4 * fragments);
        let mut offset = 0;
        for length in &lengths {
            head.bytes.extend_from_slice(&u32::to_le_bytes(offset));
            offset += 8 + length;
        }
        let noise = Filler::Noise.bytes(lengths.iter().copied().max().unwrap_or(0) as usize);
        for &length in &lengths {
            head.delimiter(ITEM, length);
            head.bytes.extend_from_slice(&noise[..length as usize]);
        }
        head.delimiter(SEQUENCE_DELIMITATION_ITEM, 0);
        let syntax = TransferSyntax::find(JPEG_2000).ok_or(Error::File("no JPEG 2000"))?;
        let class = Uid::parse(SECONDARY_CAPTURE)?;
        Ok(Self::from_head(class, head.bytes, instance_at).encoded_in(syntax))
    }
}

/// The lengths of the fragments, all even; `None` if an offset would exceed 32 bits.
fn lengths(fragments: u32, bytes: u64) -> Option<Vec<u32>> {
    let mean = u32::try_from(bytes / u64::from(fragments.max(1))).ok()?;
    // Seven steps from half of the mean to one and a half.
    let length = |number: u32| (mean / 2 + number % 7 * (mean / 6)) / 2 * 2;
    let lengths: Vec<u32> = (0..fragments).map(length).collect();
    let end: u64 = lengths.iter().map(|&length| 8 + u64::from(length)).sum();
    u32::try_from(end).is_ok().then_some(lengths)
}

/// Multi-frame True Color Secondary Capture Image Storage.
const SECONDARY_CAPTURE: &[u8] = b"1.2.840.10008.5.1.4.1.1.7.4\0";

const JPEG_2000: &str = "1.2.840.10008.1.2.4.91";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_have_the_size_asked_for_together() {
        let object = Object::encapsulated(2_000, 20_000_000).unwrap();
        assert!((19_500_000..20_500_000).contains(&object.data_set_bytes()));
        assert_eq!(object.transfer_syntax().uid(), JPEG_2000);
        assert!(object.head().ends_with(b"\xFE\xFF\xDD\xE0\0\0\0\0"));
        assert!(Object::encapsulated(3, 1 << 33).is_err());
    }
}
