//! The writing half: tokens in, encoded elements out.
//!
//! Lengths that are known only at the end of a sequence, an item or a group are left open and put
//! right when the end comes. Elements that come out of order are written as they come and sorted when
//! their item ends.

use std::io::IoSlice;

use super::element::{self, Encoding, UNDEFINED_LENGTH};
use super::token::{Element, Token};
use crate::error::{Error, Fault, TagPath};
use crate::format::{GroupLengths, OutputFormat, SequenceLengths};
use crate::limits::{ENCODER_LEVEL_BYTES, WRITE_BUFFER_BYTES};
use crate::registry::transfer_syntax::TransferSyntax;
use crate::repairs::{RepairKind, Repairs};
use crate::tag::Tag;
use crate::vr::Vr;
use group::{Layout, OpenGroup, close_group, fill, write_group_length};
use reorder::{Mark, Reorder};
use value::{Target, ValueWriter};
use write_buffer::Output;

mod group;
mod padding;
mod reorder;
mod swap;
mod value;
pub(crate) mod write_buffer;

/// Writes the elements of one data set.
#[derive(Debug)]
pub(crate) struct Encoder {
    target: Target,
    group_lengths: GroupLengths,
    sequence_lengths: SequenceLengths,
    item_padding: u64,
    /// Open sequences and items, outermost first; the data set itself is the first entry.
    frames: Vec<Frame>,
    /// Where elements begin that do not come in order.
    reorder: Reorder,
    value: ValueWriter,
    /// Whether Pixel Data may be encapsulated in what is written.
    encapsulated: bool,
    /// Whether no element has come yet.
    is_empty: bool,
    /// How many sequences are open within an element that is left out.
    skipped_sequences: u32,
    repairs: Repairs,
    /// How many bytes of the data set have come, for what is noted of them.
    received: u64,
}

/// An open sequence or item, or the data set.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Where its length stands.
    length_at: u64,
    /// Where its content begins.
    content: u64,
    /// The element that came last.
    last: Option<Tag>,
    /// The largest tag that came.
    largest: Option<Tag>,
    /// The group that is being written, unless elements are out of order.
    group: Option<OpenGroup>,
    /// Whether Pixel Data came.
    has_pixel_data: bool,
    /// Tells its own runs from those of the items around it.
    mark: Mark,
    /// The tag, if it is a sequence.
    sequence: Option<Tag>,
    /// How many items began, if it is a sequence.
    items: u64,
}

const _: () = assert!(size_of::<Frame>() <= ENCODER_LEVEL_BYTES);

impl Encoder {
    pub(crate) fn new(output: &TransferSyntax, format: &OutputFormat) -> Encoder {
        Encoder {
            target: Target {
                encoding: Encoding::of(output),
                big_endian_pixel_data: output.big_endian_pixel_data(),
                new_vrs: format.new_vrs,
            },
            group_lengths: format.group_lengths,
            sequence_lengths: format.sequence_lengths,
            item_padding: even_multiple(format.padding.item_bytes),
            frames: vec![Frame::default()],
            reorder: Reorder::default(),
            value: ValueWriter::default(),
            encapsulated: output.encapsulated(),
            is_empty: true,
            skipped_sequences: 0,
            repairs: Repairs::default(),
            received: 0,
        }
    }

    /// Writes what a token stands for, with which `received` bytes of the data set have come.
    pub(crate) fn token(
        &mut self,
        token: &Token<'_>,
        received: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        self.received = received;
        match token {
            Token::Element(element) => self.element(element, out),
            Token::Value { bytes, last } => self.value.push(bytes, *last, out),
            Token::Sequence(element) => self.sequence(element, out),
            Token::Item => {
                self.item(out);
                Ok(())
            }
            Token::ItemEnd => self.item_end(out),
            Token::SequenceEnd => self.sequence_end(out),
            Token::PixelSequence(element) => self.pixel_sequence(element, out),
            Token::Fragment { length } => {
                self.fragment(*length, out);
                Ok(())
            }
            Token::PixelSequenceEnd => {
                self.pixel_sequence_end(out);
                Ok(())
            }
            Token::End => Ok(()),
        }
    }

