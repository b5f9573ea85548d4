//! Which VR an element has, when the encoding does not say, or says something odd.
//!
//! The standard leaves a few attributes open: `US or SS`, `OB or OW` (PS3.6 §6). What decides may be
//! an earlier element of the same item, which is all that a receiver of a stream has seen. The
//! choices are those of DCMTK, so that archives stay consistent.

use crate::dictionary::EntryVr;
use crate::{Tag, Vr};

/// What earlier elements of the same item say about later ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// Pixel Representation (0028,0103).
    pixel_representation: Option<u16>,
    /// Waveform Bits Allocated (5400,1004).
    waveform_bits_allocated: Option<u16>,
}

const PIXEL_REPRESENTATION: Tag = Tag(0x0028, 0x0103);
const WAVEFORM_BITS_ALLOCATED: Tag = Tag(0x5400, 0x1004);

impl Context {
    /// Whether the value of this element decides about later ones.
    pub(crate) fn wants(tag: Tag) -> bool {
        matches!(tag, PIXEL_REPRESENTATION | WAVEFORM_BITS_ALLOCATED)
    }

    /// Takes note of the value of an element that is wanted; the first of two counts.
    pub(crate) fn note(&mut self, tag: Tag, value: u16) {
        match tag {
            PIXEL_REPRESENTATION => self.pixel_representation.get_or_insert(value),
            WAVEFORM_BITS_ALLOCATED => self.waveform_bits_allocated.get_or_insert(value),
            _ => return,
        };
    }

    /// The VR that the dictionary entry stands for, at this place.
    pub(crate) fn settle(&self, tag: Tag, entry: EntryVr) -> Vr {
        match entry {
            EntryVr::Exact(vr) => vr,
            EntryVr::Xs if self.pixel_representation == Some(1) && follows_pixels(tag) => Vr::SS,
            EntryVr::Xs => Vr::US,
            EntryVr::Ox => self.bytes_or_words(tag),
            EntryVr::Px | EntryVr::Lt => Vr::OW,
            EntryVr::Up => Vr::UL,
            EntryVr::Na => Vr::UN,
        }
    }

    fn bytes_or_words(&self, tag: Tag) -> Vr {
        match (tag.group(), tag.element()) {
            (0x6000..=0x60FF, 0x3000) | (0x7FE0, 0x0010) => Vr::OW,
            // Channel Minimum and Maximum Value, Waveform Padding Value, Waveform Data.
            (0x5400, 0x0110 | 0x0112 | 0x100A | 0x1010) => match self.waveform_bits_allocated {
                None | Some(8) => Vr::OB,
                Some(_) => Vr::OW,
            },
            _ => Vr::OB,
        }
    }
}

/// Of the attributes that are `US or SS`, those that follow Pixel Representation: smallest and
/// largest values, paddings, and the same in parametric maps and histograms.
fn follows_pixels(tag: Tag) -> bool {
    matches!(
        (tag.group(), tag.element()),
        (0x0028, 0x0106..=0x0109 | 0x0120 | 0x0121 | 0x3002)
            | (0x0018, 0x9810)
            | (0x0060, 0x3004 | 0x3006)
            | (0x0040, 0x9211 | 0x9216)
    )
}

/// What two bytes in the place of a VR mean; `None` if no element can have it. Toolkits are known to
/// write their own names for ambiguous VRs; all else that is not standard is unknown.
pub(crate) fn explicit(tag: Tag, code: [u8; 2]) -> Option<EntryVr> {
    Some(match Vr::from_code(code) {
        Some(vr) => EntryVr::Exact(vr),
        None => match &code {
            b"ox" => EntryVr::Ox,
            b"xs" => EntryVr::Xs,
            b"lt" => EntryVr::Lt,
            b"px" => EntryVr::Px,
            b"up" => EntryVr::Up,
            b"OX" if tag == Tag::PIXEL_DATA => EntryVr::Px,
            b"na" | b"pi" => return None,
            _ => EntryVr::Exact(Vr::UN),
        },
    })
}
