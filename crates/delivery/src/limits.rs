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

/// Objects that a session of kind `dicom` takes at a time.
pub const DICOM_BATCH: usize = 32;

/// Failures in a row, of objects of a session of kind `dicom`, after which the destination as a whole pauses.
pub const DICOM_STRIKES: u32 = 3;

/// How long an association may take to be released.
pub const DICOM_RELEASE: Duration = Duration::from_secs(2);

/// How long what is under way on an association may still take once the outbox stops.
pub const DICOM_STOP: Duration = Duration::from_secs(3);

/// Bytes of a data set in another transfer syntax that are kept in memory; a longer one is in a file without a name until
/// it is sent.
pub const REENCODED_BYTES: usize = 1024 * 1024;
