//! Values on their way to the output: copied, swapped, or cut at the end.

use super::padding::{PaddingRule, Trimmer, trim};
use super::swap::{self, Carry};
use super::write_buffer::Output;
use crate::encoding::element::{self, Encoding};
use crate::encoding::token::Element;
use crate::error::Error;
use crate::tag::Tag;
use crate::vr::Vr;

/// Writes one value at a time, with the header in front of it.
#[derive(Debug, Default)]
pub(crate) struct ValueWriter {
    mode: Mode,
    /// Whether an odd number of bytes was written.
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

/// How values are to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) encoding: Encoding,
    /// Whether Pixel Data is big endian, whatever the rest is.
    pub(crate) big_endian_pixel_data: bool,
    /// Whether VRs that came after 1993 may be written.
    pub(crate) new_vrs: bool,
}

/// How much of a long value is swapped at a time: it stays in the nearest cache.
const SWAP_BYTES: usize = 16 * 1024;

impl ValueWriter {
    /// The value that follows is left out.
    pub(crate) fn discard(&mut self) {
        self.mode = Mode::Discarded;
    }

    /// The value that follows is written as it comes; its header is written already.
    pub(crate) fn copy(&mut self) {
        self.mode = Mode::Copied;
        self.odd = false;
    }

    /// Whether pieces of the value may go around [`push`](Self::push), all but the last.
    pub(crate) fn is_copied(&self) -> bool {
        self.mode == Mode::Copied
    }

    /// Takes note of `bytes` that went around.
    pub(crate) fn note_copied(&mut self, bytes: usize) {
        self.odd ^= bytes % 2 == 1;
    }

    /// Writes the header of an element whose value follows. That of a text is written later, with
    /// the length that is left of it.
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
        // What is written as plain bytes is little endian: whoever reads it knows no more than that.
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

    /// Takes the next piece.
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
            // The padding comes before the swapping, and may complete the last number.
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
    /// The VR to write: `UN` has a longer length field than most (PS3.5 §6.2.2), and `OB` stands in
    /// for those that old readers do not know.
    fn written_vr(self, tag: Tag, vr: Vr, length: u32) -> Vr {
        let too_long = self.encoding.explicit_vr && !vr.has_long_length() && length > LONGEST_SHORT;
        let vr = if too_long { Vr::UN } else { vr };
        if !self.new_vrs && is_new(vr) && tag != Tag::VOI_LUT_SEQUENCE { Vr::OB } else { vr }
    }
}

/// The longest value of even length that a length field of 16 bits can tell.
const LONGEST_SHORT: u32 = 0xFFFE;

/// Whether the VR came after 1993.
fn is_new(vr: Vr) -> bool {
    matches!(
        vr,
        Vr::OD | Vr::OF | Vr::OL | Vr::OV | Vr::SV | Vr::UC | Vr::UN | Vr::UR | Vr::UT | Vr::UV
    )
}

/// Writes texts: their length is known only when their last byte is.
#[derive(Debug)]
struct TextWriter {
    tag: Tag,
    vr: Vr,
    target: Target,
    trimmer: Trimmer,
    /// The length that came is odd.
    odd: bool,
    /// The start of the text, until it is known to fit a length field of 16 bits or not to.
    gathered: Vec<u8>,
    /// Where the length stands and what was written, once `gathered` is too small.
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
        let rule = if element.vr == Vr::UI { PaddingRule::Uid } else { PaddingRule::Text };
        self.tag = element.tag;
        self.vr = element.vr;
        self.target = target;
        self.trimmer = Trimmer::new(rule);
        self.odd = element.length % 2 == 1;
        self.gathered.clear();
        self.streamed = None;
    }

    fn push(&mut self, bytes: &[u8], last: bool, out: &mut Output<'_>) -> Result<(), Error> {
        let is_whole = last && self.trimmer.is_fresh() && !self.odd;
        if is_whole && bytes.len() <= LONGEST_SHORT as usize {
            // Nearly always: the whole value at once.
            self.write(trim(self.trimmer.rule(), bytes), out);
            return Ok(());
        }
        let mut trimmer = std::mem::replace(&mut self.trimmer, Trimmer::new(PaddingRule::Text));
        trimmer.push(bytes, |content| self.append_text(content, out))?;
        if last && self.odd {
            // As DCMTK has it, a NUL that makes the length even counts as part of the text.
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
        // No longer than what came, so it fits; a value of 2^32 - 2 bytes is the longest there is.
        let length = (written + written % 2).min(u64::from(u32::MAX)) as u32;
        out.patch(length_at, &self.target.encoding.u32_bytes(length))
    }

    fn write(&self, value: &[u8], out: &mut Output<'_>) {
        let length = (value.len() + value.len() % 2) as u32;
        self.write_header(length, out);
        out.bytes().extend_from_slice(value);
        if value.len() % 2 == 1 {
            out.bytes().push(self.trimmer.rule().pad());
        }
    }

    fn write_header(&self, length: u32, out: &mut Output<'_>) {
        let vr = self.target.written_vr(self.tag, self.vr, length);
        element::write(out.bytes(), self.tag, vr, length, self.target.encoding);
    }
}
