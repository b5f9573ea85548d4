//! What the kernel did with a disk, in order.

use super::image::Image;

/// Something that happened to the disk.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A write arrived.
    Write { offset: u64, bytes: Vec<u8> },
    /// An order to fill a part with zeros arrived.
    Clear { offset: u64, length: u64 },
    /// The kernel was told that the write, or the order, of this number is complete.
    Completed(usize),
    /// A flush arrived.
    Flush,
    /// The kernel was told that the flush of this number is complete.
    Flushed(usize),
}

impl Event {
    pub(super) fn apply(&self, image: &mut Image) {
        match self {
            Self::Write { offset, bytes } => image.write(*offset, bytes),
            Self::Clear { offset, length } => image.clear(*offset, *length),
            Self::Completed(_) | Self::Flush | Self::Flushed(_) => {}
        }
    }
}

/// A disk as it was when the recording began, and all that happened since.
#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) base: Image,
    pub(super) events: Vec<Event>,
}

impl Recording {
    /// The last position from `position` on before another flush is complete.
    pub(super) fn before_flush(&self, position: usize) -> usize {
        let later = self.events.iter().skip(position);
        let ahead = later.take_while(|event| !matches!(event, Event::Flushed(_))).count();
        position + ahead
    }
}

/// The part of a recording before a certain event.
///
/// A power cut at that moment keeps `durable`, which holds each write that was complete before a flush arrived
/// that is complete now, and any part of the other writes.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) durable: Image,
    /// Numbers of the writes that may be lost, in their order.
    pub(super) volatile: Vec<usize>,
    /// Number of events.
    position: usize,
    /// For each write that is complete, the number of the event that says so.
    completed: Vec<Option<usize>>,
}

impl Past {
    pub(super) fn begin(recording: &Recording) -> Self {
        Self {
            durable: recording.base.clone(),
            volatile: Vec::new(),
            position: 0,
            completed: vec![None; recording.events.len()],
        }
    }

    /// Number of events that are past.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Goes on to this position, which must not be before the current one.
    pub(super) fn advance(&mut self, recording: &Recording, position: usize) {
        while self.position < position.min(recording.events.len()) {
            match recording.events[self.position] {
                Event::Write { .. } | Event::Clear { .. } => self.volatile.push(self.position),
                Event::Completed(write) => self.completed[write] = Some(self.position),
                Event::Flush => {}
                Event::Flushed(flush) => self.flushed(recording, flush),
            }
            self.position += 1;
        }
    }

    fn flushed(&mut self, recording: &Recording, flush: usize) {
        let is_durable = |write: &usize| self.completed[*write].is_some_and(|at| at < flush);
        let (durable, volatile): (Vec<_>, _) = self.volatile.iter().partition(|it| is_durable(it));
        self.volatile = volatile;
        for write in durable {
            recording.events[write].apply(&mut self.durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Image, Past, Recording};

    fn write(offset: u64, value: u8) -> Event {
        Event::Write { offset, bytes: vec![value; 512] }
    }

    #[test]
    fn a_flush_covers_what_was_complete_when_it_arrived() {
        let events = vec![
            write(0, 1),
            write(512, 2),
            Event::Completed(0),
            Event::Flush,
            Event::Completed(1),
            Event::Flushed(3),
            Event::Flush,
            write(0, 3),
            Event::Completed(7),
            Event::Flushed(6),
        ];
        let recording = Recording { base: Image::new(4096), events };
        let mut past = Past::begin(&recording);
        let mut seen = Vec::new();
        for position in 0..=10 {
            past.advance(&recording, position);
            let firsts = [0, 512].map(|offset| past.durable.read(offset, 1)[0]);
            seen.push((firsts, past.volatile.clone()));
        }
        assert_eq!(seen[5], ([0, 0], vec![0, 1]), "the flush is not complete");
        assert_eq!(seen[6], ([1, 0], vec![1]), "the other one was not complete");
        assert_eq!(seen[9], ([1, 0], vec![1, 7]));
        assert_eq!(seen[10], ([1, 2], vec![7]), "this one came after the flush");
        assert_eq!([0, 5, 6, 9, 10].map(|at| recording.before_flush(at)), [5, 5, 9, 9, 10]);
    }
}
