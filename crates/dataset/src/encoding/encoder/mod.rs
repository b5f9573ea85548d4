//! The encoder: tokens in, encoded elements out.
//!
//! Lengths that are known only at the end of a sequence, an item or a group are written as placeholders
//! and patched there. Elements that are not in ascending order are written in the order of arrival, and
//! sorted when their item ends.
//!
//! | module | what it does |
//! |---|---|
//! | `value` | writes values: copied, byte-swapped, or with their padding removed |
//! | `padding`, `swap` | the steps of that |
//! | `group` | group lengths, and Data Set Trailing Padding |
//! | `order` | decides when elements are sorted, and completes items |
//! | `reorder` | sorts elements that are not in ascending order |
//! | `write_buffer` | gathers short pieces before they go to the sink |

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
use group::{OpenGroup, close_group, write_group_length};
use reorder::{Mark, Reorder};
use value::{Target, ValueWriter};
use write_buffer::Output;

mod group;
mod order;
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
    /// What is known of elements that are not in ascending order.
    reorder: Reorder,
    value: ValueWriter,
    /// Whether the output transfer syntax allows encapsulated Pixel Data.
    encapsulated: bool,
    /// True until the first element.
    is_empty: bool,
    /// The number of open sequences within an element that is omitted.
    skipped_sequences: u32,
    repairs: Repairs,
    /// The offset in the input, for repairs and errors.
    received: u64,
}

