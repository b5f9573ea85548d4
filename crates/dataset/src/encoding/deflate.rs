//! Deflate streams of deflated transfer syntaxes (PS3.5 §A.5, RFC 1951), without a zlib header.
//!
//! Input is inflated by zlib-rs: bytes of a peer meet memory-safe code only, and fast code. Output is
//! deflated by the original zlib through flate2: it makes the same stream from the same content as
//! other programs that use zlib, DCMTK among them.

use std::fmt;
use std::io::IoSlice;

use flate2::{Compress, Compression, FlushCompress, Status};
use zlib_rs::{Inflate, InflateFlush};

use crate::error::{Error, Fault};
use crate::limits::DEFLATE_BUFFER_BYTES as BUFFER_BYTES;
use crate::sink::Sink;

/// Inflates a stream piece by piece. Holds the 32 KiB window of the format and one buffer.
pub(crate) struct Inflater {
    state: Inflate,
    buffer: Vec<u8>,
    ended: bool,
    damaged: bool,
    /// How many bytes follow the end of the stream.
    trailing_bytes: u64,
}

/// The binary logarithm of the window's size.
const WINDOW_BITS: u8 = 15;

impl Inflater {
    pub(crate) fn new() -> Inflater {
        let state = Inflate::new(false, WINDOW_BITS);
        Inflater {
            state,
            buffer: vec![0; BUFFER_BYTES],
            ended: false,
            damaged: false,
            trailing_bytes: 0,
        }
    }

    /// Whether the stream is complete, or never began.
    pub(crate) fn ended(&self) -> bool {
        self.ended || self.is_unused()
    }

    /// Whether there was no input.
    pub(crate) fn is_unused(&self) -> bool {
        self.state.total_in() == 0
    }

    /// How many bytes follow the end of the stream. One may be padding for even length.
    pub(crate) fn trailing_bytes(&self) -> u64 {
        self.trailing_bytes
    }

    /// Inflates from the front of `input` and advances it; `None` once all of it is used up. Bytes
    /// after the end of the stream, such as padding, are ignored.
    ///
    /// # Errors
    /// [`Fault::Deflate`] if the stream is damaged, after all that comes before the damage.
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Result<Option<&[u8]>, Fault> {
        while !self.ended {
            if self.damaged {
                return Err(Fault::Deflate);
            }
            let (read, written) = (self.state.total_in(), self.state.total_out());
            let result = self.state.decompress(input, &mut self.buffer, InflateFlush::NoFlush);
            let read = (self.state.total_in() - read) as usize;
            let written = (self.state.total_out() - written) as usize;
            *input = &input[read..];
            self.ended = result == Ok(zlib_rs::Status::StreamEnd);
            self.damaged = result.is_err();
            if written > 0 {
                return Ok(Some(&self.buffer[..written]));
            }
            if read == 0 && !self.damaged {
                break;
            }
        }
        if self.ended {
            self.trailing_bytes += input.len() as u64;
            *input = &[];
        }
        Ok(None)
    }
}

impl fmt::Debug for Inflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflater")
            .field("total_in", &self.state.total_in())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// Replaces the first `length` bytes of the sink, which are all it holds, by their deflate stream.
///
/// The stream overwrites bytes that have been read. If it would overtake the reading, as with data that
/// cannot be compressed, what is not read yet is moved up first.
pub(crate) fn compress_in_place(length: u64, level: u32, sink: &mut dyn Sink) -> Result<(), Error> {
    let mut state = Compress::new(Compression::new(level), false);
    let mut place = InPlace { written: 0, read: 0, end: length, appending: false };
    let mut input = vec![0; BUFFER_BYTES];
    let mut output = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    loop {
        let mut rest = place.read(&mut input, sink)?;
        let flush =
            if place.read == place.end { FlushCompress::Finish } else { FlushCompress::None };
        loop {
            let (before_in, before_out) = (state.total_in(), state.total_out());
            let status = state
                .compress(rest, &mut output[filled..], flush)
                .map_err(std::io::Error::other)?;
            rest = &rest[(state.total_in() - before_in) as usize..];
            filled += (state.total_out() - before_out) as usize;
            let ended = status == Status::StreamEnd;
            if ended || filled == output.len() {
                place.write(&output[..filled], sink)?;
                filled = 0;
            } else if rest.is_empty() {
                break;
            }
            if ended {
                return place.finish(sink);
            }
        }
    }
}

