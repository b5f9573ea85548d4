//! The incremental parser: bytes in pieces of any size to tokens (PS3.5 §7).
//!
//! [`Parser::next`] takes what it needs from the front of the caller's slice and returns one token, so
//! values are never gathered. Held are a stack with one entry per open sequence and item, at most
//! twelve bytes of a header that continues in the next slice, and a few short values that decide about
//! the VR of later elements.
//!
//! Where a data set breaks the rules, this parser repairs or refuses it as DCMTK 3.6.7 does, so that
//! what was accepted before is accepted again; what DCMTK would lose silently is refused.
//!
//! | module | what it does |
//! |---|---|
//! | `frames` | the stack of open sequences and items |
//! | `element_header` | what the header of an element announces |
//! | `resolver` | the VR, from the dictionary and from earlier elements |
//! | `sequence_or_value` | whether an element is a sequence, where its VR does not say so |

use std::sync::Arc;

use super::element::{self, Encoding, LONGEST_HEADER, RawHeader, UNDEFINED_LENGTH};
use super::token::{Element, Token};
use crate::error::{Error, Fault};
use crate::limits::{NESTING_LEVELS, PARSER_LEVEL_BYTES};
use crate::registry::dictionary::Dictionary;
use crate::registry::transfer_syntax::TransferSyntax;
use crate::repairs::{RepairKind, Repairs};
use crate::tag::Tag;
use crate::vr::Vr;
use frames::{Frame, Frames, Kind};
use resolver::{Resolver, Scope};

mod element_header;
mod frames;
mod resolver;
mod sequence_or_value;

/// Splits one data set into tokens.
#[derive(Debug)]
pub(crate) struct Parser {
    resolver: Resolver,
    encapsulated: bool,
    /// Whether the output is in implicit VR.
    implicit_output: bool,
    /// Parses the current value, of VR `UN`, which has to be a sequence.
    sequence_check: Option<Box<Parser>>,
    /// The last element.
    element: Element,
    /// The offset at which a delimiter ended the data set: nothing but padding may follow.
    ended_at: Option<u64>,
    frames: Frames,
    state: State,
    /// The number of bytes read.
    offset: u64,
    /// The start of a header that is not complete, or of a value that may be a sequence.
    lookahead: [u8; LONGEST_HEADER],
    lookahead_bytes: usize,
    /// The offset of the end of the last header.
    header_end: u64,
    /// Whether the input ends within a header.
    within_header: bool,
    /// The tag of the last header, for errors and repairs.
    last_tag: Tag,
    repairs: Repairs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before an element, an item or a delimiter, depending on the innermost frame.
    Header,
    /// Within a value.
    Value {
        remaining: u32,
    },
    /// At the start of a value that is a sequence if it begins with an item.
    SequenceOrValue,
    Ended,
}

/// The memory of an open sequence or item, twice: for the data set, and for a value that is checked.
const _: () = assert!(2 * (size_of::<Frame>() + size_of::<Scope>()) <= PARSER_LEVEL_BYTES);

impl Parser {
    pub(crate) fn new(
        syntax: &TransferSyntax,
        implicit_output: bool,
        convert_un: bool,
        dictionary: Arc<Dictionary>,
    ) -> Parser {
        let encoding = Encoding::of(syntax);
        Parser {
            resolver: Resolver::new(dictionary, convert_un, syntax.big_endian_pixel_data()),
            encapsulated: syntax.encapsulated(),
            implicit_output,
            sequence_check: None,
            element: Element { tag: Tag::default(), vr: Vr::UN, length: 0, encoding },
            ended_at: None,
            frames: Frames::of_data_set(encoding),
            state: State::Header,
            offset: 0,
            lookahead: [0; LONGEST_HEADER],
            lookahead_bytes: 0,
            header_end: 0,
            within_header: false,
            last_tag: Tag::default(),
            repairs: Repairs::default(),
        }
    }

    /// What breaks the rules but was accepted.
    pub(crate) fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// The element that was read last. Sequences and items around it are not kept: it is not that of a
    /// token that ends one.
    #[inline]
    pub(crate) fn element(&self) -> &Element {
        &self.element
    }

