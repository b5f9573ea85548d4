//! Putting elements in order that did not come in order.
//!
//! They are written as they come. Where the order breaks, a new *run* begins: a stretch of elements
//! with ascending tags. An item that is still in the write buffer when it is complete is merged there.
//! One that is not becomes a *node*, and so does all that encloses it; nodes are put in order together,
//! each byte once, when the data set is complete: what is merged is appended, then moved down.
//!
//! What is held is bounded: [`FAN_IN`] runs become one as soon as there are as many, and nodes are
//! merged early when there are too many ([`NODES`]). So no order of elements costs more than a few
//! times what came, read and written.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::element::{self, Encoding, UNDEFINED_LENGTH};
use crate::encoder::OpenGroup;
use crate::format::GroupLengths;
use crate::limits::{
    REORDER_FAN_IN as FAN_IN, REORDER_NODES as NODES, REORDER_NODES_AT_LEAST as NODES_AT_LEAST,
    REORDER_RUNS as RUNS, REORDER_SEQUENCES as SEQUENCES,
};
use crate::output::Output;
use crate::{Error, Tag, Vr};
use headers::{Headers, Hint};

mod headers;

/// The runs of all open items that are out of order, and the nodes that are to be merged.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    /// Those of the innermost item last.
    runs: Vec<Run>,
    /// In the order in which they were complete: what is inside comes before what is around it.
    nodes: Vec<Node>,
    /// How many runs the nodes have.
    node_runs: usize,
    /// What all merging so far has read and copied, in bytes.
    spent: u64,
    /// Where the content of sequences without a length begins and ends, so that it need not be walked
    /// through for each item around it. None of them is within another; only some are known.
    sequences: Vec<(u64, u64)>,
}

/// What belongs to some item, of all runs and nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    runs: usize,
    nodes: usize,
}

/// A stretch of elements in order.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u64,
    /// How often it was merged from others.
    level: u32,
}

/// A sequence or an item that is complete, with something in it that is not in order.
#[derive(Debug)]
struct Node {
    /// Where its content begins, right behind its length.
    content: u64,
    /// Where its content ends.
    end: u64,
    /// Where its runs begin, the first one excepted; of a sequence, `None`.
    runs: Option<Box<[u64]>>,
}

/// How elements are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) encoding: Encoding,
    pub(crate) group_lengths: GroupLengths,
    /// What the content of an item is filled up to a multiple of.
    pub(crate) item_padding: u64,
}

impl Reorder {
    /// To be asked when a sequence or an item begins.
    pub(crate) fn mark(&self) -> Mark {
        Mark { runs: self.runs.len(), nodes: self.nodes.len() }
    }

    /// Whether the item that began at this mark is out of order.
    pub(crate) fn any_since(&self, mark: Mark) -> bool {
        self.runs.len() > mark.runs
    }

    /// Whether anything in what began at this mark is out of order, at whatever depth.
    pub(crate) fn any_within(&self, mark: Mark) -> bool {
        self.any_since(mark) || self.nodes.len() > mark.nodes
    }

    /// A sequence that tells no length is complete, and its content ends where the output does.
    pub(crate) fn note_end(&mut self, content: u64, out: &Output<'_>) {
        self.forget_ends(content);
        if self.sequences.len() == SEQUENCES {
            self.sequences.clear();
        }
        self.sequences.push((content, out.position()));
    }

    /// What stands from here on moves, or is within something else.
    fn forget_ends(&mut self, from: u64) {
        while self.sequences.last().is_some_and(|&(content, _)| content >= from) {
            self.sequences.pop();
        }
    }

    /// A new run begins where the output ends, in the item that began at `mark` and has its first
    /// element at `content`.
    pub(crate) fn begin(
        &mut self,
        mark: Mark,
        content: u64,
        manner: Manner,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if !self.any_since(mark) {
            self.runs.push(Run { start: content, level: 0 });
        }
        self.join_runs(mark, manner, left_out, out)?;
        self.runs.push(Run { start: out.position(), level: 0 });
        Ok(())
    }

    /// Makes one run of many, so that there are never more than [`FAN_IN`] of a level.
    fn join_runs(
        &mut self,
        mark: Mark,
        manner: Manner,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        while let Some(&Run { level, .. }) = self.runs.get(mark.runs..).and_then(<[Run]>::last) {
            let own = &self.runs[mark.runs..];
            let same = own.iter().rev().take_while(|run| run.level == level).count();
            if same < FAN_IN && (self.runs.len() < RUNS || own.len() < 2) {
                break;
            }
            let count = if same < FAN_IN { own.len() } else { same };
            self.join(mark, self.runs.len() - count, level + 1, manner, left_out, out)?;
        }
        Ok(())
    }

