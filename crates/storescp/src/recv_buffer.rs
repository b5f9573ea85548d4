//! The one buffer of an association.

use crate::limits::RECEIVE_BUFFER_BYTES;

/// What was received and not yet consumed.
///
/// `bytes[start..end]` is unread, `bytes[end..]` is free: `start <= end <= bytes.len()`. Holds
/// [`RECEIVE_BUFFER_BYTES`], taken at the first use
/// and given back by [`RecvBuffer::release`].
#[derive(Debug, Default)]
pub struct RecvBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl RecvBuffer {
    /// The bytes to be looked at next.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` unread bytes.
    pub fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "more consumed than was received");
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The free part, to be received into; moves what is unread to the front first. Never empty as
    /// long as the unread part is shorter than the buffer.
    pub fn free(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; RECEIVE_BUFFER_BYTES];
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.bytes[self.end..]
    }

    /// Gives the memory back if nothing is unread: it is taken again when needed.
    pub fn release(&mut self) {
        if self.start == self.end {
            *self = Self::default();
        }
    }

    /// Notes that `count` bytes were received into [`RecvBuffer::free`].
    pub fn received(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.bytes.len(), "more received than there was room for");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut buffer = RecvBuffer::default();
        assert!(buffer.unread().is_empty());
        buffer.free()[..5].copy_from_slice(b"abcde");
        buffer.received(5);
        buffer.consume(3);
        buffer.release();
        assert_eq!(buffer.unread(), b"de", "what is unread stays");
        assert_eq!(buffer.free().len(), RECEIVE_BUFFER_BYTES - 2);
        assert_eq!(buffer.unread(), b"de");
        buffer.consume(2);
        assert_eq!(buffer.free().len(), RECEIVE_BUFFER_BYTES);
        buffer.release();
        assert_eq!(buffer.bytes.capacity(), 0);
    }
}