    /// The number of bytes read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The number of open sequences and items.
    pub(crate) fn depth(&self) -> usize {
        self.frames.depth()
    }

    /// Whether the last header is past the end of the top-level sequence around it, as its length has
    /// it. An item that exceeds its sequence is read to its end here; other readers stop at the end of
    /// the sequence.
    pub(crate) fn is_past_sequence(&self) -> bool {
        self.frames.outermost().is_some_and(|outermost| {
            outermost.kind == Kind::Sequence
                && outermost.end.is_some_and(|end| self.header_end > end)
        })
    }

    /// How many bytes of the current value are left. All but the last of them may be
    /// [skipped](Self::skip_value). 0 if the parser itself needs the value.
    pub(crate) fn value_remaining(&self) -> u32 {
        match self.state {
            State::Value { remaining }
                if !self.resolver.needs_value()
                    && self.lookahead_bytes == 0
                    && self.sequence_check.is_none() =>
            {
                remaining
            }
            _ => 0,
        }
    }

    /// Counts bytes of the current value that the caller has written itself.
    pub(crate) fn skip_value(&mut self, bytes: u32) {
        if let State::Value { remaining } = &mut self.state {
            debug_assert!(bytes < *remaining);
            *remaining -= bytes;
            self.offset += u64::from(bytes);
        }
    }

