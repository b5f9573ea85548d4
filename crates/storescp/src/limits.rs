//! Every bound of commands and of the log; those of receiving are in [`receiver::limits`].

use std::time::Duration;

/// Threads that the program needs beside those that receive: one for signals and one for SIGHUP, one for the
/// log.
pub const PROGRAM_THREADS: usize = 3;

const EXPLORING: bool = cfg!(feature = "explore");

/// How long commands may go on at the end of the server, where associations took the whole grace
/// period.
pub const COMMAND_GRACE: Duration = Duration::from_secs(5);

/// How long a command runs before another one begins beside it, once half of the cores have one.
pub const COMMAND_STAGGER: Duration = Duration::from_millis(20);

/// By how much commands step back behind receiving (`nice(2)`), but for those that are waited for.
pub const COMMAND_NICENESS: i32 = 10;

/// Commands that may wait to be run; while so many wait, the next submitter waits. Some 500
/// bytes each, and a Study Instance UID of up to 1024 bytes.
pub const WAITING_COMMANDS: usize = if EXPLORING { 2 } else { 50_000 };

/// How long commands wait before they are tried again after the system had no process, memory or
/// descriptor for one,
pub const SHORTEST_LACK: Duration = Duration::from_millis(20);
/// and at most, after having waited twice as long each time.
pub const LONGEST_LACK: Duration = Duration::from_secs(1);

/// How often it is told that commands cannot be run.
pub const FAILURES_TOLD: Duration = Duration::from_secs(60);

/// How long the commands that are not run any more are told one by one when the server ends.
pub const NOT_RUN_PATIENCE: Duration = Duration::from_millis(500);

/// So many waiting commands are told of in the log, and twice as many, and so on.
pub const COMMANDS_BEHIND: usize = 100;

/// Bytes of log lines that are waiting to be written to one output; past them, lines are lost unless
/// what waits is being written at [`LOG_PACE_BYTES`]. Held only while they wait.
pub const LOG_BYTES_WAITING: usize = if EXPLORING { 256 } else { 1024 * 1024 };

/// How long whoever logs waits for room among those while less than [`LOG_PACE_BYTES`] are written,
/// before lines are lost.
pub const LOG_PATIENCE: Duration = Duration::from_millis(250);

/// The pace, in bytes for each [`LOG_PATIENCE`], below which an output is not waited for: 256 KiB/s.
pub const LOG_PACE_BYTES: u64 = 64 * 1024;

/// How long one line waits for room at most, however fast others are written.
pub const LOG_LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Log lines are written together up to so many bytes: what a pipe takes whole (`PIPE_BUF`), so that
/// lines do not mix with those of another process.
pub const LOG_WRITE_BYTES: usize = 4096;

/// How long the program waits for its last log lines to be written when it ends,
pub const LAST_LINES_PATIENCE: Duration = Duration::from_secs(2);

/// and how long of that while none is.
pub const LAST_LINES_STANDSTILL: Duration = Duration::from_secs(1);
