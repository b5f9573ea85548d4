//! From the bytes of a data set to the bytes of a file.

use std::io::IoSlice;
use std::sync::Arc;

use crate::attributes::Attributes;
use crate::deflate::Inflater;
use crate::dictionary::Dictionary;
use crate::parser::{Parser, Token};
use crate::{Error, Fault, Sink, Tag, TransferSyntax};

/// How the data set is to be written.
#[derive(Clone, Debug, Default)]
pub struct OutputFormat {
    bit_preserving: bool,
}

impl OutputFormat {
    /// Every byte as it came.
    #[must_use]
    pub fn bit_preserving() -> OutputFormat {
        OutputFormat { bit_preserving: true }
    }

    /// Whether this is [`bit_preserving`](Self::bit_preserving).
    #[must_use]
    pub fn is_bit_preserving(&self) -> bool {
        self.bit_preserving
    }
}

/// Writes one data set, given in pieces, to a [`Sink`].
#[derive(Debug)]
pub struct Transcoder {
    input: &'static TransferSyntax,
    strict: bool,
    /// Gone once nothing more is to be learned.
    reader: Option<Reader>,
    attributes: Attributes,
}

#[derive(Debug)]
struct Reader {
    inflater: Option<Inflater>,
    parser: Parser,
}

impl Transcoder {
    /// A transcoder for one data set that comes in `input`.
    #[must_use]
    pub fn new(
        input: &'static TransferSyntax,
        format: &OutputFormat,
        dictionary: Arc<Dictionary>,
    ) -> Transcoder {
        Transcoder {
            input,
            strict: !format.bit_preserving,
            reader: Some(Reader {
                inflater: input.deflated().then(Inflater::new),
                parser: Parser::new(input, dictionary),
            }),
            attributes: Attributes::default(),
        }
    }

    /// The transfer syntax of what is written.
    #[must_use]
    pub fn output_transfer_syntax(&self) -> &'static TransferSyntax {
        self.input
    }

    /// What was noted so far. Complete after [`finish`](Self::finish).
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Takes the next bytes of the data set, wherever they were cut.
    ///
    /// # Errors
    /// See [`Error`]. What the sink holds then is of no use; the transcoder must not be used again.
    pub fn push(&mut self, fragments: &[IoSlice<'_>], sink: &mut dyn Sink) -> Result<(), Error> {
        sink.write(fragments)?;
        for fragment in fragments {
            self.read(fragment, false)?;
        }
        Ok(())
    }

    /// The data set is complete: does what could not be done before.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), Error> {
        self.read(&[], true)
    }

    fn read(&mut self, bytes: &[u8], end: bool) -> Result<(), Error> {
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        match reader.read(bytes, end, self.strict, &mut self.attributes) {
            Ok(More::Wanted) => {}
            Err(error) if self.strict => return Err(error),
            Ok(More::Unwanted) | Err(_) => self.reader = None,
        }
        Ok(())
    }
}

/// Whether a reader has something left to learn.
enum More {
    Wanted,
    Unwanted,
}

impl Reader {
    fn read(
        &mut self,
        mut bytes: &[u8],
        end: bool,
        strict: bool,
        attributes: &mut Attributes,
    ) -> Result<More, Error> {
        let Some(inflater) = &mut self.inflater else {
            return note(&mut self.parser, bytes, end, strict, attributes);
        };
        loop {
            let inflated = inflater.next(&mut bytes).map_err(|fault| self.parser.fault(fault))?;
            let Some(inflated) = inflated else {
                break;
            };
            if let More::Unwanted = note(&mut self.parser, inflated, false, strict, attributes)? {
                return Ok(More::Unwanted);
            }
        }
        if end {
            if !inflater.ended() {
                return Err(self.parser.fault(Fault::Truncated));
            }
            return note(&mut self.parser, &[], true, strict, attributes);
        }
        Ok(More::Wanted)
    }
}

fn note(
    parser: &mut Parser,
    mut bytes: &[u8],
    end: bool,
    strict: bool,
    attributes: &mut Attributes,
) -> Result<More, Error> {
    while let Some(token) = parser.next(&mut bytes, end)? {
        match token {
            Token::Element(element) if parser.depth() == 0 => {
                if !strict && element.tag > Attributes::LAST {
                    return Ok(More::Unwanted);
                }
                attributes.begin(element.tag);
            }
            Token::Element(_) => attributes.begin(Tag::default()),
            Token::Value { bytes, .. } => attributes.value(bytes),
            Token::End => return Ok(More::Unwanted),
            _ => {}
        }
    }
    Ok(More::Wanted)
}
