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

use crate::encoding::encoder::group::{Layout, OpenGroup};
use crate::encoding::encoder::write_buffer::Output;
use crate::error::Error;
use crate::limits::{
    REORDER_FAN_IN as FAN_IN, REORDER_NODES as NODES, REORDER_NODES_AT_LEAST as NODES_AT_LEAST,
    REORDER_RUN_BYTES, REORDER_RUNS as RUNS, REORDER_SEQUENCE_BYTES,
    REORDER_SEQUENCES as SEQUENCES,
};
use crate::tag::Tag;
use merger::{KnownExtents, Merger, Node, Purpose};

mod merger;
mod page_cache;

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

const _: () = assert!(size_of::<Run>() <= REORDER_RUN_BYTES);
const _: () = assert!(size_of::<(u64, u64)>() <= REORDER_SEQUENCE_BYTES);

impl Reorder {
    /// To be asked when a sequence or an item begins.
    pub(crate) fn mark(&self) -> Mark {
        Mark { runs: self.runs.len(), nodes: self.nodes.len() }
    }

    /// Whether the item that began at this mark is out of order.
    pub(crate) fn is_unordered(&self, mark: Mark) -> bool {
        self.runs.len() > mark.runs
    }

    /// Whether anything in what began at this mark is out of order, at whatever depth.
    pub(crate) fn contains_unordered(&self, mark: Mark) -> bool {
        self.is_unordered(mark) || self.nodes.len() > mark.nodes
    }

    /// A sequence that tells no length is complete, and its content ends where the output does.
    pub(crate) fn remember_end(&mut self, content: u64, out: &Output<'_>) {
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
    pub(crate) fn begin_run(
        &mut self,
        mark: Mark,
        content: u64,
        layout: Layout,
        on_duplicate: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if !self.is_unordered(mark) {
            self.runs.push(Run { start: content, level: 0 });
        }
        self.join_runs(mark, layout, on_duplicate, out)?;
        self.runs.push(Run { start: out.position(), level: 0 });
        Ok(())
    }

    /// Makes one run of many, so that there are never more than [`FAN_IN`] of a level.
    fn join_runs(
        &mut self,
        mark: Mark,
        layout: Layout,
        on_duplicate: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        while let Some(&Run { level, .. }) = self.runs.get(mark.runs..).and_then(<[Run]>::last) {
            let own = &self.runs[mark.runs..];
            let same = own.iter().rev().take_while(|run| run.level == level).count();
            if same < FAN_IN && (self.runs.len() < RUNS || own.len() < 2) {
                break;
            }
            let count = if same < FAN_IN { own.len() } else { same };
            self.join(mark, self.runs.len() - count, level + 1, layout, on_duplicate, out)?;
        }
        Ok(())
    }

    /// Makes one run of those from this one on, and tells its last element.
    fn join(
        &mut self,
        mark: Mark,
        first: usize,
        level: u32,
        layout: Layout,
        on_duplicate: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<Option<Tag>, Error> {
        let joined = self.runs.split_off(first);
        let Some(start) = joined.first().map(|run| run.start) else {
            return Ok(None);
        };
        let starts: Vec<u64> = joined[1..].iter().map(|run| run.start).collect();
        let nodes = self.take_nodes(self.first_node_behind(mark, start));
        let extents = KnownExtents { nodes: &nodes, sequences: &self.sequences };
        let mut merger = Merger::new(layout, extents, on_duplicate, start, self.spent, out)?;
        let (last, _) = merger.merge_all(start, &starts, Purpose::Join, out)?;
        self.spent = merger.cache.spent();
        self.forget_ends(start);
        self.runs.push(Run { start, level });
        Ok(last)
    }

    /// Merges the nodes within the innermost item, which is out of order, with the runs that they are in; tells
    /// the element that is the last one now.
    pub(crate) fn merge_nodes(
        &mut self,
        mark: Mark,
        layout: Layout,
        on_duplicate: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<Option<Tag>, Error> {
        let first_node = self.nodes[mark.nodes..].iter().map(|node| node.content).min();
        let own = &self.runs[mark.runs..];
        let behind = own.partition_point(|run| Some(run.start) <= first_node);
        self.join(mark, mark.runs + behind.saturating_sub(1), 1, layout, on_duplicate, out)
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
    pub(crate) fn defer(&mut self, mark: Mark, content: u64, is_item: bool, out: &Output<'_>) {
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
    /// with the same tag, the first is kept, and `on_duplicate` told of the others. Gives back the last
    /// element, and its group, whose length is left open.
    pub(crate) fn merge(
        &mut self,
        mark: Mark,
        content: u64,
        layout: Layout,
        on_duplicate: &mut dyn FnMut(Tag),
        out: &mut Output<'_>,
    ) -> Result<(Option<Tag>, Option<OpenGroup>), Error> {
        let runs = self.runs.split_off(mark.runs);
        let starts: Vec<u64> = runs.iter().skip(1).map(|run| run.start).collect();
        let nodes = self.take_nodes(mark.nodes);
        let extents = KnownExtents { nodes: &nodes, sequences: &self.sequences };
        let mut merger = Merger::new(layout, extents, on_duplicate, content, self.spent, out)?;
        let merged = merger.merge_all(content, &starts, Purpose::Final, out)?;
        self.spent = merger.cache.spent();
        self.forget_ends(content);
        Ok(merged)
    }
}
