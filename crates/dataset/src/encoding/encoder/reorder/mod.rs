//! Sorting of elements that are not in ascending order.
//!
//! Elements are written in the order of arrival. Where a tag is smaller than the one before it, a new
//! *run* begins: a stretch of elements in ascending order. If an item is still in the write buffer when
//! it ends, its runs are merged there. If not, it becomes a *node*, and so does everything that
//! encloses it. All nodes are merged together when the data set ends, each byte once: merged content is
//! appended to the output, then moved down.
//!
//! Memory and I/O are bounded: [`FAN_IN`] runs are merged into one as soon as there are so many, and
//! nodes are merged early when there are more than [`NODES`]. So sorting reads and writes a few times
//! the size of the output at most, whatever the order of elements.

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

/// The runs of all open items that are out of order, and the nodes to be merged.
#[derive(Debug, Default)]
pub(crate) struct Reorder {
    /// Ordered by item, innermost last.
    runs: Vec<Run>,
    /// In the order in which they ended: inner nodes before those around them.
    nodes: Vec<Node>,
    /// The number of runs in the nodes.
    node_runs: usize,
    /// How many bytes all merging so far has read and copied.
    spent: u64,
    /// The offsets at which the content of some sequences of undefined length begins and ends, so that
    /// they need not be scanned for each item around them. None is within another.
    sequences: Vec<(u64, u64)>,
}

/// The numbers of runs and nodes when a sequence or item began: those added later belong to it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    runs: usize,
    nodes: usize,
}

/// A stretch of elements in ascending order.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: u64,
    /// How often it was merged from other runs.
    level: u32,
}

const _: () = assert!(size_of::<Run>() <= REORDER_RUN_BYTES);
const _: () = assert!(size_of::<(u64, u64)>() <= REORDER_SEQUENCE_BYTES);

impl Reorder {
    /// To be called when a sequence or an item begins.
    pub(crate) fn mark(&self) -> Mark {
        Mark { runs: self.runs.len(), nodes: self.nodes.len() }
    }

    /// Whether the elements of the item that began at `mark` are out of order.
    pub(crate) fn is_unordered(&self, mark: Mark) -> bool {
        self.runs.len() > mark.runs
    }

    /// Whether elements at any depth of the sequence or item that began at `mark` are out of order.
    pub(crate) fn contains_unordered(&self, mark: Mark) -> bool {
        self.is_unordered(mark) || self.nodes.len() > mark.nodes
    }

    /// Remembers the end of a sequence of undefined length, whose content ends at the end of the
    /// output.
    pub(crate) fn remember_end(&mut self, content: u64, out: &Output<'_>) {
        self.forget_ends(content);
        if self.sequences.len() == SEQUENCES {
            self.sequences.clear();
        }
        self.sequences.push((content, out.position()));
    }

    /// Forgets the ends of sequences from this offset on: they move, or are within something else.
    fn forget_ends(&mut self, from: u64) {
        while self.sequences.last().is_some_and(|&(content, _)| content >= from) {
            self.sequences.pop();
        }
    }

    /// Begins a run at the end of the output, in the item that began at `mark` and has its first
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

    /// Merges runs of the item, so that there are never more than [`FAN_IN`] of a level.
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

    /// Merges the runs from index `first` on into one, and returns its last tag.
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

    /// Merges the nodes within the innermost item, which is out of order, together with the runs that
    /// contain them, and returns the last tag.
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

    /// The index of the first node of the item that begins after `start`.
    fn first_node_behind(&self, mark: Mark, start: u64) -> usize {
        mark.nodes + self.nodes[mark.nodes..].partition_point(|node| node.content <= start)
    }

    /// Takes the nodes from this index on; outer ones before those in them.
    fn take_nodes(&mut self, from: usize) -> Vec<Node> {
        let mut nodes = self.nodes.split_off(from);
        let runs = nodes.iter().filter_map(|node| node.runs.as_ref());
        self.node_runs -= runs.map(|starts| starts.len()).sum::<usize>();
        nodes.sort_unstable_by_key(|node| node.content);
        nodes
    }

    /// Makes the innermost sequence or item, whose content ends at the end of the output, a node that
    /// is merged later.
    pub(crate) fn defer(&mut self, mark: Mark, content: u64, is_item: bool, out: &Output<'_>) {
        let runs = self.runs.split_off(mark.runs);
        let starts: Box<[u64]> = runs.iter().skip(1).map(|run| run.start).collect();
        self.node_runs += starts.len();
        let runs = is_item.then_some(starts);
        self.nodes.push(Node { content, end: out.position(), runs });
    }

    /// Whether there are so many nodes that those of the item that began at `mark` should be merged
    /// now.
    pub(crate) fn is_full(&self, mark: Mark) -> bool {
        self.nodes.len() + self.node_runs > NODES && self.nodes.len() - mark.nodes >= NODES_AT_LEAST
    }

    /// Sorts all elements of the innermost item, which ends at the end of the output. Of elements with
    /// the same tag, the first is kept, and `on_duplicate` is called for each other one. Returns the
    /// last tag and its group, which is still open.
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
