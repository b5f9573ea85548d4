//! Writes values: copied, byte-swapped, or with their padding removed.

use super::padding::{PaddingRule, Trimmer, trim};
use super::swap::{self, Carry};
use super::write_buffer::Output;
use crate::encoding::element::{self, Encoding};
use crate::encoding::token::Element;
use crate::error::Error;
use crate::tag::Tag;
use crate::vr::Vr;

/// Writes one value at a time, preceded by its header.
#[derive(Debug, Default)]
pub(crate) struct ValueWriter {
    mode: Mode,
    /// Whether an odd number of bytes has been written.
    odd: bool,
    carry: Carry,
    text: TextWriter,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Discarded,
    Copied,
    Swapped {
        unit: usize,
    },
    Text,
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) encoding: Encoding,
    /// Whether Pixel Data is big endian even if everything else is not.
    pub(crate) big_endian_pixel_data: bool,
    /// Whether VRs added after 1993 may be written.
    pub(crate) new_vrs: bool,
}

/// How many bytes of a long value are swapped at a time: they fit the L1 cache.
const SWAP_BYTES: usize = 16 * 1024;

impl ValueWriter {
    /// The next value is omitted.
    pub(crate) fn discard(&mut self) {
        self.mode = Mode::Discarded;
    }

    /// The next value is written unchanged; its header has been written already.
    pub(crate) fn copy(&mut self) {
        self.mode = Mode::Copied;
        self.odd = false;
    }

    /// Whether pieces of the value, all but the last, may be written without [`push`](Self::push).
    pub(crate) fn is_copied(&self) -> bool {
        self.mode == Mode::Copied
    }

    /// Counts `bytes` that were written without [`push`](Self::push).
    pub(crate) fn note_copied(&mut self, bytes: usize) {
        self.odd ^= bytes % 2 == 1;
    }

    /// Writes the header of the element whose value is next. The header of a text value is written
    /// later, when its length without padding is known.
    pub(crate) fn begin(&mut self, element: &Element, target: Target, out: &mut Output<'_>) {
        self.odd = false;
        if element.vr.is_text() {
            self.mode = Mode::Text;
            self.text.begin(element, target);
            return;
        }
        let length = element.length + element.length % 2;
        let vr = target.written_vr(element.tag, element.vr, length);
        element::write(out.bytes(), element.tag, vr, length, target.encoding);
        // Values whose VR is replaced by OB or UN are little endian: a reader could not swap them.
        let big_endian = (target.encoding.big_endian && vr == element.vr)
            || (target.big_endian_pixel_data && element.tag == Tag::PIXEL_DATA);
        let unit = element.vr.swap_unit();
        self.mode = if unit > 1 && big_endian != element.encoding.big_endian {
            self.carry = Carry::default();
            Mode::Swapped { unit }
        } else {
            Mode::Copied
        };
    }

    /// Writes an element with its value.
    pub(crate) fn write(
        &mut self,
        element: &Element,
        value: &[u8],
        target: Target,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        let rule = PaddingRule::of(element.vr);
        if element.vr.is_text()
            && value.len() <= LONGEST_SHORT as usize
            && value.len().is_multiple_of(2)
        {
            write_text(element.tag, element.vr, target, trim(rule, value), out);
            return Ok(());
        }
        self.begin(element, target, out);
        self.push(value, true, out)
    }

    /// Writes the next piece of the value.
    pub(crate) fn push(
        &mut self,
        bytes: &[u8],
        last: bool,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        match self.mode {
            Mode::Discarded => return Ok(()),
            Mode::Text => return self.text.push(bytes, last, out),
            Mode::Copied => out.append(bytes)?,
            Mode::Swapped { unit } => append_swapped(&mut self.carry, bytes, unit, out)?,
        }
        self.note_copied(bytes.len());
        let pad: &[u8] = if last && self.odd { &[0] } else { &[] };
        if last && let Mode::Swapped { unit } = self.mode {
            // Padding is added before swapping, and may complete the last number.
            append_swapped(&mut self.carry, pad, unit, out)?;
            out.bytes().extend_from_slice(self.carry.rest());
        } else {
            out.bytes().extend_from_slice(pad);
        }
        Ok(())
    }
}

fn append_swapped(
    carry: &mut Carry,
    bytes: &[u8],
    unit: usize,
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let (completed, whole) = carry.align(bytes, unit);
    if let Some(completed) = completed {
        swap::append_swapped(out.bytes(), &completed[..unit], unit);
    }
    for piece in whole.chunks(SWAP_BYTES) {
        swap::append_swapped(out.bytes(), piece, unit);
        out.flush_if_full()?;
    }
    Ok(())
}

