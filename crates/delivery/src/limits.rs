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
