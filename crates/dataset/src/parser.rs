//! The incremental parser: bytes in any pieces to tokens, in constant memory (PS3.5 §7).
//!
//! One loop, [`Parser::next`], takes what it needs from the front of the caller's slice and gives
//! back one token, so values are never gathered. It keeps a stack with one entry per open sequence
//! and item, at most twelve bytes of a header that was cut, and a few short values that decide about
//! the VR of later elements.
//!
//! Where data sets break the rules, this parser mends or refuses as DCMTK 3.6.7 was seen to do, since
//! objects that were accepted yesterday must be accepted tomorrow; what DCMTK would lose is refused.

use std::sync::Arc;

use crate::dictionary::{Dictionary, EntryVr};
use crate::element::{self, Encoding, LONGEST_HEADER, RawHeader, UNDEFINED_LENGTH};
use crate::limits::NESTING_LEVELS;
use crate::{Error, Fault, Tag, TagPath, TransferSyntax, Vr};

/// What [`Parser::next`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// An element with a value: [`Token::Value`] follows at least once.
    Element(Element),
    /// The next piece of the value of the element or fragment that came last.
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

/// What is known of an element when its header has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) tag: Tag,
    pub(crate) vr: Vr,
    /// As announced: may be undefined for sequences only.
    pub(crate) length: u32,
    /// How the value is encoded.
    pub(crate) encoding: Encoding,
}

/// Splits one data set into tokens.
#[derive(Debug)]
pub(crate) struct Parser {
    dictionary: Arc<Dictionary>,
    encapsulated: bool,
    /// Open sequences and items, outermost first; the data set itself is the first entry.
    frames: Vec<Frame>,
    state: State,
    /// Bytes taken so far.
    offset: u64,
    /// The start of a header that was cut.
    pending: [u8; LONGEST_HEADER],
    pending_bytes: usize,
    /// The element that was read last, for error messages.
    last_tag: Tag,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    encoding: Encoding,
    /// The tag of the sequence, or of the sequence that the item belongs to.
    tag: Tag,
    /// How many items began, in a sequence.
    items: u64,
    /// Where it ends, if its length says so.
    end: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    DataSet,
    Item,
    Sequence,
    PixelSequence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before an element, an item or a delimiter, as the innermost frame has it.
    Header,
    /// Within a value.
    Value {
        remaining: u32,
    },
    Ended,
}

impl Parser {
    pub(crate) fn new(syntax: &TransferSyntax, dictionary: Arc<Dictionary>) -> Parser {
        let encoding =
            Encoding { explicit_vr: syntax.explicit_vr(), big_endian: syntax.big_endian() };
        Parser {
            dictionary,
            encapsulated: syntax.encapsulated(),
            frames: vec![Frame {
                kind: Kind::DataSet,
                encoding,
                tag: Tag::default(),
                items: 0,
                end: None,
            }],
            state: State::Header,
            offset: 0,
            pending: [0; LONGEST_HEADER],
            pending_bytes: 0,
            last_tag: Tag::default(),
        }
    }

    /// How many bytes were taken.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many sequences and items are open.
    pub(crate) fn depth(&self) -> usize {
        self.frames.len() - 1
    }

    /// How many bytes of the current value are still to come.
    pub(crate) fn value_remaining(&self) -> u32 {
        match self.state {
            State::Value { remaining } => remaining,
            _ => 0,
        }
    }

    /// Takes note of bytes of the current value that the caller used up by itself, all but the last.
    pub(crate) fn skip_value(&mut self, bytes: u32) {
        if let State::Value { remaining } = &mut self.state {
            debug_assert!(bytes < *remaining);
            *remaining -= bytes;
            self.offset += u64::from(bytes);
        }
    }

