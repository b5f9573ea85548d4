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
