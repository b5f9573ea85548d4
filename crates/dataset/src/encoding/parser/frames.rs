//! The stack of open sequences and items.

use crate::encoding::element::Encoding;
use crate::error::TagPath;
use crate::limits::NESTING_LEVELS;
use crate::tag::Tag;

/// The data set and its open sequences and items.
#[derive(Debug)]
pub(super) struct Frames {
    /// Looked at for each header.
    innermost: Frame,
    /// Those around it, outermost first.
    outer: Vec<Frame>,
}

/// The data set, or an open sequence or item.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    pub(super) encoding: Encoding,
    /// The tag of the sequence, or of the sequence that the item belongs to.
    pub(super) tag: Tag,
    /// Of a sequence: the number of items that have begun.
    pub(super) items: u64,
    /// The offset at which it ends, if it has a defined length.
    pub(super) end: Option<u64>,
    /// Whether Pixel Data has occurred among its elements.
    pub(super) has_pixel_data: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    DataSet,
    Item,
    Sequence,
    PixelSequence,
}

impl Frame {
    pub(super) fn new(kind: Kind, encoding: Encoding, tag: Tag, end: Option<u64>) -> Frame {
        Frame { kind, encoding, tag, items: 0, end, has_pixel_data: false }
    }
}

impl Frames {
    pub(super) fn of_data_set(encoding: Encoding) -> Frames {
        let innermost = Frame::new(Kind::DataSet, encoding, Tag::default(), None);
        Frames { innermost, outer: Vec::new() }
    }

    /// The number of open sequences and items.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.outer.len()
    }

    /// The frame of the data set itself, which is never closed.
    pub(super) fn data_set(&self) -> &Frame {
        self.outer.first().unwrap_or(&self.innermost)
    }

    /// The open sequence at the top level of the data set.
    #[inline]
    pub(super) fn outermost(&self) -> Option<&Frame> {
        match &self.outer[..] {
            [] => None,
            [_] => Some(&self.innermost),
            [_, outermost, ..] => Some(outermost),
        }
    }

    #[inline]
    pub(super) fn innermost(&self) -> &Frame {
        &self.innermost
    }

    #[inline]
    pub(super) fn innermost_mut(&mut self) -> &mut Frame {
        &mut self.innermost
    }

    /// Opens a sequence or an item. False, and nothing is done, if [`NESTING_LEVELS`] are open.
    #[inline]
    pub(super) fn push(&mut self, frame: Frame) -> bool {
        let has_room = self.depth() < NESTING_LEVELS;
        if has_room {
            self.outer.push(std::mem::replace(&mut self.innermost, frame));
        }
        has_room
    }

    /// Closes the innermost sequence or item, if there is one, and returns what it was.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Kind> {
        let kind = self.innermost.kind;
        self.innermost = self.outer.pop()?;
        Some(kind)
    }

    /// The path to an element of the innermost frame.
    pub(super) fn path(&self, tag: Tag) -> TagPath {
        let with_items = |frame: &&Frame| frame.kind == Kind::Sequence && frame.items > 0;
        let sequences = self.outer.iter().chain([&self.innermost]).filter(with_items);
        let sequences = sequences.map(|frame| (frame.tag, frame.items));
        TagPath::new(sequences, tag)
    }
}
