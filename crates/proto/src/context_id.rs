//! Presentation context IDs.

use std::fmt;

/// A presentation context ID (PS3.8 §9.3.2.2): one byte.
///
/// The standard allows odd values only; even ones and 0 are tolerated, since peers use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u8);

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
