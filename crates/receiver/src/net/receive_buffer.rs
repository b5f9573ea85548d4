//! The one buffer of an association.

use crate::limits::{
    FIRST_RECEIVE_BUFFER_BYTES, LARGE_MESSAGE_BYTES, LARGE_RECEIVE_BUFFER_BYTES,
    RECEIVE_BUFFER_BYTES,
};
use platform::permits::{Permit, Permits};

/// What was received and not yet consumed.
///
/// `bytes[start..end]` is unread, `bytes[end..]` is free: `start <= end <= bytes.len()`. Holds
/// [`FIRST_RECEIVE_BUFFER_BYTES`] from the first use on and, from when they were filled in one
/// go, [`RECEIVE_BUFFER_BYTES`], until [`ReceiveBuffer::release`]. While a message of more than
/// [`LARGE_MESSAGE_BYTES`] comes in, it holds [`LARGE_RECEIVE_BUFFER_BYTES`], if few others do.
#[derive(Debug, Default)]
pub(crate) struct ReceiveBuffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// More came at a time than there was room for.
    grows: bool,
    /// Bytes of the message that is coming in, consumed so far.
    message_bytes: usize,
    /// How many buffers of this process may be large at a time.
    most_large: usize,
    /// It is one of them.
    large: Option<Permit>,
}

impl ReceiveBuffer {
    /// One that is among at most `most_large` large ones of this process.
    pub(crate) fn new(most_large: usize) -> Self {
        Self { most_large, ..Self::default() }
    }

    /// The bytes to be looked at next.
    #[must_use]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` unread bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        self.message_bytes = self.message_bytes.saturating_add(count);
        assert!(self.start <= self.end, "more consumed than was received");
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// What is consumed from here on belongs to another message.
    pub(crate) fn message_ended(&mut self) {
        self.message_bytes = 0;
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
        if self.grows {
            self.fit_to_message();
        }
        &mut self.bytes[self.end..]
    }

    /// Grows for a large message, and shrinks after it. Growing and shrinking move what the allocator has
    /// mapped by itself, as it has for large buffers, without copying.
    fn fit_to_message(&mut self) {
        let is_large = self.message_bytes >= LARGE_MESSAGE_BYTES;
        if is_large && self.large.is_none() {
            self.large = LARGE.take(self.most_large);
            if self.large.is_some() {
                self.bytes.resize(LARGE_RECEIVE_BUFFER_BYTES, 0);
            }
        } else if !is_large && self.large.is_some() && self.end < RECEIVE_BUFFER_BYTES {
            self.bytes.truncate(RECEIVE_BUFFER_BYTES);
            self.bytes.shrink_to_fit();
            self.large = None;
        }
    }

    /// Gives the memory back if nothing is unread: it is taken again when needed.
    pub(crate) fn release(&mut self) {
        if self.start == self.end {
            let Self { message_bytes, most_large, .. } = *self;
            *self = Self { message_bytes, most_large, ..Self::default() };
        }
    }

    /// Notes that `count` bytes were received into [`ReceiveBuffer::free`].
    pub(crate) fn received(&mut self, count: usize) {
        self.end += count;
        assert!(self.end <= self.bytes.len(), "more received than there was room for");
        self.grows |= self.end == self.bytes.len();
    }
}

/// Of the large buffers of the process.
static LARGE: Permits = Permits::new();

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

    /// Fills the buffer and consumes all but the last byte.
    fn fill(buffer: &mut ReceiveBuffer) {
        let free = buffer.free();
        let count = free.len();
        free.fill(7);
        buffer.received(count);
        buffer.consume(buffer.unread().len() - 1);
    }

    fn in_a_large_message(most_large: usize) -> ReceiveBuffer {
        let mut buffer = ReceiveBuffer::new(most_large);
        for _ in 0..=LARGE_MESSAGE_BYTES / RECEIVE_BUFFER_BYTES + 2 {
            fill(&mut buffer);
        }
        buffer
    }

    #[test]
    fn it_is_large_only_while_a_large_message_comes_in() {
        // Of the whole process, but no other test makes large ones.
        let none = in_a_large_message(0);
        assert_eq!(none.bytes.len(), RECEIVE_BUFFER_BYTES);
        let mut first = in_a_large_message(2);
        assert_eq!(first.bytes.len(), LARGE_RECEIVE_BUFFER_BYTES);
        let second = in_a_large_message(2);
        assert_eq!(second.bytes.len(), LARGE_RECEIVE_BUFFER_BYTES);
        let mut third = in_a_large_message(2);
        assert_eq!(third.bytes.len(), RECEIVE_BUFFER_BYTES, "two are enough");

        first.message_ended();
        first.free()[0] = 8;
        first.received(1);
        assert_eq!(first.unread(), [7, 8], "what is unread stays");
        assert_eq!(first.bytes.capacity(), RECEIVE_BUFFER_BYTES);
        fill(&mut third);
        assert_eq!(third.free().len(), LARGE_RECEIVE_BUFFER_BYTES - 1);
        drop(second);
        third.consume(1);
        third.release();
        assert_eq!(third.bytes.capacity(), 0, "a silent peer has none");
        let again: Vec<_> = (0..2).map(|_| in_a_large_message(2)).collect();
        assert!(again.iter().all(|it| it.large.is_some()), "each was given back");
    }

    #[test]
    fn it_stays_large_as_long_as_too_much_is_unread() {
        let mut buffer = in_a_large_message(usize::MAX);
        let free = buffer.free().len();
        buffer.received(free);
        buffer.message_ended();
        buffer.consume(1);
        assert_eq!(buffer.free().len(), 1);
        assert_eq!(buffer.bytes.len(), LARGE_RECEIVE_BUFFER_BYTES);
        buffer.consume(LARGE_RECEIVE_BUFFER_BYTES - RECEIVE_BUFFER_BYTES);
        assert_eq!(buffer.free().len(), 1);
        assert_eq!(buffer.bytes.len(), RECEIVE_BUFFER_BYTES);
    }
}
