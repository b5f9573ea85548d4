//! What is wrong with the text of a filter, and where.

/// What is wrong with the text of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterFault {
    /// The byte at which it is wrong: that of a character, or the end.
    pub offset: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// What is wrong at this byte.
pub(super) fn fault(offset: usize, message: impl Into<String>) -> FilterFault {
    FilterFault { offset, message: message.into() }
}
