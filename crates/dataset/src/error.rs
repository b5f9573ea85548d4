//! Errors, and the locations of elements that they name.

use std::fmt;
use std::io;

use crate::limits::TAG_PATH_LEVELS;
use crate::tag::Tag;

/// An error of this crate. [`cause`](Error::cause) tells whether the sender or the receiver has to act.
///
/// [`RepairKind`](crate::RepairKind) lists what is repaired rather than refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An invalid UID: empty, too long, or with characters that a UID does not have.
    Uid,
    /// The data set breaks the encoding rules in a way that cannot be repaired safely.
    Malformed {
        /// What is wrong.
        fault: Fault,
        /// The offset in bytes from the start of the data set, after inflating.
        offset: u64,
        /// The element that was being read, and the sequences around it.
        path: TagPath,
    },
    /// The data set is legal but would make this program hold or do more than
    /// [`limits`](crate::limits) allow.
    Limit {
        /// What there is too much of, in words: `nesting levels`.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// The offset in bytes from the start of the data set, after inflating.
        offset: u64,
    },
    /// The data set is empty.
    Empty,
    /// The sink failed. What it holds is incomplete.
    Sink(io::Error),
}

/// Who has to change something so that an object can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The sender: the same data set is refused each time ("cannot understand", PS3.4 §B.2.3).
    DataSet,
    /// The receiver: the same data set may be stored another time ("out of resources").
    Storage,
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Error::Uid | Error::Malformed { .. } | Error::Limit { .. } | Error::Empty => {
                Cause::DataSet
            }
            Error::Sink(_) => Cause::Storage,
        }
    }
}

/// How a data set can break the encoding rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It ends inside a header, or directly after one that announces a value.
    TruncatedHeader,
    /// It ends inside a value.
    TruncatedValue,
    /// It ends inside a sequence.
    TruncatedSequence,
    /// The deflate stream is damaged.
    Deflate,
    /// The deflate stream has no end.
    TruncatedDeflate,
    /// An item or a delimiter in the place of an element.
    UnexpectedDelimiter,
    /// Something else in the place of an item or a delimiter.
    ExpectedItem,
    /// An undefined length that the VR or the transfer syntax does not allow.
    UndefinedLength,
    /// An item or a sequence ends inside one of its parts.
    LengthMismatch,
    /// A VR that no element can have, or not this one.
    Vr,
    /// Native Pixel Data under an encapsulated transfer syntax.
    NativePixelData,
    /// An element of group 0000 or 0002 in a data set that is written as received: readers of the file
    /// would take it for a part of the file meta information (PS3.10 §7.1).
    ForeignGroup,
    /// A whole file, with preamble and file meta information, instead of a data set.
    WholeFile,
    /// Encapsulated Pixel Data that would have to be written natively, for which there is no codec.
    EncapsulatedPixelData,
    /// A value under the tag of a sequence: implicit VR cannot tell the two apart.
    NotASequence,
    /// A sequence under the tag of a value: implicit VR cannot tell the two apart.
    NotAValue,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Uid => f.write_str("invalid UID"),
            Error::Malformed { fault, offset, path } => {
                write!(f, "{fault} at {path}, byte {offset}")
            }
            Error::Limit { what, limit, offset } => {
                write!(f, "more than {limit} {what}, byte {offset}")
            }
            Error::Empty => f.write_str("the data set is empty"),
            Error::Sink(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Sink(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Sink(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::TruncatedHeader => "data set ends within or directly after a header",
            Fault::TruncatedValue => "data set ends within a value",
            Fault::TruncatedSequence => "data set ends within a sequence",
            Fault::Deflate => "damaged deflate stream",
            Fault::TruncatedDeflate => "deflate stream ends too early",
            Fault::UnexpectedDelimiter => "item or delimiter out of place",
            Fault::ExpectedItem => "item expected",
            Fault::UndefinedLength => "undefined length not allowed",
            Fault::LengthMismatch => "length does not match its content",
            Fault::Vr => "impossible VR",
            Fault::NativePixelData => "native pixel data in a compressed transfer syntax",
            Fault::ForeignGroup => "element of a group not allowed in a data set",
            Fault::WholeFile => "a DICOM file instead of a data set",
            Fault::EncapsulatedPixelData => "encapsulated pixel data",
            Fault::NotASequence => "value under a sequence's tag, in implicit VR",
            Fault::NotAValue => "sequence under a value's tag, in implicit VR",
        })
    }
}

/// The location of an element: the sequences around it, outermost first, and its tag.
///
/// Prints as `(0040,a730)[2].(0040,a168)[1].(0008,0100)`, with items counted from 1. Of more than
/// [`TAG_PATH_LEVELS`] sequences, the outermost are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPath {
    steps: Vec<(Tag, u64)>,
    tag: Tag,
}

impl TagPath {
    pub(crate) fn new(sequences: impl Iterator<Item = (Tag, u64)>, tag: Tag) -> TagPath {
        TagPath { steps: sequences.take(TAG_PATH_LEVELS).collect(), tag }
    }

    /// The element itself.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The sequences around it, each with the number of the item, from 1.
    #[must_use]
    pub fn sequences(&self) -> &[(Tag, u64)] {
        &self.steps
    }
}

impl fmt::Display for TagPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (tag, item) in &self.steps {
            write!(f, "{tag}[{item}].")?;
        }
        write!(f, "{}", self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_sink_says_is_the_fault_of_the_receiver() {
        let malformed = Error::Malformed { fault: Fault::Vr, offset: 0, path: TagPath::default() };
        for error in
            [Error::Uid, malformed, Error::Limit { what: "", limit: 0, offset: 0 }, Error::Empty]
        {
            assert_eq!(error.cause(), Cause::DataSet, "{error}");
        }
        assert_eq!(Error::from(io::Error::other("full")).cause(), Cause::Storage);
    }

    /// It becomes an Error Comment (PS3.7 §C.4), an LO of at most 64 characters: what and where have to fit.
    #[test]
    fn what_and_the_tag_fit_an_error_comment() {
        let all = [
            Fault::TruncatedHeader,
            Fault::TruncatedValue,
            Fault::TruncatedSequence,
            Fault::Deflate,
            Fault::TruncatedDeflate,
            Fault::UnexpectedDelimiter,
            Fault::ExpectedItem,
            Fault::UndefinedLength,
            Fault::LengthMismatch,
            Fault::Vr,
            Fault::NativePixelData,
            Fault::ForeignGroup,
            Fault::WholeFile,
            Fault::EncapsulatedPixelData,
            Fault::NotASequence,
            Fault::NotAValue,
        ];
        for fault in all {
            let path = TagPath::new(std::iter::empty(), Tag(0x12, 0x64));
            let text = Error::Malformed { fault, offset: 0, path }.to_string();
            let shown: String = text.chars().take(64).collect();
            assert!(shown.contains("(0012,0064)"), "{shown}");
        }
    }

    #[test]
    fn an_error_says_what_and_where() {
        let path = TagPath::new([(Tag(0x40, 0xA730), 2)].into_iter(), Tag(8, 0x100));
        let error = Error::Malformed { fault: Fault::TruncatedValue, offset: 77, path };
        assert_eq!(
            error.to_string(),
            "data set ends within a value at (0040,a730)[2].(0008,0100), byte 77"
        );
    }
}
