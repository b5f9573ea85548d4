//! Putting elements in order that did not come in order.
//!
//! They are written as they come. Where the order breaks, a new *run* begins: a stretch of elements
//! with ascending tags. When the item is complete, its runs are merged, in memory if the item is
//! still in the write buffer, or else by appending the merged elements to the sink and moving them
//! down. What is held is one number per run, and one small entry per run while merging.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use crate::element::{self, Encoding, LONGEST_HEADER, RawHeader, UNDEFINED_LENGTH};
use crate::encoder::OpenGroup;
use crate::format::GroupLengths;
use crate::limits::{REORDER_BYTES, REORDER_FACTOR, REORDER_RUNS};
use crate::output::Output;
use crate::{Error, Tag, Vr};

/// The runs of all open items that are out of order.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    starts: Vec<u64>,
    /// What all merging so far has cost, in bytes read or written.
    spent: u64,
}

/// How far the runs of the items around some item reach.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark(usize);

impl Runs {
    /// To be asked when an item begins.
    pub(crate) fn mark(&self) -> Mark {
        Mark(self.starts.len())
    }

    /// Whether the item that began at this mark is out of order.
    pub(crate) fn any_since(&self, mark: Mark) -> bool {
        self.starts.len() > mark.0
    }

    /// Whether no more runs can be noted before some are merged.
    pub(crate) fn is_full(&self) -> bool {
        self.starts.len() + 2 > REORDER_RUNS
    }

    /// A new run begins at `at`, in the item that began at `mark` and has its first element at
    /// `content`.
    pub(crate) fn begin(&mut self, mark: Mark, content: u64, at: u64) -> Result<(), Error> {
        if self.is_full() {
            return Err(Error::Limit { what: "elements out of order", offset: at });
        }
        if !self.any_since(mark) {
            self.starts.push(content);
        }
        self.starts.push(at);
        Ok(())
    }

    /// Merges the runs of the innermost item, which ends where the output does. Of elements with the
    /// same tag, the first is kept, and `left_out` told of the others. Gives back the last element, and
    /// its group, whose length is left open.
    pub(crate) fn merge(
        &mut self,
        mark: Mark,
        encoding: Encoding,
        group_lengths: GroupLengths,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(Option<Tag>, Option<OpenGroup>), Error> {
        let starts = self.starts.split_off(mark.0);
        let end = out.position();
        let mut merge = Merge {
            encoding,
            group_lengths,
            spent: self.spent,
            allowed: REORDER_BYTES.saturating_add(end.saturating_mul(REORDER_FACTOR)),
            end,
            stays_until: starts.first().copied().unwrap_or(end),
            last: None,
            group: None,
            heap: BinaryHeap::with_capacity(starts.len()),
        };
        let ends = starts.iter().skip(1).copied().chain([end]);
        for (run, (&start, run_end)) in starts.iter().zip(ends).enumerate() {
            merge.enter(run, start, run_end, out)?;
        }
        merge.keep_what_is_in_place(out)?;
        merge.append_the_rest(left_out, out)?;
        self.spent = merge.spent;
        Ok((merge.last, merge.group))
    }
}

struct Merge {
    encoding: Encoding,
    group_lengths: GroupLengths,
    /// Bytes read and written so far, and how many may be.
    spent: u64,
    allowed: u64,
    /// Where the runs end and the merged elements are appended.
    end: u64,
    /// Up to here, the first run stays where it is.
    stays_until: u64,
    last: Option<Tag>,
    group: Option<OpenGroup>,
    /// The next element of every run, smallest tag first; of two, that of the earlier run.
    heap: BinaryHeap<Reverse<Next>>,
}

/// The next element of a run. The order of the fields is the order of merging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    tag: Tag,
    run: usize,
    start: u64,
    end: u64,
    run_end: u64,
}

impl Merge {
    /// Makes the element at `start` the next one of its run, unless the run ends there.
    fn enter(
        &mut self,
        run: usize,
        start: u64,
        run_end: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if start < run_end {
            let (tag, end) = self.extent(start, out)?;
            self.heap.push(Reverse(Next { tag, run, start, end, run_end }));
        }
        Ok(())
    }

    fn keep_what_is_in_place(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let others = self.heap.iter().map(|next| next.0).filter(|next| next.run > 0);
        let smallest_to_move = others.map(|next| next.tag).min();
        while let Some(&Reverse(next)) = self.heap.peek() {
            if next.run > 0 || smallest_to_move.is_some_and(|tag| next.tag >= tag) {
                break;
            }
            self.heap.pop();
            self.enter(next.run, next.end, next.run_end, out)?;
            self.group_at(next.tag, next.start, out)?;
            self.last = Some(next.tag);
            self.stays_until = next.end;
        }
        Ok(())
    }

