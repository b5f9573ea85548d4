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
