//! Limits of commands and of the log; those of receiving are in [`receiver::limits`].

use std::time::Duration;

/// Threads of the program itself, beside those that receive: for SIGTERM and SIGINT, for SIGHUP, for the log.
pub const PROGRAM_THREADS: usize = 3;

const EXPLORING: bool = cfg!(feature = "explore");

/// How long commands may still run at shutdown if associations took the whole grace period.
pub const COMMAND_GRACE: Duration = Duration::from_secs(5);

/// How long a command runs before the next one starts beside it, once half of the cores run one.
pub const COMMAND_STAGGER: Duration = Duration::from_millis(20);

/// Niceness (`nice(2)`) of commands relative to receiving, except those that an association waits for.
pub const COMMAND_NICENESS: i32 = 10;

/// Niceness of looking for temporary files of earlier runs, relative to receiving: where no hidden folder can be
/// made, all names of the output directory are read for that.
pub const RECOVERY_NICENESS: i32 = 10;

/// Commands that may be queued; once there are so many, the next submitter blocks. Each takes about 500
/// bytes, and a Study Instance UID of up to 1024 bytes.
pub const WAITING_COMMANDS: usize = if EXPLORING { 2 } else { 50_000 };

/// Delay before a command is retried for which the system had no process, memory or descriptor,
pub const FIRST_RETRY_DELAY: Duration = Duration::from_millis(20);
/// which doubles up to this.
pub const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Longest settings file, in bytes. Reading it takes up to 60 times as much memory, which is given back.
pub const SETTINGS_BYTES: usize = 4 * 1024 * 1024;

/// Longest file of negotiation profiles, in bytes.
pub const PROFILE_BYTES: usize = 4 * 1024 * 1024;

/// Longest file of a secret, in bytes.
pub const SECRET_BYTES: usize = 4096;

/// Most rules in a settings file.
pub const RULES: usize = 10_000;

/// Most destinations in a settings file.
pub const DESTINATIONS: usize = 1000;

/// Most faults of a settings file that are shown, and likewise warnings.
pub const SETTINGS_FAULTS: usize = 1000;

/// Shortest time between two log lines that commands cannot be run.
pub const FAILURE_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How long the commands that were not run are listed one by one at shutdown.
pub const NOT_RUN_LOG_TIME: Duration = Duration::from_millis(500);

/// Queued commands at which the log warns, and again each time that the number doubles.
pub const QUEUED_COMMANDS_WARNING: usize = 100;

/// Bytes of log lines queued for one output; beyond, lines are dropped unless the queue is being written
/// at [`LOG_PACE_BYTES`]. Held only while lines are queued.
pub const LOG_BYTES_WAITING: usize = if EXPLORING { 256 } else { 1024 * 1024 };

/// How long a thread that logs waits for room in the queue while less than [`LOG_PACE_BYTES`] are
/// written, before lines are dropped.
pub const LOG_PATIENCE: Duration = Duration::from_millis(250);

/// The rate, in bytes for each [`LOG_PATIENCE`], below which nothing waits for an output: 256 KiB/s.
pub const LOG_PACE_BYTES: u64 = 64 * 1024;

/// Longest time that one line waits for room, however fast others are written.
pub const LOG_LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Most bytes of log lines in one write: what a pipe takes whole (`PIPE_BUF`), so that lines do not mix
/// with those of another process.
pub const LOG_WRITE_BYTES: usize = 4096;

/// How long the program waits at exit for its last log lines to be written,
pub const LAST_LINES_PATIENCE: Duration = Duration::from_secs(2);

/// and how long of that while none is written.
pub const LAST_LINES_STANDSTILL: Duration = Duration::from_secs(1);

/// Deliveries that wait for a destination when it is told of no more ends of associations and refusals: peers that nobody
/// knows can cause as many as they like.
pub const EVENTS_OWED: u64 = 100_000;

/// Threads of the outbox, beside those of its sessions.
pub const OUTBOX_THREADS: usize = 2;

/// Descriptors of a session of a destination: a connection or the pipes of a process, and the files that are sent.
pub const SESSION_DESCRIPTORS: usize = 8;

/// Memory of a session: its stack, buffers of a connection with TLS, an object on its way.
pub const SESSION_BYTES: usize = 1024 * 1024;

/// Memory of a destination: its deliveries that are under way, with all that is known of their objects.
pub const DESTINATION_BYTES: usize = delivery::limits::OUTSTANDING * 4096;
