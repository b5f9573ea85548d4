//! Places of records in the file of a journal.

/// Where a record is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) length: u32,
}

impl Span {
    pub(super) fn bytes(&self) -> u64 {
        self.length.into()
    }
}