    /// Reads one token from the front of `input` and moves it forward. `None` means that `input` is
    /// used up. With `end` set, `input` is known to be the last: the tokens that close the data set
    /// follow, then [`Token::End`].
    ///
    /// # Errors
    /// [`Error::Malformed`] and [`Error::Limit`]; the parser must not be used again.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: bool,
    ) -> Result<Option<Token<'a>>, Error> {
        match self.state {
            State::Value { remaining } => self.value(input, remaining, end),
            State::Header => self.structure(input, end),
            State::Ended => {
                *input = &[];
                Ok(end.then_some(Token::End))
            }
        }
    }

    fn value<'a>(
        &mut self,
        input: &mut &'a [u8],
        remaining: u32,
        end: bool,
    ) -> Result<Option<Token<'a>>, Error> {
        if input.is_empty() && remaining > 0 {
            return if end { Err(self.fault(Fault::Truncated)) } else { Ok(None) };
        }
        let taken = input.len().min(remaining as usize);
        let (bytes, rest) = input.split_at(taken);
        *input = rest;
        self.offset += taken as u64;
        let remaining = remaining - taken as u32;
        let last = remaining == 0;
        self.state = if last { State::Header } else { State::Value { remaining } };
        Ok(Some(Token::Value { bytes, last }))
    }

    fn structure<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: bool,
    ) -> Result<Option<Token<'a>>, Error> {
        let frame = self.frame();
        let (kind, encoding) = (frame.kind, frame.encoding);
        if frame.end.is_some_and(|end| self.offset >= end) && self.pending_bytes == 0 {
            return Ok(Some(self.close()));
        }
        let Some(header) = self.header(input, encoding) else {
            return if end { self.end_of_input() } else { Ok(None) };
        };
        self.last_tag = header.tag;
        match kind {
            Kind::DataSet | Kind::Item => self.element(header),
            Kind::Sequence => self.item(header),
            Kind::PixelSequence => self.fragment(header),
        }
        .map(Some)
    }

    /// Reads a header, across the border of two inputs if need be.
    fn header(&mut self, input: &mut &[u8], encoding: Encoding) -> Option<RawHeader> {
        if self.pending_bytes == 0
            && let Some((header, size)) = element::read(input, encoding)
        {
            *input = &input[size..];
            self.offset += size as u64;
            return Some(header);
        }
        while let Some((&byte, rest)) = input.split_first() {
            self.pending[self.pending_bytes] = byte;
            self.pending_bytes += 1;
            *input = rest;
            if let Some((header, size)) =
                element::read(&self.pending[..self.pending_bytes], encoding)
            {
                self.pending_bytes = 0;
                self.offset += size as u64;
                return Some(header);
            }
        }
        None
    }

    fn element(&mut self, header: RawHeader) -> Result<Token<'static>, Error> {
        let frame = self.frame();
        let encoding = frame.encoding;
        match header.tag {
            Tag::ITEM_DELIMITATION if frame.kind == Kind::Item => return Ok(self.close()),
            Tag::ITEM | Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => {
                return Err(self.fault(Fault::UnexpectedDelimiter));
            }
            _ => {}
        }
        let vr = self.resolve(&header);
        let mut element = Element { tag: header.tag, vr, length: header.length, encoding };
        if vr == Vr::SQ {
            return self.open(element, Kind::Sequence);
        }
        if header.length == UNDEFINED_LENGTH {
            if header.tag == Tag::PIXEL_DATA && self.encapsulated {
                element.vr = Vr::OB;
                return self.open(element, Kind::PixelSequence);
            }
            if vr == Vr::UN {
                // PS3.5 §6.2.2: such a value is a sequence in implicit VR little endian.
                element.vr = Vr::SQ;
                element.encoding = Encoding::IMPLICIT;
                return self.open(element, Kind::Sequence);
            }
            return Err(self.fault(Fault::UndefinedLength));
        }
        if let Some(end) = frame.end
            && self.offset.saturating_add(u64::from(header.length)) > end
        {
            return Err(self.fault(Fault::LengthMismatch));
        }
        self.state = State::Value { remaining: header.length };
        Ok(Token::Element(element))
    }

    fn item(&mut self, header: RawHeader) -> Result<Token<'static>, Error> {
        match header.tag {
            Tag::ITEM => {
                let sequence = self.frame_mut();
                sequence.items += 1;
                let (encoding, tag) = (sequence.encoding, sequence.tag);
                self.push(Kind::Item, encoding, tag, header.length)?;
                Ok(Token::Item)
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close()),
            _ => Err(self.fault(Fault::ExpectedItem)),
        }
    }

    fn fragment(&mut self, header: RawHeader) -> Result<Token<'static>, Error> {
        match header.tag {
            Tag::ITEM if header.length != UNDEFINED_LENGTH => {
                self.frame_mut().items += 1;
                self.state = State::Value { remaining: header.length };
                Ok(Token::Fragment { length: header.length })
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close()),
            _ => Err(self.fault(Fault::ExpectedItem)),
        }
    }

    fn open(&mut self, element: Element, kind: Kind) -> Result<Token<'static>, Error> {
        self.push(kind, element.encoding, element.tag, element.length)?;
        Ok(match kind {
            Kind::PixelSequence => Token::PixelSequence(element),
            _ => Token::Sequence(element),
        })
    }

    fn push(&mut self, kind: Kind, encoding: Encoding, tag: Tag, length: u32) -> Result<(), Error> {
        if self.frames.len() > NESTING_LEVELS {
            return Err(Error::Limit { what: "nesting levels", offset: self.offset });
        }
        let end = (length != UNDEFINED_LENGTH).then(|| self.offset + u64::from(length));
        self.frames.push(Frame { kind, encoding, tag, items: 0, end });
        Ok(())
    }

    /// Closes the innermost sequence or item. The data set itself has no end of its own.
    fn close(&mut self) -> Token<'static> {
        match self.frames.pop().map(|frame| frame.kind) {
            Some(Kind::Item) => Token::ItemEnd,
            Some(Kind::PixelSequence) => Token::PixelSequenceEnd,
            _ => Token::SequenceEnd,
        }
    }

    /// No more bytes will come. Less than a header may be left over at the top level: padding.
    fn end_of_input<'a>(&mut self) -> Result<Option<Token<'a>>, Error> {
        if self.frames.len() > 1 {
            return Err(self.fault(Fault::Truncated));
        }
        if self.offset == 0 && self.pending_bytes == 0 {
            return Err(Error::Empty);
        }
        self.state = State::Ended;
        Ok(Some(Token::End))
    }

    fn resolve(&self, header: &RawHeader) -> Vr {
        match header.code {
            Some(code) => Vr::from_code(code).unwrap_or(Vr::UN),
            None => match self.dictionary.find(header.tag) {
                Some(EntryVr::Exact(vr)) => vr,
                _ => Vr::UN,
            },
        }
    }

    fn frame(&self) -> &Frame {
        // The data set's own frame is never closed.
        &self.frames[self.frames.len() - 1]
    }

    fn frame_mut(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    pub(crate) fn fault(&self, fault: Fault) -> Error {
        let sequences = self
            .frames
            .iter()
            .filter(|frame| frame.kind == Kind::Sequence && frame.items > 0)
            .map(|frame| (frame.tag, frame.items));
        Error::Malformed {
            fault,
            offset: self.offset,
            path: TagPath::new(sequences, self.last_tag),
        }
    }
}