    /// Reads one token from the front of `input` and advances it. `None` means that `input` is used up.
    /// With `end` set, nothing follows `input`: the tokens that close the data set are returned, then
    /// [`Token::End`].
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
            State::Header => self.next_header(input, end),
            State::SequenceOrValue => self.sequence_or_value(input, end),
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
        if self.lookahead_bytes > 0 {
            return self.replay_lookahead(remaining).map(Some);
        }
        if input.is_empty() && remaining > 0 {
            let at_header = self.offset == self.header_end;
            let fault = if at_header { Fault::TruncatedHeader } else { Fault::TruncatedValue };
            return if end { Err(self.malformed(fault)) } else { Ok(None) };
        }
        let taken = input.len().min(remaining as usize);
        let (bytes, rest) = input.split_at(taken);
        *input = rest;
        self.value_chunk(bytes, remaining).map(Some)
    }

    /// Returns the next byte of a value that was read ahead to see whether it is a sequence.
    #[cold]
    fn replay_lookahead(&mut self, remaining: u32) -> Result<Token<'static>, Error> {
        let byte = usize::from(self.lookahead[0]);
        self.lookahead.rotate_left(1);
        self.lookahead_bytes -= 1;
        self.value_chunk(&EVERY_BYTE[byte..=byte], remaining)
    }

    // Called for each piece of a value, and hardly ever from elsewhere.
    #[inline(always)]
    fn value_chunk<'a>(&mut self, bytes: &'a [u8], remaining: u32) -> Result<Token<'a>, Error> {
        self.offset += bytes.len() as u64;
        let remaining = remaining - bytes.len() as u32;
        let last = remaining == 0;
        self.resolver.value(&self.element, bytes, last, self.offset)?;
        if self.sequence_check.is_some() {
            self.continue_sequence_check(bytes, last)?;
        }
        self.state = if last { State::Header } else { State::Value { remaining } };
        Ok(Token::Value { bytes, last })
    }

    /// The whole value that begins here, if `input` has it, and if nobody wants to see its pieces.
    /// Otherwise, its pieces are next.
    #[inline]
    fn whole_value<'a>(&mut self, length: u32, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        let in_pieces = self.lookahead_bytes > 0
            || self.sequence_check.is_some()
            || self.resolver.needs_value();
        match input.split_at_checked(length as usize) {
            Some((value, rest)) if !in_pieces => {
                *input = rest;
                self.offset += u64::from(length);
                Some(value)
            }
            _ => {
                self.state = State::Value { remaining: length };
                None
            }
        }
    }

    fn next_header<'a>(
        &mut self,
        input: &mut &'a [u8],
        end: bool,
    ) -> Result<Option<Token<'a>>, Error> {
        loop {
            let &Frame { kind, encoding, end: frame_end, .. } = self.frames.innermost();
            if frame_end.is_some_and(|end| self.offset >= end) && self.lookahead_bytes == 0 {
                return Ok(Some(self.close()));
            }
            let Some(header) = self.header(input, encoding) else {
                return if end { self.end_of_input() } else { Ok(None) };
            };
            self.header_end = self.offset;
            self.last_tag = header.tag;
            if frame_end.is_some_and(|end| self.offset > end) {
                self.note_repair(RepairKind::WrongLength);
            }
            match kind {
                Kind::DataSet if self.is_after_end(&header)? => continue,
                Kind::DataSet | Kind::Item => match self.read_element(header, input) {
                    Ok(None) => return self.sequence_or_value(input, end),
                    found => return found,
                },
                Kind::Sequence => return self.item(header).map(Some),
                Kind::PixelSequence => return self.fragment(header, input).map(Some),
            }
        }
    }

    /// Whether the header is to be ignored: an item delimiter outside of an item, and padding after it.
    /// As in DCMTK, such a delimiter ends the data set; but elements after it, which DCMTK drops, are
    /// an error.
    fn is_after_end(&mut self, header: &RawHeader) -> Result<bool, Error> {
        let Some(ended_at) = self.ended_at else {
            if header.tag == Tag::ITEM_DELIMITATION {
                self.ended_at = Some(self.offset);
                self.note_repair(RepairKind::ExtraDelimiter);
            }
            return Ok(self.ended_at.is_some());
        };
        match header.tag {
            Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => {
                self.note_repair(RepairKind::ExtraDelimiter);
                Ok(true)
            }
            // Zeros.
            Tag(0, 0) if header.length == 0 => Ok(true),
            Tag::TRAILING_PADDING => Ok(false),
            _ => {
                self.offset = ended_at;
                self.last_tag = Tag::ITEM_DELIMITATION;
                Err(self.malformed(Fault::UnexpectedDelimiter))
            }
        }
    }

    /// Reads a header, which may continue in the next input.
    fn header(&mut self, input: &mut &[u8], encoding: Encoding) -> Option<RawHeader> {
        if self.lookahead_bytes == 0
            && let Some((header, size)) = element::read(input, encoding)
        {
            *input = &input[size..];
            self.offset += size as u64;
            return Some(header);
        }
        while let Some((&byte, rest)) = input.split_first() {
            self.lookahead[self.lookahead_bytes] = byte;
            self.lookahead_bytes += 1;
            *input = rest;
            if let Some((header, size)) =
                element::read(&self.lookahead[..self.lookahead_bytes], encoding)
            {
                self.lookahead_bytes = 0;
                self.offset += size as u64;
                return Some(header);
            }
        }
        None
    }

    fn item(&mut self, header: RawHeader) -> Result<Token<'static>, Error> {
        match header.tag {
            Tag::ITEM => {
                let sequence = self.frames.innermost_mut();
                sequence.items += 1;
                let (encoding, tag, end) = (sequence.encoding, sequence.tag, sequence.end);
                self.push(Kind::Item, encoding, tag, header.length)?;
                // As in DCMTK, the item is read to its own end.
                if end.is_some_and(|end| self.frames.innermost().end.is_some_and(|own| own > end)) {
                    self.note_repair(RepairKind::WrongLength);
                }
                Ok(Token::Item)
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close_delimited(&header)),
            _ => Err(self.malformed(Fault::ExpectedItem)),
        }
    }

    fn fragment<'a>(
        &mut self,
        header: RawHeader,
        input: &mut &'a [u8],
    ) -> Result<Token<'a>, Error> {
        match header.tag {
            Tag::ITEM if header.length != UNDEFINED_LENGTH => {
                self.frames.innermost_mut().items += 1;
                let value = self.whole_value(header.length, input);
                Ok(Token::Fragment { length: header.length, value })
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close_delimited(&header)),
            _ => Err(self.malformed(Fault::ExpectedItem)),
        }
    }

    /// Opens the last element, which is a sequence.
    fn open(&mut self, kind: Kind) -> Result<Token<'static>, Error> {
        let Element { tag, length, encoding, .. } = self.element;
        if kind == Kind::Sequence && self.would_be_read_as_value(tag) {
            return Err(self.malformed(Fault::NotAValue));
        }
        self.push(kind, encoding, tag, length)?;
        Ok(match kind {
            Kind::PixelSequence => Token::PixelSequence,
            _ => Token::Sequence,
        })
    }

    fn push(&mut self, kind: Kind, encoding: Encoding, tag: Tag, length: u32) -> Result<(), Error> {
        let end = (length != UNDEFINED_LENGTH).then(|| self.offset + u64::from(length));
        if !self.frames.push(Frame::new(kind, encoding, tag, end)) {
            let limit = NESTING_LEVELS as u64;
            return Err(Error::Limit { what: "nesting levels", limit, offset: self.offset });
        }
        if kind == Kind::Item {
            self.resolver.open_item();
        }
        Ok(())
    }

    /// Closes the innermost sequence or item at a delimiter, even if it has a defined length.
    fn close_delimited(&mut self, header: &RawHeader) -> Token<'static> {
        if self.frames.innermost().end.is_some() {
            self.note_repair(RepairKind::ExtraDelimiter);
        } else if header.length != 0 {
            self.note_repair(RepairKind::WrongLength);
        }
        self.close()
    }

    /// Closes the innermost sequence or item, which is not the data set itself.
    fn close(&mut self) -> Token<'static> {
        match self.frames.pop() {
            Some(Kind::Item) => {
                self.resolver.close_item();
                Token::ItemEnd
            }
            Some(Kind::PixelSequence) => Token::PixelSequenceEnd,
            _ => Token::SequenceEnd,
        }
    }

    /// Handles the end of the input. An open item ends there, and so does a sequence that has all its
    /// bytes; less than a header may be left over, as padding.
    fn end_of_input<'a>(&mut self) -> Result<Option<Token<'a>>, Error> {
        if self.lookahead_bytes > 0 {
            self.within_header = true;
            self.note_repair(RepairKind::TrailingBytes);
        }
        self.offset += self.lookahead_bytes as u64;
        self.lookahead_bytes = 0;
        match self.frames.innermost().kind {
            Kind::Item => {
                self.note_repair(RepairKind::MissingEnd);
                Ok(Some(self.close()))
            }
            Kind::Sequence if self.frames.innermost().end.is_some_and(|end| self.offset >= end) => {
                Ok(Some(self.close()))
            }
            Kind::Sequence | Kind::PixelSequence => {
                let at_header = self.within_header || self.frames.innermost().items == 0;
                let fault =
                    if at_header { Fault::TruncatedHeader } else { Fault::TruncatedSequence };
                Err(self.malformed(fault))
            }
            Kind::DataSet if self.offset == 0 => Err(Error::Empty),
            Kind::DataSet => {
                self.state = State::Ended;
                Ok(Some(Token::End))
            }
        }
    }

    /// Notes a repair of the element that was read last.
    pub(crate) fn note_repair(&mut self, kind: RepairKind) {
        self.repairs.note(kind, self.offset, || self.frames.path(self.last_tag));
    }

    pub(crate) fn malformed(&self, fault: Fault) -> Error {
        Error::Malformed { fault, offset: self.offset, path: self.frames.path(self.last_tag) }
    }

    /// The error for the last header, whether its value has been read or not.
    pub(crate) fn malformed_header(&self, fault: Fault) -> Error {
        let offset = self.header_end;
        Error::Malformed { fault, offset, path: self.frames.path(self.last_tag) }
    }
}

/// Every byte, so that a slice of a single one can be returned.
static EVERY_BYTE: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut next = 0;
    while next < 256 {
        bytes[next] = next as u8;
        next += 1;
    }
    bytes
};
