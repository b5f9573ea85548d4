//! Every bound of what is kept in memory for the catalogue.

use std::time::Duration;

/// Objects that wait in memory to be taken in. Past them, reception waits; or, while the catalogue is unavailable, their
/// intents are read from the directory later.
pub const WAITING_OBJECTS: usize = 8192;

/// Bytes that they take, estimated, whichever is reached first.
pub const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Events about neither an object nor a study that wait to be taken in; more are dropped and counted.
pub const WAITING_EVENTS: usize = 4096;

/// Events in one transaction.
pub const BATCH_EVENTS: usize = 256;

/// A transaction is made after so long, or after [`BATCH_OBJECTS`](catalog::limits::BATCH_OBJECTS).
pub const BATCH_TIME: Duration = Duration::from_millis(20);

/// What was taken in is made durable after so long,
pub const DURABLE_TIME: Duration = Duration::from_secs(1);
/// or after so many objects.
pub const DURABLE_OBJECTS: usize = 4096;

/// A transaction that takes longer is no reason for reception to wait: the catalogue counts as unavailable.
pub const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The pause after the catalogue was unavailable, doubled each time
pub const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// up to this.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Intents that are read in one go after a crash, the oldest first; for more, the folder is listed again.
pub const RECOVERED_INTENTS: usize = 16 * 1024;

/// Intents that cannot be taken in, and are not tried again until the next start.
pub const UNREADABLE_INTENTS: usize = 4096;

/// Files whose digests are still to be taken; of more, verification takes them later.
pub const WAITING_DIGESTS: usize = 16 * 1024;

/// Bytes of file meta information that are read.
pub const FILE_META_BYTES: usize = 16 * 1024;

/// Bytes of a file that are read at a time.
pub const READ_BYTES: usize = 16 * 1024;

/// Folders in folders that are entered.
pub const FOLDER_LEVELS: usize = 32;

/// Niceness of what is done in the background, relative to receiving.
pub const BACKGROUND_NICENESS: i32 = 19;

/// Studies that are ended in one transaction.
pub const ENDED_STUDIES: usize = 256;

/// The longest time between two looks for studies that have ended, and at the clock.
pub const STUDY_INTERVAL: Duration = Duration::from_secs(5);

/// The pause as long as what came before is not in the catalogue.
pub const BEHIND_PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked for files that are kept no longer, and for what else is to be done in the background.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(60);

/// How often associations and refusals of long ago, or too many of them, are forgotten,
pub const FORGET_INTERVAL: Duration = Duration::from_secs(60);
/// which ended before so long,
pub const HISTORY_TIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// so many at a time.
pub const HISTORY_ROWS: usize = 500;

/// A rebuild says how far it is after each so many files.
pub const PROGRESS_FILES: u64 = 100_000;

/// Files that are removed before the disk is looked at again.
pub const REMOVED_FILES: usize = 256;

/// How many differences verification names in the log one by one.
pub const NAMED_DIFFERENCES: usize = 100;

/// Bytes that a file counts for at least where verification is bounded by a rate: opening it costs something too.
pub const FILE_COST_BYTES: u64 = 4096;

/// Threads: the cataloguer, recovery, the ends of studies, digests, upkeep.
pub const THREADS: usize = 5;

/// Memory of all that, at most.
pub const MEMORY_BYTES: usize = WAITING_BYTES
    + DURABLE_OBJECTS * 512
    + RECOVERED_INTENTS * 512
    + WAITING_DIGESTS * 512
    + WAITING_EVENTS * 4096
    + THREADS * 512 * 1024;

/// Descriptors: the catalogue's, and those of folders and files that are looked at.
pub const DESCRIPTORS: usize = 8 + 2 * FOLDER_LEVELS + 8;

const _: () = assert!(WAITING_OBJECTS >= catalog::limits::BATCH_OBJECTS);
const _: () = assert!(DURABLE_OBJECTS >= catalog::limits::BATCH_OBJECTS);

/// A difference between the clocks from which on the wall clock counts as set; a smaller one is followed.
pub const CLOCK_JUMP: Duration = Duration::from_secs(2);
/// Time without objects of a study after which it has ended, unless the settings say another.
pub const QUIET: Duration = Duration::from_secs(60);

/// Bytes that verification reads in a second at most, unless the settings say another number: a TiB in 18 hours.
pub const VERIFY_BYTES_PER_SECOND: u64 = 16 << 20;

/// Bytes of files whose digests wait for a moment without reception, at most: they are in the page cache still.
pub const DEFERRED_DIGEST_BYTES: u64 = 256 << 20;

/// Bytes that are read at a time for a digest.
pub const DIGEST_READ_BYTES: usize = 32 * 1024;

/// How often it is noted what the wall clock says, by which files are removed.
pub(crate) const CLOCK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// A damaged catalogue is set aside at most once in so long.
pub const REPLACE_INTERVAL: Duration = Duration::from_secs(30);

/// After an end as it should be, the spool is looked through once the program has run for so long: bytes that nobody is owed, or
/// objects that the catalogue does not know, are there only if somebody has put back an older catalogue.
pub const SPOOL_DELAY: Duration = Duration::from_secs(10 * 60);
