//! Merges runs of elements, and the nodes within them, at the end of the output.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::page_cache::{PageCache, PageHint};
use crate::encoding::element::UNDEFINED_LENGTH;
use crate::encoding::encoder::group::{
    Layout, OpenGroup, close_group, fill, group_length, write_group_length,
};
use crate::encoding::encoder::write_buffer::Output;
use crate::error::Error;
use crate::format::GroupLengths;
use crate::limits::{REORDER_MERGED_RUN_BYTES, REORDER_NODE_BYTES};
use crate::tag::Tag;

/// A complete sequence or item with elements out of order at some depth.
#[derive(Debug)]
pub(super) struct Node {
    /// The offset of its content, right after its length field.
    pub(super) content: u64,
    /// The offset of the end of its content.
    pub(super) end: u64,
    /// Of an item: the offsets of its runs except the first. `None` for a sequence.
    pub(super) runs: Option<Box<[u64]>>,
}

/// The known sequences and items within the part that is merged.
#[derive(Clone, Copy)]
pub(super) struct KnownExtents<'m> {
    /// Ordered by content: outer ones before those in them.
    pub(super) nodes: &'m [Node],
    /// Content and end of sequences of undefined length, ordered by content.
    pub(super) sequences: &'m [(u64, u64)],
}

/// Merges the last part of the output.
pub(super) struct Merger<'m> {
    layout: Layout,
    extents: KnownExtents<'m>,
    on_duplicate: &'m mut dyn FnMut(Tag),
    pub(super) cache: PageCache,
    /// The offset from which on merged elements are appended.
    end: u64,
    /// Everything before this offset is in order already, and is not moved.
    unmoved_until: u64,
}

/// What is left to do; the innermost task is the last one.
enum Task {
    /// Appends the bytes from `from` to `to`, with the nodes in them merged.
    Copy { from: u64, to: u64 },
    /// Corrects the length of the node whose content was appended at `content`.
    Close { node: usize, content: u64 },
    /// Merges the rest of an item whose content was appended from this offset on.
    Merge(Box<ItemMerge>, u64),
}

/// What happened to the element with the smallest tag.
enum Step {
    /// It was taken, or omitted as a duplicate.
    Taken,
    /// It contains nodes: this task appends it.
    Nested(Task),
    /// No element is left.
    Done,
}

/// Why an item is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is complete: its group lengths are written.
    Final,
    /// Some of its runs are joined into one.
    Join,
}

/// An item that is being merged.
struct ItemMerge {
    purpose: Purpose,
    last: Option<Tag>,
    group: Option<OpenGroup>,
    /// The next element of every run: smallest tag first, and of equal tags the earlier run's.
    heap: BinaryHeap<Reverse<Next>>,
    /// Start and end of adjacent elements that were taken but are not appended yet.
    pending: Option<(u64, u64, PageHint)>,
}

/// The next element of a run. The order of the fields is the order of merging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    tag: Tag,
    run: usize,
    start: u64,
    end: u64,
    run_end: u64,
    hint: PageHint,
}

const _: () = assert!(size_of::<Node>() <= REORDER_NODE_BYTES);
const _: () = assert!(size_of::<Next>() <= REORDER_MERGED_RUN_BYTES);

