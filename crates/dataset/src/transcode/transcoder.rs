//! The transcoder: pushed bytes of a data set to a sink.

use std::io::IoSlice;
use std::sync::Arc;

use super::attributes::Attributes;
use super::inspector::Inspector;
use super::reader::{Reader, note_attributes};
use super::wanted::WantedAttributes;
use crate::encoding::deflate::{self, Inflater};
use crate::encoding::encoder::Encoder;
use crate::encoding::encoder::write_buffer::{Output, WriteBuffer};
use crate::encoding::parser::Parser;
use crate::encoding::token::Token;
use crate::error::Error;
use crate::format::OutputFormat;
use crate::limits::{DIRECT_WRITE_BYTES, WRITE_SLICES};
use crate::registry::dictionary::Dictionary;
use crate::registry::transfer_syntax::TransferSyntax;
use crate::repairs::Repairs;
use crate::sink::Sink;

/// Writes one data set, which is pushed in pieces, to a [`Sink`].
///
/// Memory does not depend on the data set: a stack of open sequences, buffers of some 64 KiB, the
/// tables of compression, and what sorts elements, at most
/// [`REORDER_MEMORY_BYTES`](crate::limits::REORDER_MEMORY_BYTES). Rarely more than 200 KiB in all;
/// [`limits`](crate::limits) has the worst case.
#[derive(Debug)]
pub struct Transcoder {
    output: &'static TransferSyntax,
    attributes: Attributes,
    mode: Mode,
}

/// How the bytes get to the sink.
#[derive(Debug)]
enum Mode {
    /// Unchanged; they are inspected as well.
    AsReceived(Box<Inspector>),
    /// Parsed and encoded again.
    Rewritten(Box<Reader>, Box<Writer>),
}

#[derive(Debug)]
struct Writer {
    encoder: Encoder,
    buffer: WriteBuffer,
    preceding: u64,
    file_padding: u32,
    /// The compression level of the second pass, if the output is deflated.
    deflate: Option<u32>,
}

impl Transcoder {
    /// A transcoder for one data set in the transfer syntax `input`. The dictionary determines the VRs
    /// of elements where the encoding does not. A data set in an [unlisted](TransferSyntax::unlisted)
    /// transfer syntax is written as received, whatever the format.
    #[must_use]
    pub fn new(
        input: &'static TransferSyntax,
        format: &OutputFormat,
        dictionary: Arc<Dictionary>,
    ) -> Transcoder {
        let as_received = format.bit_preserving || input.is_unlisted();
        let output = if as_received { input } else { format.transfer_syntax.for_input(input) };
        let implicit_output = !as_received && !output.explicit_vr();
        let reader = Reader {
            inflater: input.deflated().then(Inflater::new),
            parser: Parser::new(input, implicit_output, format.convert_un, dictionary),
        };
        let mode = if as_received {
            Mode::AsReceived(Box::new(Inspector::new(reader, input.is_unlisted())))
        } else {
            let writer = Writer {
                encoder: Encoder::new(output, format),
                buffer: WriteBuffer::default(),
                preceding: 0,
                file_padding: format.padding.file_bytes,
                deflate: output.deflated().then_some(u32::from(format.compression_level.min(9))),
            };
            Mode::Rewritten(Box::new(reader), Box::new(writer))
        };
        Transcoder { output, attributes: Attributes::default(), mode }
    }

    /// Sets how many bytes precede the data set in the file, for padding to a multiple of the size of
    /// the file. To be called before the first [`push`](Self::push).
    #[must_use]
    pub fn preceded_by(mut self, bytes: u64) -> Transcoder {
        if let Mode::Rewritten(_, writer) = &mut self.mode {
            writer.preceding = bytes;
        }
        self
    }

    /// Has the values of these attributes kept, of the top level of the data set, whatever the transfer syntax and
    /// the format. To be called before the first [`push`](Self::push). Without it, nothing is spent on that.
    #[must_use]
    pub fn noting(mut self, wanted: Arc<WantedAttributes>) -> Transcoder {
        self.attributes.note(wanted);
        self
    }

