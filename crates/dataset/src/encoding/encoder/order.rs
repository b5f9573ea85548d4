//! When elements are put in order, and an item is completed.

use super::group::{Layout, fill};
use super::write_buffer::Output;
use super::{Encoder, Frame, note};
use crate::error::Error;
use crate::repairs::RepairKind;
use crate::tag::Tag;

impl Encoder {
    /// Begins a run: the next element is not in ascending order.
    pub(super) fn begin_run(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let Frame { mark, content, .. } = *self.frame();
        let layout = self.layout();
        let Encoder { frames, reorder, repairs, received, .. } = self;
        let mut on_duplicate = |tag| note(repairs, RepairKind::Duplicate, *received, frames, tag);
        reorder.begin_run(mark, content, layout, &mut on_duplicate, out)?;
        self.frame_mut().group = None;
        Ok(())
    }

    /// Sorts the complete sequences and items within the innermost item.
    pub(super) fn merge_nodes(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let mark = self.frame().mark;
        let layout = self.layout();
        let Encoder { frames, reorder, repairs, received, .. } = self;
        let mut on_duplicate = |tag| note(repairs, RepairKind::Duplicate, *received, frames, tag);
        let last = reorder.merge_nodes(mark, layout, &mut on_duplicate, out)?;
        self.frame_mut().last = last;
        Ok(())
    }

    /// Sorts the elements of the innermost item.
    pub(super) fn merge(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let Frame { mark, content, .. } = *self.frame();
        let layout = self.layout();
        let Encoder { frames, reorder, repairs, received, .. } = self;
        let mut on_duplicate = |tag| note(repairs, RepairKind::Duplicate, *received, frames, tag);
        let (last, group) = reorder.merge(mark, content, layout, &mut on_duplicate, out)?;
        let frame = self.frame_mut();
        frame.last = last;
        frame.group = group;
        Ok(())
    }

    /// Ends the elements of the innermost item. Its last group is closed unless that is the group of
    /// the padding that may follow.
    pub(super) fn complete(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        if self.reorder.contains_unordered(self.frame().mark) {
            self.merge(out)?;
        }
        let padding = Tag::TRAILING_PADDING.group();
        if self.frame().group.is_some_and(|group| group.number != padding) {
            self.close_group(out)?;
        }
        Ok(())
    }

    /// Pads `length` to a multiple of `padding` with one element.
    pub(super) fn pad(
        &mut self,
        length: u64,
        padding: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        // Larger tags than that of the padding are illegal, but occur: the padding goes before them.
        let behind = self.frame().largest <= Some(Tag::TRAILING_PADDING);
        if behind || padding == 0 || length == 0 || length.is_multiple_of(padding) {
            return fill(length, padding, self.target.encoding, out);
        }
        self.begin_run(out)?;
        fill(length, padding, self.target.encoding, out)?;
        self.merge(out)
    }

    fn layout(&self) -> Layout {
        Layout {
            encoding: self.target.encoding,
            group_lengths: self.group_lengths,
            item_padding: self.item_padding,
        }
    }
}
