//! Items and sub-items of A-ASSOCIATE PDUs: a type, a reserved byte, a 16-bit length, a value
//! (PS3.8 §9.3.2, §9.3.3).

use crate::error::PeerFault;
use crate::limits;

/// The type of the user information item (PS3.8 §9.3.2.3).
pub(crate) const USER_INFORMATION: u8 = 0x50;

/// Appends an item, its value given in parts, to the value of another item. Does nothing if either
/// would then exceed its 16-bit length field.
pub(crate) fn put_item(out: &mut Vec<u8>, item_type: u8, value: &[&[u8]]) {
    let length: usize = value.iter().map(|part| part.len()).sum();
    let Ok(length_field) = u16::try_from(length) else { return };
    if out.len() + 4 + length > limits::ASSOCIATE_ITEM_BYTES {
        return;
    }
    out.extend([item_type, 0]);
    out.extend(length_field.to_be_bytes());
    value.iter().for_each(|part| out.extend_from_slice(part));
}

/// A field preceded by its 16-bit length, truncated to what that can express.
pub(crate) fn counted(field: &[u8]) -> Vec<u8> {
    let length = u16::try_from(field.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], &field[..usize::from(length)]].concat()
}

/// The items that fill `value`, the value of an item of type `enclosing`, as type and value.
///
/// Ends after the first error: where the next item begins is unknown then.
pub(crate) fn items(
    value: &[u8],
    enclosing: u8,
) -> impl Iterator<Item = Result<(u8, &[u8]), PeerFault>> {
    let mut rest = Fields(value);
    std::iter::from_fn(move || {
        if rest.0.is_empty() {
            return None;
        }
        let item = rest.item();
        if item.is_none() {
            rest = Fields(&[]);
        }
        Some(item.ok_or(PeerFault::ItemLength { item_type: enclosing }))
    })
}

/// The bytes of an item, consumed field by field. Each method returns `None` if too few are left.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 16-bit length and that many bytes.
    pub(crate) fn counted(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        let (field, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(field)
    }

    fn item(&mut self) -> Option<(u8, &'a [u8])> {
        let [item_type, _reserved] = self.array()?;
        Some((item_type, self.counted()?))
    }
}
