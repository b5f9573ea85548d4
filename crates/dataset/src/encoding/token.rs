//! Tokens: what the parser reads and the encoder writes.

use super::element::Encoding;
use crate::tag::Tag;
use crate::vr::Vr;

/// A part of a data set, from [`Parser::next`](super::parser::Parser::next).
// With a discriminant of one byte, it would be copied in overlapping parts, each of which waits for the
// one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Token<'a> {
    /// An element with a value: [`Token::Value`] follows at least once.
    Element(Element),
    /// The next piece of the value of the last element or fragment.
    Value { bytes: &'a [u8], last: bool },
    /// A sequence begins; items follow.
    Sequence(Element),
    /// An item of the innermost sequence begins.
    Item,
    /// The innermost item ends.
    ItemEnd,
    /// The innermost sequence ends.
    SequenceEnd,
    /// Encapsulated Pixel Data begins; fragments follow.
    PixelSequence(Element),
    /// A fragment: [`Token::Value`] follows at least once.
    Fragment { length: u32 },
    /// The fragments are complete.
    PixelSequenceEnd,
    /// The data set is complete.
    End,
}

/// An element, as its header announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: Tag,
    pub(crate) vr: Vr,
    /// In bytes, as announced; undefined for sequences only.
    pub(crate) length: u32,
    /// How the value is encoded.
    pub(crate) encoding: Encoding,
}
