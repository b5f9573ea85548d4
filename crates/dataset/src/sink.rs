//! The trait through which a data set is written.

use std::io::{self, IoSlice};

/// A file, or memory, that the bytes of one data set are written to.
///
/// Offsets are relative to the first byte of the **data set**: preamble and file meta information
/// before it do not count.
///
/// Most data sets need `write` only. Lengths that become known later are written with `patch`. Elements
/// that are out of order, and deflated output, are read with `read_at`, written again, and cut off with
/// `truncate`. Nothing is called after [`Transcoder::finish`](crate::Transcoder::finish) has returned.
pub trait Sink {
    /// Appends all bytes of all slices.
    ///
    /// # Errors
    /// Any error of the medium: the transcoder stops and returns it.
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()>;

    /// Overwrites bytes that have been written; never reaches past the end.
    ///
    /// # Errors
    /// As for `write`.
    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads as many bytes as `into` holds of those that have been written; never reaches past the end.
    ///
    /// # Errors
    /// As for `write`.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// Removes everything from `len` on. The next `write` appends there.
    ///
    /// # Errors
    /// As for `write`.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

/// A data set in memory, for tests and for small objects.
impl Sink for Vec<u8> {
    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        for slice in slices {
            self.extend_from_slice(slice);
        }
        Ok(())
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        range_of(self, offset, bytes.len()).map(|range| range.copy_from_slice(bytes))
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        range_of(self, offset, into.len()).map(|range| into.copy_from_slice(range))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        Ok(())
    }
}

fn range_of(bytes: &mut [u8], offset: u64, len: usize) -> io::Result<&mut [u8]> {
    usize::try_from(offset)
        .ok()
        .and_then(|start| bytes.get_mut(start..start.checked_add(len)?))
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_written_patched_read_and_cut() {
        let mut sink = Vec::new();
        sink.write(&[IoSlice::new(b"abc"), IoSlice::new(b"def")]).unwrap();
        sink.patch(2, b"CD").unwrap();
        let mut two = [0; 2];
        sink.read_at(3, &mut two).unwrap();
        assert_eq!((&sink[..], &two), (&b"abCDef"[..], b"De"));
        Sink::truncate(&mut sink, 3).unwrap();
        Sink::write(&mut sink, &[IoSlice::new(b"!")]).unwrap();
        assert_eq!(sink, b"abC!");
    }

    #[test]
    fn nothing_past_the_end_is_touched() {
        let mut sink = b"abc".to_vec();
        assert!(sink.patch(2, b"xy").is_err());
        assert!(sink.read_at(u64::MAX, &mut [0; 2]).is_err());
        assert_eq!(sink, b"abc");
    }
}
