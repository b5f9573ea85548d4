//! Every bound of what is kept in memory for the catalogue.

use std::time::Duration;

/// Objects that wait in memory to be taken in. Past them, reception waits; or, while the catalogue is unavailable, their
/// intents are read from the directory later.
pub const WAITING_OBJECTS: usize = 8192;

/// A transaction is made after so long, or after [`BATCH_OBJECTS`](catalog::limits::BATCH_OBJECTS).
pub const BATCH_TIME: Duration = Duration::from_millis(20);

/// Time without objects of a study after which it has ended, unless the settings say another.
pub const QUIET: Duration = Duration::from_secs(60);

/// Bytes that verification reads in a second at most, unless the settings say another number: a TiB in 18 hours.
pub const VERIFY_BYTES_PER_SECOND: u64 = 16 << 20;
