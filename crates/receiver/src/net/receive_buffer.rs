//! The one buffer of an association.

use crate::limits::{FIRST_RECEIVE_BUFFER_BYTES, RECEIVE_BUFFER_BYTES};

/// What was received and not yet consumed.
///
/// `bytes[start..end]` is unread, `bytes[end..]` is free: `start <= end <= bytes.len()`. Holds
/// [`FIRST_RECEIVE_BUFFER_BYTES`] from the first use on and, from when they were filled in one
/// go, [`RECEIVE_BUFFER_BYTES`], until [`ReceiveBuffer::release`].
#[derive(Debug, Default)]
pub(crate) struct ReceiveBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// More came at a time than there was room for.
    grows: bool,
}

impl ReceiveBuffer {
    /// The bytes to be looked at next.
    #[must_use]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` unread bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "more consumed than was received");
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The free part, to be received into; moves what is unread to the front first. Never empty as
    /// long as the unread part is shorter than the buffer.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        let wanted = if self.grows { RECEIVE_BUFFER_BYTES } else { FIRST_RECEIVE_BUFFER_BYTES };
        if self.bytes.len() < wanted {
            let unread = std::mem::replace(&mut self.bytes, vec![0; wanted]);
            self.bytes[..unread.len()].copy_from_slice(&unread);
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.bytes[self.end..]
    }

    /// Gives the memory back if nothing is unread: it is taken again when needed.
    pub(crate) fn release(&mut self) {
        if self.start == self.end {
            *self = Self::default();
        }
    }

    /// Notes that `count` bytes were received into [`ReceiveBuffer::free`].
    pub(crate) fn received(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.bytes.len(), "more received than there was room for");
        self.grows |= self.end == self.bytes.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_in_the_order_they_went_in() {
        let mut buffer = ReceiveBuffer::default();
        assert!(buffer.unread().is_empty());
        buffer.free()[..5].copy_from_slice(b"abcde");
        buffer.received(5);
        buffer.consume(3);
        buffer.release();
        assert_eq!(buffer.unread(), b"de", "what is unread stays");
        assert_eq!(buffer.free().len(), FIRST_RECEIVE_BUFFER_BYTES - 2);
        assert_eq!(buffer.unread(), b"de");
        buffer.consume(2);
        assert_eq!(buffer.free().len(), FIRST_RECEIVE_BUFFER_BYTES);
        buffer.release();
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    #[test]
    fn it_grows_once_it_was_full_and_keeps_what_is_unread() {
        let mut buffer = ReceiveBuffer::default();
        buffer.free().fill(7);
        buffer.received(FIRST_RECEIVE_BUFFER_BYTES);
        buffer.consume(1);
        assert_eq!(buffer.free().len(), RECEIVE_BUFFER_BYTES - (FIRST_RECEIVE_BUFFER_BYTES - 1));
        assert_eq!(buffer.unread(), [7; FIRST_RECEIVE_BUFFER_BYTES - 1]);
    }
}