impl<'m> Merger<'m> {
    /// Prepares to merge the output from `start` on.
    pub(super) fn new(
        layout: Layout,
        extents: KnownExtents<'m>,
        on_duplicate: &'m mut dyn FnMut(Tag),
        start: u64,
        spent: u64,
        out: &mut Output<'_>,
    ) -> Result<Merger<'m>, Error> {
        let in_memory = out.is_buffered(start);
        if !in_memory {
            out.flush()?;
        }
        let end = out.position();
        let cache = PageCache::new(layout.encoding, in_memory, end, spent);
        Ok(Merger { layout, extents, on_duplicate, cache, end, unmoved_until: start })
    }

    /// Merges the runs that begin at `start` and at each of `starts`.
    pub(super) fn merge_all(
        &mut self,
        start: u64,
        starts: &[u64],
        purpose: Purpose,
        out: &mut Output<'_>,
    ) -> Result<(Option<Tag>, Option<OpenGroup>), Error> {
        let mut merging = self.begin(start, starts, self.end, purpose, out)?;
        self.skip_elements_in_place(&mut merging, out)?;
        loop {
            match self.step(&mut merging, out)? {
                Step::Done => break,
                Step::Taken => {}
                Step::Nested(element) => self.run(element, out)?,
            }
        }
        if let Some(length_at) = merging.group.as_mut().and_then(|group| group.length_at.as_mut()) {
            *length_at = self.moved_down(*length_at);
        }
        out.remove(self.unmoved_until, self.end)?;
        Ok((merging.last, merging.group))
    }

    /// Runs a task and all tasks that it adds.
    fn run(&mut self, task: Task, out: &mut Output<'_>) -> Result<(), Error> {
        let mut tasks = vec![task];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Copy { from, to } => self.copy(from, to, &mut tasks, out)?,
                Task::Close { node, content } => self.close(node, content, out)?,
                Task::Merge(mut merging, content) => loop {
                    match self.step(&mut merging, out)? {
                        Step::Done => {
                            self.complete(&merging, content, out)?;
                            break;
                        }
                        Step::Taken => {}
                        Step::Nested(element) => {
                            tasks.extend([Task::Merge(merging, content), element]);
                            break;
                        }
                    }
                },
            }
        }
        Ok(())
    }

    /// The offset after all that was appended has been moved down.
    fn moved_down(&self, at: u64) -> u64 {
        if at >= self.end { at - (self.end - self.unmoved_until) } else { at }
    }

    fn copy(
        &mut self,
        from: u64,
        to: u64,
        tasks: &mut Vec<Task>,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let Some(node) = self.node_within(from, to) else {
            return self.cache.copy(from, to, &mut PageHint::default(), out);
        };
        let Node { content, end, ref runs } = self.extents.nodes[node];
        self.cache.copy(from, content, &mut PageHint::default(), out)?;
        let appended_at = out.position();
        tasks.push(Task::Copy { from: end, to });
        tasks.push(Task::Close { node, content: appended_at });
        tasks.push(match runs {
            None => Task::Copy { from: content, to: end },
            Some(starts) => {
                let merging = self.begin(content, starts, end, Purpose::Final, out)?;
                Task::Merge(Box::new(merging), appended_at)
            }
        });
        Ok(())
    }

    /// Ends an item whose elements were all appended, the first one at `content`.
    fn complete(
        &mut self,
        merging: &ItemMerge,
        content: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let Layout { encoding, item_padding, .. } = self.layout;
        let padding = Tag::TRAILING_PADDING.group();
        let mut group = merging.group;
        if let Some(other) = group.take_if(|group| group.number != padding) {
            close_group(other, out.position(), encoding, out)?;
        }
        fill(out.position() - content, item_padding, encoding, out)?;
        group.map_or(Ok(()), |group| close_group(group, out.position(), encoding, out))
    }

    /// Corrects the length of a node whose content was appended at `content`.
    fn close(&mut self, node: usize, content: u64, out: &mut Output<'_>) -> Result<(), Error> {
        let mut length = [0; LENGTH_BYTES as usize];
        let hint = &mut PageHint::default();
        self.cache.read(self.extents.nodes[node].content - LENGTH_BYTES, &mut length, hint, out)?;
        if self.layout.encoding.u32(length) != UNDEFINED_LENGTH {
            let length = group_length(content - LENGTH_BYTES, out.position());
            out.patch(content - LENGTH_BYTES, &self.layout.encoding.u32_bytes(length))?;
        }
        Ok(())
    }

    /// Reads the first element of each run.
    fn begin(
        &mut self,
        start: u64,
        starts: &[u64],
        end: u64,
        purpose: Purpose,
        out: &mut Output<'_>,
    ) -> Result<ItemMerge, Error> {
        let heap = BinaryHeap::with_capacity(starts.len() + 1);
        let mut merging = ItemMerge { purpose, last: None, group: None, heap, pending: None };
        let ends = starts.iter().copied().chain([end]);
        for (run, (start, run_end)) in [start].iter().chain(starts).zip(ends).enumerate() {
            self.enter(&mut merging, run, *start, run_end, PageHint::default(), out)?;
        }
        Ok(merging)
    }

    /// Makes the element at `start` the next one of its run, unless the run ends there.
    fn enter(
        &mut self,
        merging: &mut ItemMerge,
        run: usize,
        start: u64,
        run_end: u64,
        mut hint: PageHint,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if start < run_end {
            let (tag, end) = self.extent(start, &mut hint, out)?;
            merging.heap.push(Reverse(Next { tag, run, start, end, run_end, hint }));
        }
        Ok(())
    }

    /// Takes the elements at the start of the first run that come first anyway and contain nothing to
    /// merge: they are not moved.
    fn skip_elements_in_place(
        &mut self,
        merging: &mut ItemMerge,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let others = merging.heap.iter().map(|next| next.0).filter(|next| next.run > 0);
        let smallest_to_move = others.map(|next| next.tag).min();
        while let Some(&Reverse(next)) = merging.heap.peek() {
            if next.run > 0
                || smallest_to_move.is_some_and(|tag| next.tag >= tag)
                || self.node_within(next.start, next.end).is_some()
                || self.lacks_group_length(merging, next.tag)
            {
                break;
            }
            merging.heap.pop();
            self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
            self.group_at(merging, next.tag, next.start, out)?;
            merging.last = Some(next.tag);
            self.unmoved_until = next.end;
        }
        Ok(())
    }

    /// Takes the element with the smallest tag.
    fn step(&mut self, merging: &mut ItemMerge, out: &mut Output<'_>) -> Result<Step, Error> {
        let Some(Reverse(next)) = merging.heap.pop() else {
            self.append_pending(merging, out)?;
            return Ok(Step::Done);
        };
        if merging.last == Some(next.tag) {
            (self.on_duplicate)(next.tag);
            self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
            return Ok(Step::Taken);
        }
        merging.last = Some(next.tag);
        if merging.group.is_none_or(|group| group.number != next.tag.group()) {
            self.append_pending(merging, out)?;
            let at = out.position();
            self.group_at(merging, next.tag, at, out)?;
        }
        if self.node_within(next.start, next.end).is_some() {
            self.append_pending(merging, out)?;
            self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
            return Ok(Step::Nested(Task::Copy { from: next.start, to: next.end }));
        }
        match &mut merging.pending {
            Some((_, to, _)) if *to == next.start => *to = next.end,
            _ => {
                self.append_pending(merging, out)?;
                merging.pending = Some((next.start, next.end, next.hint));
            }
        }
        self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
        Ok(Step::Taken)
    }

    /// Appends the adjacent elements that were taken last.
    fn append_pending(
        &mut self,
        merging: &mut ItemMerge,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        match merging.pending.take() {
            Some((from, to, mut hint)) => self.cache.copy(from, to, &mut hint, out),
            None => Ok(()),
        }
    }

    /// Closes and opens groups for an element with this tag that is at, or is appended at, `at`.
    fn group_at(
        &mut self,
        merging: &mut ItemMerge,
        tag: Tag,
        at: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if merging.group.is_some_and(|group| group.number == tag.group()) {
            return Ok(());
        }
        let number = tag.group();
        if merging.purpose == Purpose::Join {
            merging.group = Some(OpenGroup { number, length_at: None });
            return Ok(());
        }
        let encoding = self.layout.encoding;
        if let Some(OpenGroup { length_at: Some(length_at), .. }) = merging.group {
            let [from, to] = [length_at, at].map(|at| self.moved_down(at));
            out.patch(length_at, &encoding.u32_bytes(group_length(from, to)))?;
        }
        let length_at = if tag.is_group_length() {
            Some(at + GROUP_LENGTH_HEADER)
        } else if self.lacks_group_length(merging, tag) {
            Some(write_group_length(number, encoding, out))
        } else {
            None
        };
        merging.group = Some(OpenGroup { number, length_at });
        Ok(())
    }

    /// Whether a group length has to be created before this element.
    fn lacks_group_length(&self, merging: &ItemMerge, tag: Tag) -> bool {
        self.layout.group_lengths == GroupLengths::Create
            && merging.purpose == Purpose::Final
            && merging.group.is_none_or(|group| group.number != tag.group())
            && !tag.is_group_length()
            && tag != Tag::TRAILING_PADDING
    }

    /// The tag and the end of the element at `start`.
    fn extent(
        &mut self,
        start: u64,
        hint: &mut PageHint,
        out: &mut Output<'_>,
    ) -> Result<(Tag, u64), Error> {
        let (header, mut offset) = self.cache.header(start, hint, out)?;
        if header.length != UNDEFINED_LENGTH {
            return Ok((header.tag, offset + u64::from(header.length)));
        }
        // Sequences and items alternate, so the number of open ones tells which kind the innermost is.
        let mut open = 1_u64;
        offset = self.end_of_node(offset);
        while open > 0 {
            let (inner, after) = self.cache.header(offset, hint, out)?;
            offset = after;
            match inner.tag {
                Tag::ITEM_DELIMITATION | Tag::SEQUENCE_DELIMITATION => open -= 1,
                _ if inner.length == UNDEFINED_LENGTH => {
                    open += 1;
                    offset = self.end_of_node(offset);
                }
                _ => offset += u64::from(inner.length),
            }
        }
        Ok((header.tag, offset))
    }

    /// The end of the sequence or item with this content if it is known, else `content`.
    fn end_of_node(&self, content: u64) -> u64 {
        let KnownExtents { nodes, sequences } = self.extents;
        if let Ok(at) = nodes.binary_search_by_key(&content, |node| node.content) {
            return nodes[at].end;
        }
        let found = sequences.binary_search_by_key(&content, |sequence| sequence.0);
        found.map_or(content, |at| sequences[at].1)
    }

    /// The first node whose content begins after `from` and before `to`.
    fn node_within(&self, from: u64, to: u64) -> Option<usize> {
        let first = self.extents.nodes.partition_point(|node| node.content <= from);
        (self.extents.nodes.get(first)?.content < to).then_some(first)
    }
}

/// The size of the length field of a sequence or an item in bytes.
const LENGTH_BYTES: u64 = 4;

/// The size of the header of a group length in bytes, in every encoding.
const GROUP_LENGTH_HEADER: u64 = 8;