    /// Makes one run of those from this one on, and tells its last element.
    fn join(
        &mut self,
        mark: Mark,
        first: usize,
        level: u32,
        manner: Manner,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<Option<Tag>, Error> {
        let joined = self.runs.split_off(first);
        let Some(start) = joined.first().map(|run| run.start) else {
            return Ok(None);
        };
        let starts: Vec<u64> = joined[1..].iter().map(|run| run.start).collect();
        let nodes = self.take_nodes(self.first_node_behind(mark, start));
        let known = Known { nodes: &nodes, sequences: &self.sequences };
        let mut merger = Merger::new(manner, known, left_out, start, self.spent, out)?;
        let (last, _) = merger.merge_all(start, &starts, Purpose::Join, out)?;
        self.spent = merger.headers.spent();
        self.forget_ends(start);
        self.runs.push(Run { start, level });
        Ok(last)
    }

    /// Merges the nodes within the innermost item, which is out of order, with the runs that they are in; tells
    /// the element that is the last one now.
    pub(crate) fn settle(
        &mut self,
        mark: Mark,
        manner: Manner,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<Option<Tag>, Error> {
        let first_node = self.nodes[mark.nodes..].iter().map(|node| node.content).min();
        let own = &self.runs[mark.runs..];
        let behind = own.partition_point(|run| Some(run.start) <= first_node);
        self.join(mark, mark.runs + behind.saturating_sub(1), 1, manner, left_out, out)
    }

    /// Of the item that began at `mark`, the first node behind `start`.
    fn first_node_behind(&self, mark: Mark, start: u64) -> usize {
        mark.nodes + self.nodes[mark.nodes..].partition_point(|node| node.content <= start)
    }

    /// The nodes from this one on, what is around before what is inside.
    fn take_nodes(&mut self, from: usize) -> Vec<Node> {
        let mut nodes = self.nodes.split_off(from);
        let runs = nodes.iter().filter_map(|node| node.runs.as_ref());
        self.node_runs -= runs.map(|starts| starts.len()).sum::<usize>();
        nodes.sort_unstable_by_key(|node| node.content);
        nodes
    }

    /// The innermost sequence or item is complete, and its content ends where the output does: what is
    /// in it that is not in order will be merged later.
    pub(crate) fn leave(&mut self, mark: Mark, content: u64, is_item: bool, out: &Output<'_>) {
        let runs = self.runs.split_off(mark.runs);
        let starts: Box<[u64]> = runs.iter().skip(1).map(|run| run.start).collect();
        self.node_runs += starts.len();
        let runs = is_item.then_some(starts);
        self.nodes.push(Node { content, end: out.position(), runs });
    }

    /// Whether there are so many nodes that those of the item that began at this mark are better merged.
    pub(crate) fn is_full(&self, mark: Mark) -> bool {
        self.nodes.len() + self.node_runs > NODES && self.nodes.len() - mark.nodes >= NODES_AT_LEAST
    }

    /// Puts all elements of the innermost item in order, which ends where the output does. Of elements
    /// with the same tag, the first is kept, and `left_out` told of the others. Gives back the last
    /// element, and its group, whose length is left open.
    pub(crate) fn merge(
        &mut self,
        mark: Mark,
        content: u64,
        manner: Manner,
        left_out: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(Option<Tag>, Option<OpenGroup>), Error> {
        let runs = self.runs.split_off(mark.runs);
        let starts: Vec<u64> = runs.iter().skip(1).map(|run| run.start).collect();
        let nodes = self.take_nodes(mark.nodes);
        let known = Known { nodes: &nodes, sequences: &self.sequences };
        let mut merger = Merger::new(manner, known, left_out, content, self.spent, out)?;
        let merged = merger.merge_all(content, &starts, Purpose::Final, out)?;
        self.spent = merger.headers.spent();
        self.forget_ends(content);
        Ok(merged)
    }
}

/// What is known of the sequences and items in what is to be merged.
#[derive(Clone, Copy)]
struct Known<'m> {
    /// By their content: what is around comes before what is inside.
    nodes: &'m [Node],
    /// By their content, too.
    sequences: &'m [(u64, u64)],
}

/// Merges a stretch of the output that ends where the output does.
struct Merger<'m> {
    manner: Manner,
    known: Known<'m>,
    left_out: &'m mut dyn FnMut(Tag),
    headers: Headers,
    /// Where merged elements are appended.
    end: u64,
    /// Up to here, everything stays where it is.
    stays_until: u64,
}

/// What is left to do, innermost last.
enum Task {
    /// Appends what stands from here to there, with the nodes in it merged.
    Copy { from: u64, to: u64 },
    /// Ends the node whose content was appended at `content`.
    Close { node: usize, content: u64 },
    /// Merges the rest of an item whose content was appended from here on.
    Merge(Box<Merging>, u64),
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
enum Purpose {
    /// It is complete: its groups get their lengths.
    Final,
    /// Some of its runs become one.
    Join,
}

/// An item on its way.
struct Merging {
    purpose: Purpose,
    last: Option<Tag>,
    group: Option<OpenGroup>,
    /// The next element of every run, smallest tag first; of two, that of the earlier run.
    heap: BinaryHeap<Reverse<Next>>,
    /// Elements that were taken and follow each other, where they stand: not appended yet.
    stretch: Option<(u64, u64, Hint)>,
}

/// The next element of a run. The order of the fields is the order of merging.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    tag: Tag,
    run: usize,
    start: u64,
    end: u64,
    run_end: u64,
    hint: Hint,
}

impl<'m> Merger<'m> {
    /// What is to be merged begins at `start`.
    fn new(
        manner: Manner,
        known: Known<'m>,
        left_out: &'m mut dyn FnMut(Tag),
        start: u64,
        spent: u64,
        out: &mut Output<'_>,
    ) -> Result<Merger<'m>, Error> {
        let in_memory = out.is_buffered(start);
        if !in_memory {
            out.flush()?;
        }
        let end = out.position();
        let headers = Headers::new(manner.encoding, in_memory, end, spent);
        Ok(Merger { manner, known, left_out, headers, end, stays_until: start })
    }

