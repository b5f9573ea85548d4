//! The targets for `crates/dataset`.

pub mod dictionary;
pub mod parse_write;
pub mod split_invariance;
pub mod transcoder;

use std::io::IoSlice;
use std::sync::{Arc, OnceLock};

use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS,
};
use dataset::{Dictionary, Error, OutputFormat, Transcoder, TransferSyntax};

/// Transcodes a data set in pieces of this many bytes.
fn transcode(
    input: &'static TransferSyntax,
    format: &OutputFormat,
    bytes: &[u8],
    piece_bytes: usize,
) -> Result<Vec<u8>, Error> {
    transcode_with(&dictionary(), input, format, bytes, piece_bytes)
}

fn transcode_with(
    dictionary: &Arc<Dictionary>,
    input: &'static TransferSyntax,
    format: &OutputFormat,
    bytes: &[u8],
    piece_bytes: usize,
) -> Result<Vec<u8>, Error> {
    let mut transcoder = Transcoder::new(input, format, Arc::clone(dictionary)).preceded_by(350);
    let mut out = Vec::new();
    let pieces: Vec<_> = bytes.chunks(piece_bytes.max(1)).map(IoSlice::new).collect();
    // Several pieces at a time, as an upper layer passes them on.
    for few in pieces.chunks(3) {
        transcoder.push(few, &mut out)?;
    }
    transcoder.finish(&mut out)?;
    Ok(out)
}

/// One transfer syntax of each kind.
fn input(choice: u8) -> &'static TransferSyntax {
    match choice % 6 {
        0 => IMPLICIT_VR_LITTLE_ENDIAN,
        1 => EXPLICIT_VR_LITTLE_ENDIAN,
        2 => EXPLICIT_VR_BIG_ENDIAN,
        3 => DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        4 => RLE_LOSSLESS,
        _ => TransferSyntax::find("1.2.840.113619.5.2").expect("a syntax of the table"),
    }
}

/// The standard dictionary, with one private block.
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

/// Reads choices from the input, deterministically: zeros once the bytes are used up.
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
