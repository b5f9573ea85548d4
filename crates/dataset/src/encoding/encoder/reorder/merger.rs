//! Merges a stretch of the output: runs of elements into one, and the nodes within them.

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

/// A sequence or an item that is complete, with something in it that is not in order.
#[derive(Debug)]
pub(super) struct Node {
    /// Where its content begins, right behind its length.
    pub(super) content: u64,
    /// Where its content ends.
    pub(super) end: u64,
    /// Where its runs begin, the first one excepted; of a sequence, `None`.
    pub(super) runs: Option<Box<[u64]>>,
}

/// What is known of the sequences and items in what is to be merged.
#[derive(Clone, Copy)]
pub(super) struct KnownExtents<'m> {
    /// By their content: what is around comes before what is inside.
    pub(super) nodes: &'m [Node],
    /// By their content, too.
    pub(super) sequences: &'m [(u64, u64)],
}

/// Merges a stretch of the output that ends where the output does.
pub(super) struct Merger<'m> {
    layout: Layout,
    extents: KnownExtents<'m>,
    on_duplicate: &'m mut dyn FnMut(Tag),
    pub(super) cache: PageCache,
    /// Where merged elements are appended.
    end: u64,
    /// Up to here, everything stays where it is.
    unmoved_until: u64,
}

/// What is left to do, innermost last.
enum Task {
    /// Appends what stands from here to there, with the nodes in it merged.
    Copy { from: u64, to: u64 },
    /// Ends the node whose content was appended at `content`.
    Close { node: usize, content: u64 },
    /// Merges the rest of an item whose content was appended from here on.
    Merge(Box<ItemMerge>, u64),
}

/// What has become of the smallest of the next elements.
enum Step {
    /// It was taken, or left out.
    Taken,
    /// It comes next, and has nodes in it.
    Nested(Task),
    /// There is none.
    Done,
}

/// What the merging of an item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is complete: its groups get their lengths.
    Final,
    /// Some of its runs become one.
    Join,
}

/// An item on its way.
struct ItemMerge {
    purpose: Purpose,
    last: Option<Tag>,
    group: Option<OpenGroup>,
    /// The next element of every run, smallest tag first; of two, that of the earlier run.
    heap: BinaryHeap<Reverse<Next>>,
    /// Elements that were taken and follow each other, where they stand: not appended yet.
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
    /// What is to be merged begins at `start`.
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

    /// Merges the runs that begin at `start` and at `starts`.
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

    /// Does a task and all that it asks for.
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

    /// Where a place will be, once all that was appended has moved down.
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

    /// All elements of an item were appended, the first of them at `content`.
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

    /// What comes first in the first run anyway is not moved, as long as there is nothing in it to merge.
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

    /// Takes the smallest of the next elements.
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

    /// Appends the elements that follow each other and were taken last.
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

    /// An element with this tag comes at `at`: sees to the length of its group.
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

    /// Whether the length of a group has to be made before this element.
    fn lacks_group_length(&self, merging: &ItemMerge, tag: Tag) -> bool {
        self.layout.group_lengths == GroupLengths::Create
            && merging.purpose == Purpose::Final
            && merging.group.is_none_or(|group| group.number != tag.group())
            && !tag.is_group_length()
            && tag != Tag::TRAILING_PADDING
    }

    /// The tag of the element at `start`, and where it ends.
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
        // Sequences and items alternate, so their number tells which one is open.
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

    /// Where the content that begins here ends, if that is known.
    fn end_of_node(&self, content: u64) -> u64 {
        let KnownExtents { nodes, sequences } = self.extents;
        if let Ok(at) = nodes.binary_search_by_key(&content, |node| node.content) {
            return nodes[at].end;
        }
        let found = sequences.binary_search_by_key(&content, |sequence| sequence.0);
        found.map_or(content, |at| sequences[at].1)
    }

    /// The first node whose content begins behind `from` and before `to`.
    fn node_within(&self, from: u64, to: u64) -> Option<usize> {
        let first = self.extents.nodes.partition_point(|node| node.content <= from);
        (self.extents.nodes.get(first)?.content < to).then_some(first)
    }
}

/// How long the length of a sequence or an item is.
const LENGTH_BYTES: u64 = 4;

/// How long the header of a group length is, in every encoding.
const GROUP_LENGTH_HEADER: u64 = 8;