/// An open sequence or item, or the data set.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// The offset of its length field.
    length_at: u64,
    /// The offset of its content.
    content: u64,
    /// The tag of the last element.
    last: Option<Tag>,
    /// The largest tag of its elements.
    largest: Option<Tag>,
    /// The open group, unless elements are out of order.
    group: Option<OpenGroup>,
    /// Whether Pixel Data has occurred among its elements.
    has_pixel_data: bool,
    /// Separates its runs and nodes from those of the frames around it.
    mark: Mark,
    /// The tag, if it is a sequence.
    sequence: Option<Tag>,
    /// Of a sequence: the number of items that have begun.
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

    /// Writes a token; if it begins an element, that is `element`. `received` is the offset in the input at its end, or at the end of the header if it is
    /// an element or a fragment.
    pub(crate) fn token(
        &mut self,
        token: &Token<'_>,
        element: &Element,
        received: u64,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        self.received = received;
        match token {
            Token::Element { value } => self.element(element, *value, out),
            Token::Value { bytes, last } => self.value.push(bytes, *last, out),
            Token::Sequence => self.sequence(element, out),
            Token::Item => {
                self.item(out);
                Ok(())
            }
            Token::ItemEnd => self.item_end(out),
            Token::SequenceEnd => self.sequence_end(out),
            Token::PixelSequence => self.pixel_sequence(element, out),
            Token::Fragment { length, value } => self.fragment(*length, *value, out),
            Token::PixelSequenceEnd => {
                self.pixel_sequence_end(out);
                Ok(())
            }
            Token::End => Ok(()),
        }
    }

    /// What was repaired while writing.
    pub(crate) fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// Whether the current value is written unchanged, so that all of its pieces but the last may be
    /// written with [`copy`](Self::copy).
    pub(crate) fn copies(&self) -> bool {
        self.value.is_copied()
    }

    /// Writes pieces of the current value unchanged.
    pub(crate) fn copy(
        &mut self,
        pieces: &[IoSlice<'_>],
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        self.value.note_copied(pieces.iter().map(|piece| piece.len()).sum());
        out.append_slices(pieces)
    }

    /// Ends the data set: closes what is open, and pads the file, which has `preceding` bytes before
    /// the data set, to a multiple of `padding`.
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

    fn element(
        &mut self,
        element: &Element,
        value: Option<&[u8]>,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if !self.begin_element(element.tag, u64::from(element.length), out)? {
            self.value.discard();
            return Ok(());
        }
        self.note_odd(element.length, element.tag);
        match value {
            Some(value) => self.value.write(element, value, self.target, out),
            None => {
                self.value.begin(element, self.target, out);
                Ok(())
            }
        }
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
        // The length is not known yet; most are long.
        let length = if self.frames.len() == 1 { u64::MAX } else { 0 };
        if !self.begin_element(element.tag, length, out)? {
            self.skipped_sequences += 1;
            return Ok(());
        }
        // Implicit VR cannot encode fragments, not even within a sequence of VR UN.
        if !self.encapsulated || !element.encoding.explicit_vr {
            let path = TagPath::new(sequences(&self.frames), element.tag);
            let fault = Fault::EncapsulatedPixelData;
            return Err(Error::Malformed { fault, offset: self.received, path });
        }
        element::write(out.bytes(), element.tag, Vr::OB, UNDEFINED_LENGTH, self.target.encoding);
        Ok(())
    }

    fn fragment(
        &mut self,
        length: u32,
        value: Option<&[u8]>,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        if self.skipped_sequences > 0 {
            self.value.discard();
            return Ok(());
        }
        self.note_odd(length, Tag::PIXEL_DATA);
        element::write_item(out.bytes(), Tag::ITEM, length + length % 2, self.target.encoding);
        self.value.copy();
        value.map_or(Ok(()), |value| self.value.push(value, true, out))
    }

    fn pixel_sequence_end(&mut self, out: &mut Output<'_>) {
        if self.skipped_sequences > 0 {
            self.skipped_sequences -= 1;
            return;
        }
        element::write_item(out.bytes(), Tag::SEQUENCE_DELIMITATION, 0, self.target.encoding);
    }

    /// Prepares for an element: closes and opens groups, and starts a run if it is out of order. False
    /// if it is not to be written: it is unwanted, a duplicate, or a group length, which is computed
    /// anew.
    #[inline]
    fn begin_element(
        &mut self,
        tag: Tag,
        length: u64,
        out: &mut Output<'_>,
    ) -> Result<bool, Error> {
        self.is_empty = false;
        if self.is_usual(tag) {
            out.flush_if_full()?;
            self.enter_group(tag, out)?;
            let frame = self.frame_mut();
            frame.last = Some(tag);
            frame.largest = Some(tag);
            return Ok(true);
        }
        self.begin_unusual_element(tag, length, out)
    }

    fn begin_unusual_element(
        &mut self,
        tag: Tag,
        length: u64,
        out: &mut Output<'_>,
    ) -> Result<bool, Error> {
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
        // The first of two counts.
        if last == Some(tag) || (tag == Tag::PIXEL_DATA && self.frame().has_pixel_data) {
            self.note(RepairKind::Duplicate, tag);
            return Ok(false);
        }
        // Sorting moves what was written of the item. If a long value stays at the end, sorting before it
        // leaves it where it is. Nodes are merged early, too, when there are too many.
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

    /// Whether nothing is special about an element: it is to be written, and the elements of its item so
    /// far are in ascending order, and so is this one.
    #[inline]
    fn is_usual(&self, tag: Tag) -> bool {
        let frame = self.frame();
        self.skipped_sequences == 0
            && (0x0008..Tag::PIXEL_DATA.group()).contains(&tag.group())
            && !tag.is_group_length()
            && frame.largest < Some(tag)
            && !self.reorder.contains_unordered(frame.mark)
    }

    /// Makes the group of an element in ascending order the open one.
    #[inline]
    fn enter_group(&mut self, tag: Tag, out: &mut Output<'_>) -> Result<(), Error> {
        if self.frame().group.is_some_and(|group| group.number == tag.group()) {
            return Ok(());
        }
        self.open_group(tag, out)
    }

    fn open_group(&mut self, tag: Tag, out: &mut Output<'_>) -> Result<(), Error> {
        let number = tag.group();
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

    /// Opens a sequence or item whose header, with the length field last, has just been written.
    fn open(&mut self, out: &Output<'_>) {
        let content = out.position();
        let mark = self.reorder.mark();
        self.frames.push(Frame { length_at: content - 4, content, mark, ..Frame::default() });
    }

    /// Closes the innermost sequence or item: patches its length, or writes a delimiter.
    fn close(&mut self, delimiter: Tag, out: &mut Output<'_>) -> Result<(), Error> {
        let &Frame { length_at, content, .. } = self.frame();
        self.frames.pop();
        match u32::try_from(out.position() - content) {
            Ok(length)
                if self.sequence_lengths == SequenceLengths::Explicit
                    && length != UNDEFINED_LENGTH =>
            {
                out.patch(length_at, &self.target.encoding.u32_bytes(length))?;
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

/// The open sequences, each with the number of its current item.
fn sequences(frames: &[Frame]) -> impl Iterator<Item = (Tag, u64)> {
    frames.iter().filter_map(|frame| Some((frame.sequence?, frame.items)))
}

/// The smallest even multiple of `size`, since everything in a data set has even length.
fn even_multiple(size: u32) -> u64 {
    u64::from(size) * if size % 2 == 1 { 2 } else { 1 }
}
