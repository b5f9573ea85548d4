//! Tokens: what the parser reads and the encoder writes.

use super::element::Encoding;
use crate::tag::Tag;
use crate::vr::Vr;

/// A part of a data set, from [`Parser::next`](super::parser::Parser::next). The element of a token is
/// [`Parser::element`](super::parser::Parser::element).
// Copying what has just been written in smaller parts waits until these have reached the cache. So all parts
// are words, and an element is not copied at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Token<'a> {
    /// An element with its value, or without: then [`Token::Value`] follows at least once.
    Element { value: Option<&'a [u8]> },
    /// The next piece of the value of the last element or fragment.
    Value { bytes: &'a [u8], last: bool },
    /// A sequence begins; items follow.
    Sequence,
    /// An item of the innermost sequence begins.
    Item,
    /// The innermost item ends.
    ItemEnd,
    /// The innermost sequence ends.
    SequenceEnd,
    /// Encapsulated Pixel Data begins; fragments follow.
    PixelSequence,
    /// A fragment with its value, or without: then [`Token::Value`] follows at least once.
    Fragment { length: u32, value: Option<&'a [u8]> },
    /// The fragments are complete.
    PixelSequenceEnd,
    /// The data set is complete.
    End,
}

impl Token<'_> {
    /// How many bytes were read after the header of an element or a fragment.
    pub(crate) fn value_bytes(&self) -> usize {
        match self {
            Token::Element { value: Some(value), .. }
            | Token::Fragment { value: Some(value), .. } => value.len(),
            _ => 0,
        }
    }
}

/// An element, as its header announces it. Not to be copied where each element passes: see [`Token`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: Tag,
    pub(crate) vr: Vr,
    /// In bytes, as announced; undefined for sequences only.
    pub(crate) length: u32,
    /// How the value is encoded.
    pub(crate) encoding: Encoding,
}
