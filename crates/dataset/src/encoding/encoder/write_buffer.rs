//! A buffer before the sink: it gathers headers and short values, and lengths in it are patched in
//! memory.

use std::io::IoSlice;

use crate::error::Error;
use crate::limits::{DIRECT_WRITE_BYTES, WRITE_BUFFER_BYTES, WRITE_SLICES};
use crate::sink::Sink;

/// Bytes that have not been handed to the sink yet.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    bytes: Vec<u8>,
    /// The offset of the first byte in the output.
    start: u64,
}

/// The buffer and the sink behind it, as one output.
pub(crate) struct Output<'a> {
    buffer: &'a mut WriteBuffer,
    sink: &'a mut dyn Sink,
}

impl<'a> Output<'a> {
    pub(crate) fn new(buffer: &'a mut WriteBuffer, sink: &'a mut dyn Sink) -> Output<'a> {
        Output { buffer, sink }
    }

    /// The number of bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        self.buffer.start + self.buffer.bytes.len() as u64
    }

    /// The buffer to append to. Callers that append much have to call
    /// [`flush_if_full`](Self::flush_if_full) from time to time.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.buffer.bytes
    }

    /// Appends a value, or a part of one.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() >= DIRECT_WRITE_BYTES {
            return self.append_slices(&[IoSlice::new(bytes)]);
        }
        self.buffer.bytes.extend_from_slice(bytes);
        self.flush_if_full()
    }

    /// Appends all slices without copying, and with one call of the sink unless there are more than [`WRITE_SLICES`].
    pub(crate) fn append_slices(&mut self, slices: &[IoSlice<'_>]) -> Result<(), Error> {
        let mut batch = [IoSlice::new(&[]); WRITE_SLICES + 1];
        let gathered = usize::from(!self.buffer.bytes.is_empty());
        if gathered + slices.len() > batch.len() {
            self.flush()?;
            self.sink.write(slices)?;
        } else {
            batch[0] = IoSlice::new(&self.buffer.bytes);
            batch[gathered..gathered + slices.len()].copy_from_slice(slices);
            self.sink.write(&batch[..gathered + slices.len()])?;
        }
        let added: u64 = slices.iter().map(|slice| slice.len() as u64).sum();
        self.buffer.start = self.position_after_write() + added;
        Ok(())
    }

    fn position_after_write(&mut self) -> u64 {
        let position = self.position();
        self.buffer.bytes.clear();
        position
    }

    pub(crate) fn flush_if_full(&mut self) -> Result<(), Error> {
        if self.buffer.bytes.len() >= WRITE_BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Hands the content of the buffer to the sink.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        if !self.buffer.bytes.is_empty() {
            self.sink.write(&[IoSlice::new(&self.buffer.bytes)])?;
            self.buffer.start = self.position_after_write();
        }
        Ok(())
    }

    /// Overwrites bytes that have been written.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        if let Some(within) = offset.checked_sub(self.buffer.start) {
            let within = within as usize;
            self.buffer.bytes[within..within + bytes.len()].copy_from_slice(bytes);
        } else {
            // Bytes that are patched were appended together, so all of them are in the sink.
            self.sink.patch(offset, bytes)?;
        }
        Ok(())
    }

    /// Reads bytes that have been written.
    pub(crate) fn read_at(&mut self, offset: u64, into: &mut [u8]) -> Result<(), Error> {
        let flushed = self.buffer.start.saturating_sub(offset).min(into.len() as u64) as usize;
        let (from_sink, from_buffer) = into.split_at_mut(flushed);
        if !from_sink.is_empty() {
            self.sink.read_at(offset, from_sink)?;
        }
        if !from_buffer.is_empty() {
            let within = (offset + flushed as u64 - self.buffer.start) as usize;
            from_buffer.copy_from_slice(&self.buffer.bytes[within..within + from_buffer.len()]);
        }
        Ok(())
    }

    /// Whether all bytes from `offset` on are still in the buffer.
    pub(crate) fn is_buffered(&self, offset: u64) -> bool {
        offset >= self.buffer.start
    }

    /// Appends a copy of bytes that have been written. With `in_memory` set, they are in the buffer and
    /// the copy stays there.
    pub(crate) fn append_copy(
        &mut self,
        offset: u64,
        length: u64,
        in_memory: bool,
    ) -> Result<(), Error> {
        if in_memory {
            let within = (offset - self.buffer.start) as usize;
            self.buffer.bytes.extend_from_within(within..within + length as usize);
            return Ok(());
        }
        self.copy(offset, length, |output, _, bytes| {
            output.buffer.bytes.extend_from_slice(bytes);
            output.flush_if_full()
        })
    }

    /// Removes the bytes from `start` to `end`, and moves down what follows them.
    pub(crate) fn remove(&mut self, start: u64, end: u64) -> Result<(), Error> {
        if start >= self.buffer.start {
            let within = |offset: u64| (offset - self.buffer.start) as usize;
            let range = within(start)..within(end);
            self.buffer.bytes.drain(range);
            return Ok(());
        }
        self.flush()?;
        let length = self.position() - end;
        self.copy(end, length, |output, offset, bytes| {
            output.sink.patch(offset - (end - start), bytes)?;
            Ok(())
        })?;
        self.sink.truncate(start + length)?;
        self.buffer.start = start + length;
        Ok(())
    }

    /// Reads a range piece by piece, and calls `each` with the offset of each piece.
    fn copy(
        &mut self,
        offset: u64,
        length: u64,
        mut each: impl FnMut(&mut Self, u64, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut piece = vec![0; length.min(WRITE_BUFFER_BYTES as u64) as usize];
        let mut done = 0;
        while done < length {
            let size = (length - done).min(WRITE_BUFFER_BYTES as u64) as usize;
            self.read_at(offset + done, &mut piece[..size])?;
            each(self, offset + done, &piece[..size])?;
            done += size as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_and_reads_reach_both_sides_of_the_border() {
        let mut buffer = WriteBuffer::default();
        let mut sink = Vec::new();
        let mut output = Output::new(&mut buffer, &mut sink);
        output.append(b"abcd").unwrap();
        output.flush().unwrap();
        output.append(b"efgh").unwrap();
        output.patch(0, b"AB").unwrap();
        output.patch(6, b"GH").unwrap();
        let mut all = [0; 8];
        output.read_at(0, &mut all).unwrap();
        assert_eq!(&all, b"ABcdefGH");
        output.append_copy(5, 2, true).unwrap();
        output.append_copy(2, 4, false).unwrap();
        output.remove(1, 9).unwrap();
        output.append(b"!").unwrap();
        output.remove(1, 2).unwrap();
        assert_eq!(output.position(), 6);
        output.flush().unwrap();
        assert_eq!(sink, b"Acdef!");
    }

    #[test]
    fn long_values_are_not_copied() {
        #[derive(Default)]
        struct Calls(Vec<Vec<usize>>, Vec<u8>);
        impl Sink for Calls {
            fn write(&mut self, slices: &[IoSlice<'_>]) -> std::io::Result<()> {
                self.0.push(slices.iter().map(|slice| slice.len()).collect());
                self.1.write(slices)
            }
            fn patch(&mut self, _: u64, _: &[u8]) -> std::io::Result<()> {
                unreachable!()
            }
            fn read_at(&mut self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
                unreachable!()
            }
            fn truncate(&mut self, _: u64) -> std::io::Result<()> {
                unreachable!()
            }
        }
        let mut buffer = WriteBuffer::default();
        let mut sink = Calls::default();
        let mut output = Output::new(&mut buffer, &mut sink);
        let value = vec![7; DIRECT_WRITE_BYTES];
        output.append(b"head").unwrap();
        output.append_slices(&[IoSlice::new(&value), IoSlice::new(&value)]).unwrap();
        output.append(&value).unwrap();
        output.append(b"tail").unwrap();
        assert_eq!(output.position(), 8 + 3 * DIRECT_WRITE_BYTES as u64);
        assert_eq!(
            sink.0,
            [vec![4, DIRECT_WRITE_BYTES, DIRECT_WRITE_BYTES], vec![DIRECT_WRITE_BYTES]]
        );
    }
}
