//! Entries of a dictionary: ranges of numbers, and VRs.

use crate::vr::Vr;

/// The VR of a dictionary entry, which may depend on other elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryVr {
    /// This VR, always.
    Exact(Vr),
    /// `OB` or `OW`.
    Ox,
    /// `US` or `SS`.
    Xs,
    /// Pixel Data: `OB` or `OW`.
    Px,
    /// Look-up table data: `US`, `SS` or `OW`.
    Lt,
    /// An offset in a directory record: `UL`.
    Up,
    /// Item or delimiter: no VR.
    Na,
}

/// Numbers from `first` to `last`, all or every other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) parity: Parity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parity {
    Even,
    Odd,
    Any,
}

impl Range {
    pub(super) fn contains(self, number: u16) -> bool {
        let fits = match self.parity {
            Parity::Even => number.is_multiple_of(2),
            Parity::Odd => number % 2 == 1,
            Parity::Any => true,
        };
        fits && (self.first..=self.last).contains(&number)
    }

    pub(super) fn lies_within(self, other: Range) -> bool {
        other.first <= self.first && self.last <= other.last
    }
}