/// A range of the sink that is read and overwritten at the same time.
struct InPlace {
    written: u64,
    read: u64,
    end: u64,
    /// Everything has been read and overwritten: the rest is appended.
    appending: bool,
}

impl InPlace {
    fn read<'b>(&mut self, buffer: &'b mut [u8], sink: &mut dyn Sink) -> Result<&'b [u8], Error> {
        let size = (self.end - self.read).min(buffer.len() as u64) as usize;
        sink.read_at(self.read, &mut buffer[..size])?;
        self.read += size as u64;
        Ok(&buffer[..size])
    }

    fn write(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Error> {
        let written = self.written + bytes.len() as u64;
        if !self.appending && written > self.read {
            if self.read == self.end {
                sink.truncate(self.written)?;
                self.appending = true;
            } else {
                self.make_room(sink)?;
            }
        }
        if self.appending {
            sink.write(&[IoSlice::new(bytes)])?;
        } else {
            sink.patch(self.written, bytes)?;
        }
        self.written = written;
        Ok(())
    }

    /// Moves what has not been read yet up by more than a deflate stream of it can need.
    fn make_room(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        let left = self.end - self.read;
        let room = (left / 256).max(4 * BUFFER_BYTES as u64);
        let mut buffer = vec![0; BUFFER_BYTES];
        for _ in 0..room.div_ceil(BUFFER_BYTES as u64) {
            sink.write(&[IoSlice::new(&buffer)])?;
        }
        let room = room.next_multiple_of(BUFFER_BYTES as u64);
        let mut from = self.end;
        while from > self.read {
            let size = (from - self.read).min(BUFFER_BYTES as u64);
            from -= size;
            let piece = &mut buffer[..size as usize];
            sink.read_at(from, piece)?;
            sink.patch(from + room, piece)?;
        }
        self.read += room;
        self.end += room;
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), Error> {
        if !self.appending {
            sink.truncate(self.written)?;
        }
        Ok(())
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

    #[test]
    fn what_comes_before_a_damage_is_there_wherever_the_stream_is_cut() {
        // A stored block whose length is not what it says twice.
        let mut damaged = vec![0, 3, 0, 0xFC, 0xFF, b'a', b'b', b'c'];
        damaged.extend([0, 1, 0, 0, 0]);
        for cut in 0..=damaged.len() {
            let (head, tail) = damaged.split_at(cut);
            let mut inflater = Inflater::new();
            let mut out = Vec::new();
            let mut fault = None;
            for mut piece in [head, tail] {
                loop {
                    match inflater.next(&mut piece) {
                        Ok(Some(bytes)) => out.extend_from_slice(bytes),
                        Ok(None) => break,
                        Err(found) => {
                            fault = Some(found);
                            break;
                        }
                    }
                }
            }
            assert_eq!((out, fault), (b"abc".to_vec(), Some(Fault::Deflate)), "{cut}");
        }
    }

    #[test]
    fn a_stream_takes_the_place_of_what_it_was_made_of() {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(1_500_000)
        .collect();
        for (level, original) in
            [(6, &b""[..]), (6, b"abc"), (9, &[7; 100_000]), (0, &noise[..70_000]), (6, &noise)]
        {
            let mut sink = original.to_vec();
            compress_in_place(original.len() as u64, level, &mut sink).unwrap();
            assert_eq!(inflate(&[&sink]), Ok((original.to_vec(), true)), "level {level}");
        }
    }

    #[test]
    fn what_is_not_read_yet_makes_room() {
        let original: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let mut sink = original.clone();
        let mut place =
            InPlace { written: 0, read: 0, end: original.len() as u64, appending: false };
        let mut buffer = [0; 1000];
        let mut seen = Vec::new();
        let mut written = Vec::new();
        while place.read < place.end {
            seen.extend_from_slice(place.read(&mut buffer, &mut sink).unwrap());
            let bytes = vec![seen.len() as u8; 1003];
            place.write(&bytes, &mut sink).unwrap();
            written.extend_from_slice(&bytes);
        }
        place.write(b"end", &mut sink).unwrap();
        written.extend_from_slice(b"end");
        place.finish(&mut sink).unwrap();
        assert!(seen == original, "read what was there");
        assert!(sink == written, "wrote what was given");
    }
}
