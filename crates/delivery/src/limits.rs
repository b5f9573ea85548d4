//! Every bound of the outbox.

use std::time::Duration;

/// The longest pause between two attempts.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// The first pause after a failure, doubled each time, up to [`LONGEST_PAUSE`].
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// How long a lease lasts; those of long deliveries are renewed.
pub const LEASE: Duration = Duration::from_secs(120);

/// Deliveries that one question to the catalogue leases, at most.
pub const LEASED: usize = 256;

/// Deliveries of a destination that are in memory at a time, at most: leased, under way, or not settled yet. With some
/// 2 KiB each that is 2 MiB for a destination that is busy, and nothing for one that is not.
pub const OUTSTANDING: usize = 1024;
const _: () = assert!(OUTSTANDING >= 2 * LEASED);

/// The shortest of the longest pauses that can be set: less would be a busy loop.
pub const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Failures in a row, of different deliveries, after which a destination counts as unreachable.
pub const FAILURES_IN_A_ROW: usize = 5;

/// Deliveries that are remembered since the destination failed at them, to find one at which it always does.
pub const SUSPECTS: usize = 64;

/// Outcomes that one transaction settles, at most.
pub const SETTLED: usize = 256;

/// How long an outcome waits for others to be settled with.
pub const SETTLE_TIME: Duration = Duration::from_millis(20);

/// How often what was settled is made durable, so that the spooled bytes may go.
pub const DURABLE_TIME: Duration = Duration::from_secs(1);

/// Objects whose bytes wait to be released, after which that is done without further delay.
pub const RELEASES: usize = 4096;

/// The longest pause before an unavailable catalogue is asked again.
pub const CATALOG_PAUSE: Duration = Duration::from_secs(5);

/// How often the catalogue is asked whether anything is owed, without having been told so.
pub const POLL: Duration = Duration::from_secs(1);

/// How often deliveries that are done are forgotten, and how many at a time at most.
pub const FORGET_TIME: Duration = Duration::from_secs(60);

/// Deliveries that are forgotten in one transaction, at most.
pub const FORGOTTEN: usize = 500;

/// Deliveries that are parked at a time when too much waits.
pub const PARKED_AT_A_TIME: usize = 500;

/// How often a destination's parked deliveries are told in the log.
pub const PARKED_LOG_TIME: Duration = Duration::from_secs(60);

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
/// Longest file of keys or certificates, in bytes.
pub const TLS_FILE_BYTES: usize = 64 * 1024 * 1024;

/// How long a connection to an HTTP server may take, with the look-up of its name and TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Header fields of an HTTP server's answer, at most; together they have at most some 400 KiB.
pub const ANSWER_HEADERS: usize = 100;

/// Bytes of an answer's body that are read. The connection is closed if there are more.
pub const ANSWER_BODY_BYTES: usize = 16 * 1024;

/// Characters of an answer's body that are shown in a reason.
pub const ANSWER_SHOWN: usize = 200;

/// The longest pause that `Retry-After` can ask for.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes of a folder's template, at most.
pub const FOLDER_TEMPLATE_BYTES: usize = 1024;

/// Names of a path in a folder, at most.
pub const FOLDER_LEVELS: usize = 16;

/// Files of other content that may have the same name in a folder; their numbers are at most this.
pub const SAME_NAME_FILES: u32 = 9999;

/// Folders of which a session remembers that their names are durable, at most.
pub const FOLDERS_REMEMBERED: usize = 1024;

/// Bytes that are copied before it is looked at whether to stop.
pub const COPIED_AT_ONCE: u64 = 64 * 1024 * 1024;

/// Bytes of each of two files that are compared at a time.
pub const COMPARED_BYTES: usize = 64 * 1024;

/// Bytes of a line that a worker answers with: a longer one breaks the protocol.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// Bytes of a line of a program's standard error that are logged.
pub const LOG_LINE_BYTES: usize = 1000;

/// Lines of a program's standard error that are logged in [`LOG_LINES_TIME`]; the others are counted.
pub const LOG_LINES: u32 = 100;

/// See [`LOG_LINES`].
pub const LOG_LINES_TIME: Duration = Duration::from_secs(10);

/// Answers in a row about events that a worker does not have: more break the protocol.
pub const STRAY_ANSWERS: u32 = 100;

/// The first pause before a worker that failed is started again, doubled each time, up to [`LONGEST_RESTART_PAUSE`].
pub const FIRST_RESTART_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause before a worker is started again.
pub const LONGEST_RESTART_PAUSE: Duration = Duration::from_secs(60);

/// How long programs may go on with what they do once the outbox stops.
pub const PROGRAM_STOP: Duration = Duration::from_secs(5);

/// How long a worker may take to end by itself once its standard input has ended.
pub const WORKER_END: Duration = Duration::from_secs(2);

/// How long a program has from SIGTERM to SIGKILL.
pub const TERMINATION: Duration = Duration::from_secs(2);

/// How long a worker that has nothing to do is kept.
pub const WORKER_LINGER: Duration = Duration::from_secs(60 * 60);

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
