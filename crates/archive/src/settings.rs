//! The settings of the catalogue, and of how long files are kept.

use crate::CatalogUrl;
use crate::limits::{QUIET, VERIFY_BYTES_PER_SECOND};
use std::time::Duration;

/// The settings of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogSettings {
    /// Where it is.
    pub url: CatalogUrl,
    /// Time without objects of a study, over all associations, after which it has ended.
    pub quiet: Duration,
    /// How often all files are verified; `None` for never.
    pub verify: Option<Every>,
    /// Bytes that verification reads in a second, at most.
    pub verify_bytes_per_second: u64,
}

impl CatalogSettings {
    /// A catalogue at `url`, with all else as it is by default.
    #[must_use]
    pub fn at(url: CatalogUrl) -> Self {
        Self { url, quiet: QUIET, verify: None, verify_bytes_per_second: VERIFY_BYTES_PER_SECOND }
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Once a day.
    Day,
    /// Once a week.
    Week,
    /// Once a month.
    Month,
}

/// How long files are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Keep {
    /// Until somebody else removes them.
    #[default]
    Forever,
    /// Until everything that is owed for them was delivered: they get no final name.
    UntilDelivered,
    /// For so long after they came.
    For {
        /// How long.
        time: Duration,
        /// Also those of which something is owed still.
        even_owed: bool,
    },
    /// Until so much of the disk is used: those that were delivered go first, the oldest of them first.
    Percent {
        /// Of the file system.
        percent: u8,
        /// Also those of which something is owed still.
        even_owed: bool,
    },
}