    /// The transfer syntax of the output.
    #[must_use]
    pub fn output_transfer_syntax(&self) -> &'static TransferSyntax {
        self.output
    }

    /// The attributes so far. Complete after [`finish`](Self::finish).
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The repairs so far: how the output differs from an input that breaks the rules. Complete after
    /// [`finish`](Self::finish).
    #[must_use]
    pub fn repairs(&self) -> Repairs {
        match &self.mode {
            Mode::AsReceived(_) => Repairs::default(),
            Mode::Rewritten(reader, writer) => {
                let mut repairs = reader.repairs().clone();
                repairs.extend(writer.encoder.repairs());
                repairs
            }
        }
    }

    /// Whether the data set is written as received.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        matches!(self.mode, Mode::AsReceived(_))
    }

    /// Of a data set that is written as received: the error that ended its inspection early.
    /// [`attributes`](Self::attributes) may be incomplete then.
    #[must_use]
    pub fn unread(&self) -> Option<&Error> {
        match &self.mode {
            Mode::AsReceived(inspector) => inspector.stopped(),
            Mode::Rewritten(..) => None,
        }
    }

    /// Takes the next bytes of the data set, which may be cut anywhere. Long values that need no
    /// conversion are handed to the sink as these very slices, many in one call.
    ///
    /// # Errors
    /// See [`Error`]. What the sink holds then is of no use; the transcoder must not be used again.
    pub fn push(&mut self, fragments: &[IoSlice<'_>], sink: &mut dyn Sink) -> Result<(), Error> {
        match &mut self.mode {
            Mode::AsReceived(inspector) => {
                sink.write(fragments)?;
                fragments.iter().try_for_each(|fragment| {
                    inspector.inspect(fragment, false, &mut self.attributes)
                })
            }
            Mode::Rewritten(reader, writer) => {
                let attributes = &mut self.attributes;
                if reader.inflater.is_none() {
                    return writer.write_fragments(&mut reader.parser, fragments, attributes, sink);
                }
                for fragment in fragments {
                    reader.read(fragment, false, |token, parser| {
                        writer.token(token, parser, attributes, sink)
                    })?;
                }
                Ok(())
            }
        }
    }

    /// Ends the data set: closes what is open, then sorts, pads and deflates where that has to be done
    /// at the end.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        match &mut self.mode {
            Mode::AsReceived(inspector) => inspector.inspect(&[], true, &mut self.attributes),
            Mode::Rewritten(reader, writer) => {
                let read = reader.read(&[], true, |token, parser| {
                    writer.token(token, parser, &mut self.attributes, sink)
                });
                match read {
                    // There was input, even if it inflates to nothing.
                    Err(Error::Empty) if reader.has_inflated() => writer.finish(sink),
                    Err(error) => Err(error),
                    Ok(()) => writer.finish(sink),
                }
            }
        }
    }
}

/// Takes up to `max_bytes` off the front of `bytes` and of the fragments after it, in at most
/// [`WRITE_SLICES`] pieces. Returns these, their number and their total size in bytes.
fn take_pieces<'s>(
    max_bytes: usize,
    bytes: &mut &'s [u8],
    fragments: &mut std::slice::Iter<'s, IoSlice<'s>>,
) -> ([IoSlice<'s>; WRITE_SLICES], usize, usize) {
    let mut pieces = [IoSlice::new(&[]); WRITE_SLICES];
    let mut taken = 0;
    for (count, piece) in pieces.iter_mut().enumerate() {
        if bytes.is_empty()
            && let Some(fragment) = fragments.next()
        {
            *bytes = fragment;
        }
        let (head, rest) = bytes.split_at(bytes.len().min(max_bytes - taken));
        if head.is_empty() {
            return (pieces, count, taken);
        }
        *piece = IoSlice::new(head);
        taken += head.len();
        *bytes = rest;
    }
    (pieces, WRITE_SLICES, taken)
}

impl Writer {
    /// Writes what these fragments contain. Long values that need no conversion bypass the parser, all
    /// fragments of a value in one call, except for the last byte, which ends it.
    fn write_fragments(
        &mut self,
        parser: &mut Parser,
        fragments: &[IoSlice<'_>],
        attributes: &mut Attributes,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        let mut fragments = fragments.iter();
        let mut bytes: &[u8] = &[];
        loop {
            if bytes.is_empty() {
                match fragments.next() {
                    Some(fragment) => bytes = fragment,
                    None => return Ok(()),
                }
            }
            let remaining = parser.value_remaining() as usize;
            let available =
                || bytes.len() + fragments.as_slice().iter().map(|f| f.len()).sum::<usize>();
            let bypasses_parser = remaining > DIRECT_WRITE_BYTES
                && self.encoder.copies()
                && !attributes.is_keeping()
                && available() >= DIRECT_WRITE_BYTES;
            if bypasses_parser {
                let (pieces, count, taken) = take_pieces(remaining - 1, &mut bytes, &mut fragments);
                let out = &mut Output::new(&mut self.buffer, sink);
                self.encoder.copy(&pieces[..count], out)?;
                parser.skip_value(taken as u32);
                continue;
            }
            // By reference: see Token.
            let next = parser.next(&mut bytes, false);
            match &next {
                Ok(Some(token)) => self.token(token, parser, attributes, sink)?,
                Ok(None) => {}
                Err(_) => return next.map(drop),
            }
        }
    }

    #[inline]
    fn token(
        &mut self,
        token: &Token<'_>,
        parser: &Parser,
        attributes: &mut Attributes,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        note_attributes(token, parser, parser.depth(), attributes);
        let out = &mut Output::new(&mut self.buffer, sink);
        let received = parser.offset() - token.value_bytes() as u64;
        self.encoder.token(token, parser.element(), received, out)
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let mut out = Output::new(&mut self.buffer, sink);
        self.encoder.finish(self.preceding, self.file_padding, &mut out)?;
        out.flush()?;
        if let Some(level) = self.deflate {
            deflate::compress_in_place(out.position(), level, sink)?;
        }
        Ok(())
    }
}