    /// What had to be put right.
    pub(crate) fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// Whether pieces of the current value are written as they come, so that
    /// [`copy`](Self::copy) will do for all but the last.
    pub(crate) fn copies(&self) -> bool {
        self.value.is_copied()
    }

    /// Writes pieces of the current value as they are.
    pub(crate) fn copy(
        &mut self,
        pieces: &[IoSlice<'_>],
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        self.value.note_copied(pieces.iter().map(|piece| piece.len()).sum());
        out.append_slices(pieces)
    }

    /// The data set is complete: what is left open is closed, and the end is padded so that it is,
    /// with `preceding` bytes in front of the data set, at a multiple of `padding`.
    pub(crate) fn finish(
        &mut self,
        preceding: u64,
        padding: u32,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        self.complete(out)?;
        if !self.is_empty {
            self.pad(preceding + out.position(), even_multiple(padding), out)?;
        }
        self.close_group(out)
    }

    fn element(&mut self, element: &Element, out: &mut Output<'_>) -> Result<(), Error> {
        if !self.begin_element(element.tag, u64::from(element.length), out)? {
            self.value.discard();
            return Ok(());
        }
        self.note_odd(element.length, element.tag);
        self.value.begin(element, self.target, out);
        Ok(())
    }

    fn sequence(&mut self, element: &Element, out: &mut Output<'_>) -> Result<(), Error> {
        if !self.begin_element(element.tag, 0, out)? {
            self.skipped_sequences += 1;
            return Ok(());
        }
        element::write(out.bytes(), element.tag, Vr::SQ, UNDEFINED_LENGTH, self.target.encoding);
        self.open(out);
        self.frame_mut().sequence = Some(element.tag);
        Ok(())
    }

    fn sequence_end(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        if self.skipped_sequences > 0 {
            self.skipped_sequences -= 1;
            return Ok(());
        }
        let Frame { mark, content, .. } = *self.frame();
        if self.reorder.contains_unordered(mark) {
            self.reorder.defer(mark, content, false, out);
        }
        if self.sequence_lengths == SequenceLengths::Undefined {
            self.reorder.remember_end(content, out);
        }
        self.close(Tag::SEQUENCE_DELIMITATION, out)
    }

    fn item(&mut self, out: &mut Output<'_>) {
        if self.skipped_sequences == 0 {
            self.frame_mut().items += 1;
            element::write_item(out.bytes(), Tag::ITEM, UNDEFINED_LENGTH, self.target.encoding);
            self.open(out);
        }
    }

    fn item_end(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        if self.skipped_sequences > 0 {
            return Ok(());
        }
        let Frame { mark, content, largest, .. } = *self.frame();
        let padded_within = self.item_padding > 0 && largest > Some(Tag::TRAILING_PADDING);
        if self.reorder.contains_unordered(mark) && !out.is_buffered(content) && !padded_within {
            self.close_group(out)?;
            self.reorder.defer(mark, content, true, out);
        } else {
            self.complete(out)?;
            self.pad(out.position() - content, self.item_padding, out)?;
            self.close_group(out)?;
        }
        self.close(Tag::ITEM_DELIMITATION, out)
    }

    fn pixel_sequence(&mut self, element: &Element, out: &mut Output<'_>) -> Result<(), Error> {
        // Nobody knows how long it gets, but most are long.
        let length = if self.frames.len() == 1 { u64::MAX } else { 0 };
        if !self.begin_element(element.tag, length, out)? {
            self.skipped_sequences += 1;
            return Ok(());
        }
        // Implicit VR knows no fragments, not even in an old sequence of VR UN.
        if !self.encapsulated || !element.encoding.explicit_vr {
            let path = TagPath::new(sequences(&self.frames), element.tag);
            let fault = Fault::EncapsulatedPixelData;
            return Err(Error::Malformed { fault, offset: self.received, path });
        }
        element::write(out.bytes(), element.tag, Vr::OB, UNDEFINED_LENGTH, self.target.encoding);
        Ok(())
    }

    fn fragment(&mut self, length: u32, out: &mut Output<'_>) {
        if self.skipped_sequences > 0 {
            self.value.discard();
            return;
        }
        self.note_odd(length, Tag::PIXEL_DATA);
        element::write_item(out.bytes(), Tag::ITEM, length + length % 2, self.target.encoding);
        self.value.copy();
    }

    fn pixel_sequence_end(&mut self, out: &mut Output<'_>) {
        if self.skipped_sequences > 0 {
            self.skipped_sequences -= 1;
            return;
        }
        element::write_item(out.bytes(), Tag::SEQUENCE_DELIMITATION, 0, self.target.encoding);
    }

    /// An element comes: sees to its group and to the order. False if nothing of it is to be written
    /// any more: it is unwanted, or a group length, whose value is ours to say.
    fn begin_element(
        &mut self,
        tag: Tag,
        length: u64,
        out: &mut Output<'_>,
    ) -> Result<bool, Error> {
        self.is_empty = false;
        if self.skipped_sequences == 0 && tag.is_invalid() {
            let foreign = tag.is_foreign();
            self.note(
                if foreign { RepairKind::ForeignGroup } else { RepairKind::InvalidGroup },
                tag,
            );
            if foreign {
                return Ok(false);
            }
        }
        let wanted = tag != Tag::TRAILING_PADDING
            && (!tag.is_group_length() || self.group_lengths == GroupLengths::Recalculate);
        if self.skipped_sequences > 0 || !wanted {
            return Ok(false);
        }
        out.flush_if_full()?;
        let (last, largest, mark) = (self.frame().last, self.frame().largest, self.frame().mark);
        // Of two, the first counts.
        if last == Some(tag) || (tag == Tag::PIXEL_DATA && self.frame().has_pixel_data) {
            self.note(RepairKind::Duplicate, tag);
            return Ok(false);
        }
        // A long value that comes last is better not moved: what comes before it is, if that is less. And
        // before too much is to be kept in mind, something is done.
        let merge_first = length >= WRITE_BUFFER_BYTES as u64
            && largest < Some(tag)
            && self.reorder.contains_unordered(mark)
            && out.position() - self.frame().content <= length;
        let full = self.reorder.is_full(mark);
        if merge_first || (full && !self.reorder.is_unordered(mark)) {
            self.merge(out)?;
            return self.begin_element(tag, 0, out);
        }
        if full {
            self.merge_nodes(out)?;
            return self.begin_element(tag, 0, out);
        }
        if last > Some(tag) {
            self.note(RepairKind::OutOfOrder, tag);
            self.begin_run(out)?;
        }
        if self.reorder.is_unordered(mark) {
            if tag.is_group_length() {
                write_group_length(tag.group(), self.target.encoding, out);
            }
        } else {
            self.enter_group(tag, out)?;
        }
        let frame = self.frame_mut();
        frame.has_pixel_data |= tag == Tag::PIXEL_DATA;
        frame.last = Some(tag);
        frame.largest = largest.max(Some(tag));
        Ok(!tag.is_group_length())
    }

    /// Closes the group before an element that is in order, and opens its own.
    fn enter_group(&mut self, tag: Tag, out: &mut Output<'_>) -> Result<(), Error> {
        let number = tag.group();
        if self.frame().group.is_some_and(|group| group.number == number) {
            return Ok(());
        }
        self.close_group(out)?;
        let counted = tag.is_group_length() || self.group_lengths == GroupLengths::Create;
        let length_at = counted.then(|| write_group_length(number, self.target.encoding, out));
        self.frame_mut().group = Some(OpenGroup { number, length_at });
        Ok(())
    }

    fn close_group(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        match self.frame_mut().group.take() {
            Some(group) => close_group(group, out.position(), self.target.encoding, out),
            None => Ok(()),
        }
    }

    /// The order of the innermost item breaks here.
    fn begin_run(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let Frame { mark, content, .. } = *self.frame();
        let layout = self.layout();
        let Encoder { frames, reorder, repairs, received, .. } = self;
        let mut on_duplicate = |tag| note(repairs, RepairKind::Duplicate, *received, frames, tag);
        reorder.begin_run(mark, content, layout, &mut on_duplicate, out)?;
        self.frame_mut().group = None;
        Ok(())
    }

    /// Puts the elements of all that is complete within the innermost item in order.
    fn merge_nodes(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let mark = self.frame().mark;
        let layout = self.layout();
        let Encoder { frames, reorder, repairs, received, .. } = self;
        let mut on_duplicate = |tag| note(repairs, RepairKind::Duplicate, *received, frames, tag);
        let last = reorder.merge_nodes(mark, layout, &mut on_duplicate, out)?;
        self.frame_mut().last = last;
        Ok(())
    }

    /// Puts the elements of the innermost item in order.
    fn merge(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
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

    /// All elements of the innermost item have come. What may follow is padding, which the length of
    /// its own group counts.
    fn complete(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        if self.reorder.contains_unordered(self.frame().mark) {
            self.merge(out)?;
        }
        let padding = Tag::TRAILING_PADDING.group();
        if self.frame().group.is_some_and(|group| group.number != padding) {
            self.close_group(out)?;
        }
        Ok(())
    }

    /// Fills `length` up to a multiple of `padding`, with one element.
    fn pad(&mut self, length: u64, padding: u64, out: &mut Output<'_>) -> Result<(), Error> {
        // Tags higher than that of the padding are illegal, but they come; it goes in front of them.
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

    /// The header of a sequence or item is written, with its length last.
    fn open(&mut self, out: &Output<'_>) {
        let content = out.position();
        let mark = self.reorder.mark();
        self.frames.push(Frame { length_at: content - 4, content, mark, ..Frame::default() });
    }

    /// Tells the length of the innermost sequence or item, or marks its end.
    fn close(&mut self, delimiter: Tag, out: &mut Output<'_>) -> Result<(), Error> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        match u32::try_from(out.position() - frame.content) {
            Ok(length)
                if self.sequence_lengths == SequenceLengths::Explicit
                    && length != UNDEFINED_LENGTH =>
            {
                out.patch(frame.length_at, &self.target.encoding.u32_bytes(length))?;
            }
            _ => element::write_item(out.bytes(), delimiter, 0, self.target.encoding),
        }
        Ok(())
    }

    fn note_odd(&mut self, length: u32, tag: Tag) {
        if length % 2 == 1 {
            self.note(RepairKind::OddLength, tag);
        }
    }

    /// Notes a repair of an element of the innermost item.
    fn note(&mut self, kind: RepairKind, tag: Tag) {
        note(&mut self.repairs, kind, self.received, &self.frames, tag);
    }

    fn frame(&self) -> &Frame {
        // The data set's own frame is never closed.
        &self.frames[self.frames.len() - 1]
    }

    fn frame_mut(&mut self) -> &mut Frame {
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }
}

fn note(repairs: &mut Repairs, kind: RepairKind, received: u64, frames: &[Frame], tag: Tag) {
    repairs.note(kind, received, || TagPath::new(sequences(frames), tag));
}

/// The sequences that are open, each with the number of its item.
fn sequences(frames: &[Frame]) -> impl Iterator<Item = (Tag, u64)> {
    frames.iter().filter_map(|frame| Some((frame.sequence?, frame.items)))
}

/// Everything in a data set has even length, so an odd size can only be met at every other multiple.
fn even_multiple(size: u32) -> u64 {
    u64::from(size) * if size % 2 == 1 { 2 } else { 1 }
}
