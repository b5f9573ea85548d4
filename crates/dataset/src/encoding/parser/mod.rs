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

use super::element::{self, Encoding, LONGEST_HEADER, RawHeader, UNDEFINED_LENGTH};
use super::token::{Element, Token};
use crate::error::{Error, Fault};
use crate::limits::{NESTING_LEVELS, PARSER_LEVEL_BYTES};
use crate::registry::dictionary::Dictionary;
use crate::registry::transfer_syntax::TransferSyntax;
use crate::repairs::{RepairKind, Repairs};
use crate::tag::Tag;
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
    /// Whether what is written tells no VRs.
    implicit_output: bool,
    /// Reads a value of VR `UN` that is to be a sequence.
    sequence_check: Option<Box<Parser>>,
    /// A sequence or not, as the next bytes have it; [`State::SequenceOrValue`].
    undetermined: Option<Element>,
    /// A delimiter has ended the data set, here: nothing may follow that says anything.
    ended_at: Option<u64>,
    frames: Frames,
    state: State,
    /// Bytes taken so far.
    offset: u64,
    /// The start of a header that was cut, or of a value that was looked at.
    lookahead: [u8; LONGEST_HEADER],
    lookahead_bytes: usize,
    /// Where the last header ended.
    header_end: u64,
    /// Whether the input ended within a header.
    within_header: bool,
    /// The element that was read last, for error messages.
    last_tag: Tag,
    repairs: Repairs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before an element, an item or a delimiter, as the innermost frame has it.
    Header,
    /// Within a value.
    Value {
        remaining: u32,
    },
    /// At the start of a value that is a sequence if it begins like one.
    SequenceOrValue,
    Ended,
}

/// What an open sequence or item takes, twice: of the data set, and of a value that is checked.
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
            undetermined: None,
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

    /// What breaks the rules and is taken nevertheless.
    pub(crate) fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// How many bytes were taken so far.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many sequences and items are open.
    pub(crate) fn depth(&self) -> usize {
        self.frames.depth()
    }

    /// Whether the header that was read last stands past the length of the sequence at the top level that
    /// it is in. An item that reaches past its sequence is taken whole here; others cut it off there.
    pub(crate) fn is_past_sequence(&self) -> bool {
        self.frames.outermost().is_some_and(|outermost| {
            outermost.kind == Kind::Sequence
                && outermost.end.is_some_and(|end| self.header_end > end)
        })
    }

    /// How many bytes of the current value are still to come. All but the last may be
    /// [skipped](Self::skip_value); none, if the parser itself needs the value.
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

    /// Takes note of bytes of the current value that the caller used up by itself.
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

    /// Hands on the next byte of a value that was looked at, to see whether it is a sequence.
    #[cold]
    fn replay_lookahead(&mut self, remaining: u32) -> Result<Token<'static>, Error> {
        let byte = usize::from(self.lookahead[0]);
        self.lookahead.rotate_left(1);
        self.lookahead_bytes -= 1;
        self.value_chunk(&EVERY_BYTE[byte..=byte], remaining)
    }

    // Called for each piece of a value, and from elsewhere hardly ever.
    #[inline(always)]
    fn value_chunk<'a>(&mut self, bytes: &'a [u8], remaining: u32) -> Result<Token<'a>, Error> {
        self.offset += bytes.len() as u64;
        let remaining = remaining - bytes.len() as u32;
        let last = remaining == 0;
        self.resolver.value(bytes, last, self.offset)?;
        if self.sequence_check.is_some() {
            self.continue_sequence_check(bytes, last)?;
        }
        self.state = if last { State::Header } else { State::Value { remaining } };
        Ok(Token::Value { bytes, last })
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
                Kind::DataSet | Kind::Item => match self.element(header) {
                    Ok(None) => return self.sequence_or_value(input, end),
                    found => return found,
                },
                Kind::Sequence => return self.item(header).map(Some),
                Kind::PixelSequence => return self.fragment(header).map(Some),
            }
        }
    }

    /// Whether this says nothing: an item delimiter that ends no item, and what may follow one. As DCMTK
    /// has it, such a delimiter ends the data set; but what it would drop then must be nothing.
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

    /// Reads a header, across the border of two inputs if need be.
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
                // The item is taken whole, and what is in it with it, as DCMTK has it.
                if end.is_some_and(|end| self.frames.innermost().end.is_some_and(|own| own > end)) {
                    self.note_repair(RepairKind::WrongLength);
                }
                Ok(Token::Item)
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close_delimited(&header)),
            _ => Err(self.malformed(Fault::ExpectedItem)),
        }
    }

    fn fragment(&mut self, header: RawHeader) -> Result<Token<'static>, Error> {
        match header.tag {
            Tag::ITEM if header.length != UNDEFINED_LENGTH => {
                self.frames.innermost_mut().items += 1;
                self.state = State::Value { remaining: header.length };
                Ok(Token::Fragment { length: header.length })
            }
            Tag::SEQUENCE_DELIMITATION => Ok(self.close_delimited(&header)),
            _ => Err(self.malformed(Fault::ExpectedItem)),
        }
    }

    fn open(&mut self, element: Element, kind: Kind) -> Result<Token<'static>, Error> {
        if kind == Kind::Sequence && self.would_be_read_as_value(element.tag) {
            return Err(self.malformed(Fault::NotAValue));
        }
        self.push(kind, element.encoding, element.tag, element.length)?;
        Ok(match kind {
            Kind::PixelSequence => Token::PixelSequence(element),
            _ => Token::Sequence(element),
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

    /// A delimiter closes the innermost sequence or item, though its length may say otherwise.
    fn close_delimited(&mut self, header: &RawHeader) -> Token<'static> {
        if self.frames.innermost().end.is_some() {
            self.note_repair(RepairKind::ExtraDelimiter);
        } else if header.length != 0 {
            self.note_repair(RepairKind::WrongLength);
        }
        self.close()
    }

    /// Closes the innermost sequence or item. The data set itself has no end of its own.
    fn close(&mut self) -> Token<'static> {
        match self.frames.pop().map(|frame| frame.kind) {
            Some(Kind::Item) => {
                self.resolver.close_item();
                Token::ItemEnd
            }
            Some(Kind::PixelSequence) => Token::PixelSequenceEnd,
            _ => Token::SequenceEnd,
        }
    }

    /// No more bytes will come. An item that announced more is taken as it is, and so is a sequence
    /// that has all its bytes; less than a header may be left over, as padding.
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

    /// Notes that the element that was read last is not what the rules have it to be.
    pub(crate) fn note_repair(&mut self, kind: RepairKind) {
        self.repairs.note(kind, self.offset, || self.frames.path(self.last_tag));
    }

    pub(crate) fn malformed(&self, fault: Fault) -> Error {
        Error::Malformed { fault, offset: self.offset, path: self.frames.path(self.last_tag) }
    }
}

/// Each byte at its own place, so that one can be handed on without a place to keep it.
static EVERY_BYTE: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut next = 0;
    while next < 256 {
        bytes[next] = next as u8;
        next += 1;
    }
    bytes
};