    /// Merges the runs that begin at `start` and at `starts`.
    fn merge_all(
        &mut self,
        start: u64,
        starts: &[u64],
        purpose: Purpose,
        out: &mut Output<'_>,
    ) -> Result<(Option<Tag>, Option<OpenGroup>), Error> {
        let mut merging = self.begin(start, starts, self.end, purpose, out)?;
        self.keep_what_is_in_place(&mut merging, out)?;
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
        out.remove(self.stays_until, self.end)?;
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
                            self.complete(*merging, content, out)?;
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
        if at >= self.end { at - (self.end - self.stays_until) } else { at }
    }

    fn copy(
        &mut self,
        from: u64,
        to: u64,
        tasks: &mut Vec<Task>,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let Some(node) = self.node_within(from, to) else {
            return self.headers.copy(from, to, &mut Hint::default(), out);
        };
        let Node { content, end, ref runs } = self.known.nodes[node];
        self.headers.copy(from, content, &mut Hint::default(), out)?;
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
        merging: Merging,
        content: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let Manner { encoding, item_padding, .. } = self.manner;
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
        let hint = &mut Hint::default();
        self.headers.read(self.known.nodes[node].content - LENGTH_BYTES, &mut length, hint, out)?;
        if self.manner.encoding.u32(length) != UNDEFINED_LENGTH {
            let length = group_length(content - LENGTH_BYTES, out.position());
            out.patch(content - LENGTH_BYTES, &self.manner.encoding.u32_bytes(length))?;
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
    ) -> Result<Merging, Error> {
        let heap = BinaryHeap::with_capacity(starts.len() + 1);
        let mut merging = Merging { purpose, last: None, group: None, heap, stretch: None };
        let ends = starts.iter().copied().chain([end]);
        for (run, (start, run_end)) in [start].iter().chain(starts).zip(ends).enumerate() {
            self.enter(&mut merging, run, *start, run_end, Hint::default(), out)?;
        }
        Ok(merging)
    }

    /// Makes the element at `start` the next one of its run, unless the run ends there.
    fn enter(
        &mut self,
        merging: &mut Merging,
        run: usize,
        start: u64,
        run_end: u64,
        mut hint: Hint,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if start < run_end {
            let (tag, end) = self.extent(start, &mut hint, out)?;
            merging.heap.push(Reverse(Next { tag, run, start, end, run_end, hint }));
        }
        Ok(())
    }

    /// What comes first in the first run anyway is not moved, as long as there is nothing in it to merge.
    fn keep_what_is_in_place(
        &mut self,
        merging: &mut Merging,
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
            self.stays_until = next.end;
        }
        Ok(())
    }

