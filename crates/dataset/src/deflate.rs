//! The deflate stream of a deflated transfer syntax (PS3.5 §A.5, RFC 1951): no zlib header.

use flate2::{Decompress, FlushDecompress, Status};

use crate::Fault;

/// Inflates a stream as it comes. Holds the 32 KiB window of the format and one buffer.
#[derive(Debug)]
pub(crate) struct Inflater {
    state: Decompress,
    buffer: Vec<u8>,
    ended: bool,
}

/// How much is handed on at a time.
const BUFFER_BYTES: usize = 32 * 1024;

impl Inflater {
    pub(crate) fn new() -> Inflater {
        Inflater { state: Decompress::new(false), buffer: vec![0; BUFFER_BYTES], ended: false }
    }

    /// Whether the stream said that it is complete.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Inflates from the front of `input` and moves it forward; `None` once all of it is used up.
    /// What follows the end of the stream, such as a byte of padding, is passed over.
    ///
    /// # Errors
    /// [`Fault::Deflate`] if the stream is damaged.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, Fault> {
        while !self.ended {
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, &mut self.buffer, FlushDecompress::None)
                .map_err(|_| Fault::Deflate)?;
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            *input = &input[read..];
            self.ended = status == Status::StreamEnd;
            if written > 0 {
                return Ok(Some(&self.buffer[..written]));
            }
            if read == 0 {
                break;
            }
        }
        if self.ended {
            *input = &[];
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use std::io::Write;

    fn inflate(pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Fault> {
        let mut inflater = Inflater::new();
        let mut out = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(bytes) = inflater.next(&mut piece)? {
                out.extend_from_slice(bytes);
            }
            assert!(piece.is_empty());
        }
        Ok((out, inflater.ended()))
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn any_cut_inflates_to_the_same() {
        let original: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let mut deflated = deflate(&original);
        deflated.push(0);
        for cut in [0, 1, 2, 100, deflated.len() - 2, deflated.len()] {
            let (head, tail) = deflated.split_at(cut);
            assert_eq!(inflate(&[head, tail]), Ok((original.clone(), true)), "{cut}");
        }
    }

    #[test]
    fn a_cut_stream_shows_and_a_damaged_one_fails() {
        let deflated = deflate(b"some text, some more text");
        assert!(!inflate(&[&deflated[..deflated.len() - 3]]).unwrap().1);
        assert_eq!(inflate(&[b"\xff\xff\xff\xff"]), Err(Fault::Deflate));
    }
}
