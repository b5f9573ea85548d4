//! Group lengths (PS3.5 §7.2), and Data Set Trailing Padding (PS3.10 §7.2).

use super::write_buffer::Output;
use crate::encoding::element::{self, Encoding, UNDEFINED_LENGTH};
use crate::error::Error;
use crate::format::GroupLengths;
use crate::tag::Tag;
use crate::vr::Vr;

/// How elements, groups and items are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) encoding: Encoding,
    pub(crate) group_lengths: GroupLengths,
    /// The content of an item is padded to a multiple of this size in bytes; 0 for no padding.
    pub(crate) item_padding: u64,
}

/// The group that elements are being written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenGroup {
    pub(crate) number: u16,
    /// The offset of the value of its group length, if it has one.
    pub(crate) length_at: Option<u64>,
}

/// Writes a group length without its value, and returns the offset of the value.
pub(crate) fn write_group_length(group: u16, encoding: Encoding, out: &mut Output<'_>) -> u64 {
    element::write(out.bytes(), Tag(group, 0), Vr::UL, 4, encoding);
    out.bytes().extend_from_slice(&[0; 4]);
    out.position() - 4
}

/// Patches the group length of a group that ends at `end`.
#[inline]
pub(crate) fn close_group(
    group: OpenGroup,
    end: u64,
    encoding: Encoding,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    match group.length_at {
        Some(at) => out.patch(at, &encoding.u32_bytes(group_length(at, end))),
        None => Ok(()),
    }
}

/// The length of a group that ends at `end`, for the value at `length_at`; at most what 32 bits hold.
pub(super) fn group_length(length_at: u64, end: u64) -> u32 {
    u32::try_from(end - (length_at + 4)).unwrap_or(u32::MAX)
}

/// Pads `length` to a multiple of `padding` with one element.
#[inline]
pub(crate) fn fill(
    length: u64,
    padding: u64,
    encoding: Encoding,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    if padding == 0 || length == 0 || length.is_multiple_of(padding) {
        return Ok(());
    }
    fill_up(length, padding, encoding, out)
}

fn fill_up(
    length: u64,
    padding: u64,
    encoding: Encoding,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let header = if encoding.explicit_vr { 12 } else { 8 };
    let mut gap = padding - length % padding;
    while gap < header {
        gap += padding;
    }
    let mut zeros = (gap - header).min(u64::from(UNDEFINED_LENGTH - 1));
    element::write(out.bytes(), Tag::TRAILING_PADDING, Vr::OB, zeros as u32, encoding);
    while zeros > 0 {
        let piece = [0; 1024];
        let now = zeros.min(piece.len() as u64);
        out.append(&piece[..now as usize])?;
        zeros -= now;
    }
    Ok(())
}