    /// Takes the smallest of the next elements.
    fn step(&mut self, merging: &mut Merging, out: &mut Output<'_>) -> Result<Step, Error> {
        let Some(Reverse(next)) = merging.heap.pop() else {
            self.append_stretch(merging, out)?;
            return Ok(Step::Done);
        };
        if merging.last == Some(next.tag) {
            (self.left_out)(next.tag);
            self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
            return Ok(Step::Taken);
        }
        merging.last = Some(next.tag);
        if merging.group.is_none_or(|group| group.number != next.tag.group()) {
            self.append_stretch(merging, out)?;
            let at = out.position();
            self.group_at(merging, next.tag, at, out)?;
        }
        if self.node_within(next.start, next.end).is_some() {
            self.append_stretch(merging, out)?;
            self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
            return Ok(Step::Nested(Task::Copy { from: next.start, to: next.end }));
        }
        match &mut merging.stretch {
            Some((_, to, _)) if *to == next.start => *to = next.end,
            _ => {
                self.append_stretch(merging, out)?;
                merging.stretch = Some((next.start, next.end, next.hint));
            }
        }
        self.enter(merging, next.run, next.end, next.run_end, next.hint, out)?;
        Ok(Step::Taken)
    }

    /// Appends the elements that follow each other and were taken last.
    fn append_stretch(&mut self, merging: &mut Merging, out: &mut Output<'_>) -> Result<(), Error> {
        match merging.stretch.take() {
            Some((from, to, mut hint)) => self.headers.copy(from, to, &mut hint, out),
            None => Ok(()),
        }
    }

    /// An element with this tag comes at `at`: sees to the length of its group.
    fn group_at(
        &mut self,
        merging: &mut Merging,
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
        let encoding = self.manner.encoding;
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
    fn lacks_group_length(&self, merging: &Merging, tag: Tag) -> bool {
        self.manner.group_lengths == GroupLengths::Create
            && merging.purpose == Purpose::Final
            && merging.group.is_none_or(|group| group.number != tag.group())
            && !tag.is_group_length()
            && tag != Tag::TRAILING_PADDING
    }

    /// The tag of the element at `start`, and where it ends.
    fn extent(
        &mut self,
        start: u64,
        hint: &mut Hint,
        out: &mut Output<'_>,
    ) -> Result<(Tag, u64), Error> {
        let (header, mut offset) = self.headers.header(start, hint, out)?;
        if header.length != UNDEFINED_LENGTH {
            return Ok((header.tag, offset + u64::from(header.length)));
        }
        // Sequences and items alternate, so their number tells which one is open.
        let mut open = 1_u64;
        offset = self.end_of_node(offset);
        while open > 0 {
            let (inner, after) = self.headers.header(offset, hint, out)?;
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
        let Known { nodes, sequences } = self.known;
        if let Ok(at) = nodes.binary_search_by_key(&content, |node| node.content) {
            return nodes[at].end;
        }
        let found = sequences.binary_search_by_key(&content, |sequence| sequence.0);
        found.map_or(content, |at| sequences[at].1)
    }

    /// The first node whose content begins behind `from` and before `to`.
    fn node_within(&self, from: u64, to: u64) -> Option<usize> {
        let first = self.known.nodes.partition_point(|node| node.content <= from);
        (self.known.nodes.get(first)?.content < to).then_some(first)
    }
}

/// How long the length of a sequence or an item is.
const LENGTH_BYTES: u64 = 4;

/// How long the header of a group length is, in every encoding.
const GROUP_LENGTH_HEADER: u64 = 8;

/// Writes a group length whose value is not known yet, and gives back where the value stands.
pub(crate) fn write_group_length(group: u16, encoding: Encoding, out: &mut Output<'_>) -> u64 {
    element::write(out.bytes(), Tag(group, 0), Vr::UL, 4, encoding);
    out.bytes().extend_from_slice(&[0; 4]);
    out.position() - 4
}

/// Tells the length of a group that ends at `end`.
pub(crate) fn close_group(
    group: OpenGroup,
    end: u64,
    encoding: Encoding,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    match group.length_at {
        Some(at) => out.patch(at, &encoding.u32_bytes(group_length(at, end))),
        None => Ok(()),
    }
}

/// The length of a group that ends at `end` and has its own length at `length_at`. More than 32 bits
/// cannot be told.
fn group_length(length_at: u64, end: u64) -> u32 {
    u32::try_from(end - (length_at + 4)).unwrap_or(u32::MAX)
}

/// Fills `length` up to a multiple of `padding`, with one element.
pub(crate) fn fill(
    length: u64,
    padding: u64,
    encoding: Encoding,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    if padding == 0 || length == 0 || length.is_multiple_of(padding) {
        return Ok(());
    }
    let header = if encoding.explicit_vr { 12 } else { 8 };
    let mut gap = padding - length % padding;
    while gap < header {
        gap += padding;
    }
    let mut zeros = (gap - header).min(u64::from(UNDEFINED_LENGTH - 1));
    element::write(out.bytes(), Tag::TRAILING_PADDING, Vr::OB, zeros as u32, encoding);
    while zeros > 0 {
        let piece = [0; 1024];
        let now = zeros.min(piece.len() as u64);
        out.append(&piece[..now as usize])?;
        zeros -= now;
    }
    Ok(())
}