    fn append_the_rest(
        &mut self,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let in_memory = out.is_buffered(self.stays_until);
        while let Some(Reverse(next)) = self.heap.pop() {
            self.enter(next.run, next.end, next.run_end, out)?;
            if self.last == Some(next.tag) {
                left_out(next.tag);
                continue;
            }
            let length = next.end - next.start;
            self.spend(length.saturating_mul(2), out)?;
            self.group_at(next.tag, out.position(), out)?;
            self.last = Some(next.tag);
            out.append_again(next.start, length, in_memory)?;
        }
        if let Some(length_at) = self.group.as_mut().and_then(|group| group.length_at.as_mut()) {
            *length_at = moved_down(*length_at, self.stays_until, self.end);
        }
        out.remove(self.stays_until, self.end)
    }

    /// An element with this tag comes at `at`: sees to the length of its group.
    fn group_at(&mut self, tag: Tag, at: u64, out: &mut Output<'_>) -> Result<(), Error> {
        if self.group.is_some_and(|group| group.number == tag.group()) {
            return Ok(());
        }
        if let Some(OpenGroup { length_at: Some(length_at), .. }) = self.group {
            let [from, to] = [length_at, at].map(|at| moved_down(at, self.stays_until, self.end));
            out.patch(length_at, &self.encoding.u32_bytes(group_length(from, to)))?;
        }
        let number = tag.group();
        let length_at = if tag.is_group_length() {
            Some(at + GROUP_LENGTH_HEADER)
        } else if self.group_lengths == GroupLengths::Create
            && at >= self.end
            && tag != Tag::TRAILING_PADDING
        {
            Some(write_group_length(number, self.encoding, out))
        } else {
            None
        };
        self.group = Some(OpenGroup { number, length_at });
        Ok(())
    }

    /// The tag of the element at `start`, and where it ends.
    fn extent(&mut self, start: u64, out: &mut Output<'_>) -> Result<(Tag, u64), Error> {
        let (header, mut offset) = self.header(start, out)?;
        if header.length != UNDEFINED_LENGTH {
            return Ok((header.tag, offset + u64::from(header.length)));
        }
        // Sequences and items alternate, so their number tells which one is open.
        let mut open = 1_u64;
        while open > 0 {
            let (inner, after) = self.header(offset, out)?;
            offset = after;
            match inner.tag {
                Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => open -= 1,
                _ if inner.length == UNDEFINED_LENGTH => open += 1,
                _ => offset += u64::from(inner.length),
            }
        }
        Ok((header.tag, offset))
    }

    /// Reads a header of our own, and tells where it ends.
    fn header(&mut self, at: u64, out: &mut Output<'_>) -> Result<(RawHeader, u64), Error> {
        self.spend(HEADER_COST, out)?;
        let mut bytes = [0; LONGEST_HEADER];
        let there = out.position().saturating_sub(at).min(LONGEST_HEADER as u64) as usize;
        out.read_at(at, &mut bytes[..there])?;
        let (header, size) = element::read(&bytes[..there], self.encoding)
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        Ok((header, at + size as u64))
    }

    fn spend(&mut self, bytes: u64, out: &Output<'_>) -> Result<(), Error> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > self.allowed {
            return Err(Error::Limit { what: "bytes to put in order", offset: out.position() });
        }
        Ok(())
    }
}

/// Where a place will be, once all that was appended after `end` has moved down to `start`.
fn moved_down(at: u64, start: u64, end: u64) -> u64 {
    if at >= end { at - (end - start) } else { at }
}

/// What the reading of one header is counted as.
const HEADER_COST: u64 = 64;

/// How long the header of a group length is, in every encoding.
const GROUP_LENGTH_HEADER: u64 = 8;

/// Writes a group length whose value is not known yet, and gives back where the value stands.
pub(crate) fn write_group_length(group: u16, encoding: Encoding, out: &mut Output<'_>) -> u64 {
    element::write(out.bytes(), Tag(group, 0), Vr::UL, 4, encoding);
    out.bytes().extend_from_slice(&[0; 4]);
    out.position() - 4
}

/// The length of a group that ends at `end` and has its own length at `length_at`. More than 32 bits
/// cannot be told.
pub(crate) fn group_length(length_at: u64, end: u64) -> u32 {
    u32::try_from(end - (length_at + 4)).unwrap_or(u32::MAX)
}
