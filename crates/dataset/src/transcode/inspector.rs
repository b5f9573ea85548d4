//! Reading along with a data set that is written as it comes.
//!
//! It is looked at to its end: headers are read, values passed over by their lengths, so a large one
//! costs nothing. A deflated one is inflated for that.

use super::attributes::Attributes;
use super::reader::{Reader, note_attributes};
use crate::encoding::parser::Parser;
use crate::encoding::token::Token;
use crate::error::{Error, Fault, TagPath};
use crate::repairs::RepairKind;
use crate::tag::Tag;

/// Notes the attributes of a data set, and finds what readers of the file would mistake.
///
/// What is wrong with the data set otherwise is not its business: it only stops, and says where.
#[derive(Debug)]
pub(super) struct Inspector {
    /// `None` once nothing more can be read.
    reader: Option<Reader>,
    /// The first bytes as they stand in the file.
    start: [u8; START_BYTES],
    start_bytes: usize,
    /// Whether the encoding is only guessed, since nobody knows the transfer syntax.
    is_guess: bool,
    /// An element that does not belong here, in an encoding that is guessed.
    foreign: Option<Error>,
    /// Why nothing more can be read.
    stopped: Option<Error>,
}

/// How many bytes tell a file from a data set: preamble, prefix, and the group that follows
/// (PS3.10 §7.1).
const START_BYTES: usize = 134;

impl Inspector {
    pub(super) fn new(reader: Reader, is_guess: bool) -> Inspector {
        Inspector {
            reader: Some(reader),
            start: [0; START_BYTES],
            start_bytes: 0,
            is_guess,
            foreign: None,
            stopped: None,
        }
    }

    /// Why the rest of the data set could not be read, if it could not.
    pub(super) fn stopped(&self) -> Option<&Error> {
        self.stopped.as_ref()
    }

    /// Looks at the next bytes of the data set, the last ones if `end` is set.
    ///
    /// # Errors
    /// [`Fault::ForeignGroup`] and [`Fault::WholeFile`]: a file with these bytes would be misread.
    pub(super) fn inspect(
        &mut self,
        bytes: &[u8],
        end: bool,
        attributes: &mut Attributes,
    ) -> Result<(), Error> {
        self.inspect_start(bytes)?;
        if end && self.start_bytes == START_BYTES && self.start.ends_with(b"DICM\x02\0") {
            return Err(malformed(Fault::WholeFile, 128, Tag(2, 0)));
        }
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let (is_guess, foreign) = (self.is_guess, &mut self.foreign);
        let mut refused = false;
        let read = reader.read(bytes, end, |token, parser| {
            let depth = depth(token, parser);
            if foreign.is_none() && is_foreign(token, depth) {
                let fault = parser.malformed(Fault::ForeignGroup);
                if !is_guess {
                    refused = true;
                    return Err(fault);
                }
                *foreign = Some(fault);
            }
            note_attributes(token, depth, attributes);
            Ok(())
        });
        if refused {
            return read;
        }
        let explained = read.is_ok() && reader.repairs().count(RepairKind::UnknownVr) == 0;
        if let Err(error) = read {
            self.stopped = Some(error);
            self.reader = None;
        }
        // A guess that explains all bytes is no guess any more.
        if end && explained { self.foreign.take().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Readers take what follows the file meta information for a part of it as long as its first two
    /// bytes are 02 00, whatever they mean in the encoding of the data set.
    fn inspect_start(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let room = &mut self.start[self.start_bytes..];
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.start_bytes += taken;
        match self.start[..self.start_bytes] {
            [2, 0, low, high, ..] => {
                let tag = Tag(2, u16::from_le_bytes([low, high]));
                Err(malformed(Fault::ForeignGroup, 0, tag))
            }
            _ => Ok(()),
        }
    }
}

/// How deep a token stands, also for a reader that goes by the lengths of sequences.
fn depth(token: &Token<'_>, parser: &Parser) -> usize {
    // It is open already.
    let opened = matches!(token, Token::Sequence(_) | Token::PixelSequence(_));
    if parser.is_past_sequence() { usize::from(opened) } else { parser.depth() }
}

fn malformed(fault: Fault, offset: u64, tag: Tag) -> Error {
    Error::Malformed { fault, offset, path: TagPath::new(std::iter::empty(), tag) }
}

fn is_foreign(token: &Token<'_>, depth: usize) -> bool {
    match token {
        // Eight zero bytes are padding, which no reader mistakes.
        Token::Element(element) if element.tag == Tag(0, 0) && element.length == 0 => false,
        Token::Element(element) => depth == 0 && element.tag.is_foreign(),
        // It is open already.
        Token::Sequence(element) | Token::PixelSequence(element) => {
            depth == 1 && element.tag.is_foreign()
        }
        _ => false,
    }
}
