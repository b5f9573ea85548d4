//! Every bound of the catalogue.

use std::time::Duration;

/// Objects of a [`Batch`](crate::Batch), at most.
pub const BATCH_OBJECTS: usize = 256;

/// How long a statement waits for a lock of another process.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Rows of one answer to a query, at most.
pub const PAGE_ROWS: usize = 1000;

/// Bytes of a text from a data set that are kept, at most.
pub const TEXT_BYTES: usize = 1024;
