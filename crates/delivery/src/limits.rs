//! Every bound of the outbox.

use std::time::Duration;

/// The longest pause between two attempts.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The first pause after a failure, doubled each time, up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long a lease lasts; those of long deliveries are renewed.
pub const LEASE: Duration = Duration::from_secs(300);

/// Deliveries that are leased at a time for each destination, at most.
pub const LEASED: usize = 256;

/// Bytes of a reason that are kept.
pub const REASON_BYTES: usize = 500;

/// Longest name of a destination.
pub const DESTINATION_NAME_BYTES: usize = 64;

/// Longest text of a filter.
pub const FILTER_BYTES: usize = 4096;

/// Brackets and `not` that may stand around a condition of a filter: so deep does reading and asking it recurse.
pub const FILTER_DEPTH: usize = 32;

/// Attributes of the data set that a filter may name.
pub const FILTER_ATTRIBUTES: usize = 16;
