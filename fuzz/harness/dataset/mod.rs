//! The targets of `crates/dataset`.

pub mod parse_write;
pub mod transcoder;

use std::io::IoSlice;
use std::sync::{Arc, OnceLock};

use dataset::{Dictionary, Error, OutputFormat, Transcoder, TransferSyntax};

/// What comes of a data set that is cut into pieces of this many bytes.
fn transcode(
    input: &'static TransferSyntax,
    format: &OutputFormat,
    bytes: &[u8],
    piece_bytes: usize,
) -> Result<Vec<u8>, Error> {
    let mut transcoder = Transcoder::new(input, format, dictionary()).preceded_by(350);
    let mut out = Vec::new();
    let pieces: Vec<_> = bytes.chunks(piece_bytes.max(1)).map(IoSlice::new).collect();
    // Several at a time, as an upper layer hands them over.
    for few in pieces.chunks(3) {
        transcoder.push(few, &mut out)?;
    }
    transcoder.finish(&mut out)?;
    Ok(out)
}

/// The standard, and one private block.
fn dictionary() -> Arc<Dictionary> {
    static DICTIONARY: OnceLock<Arc<Dictionary>> = OnceLock::new();
    let load = || {
        let mut dictionary = Dictionary::built_in();
        let lines = b"(0009,\"A\",01)\tUL\tX\n(0009-o-00FF,\"B\",00-u-FF)\tSQ\tX\n";
        assert!(dictionary.load(&lines[..]).is_ok_and(|errors| errors.is_empty()));
        Arc::new(dictionary)
    };
    DICTIONARY.get_or_init(load).clone()
}

/// A deterministic reader of choices: zeros once the bytes are used up.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