impl Target {
    /// The VR that is written: `UN` if the length needs its longer field (PS3.5 §6.2.2), and `OB` for
    /// VRs that old readers do not know.
    fn written_vr(self, tag: Tag, vr: Vr, length: u32) -> Vr {
        let too_long = self.encoding.explicit_vr && !vr.has_long_length() && length > LONGEST_SHORT;
        let vr = if too_long { Vr::UN } else { vr };
        if !self.new_vrs && is_new(vr) && tag != Tag::VOI_LUT_SEQUENCE { Vr::OB } else { vr }
    }
}

/// The largest even length that a length field of 16 bits can hold.
const LONGEST_SHORT: u32 = 0xFFFE;

/// Whether the VR was added after 1993.
fn is_new(vr: Vr) -> bool {
    matches!(
        vr,
        Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::SV | Vr::UC | Vr::UN | Vr::UR | Vr::UT | Vr::UV
    )
}

/// Writes text values. Their length without padding is known only at their end.
#[derive(Debug)]
struct TextWriter {
    tag: Tag,
    vr: Vr,
    target: Target,
    trimmer: Trimmer,
    /// Whether the length in the input is odd.
    odd: bool,
    /// The start of the text, until it is known whether it fits a length field of 16 bits.
    gathered: Vec<u8>,
    /// The offset of the length field, and the number of bytes written, once the text is longer.
    streamed: Option<(u64, u64)>,
}

impl Default for TextWriter {
    fn default() -> TextWriter {
        TextWriter {
            tag: Tag::default(),
            vr: Vr::LO,
            target: Target {
                encoding: Encoding::IMPLICIT,
                big_endian_pixel_data: false,
                new_vrs: true,
            },
            trimmer: Trimmer::new(PaddingRule::Text),
            odd: false,
            gathered: Vec::new(),
            streamed: None,
        }
    }
}

impl TextWriter {
    fn begin(&mut self, element: &Element, target: Target) {
        self.tag = element.tag;
        self.vr = element.vr;
        self.target = target;
        self.trimmer = Trimmer::new(PaddingRule::of(element.vr));
        self.odd = element.length % 2 == 1;
        self.gathered.clear();
        self.streamed = None;
    }

    fn push(&mut self, bytes: &[u8], last: bool, out: &mut Output<'_>) -> Result<(), Error> {
        let is_whole = last && self.trimmer.is_fresh() && !self.odd;
        if is_whole && bytes.len() <= LONGEST_SHORT as usize {
            // The usual case: the whole value in one piece.
            self.write(trim(self.trimmer.rule(), bytes), out);
            return Ok(());
        }
        let mut trimmer = std::mem::replace(&mut self.trimmer, Trimmer::new(PaddingRule::Text));
        trimmer.push(bytes, |content| self.append_text(content, out))?;
        if last && self.odd {
            // As in DCMTK, a NUL that makes the length even counts as part of the text.
            trimmer.push(&[0], |content| self.append_text(content, out))?;
        }
        self.trimmer = trimmer;
        if last { self.finish(out) } else { Ok(()) }
    }

    fn append_text(&mut self, content: &[u8], out: &mut Output<'_>) -> Result<(), Error> {
        if self.streamed.is_none() {
            if self.gathered.len() + content.len() <= LONGEST_SHORT as usize {
                self.gathered.extend_from_slice(content);
                return Ok(());
            }
            self.write_header(LONGEST_SHORT + 2, out);
            let length_at = out.position() - 4;
            out.append(&self.gathered)?;
            self.streamed = Some((length_at, self.gathered.len() as u64));
        }
        if let Some((_, written)) = &mut self.streamed {
            *written += content.len() as u64;
        }
        out.append(content)
    }

    fn finish(&mut self, out: &mut Output<'_>) -> Result<(), Error> {
        let Some((length_at, written)) = self.streamed else {
            let gathered = std::mem::take(&mut self.gathered);
            self.write(&gathered, out);
            self.gathered = gathered;
            return Ok(());
        };
        if written % 2 == 1 {
            out.bytes().push(self.trimmer.rule().pad());
        }
        // Not longer than the input, so it fits: a value has at most 2^32 - 2 bytes.
        let length = (written + written % 2).min(u64::from(u32::MAX)) as u32;
        out.patch(length_at, &self.target.encoding.u32_bytes(length))
    }

    fn write(&self, value: &[u8], out: &mut Output<'_>) {
        write_text(self.tag, self.vr, self.target, value, out);
    }

    fn write_header(&self, length: u32, out: &mut Output<'_>) {
        let vr = self.target.written_vr(self.tag, self.vr, length);
        element::write(out.bytes(), self.tag, vr, length, self.target.encoding);
    }
}

/// Writes an element with a text value, which is without padding and short.
fn write_text(tag: Tag, vr: Vr, target: Target, value: &[u8], out: &mut Output<'_>) {
    let length = (value.len() + value.len() % 2) as u32;
    element::write(out.bytes(), tag, target.written_vr(tag, vr, length), length, target.encoding);
    out.bytes().extend_from_slice(value);
    if value.len() % 2 == 1 {
        out.bytes().push(PaddingRule::of(vr).pad());
    }
}
