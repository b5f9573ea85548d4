//! Inspection of a data set that is written as received.
//!
//! It is parsed to its end: headers are read, and values skipped by their lengths, so the costs do not
//! depend on their size. A deflated data set is inflated for this.

use super::attributes::Attributes;
use super::reader::{Reader, note_attributes};
use crate::encoding::parser::Parser;
use crate::encoding::token::{Element, Token};
use crate::error::{Error, Fault, TagPath};
use crate::repairs::RepairKind;
use crate::tag::Tag;

/// Keeps the attributes of a data set, and finds what readers of the file would misread.
///
/// Other errors in the data set do not matter: the inspection only ends there, with the reason kept.
#[derive(Debug)]
pub(super) struct Inspector {
    /// `None` after an error.
    reader: Option<Reader>,
    /// The first bytes of the data set, as in the file.
    start: [u8; START_BYTES],
    start_bytes: usize,
    /// Whether the encoding is a guess, because the transfer syntax is not known.
    is_guess: bool,
    /// A foreign element, found in an encoding that is a guess.
    foreign: Option<Error>,
    /// Why the inspection ended early.
    stopped: Option<Error>,
}

/// The number of bytes that distinguish a file from a data set: preamble, prefix, and the next group
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

    /// Why the rest of the data set could not be read, if so.
    pub(super) fn stopped(&self) -> Option<&Error> {
        self.stopped.as_ref()
    }

    /// Inspects the next bytes of the data set; with `end` set, the last ones.
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
            if foreign.is_none() && is_foreign(token, parser.element(), depth) {
                let fault = parser.malformed_header(Fault::ForeignGroup);
                if !is_guess {
                    refused = true;
                    return Err(fault);
                }
                *foreign = Some(fault);
            }
            note_attributes(token, parser, depth, attributes);
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
        // A guess under which all bytes make sense is right.
        if end && explained { self.foreign.take().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Readers take what follows the file meta information for a part of it if its first two bytes are
    /// 02 00, whatever they mean in the encoding of the data set.
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

/// The depth of a token, as a reader sees it that uses the lengths of sequences.
fn depth(token: &Token<'_>, parser: &Parser) -> usize {
    // It is counted as open already.
    let opened = matches!(token, Token::Sequence | Token::PixelSequence);
    if parser.is_past_sequence() { usize::from(opened) } else { parser.depth() }
}

fn malformed(fault: Fault, offset: u64, tag: Tag) -> Error {
    Error::Malformed { fault, offset, path: TagPath::new(std::iter::empty(), tag) }
}

fn is_foreign(token: &Token<'_>, element: &Element, depth: usize) -> bool {
    match token {
        // Eight zero bytes are padding, which readers ignore.
        Token::Element { .. } if element.tag == Tag(0, 0) && element.length == 0 => false,
        Token::Element { .. } => depth == 0 && element.tag.is_foreign(),
        // It is counted as open already.
        Token::Sequence | Token::PixelSequence => depth == 1 && element.tag.is_foreign(),
        _ => false,
    }
}
