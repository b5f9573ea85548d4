//! What the other crates need of the operating system and the standard library does not offer.
//!
//! # The operating system
//!
//! Each function has an implementation for Linux and one for other Unix systems (`linux` and `portable`, with
//! their common types in `unix`). Callers do not ask which one they have: what a system cannot do is reported
//! as `Unsupported`, or as not known, and the caller takes the slower or the more careful way.
//!
//! | | Linux | elsewhere |
//! |---|---|---|
//! | files without a name | `O_TMPFILE`, named by `linkat`, if the file system makes the name durable | not supported: the crate `storage` uses temporary names |
//! | exchanging two names | `renameat2(RENAME_EXCHANGE)` | not supported: the older file is kept under a second name |
//! | renaming only if the new name is free | `renameat2(RENAME_NOREPLACE)` | not supported: `link`, then `unlink` |
//! | telling a process from others | boot ID, process ID, start time and PID namespace, from `/proc` | not known: locks alone decide |
//! | creation time of a file | `statx` | not known |
//! | whether a file system was remounted | `/sys/fs`, `statx` | not known: it may have been |
//! | telling mounts apart | `statx`, `/proc/self/mountinfo` | not known: a lost mount is not noticed |
//! | the kind of journal of a file system | `/proc/fs/ext4`, `/proc/fs/jbd2` | not known |
//! | whether a log was lost before a sync that succeeds | `fstat`, `fremovexattr` | not known |
//! | how long an extended attribute is that costs no block | by the type of the file system | 64 bytes |
//! | whether write errors may be reported late | by the type of the file system | they may |
//! | sending an acknowledgement at once | `TCP_QUICKACK` | nothing: the system delays it |
//! | starting to write a file to disk before its sync | `sync_file_range` | nothing: the sync writes everything |
//! | writing a file to disk without a commit of its journal | `sync_file_range`, where the log keeps the order | not supported |
//! | detecting a lost peer | TCP keep-alive, within two minutes | TCP keep-alive, by the system's defaults |
//! | ending all waits for connections | `shutdown` of the listening socket | one connection to it for each waiting thread |
//! | whether SIGHUP is ignored | `/proc/self/status` | not known: it is not |
//! | lowering the priority of a thread | its nice value | nothing |
//! | how many more threads and bytes are available | limits, control groups, `/proc` | not known: no limit |
//!
//! The only `unsafe` code of the workspace is in `system_calls`.
//!
//! # Threads
//!
//! - [`sync`]: locks, atomics, threads and the clock. With the feature `explore` they are those of an explorer,
//!   which runs the threads of a test in one order after another.
//! - `exploration`: runs the explorer (feature `explore`).
//! - [`permits`]: a counter with an upper bound.
//!
//! # People
//!
//! - [`ask_for_secret`], [`read_secret`]: passwords that somebody types, or that a pipe brings.
//!
//! # Tests
//!
//! - `testing`: a directory for each test (feature `testing`).

#[cfg(feature = "explore")]
pub mod exploration;
#[cfg(target_os = "linux")]
mod ext4;
#[cfg(target_os = "linux")]
mod file_system;
pub mod limits;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod order;
pub mod permits;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "linux")]
mod resources;
mod secret;
pub mod sync;
#[cfg(target_os = "linux")]
mod system_calls;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod unix;

#[cfg(target_os = "linux")]
pub use ext4::journal;
#[cfg(target_os = "linux")]
pub use file_system::{
    attribute_bytes, check_log, hides_a_lost_log, link_durability, may_not_check_log,
    reports_write_errors_late,
};
#[cfg(target_os = "linux")]
pub use linux::{
    acknowledge_now, create_unnamed, creation_time, detect_lost_peer, exchange, ignores_hang_up,
    is_running, link_unnamed, lower_thread_priority, mount_generation, mount_of, mounts,
    rename_to_free_name, reset_connection, stop_accepting, this_process, wait_for_hang_up,
};
#[cfg(target_os = "linux")]
pub use order::keeps_order;
#[cfg(target_os = "linux")]
pub use resources::{memory_left, threads_left};
#[cfg(target_os = "linux")]
pub use system_calls::{begin_write_back, write_out};

#[cfg(not(target_os = "linux"))]
pub use portable::{
    acknowledge_now, attribute_bytes, begin_write_back, check_log, create_unnamed, creation_time,
    detect_lost_peer, exchange, hides_a_lost_log, ignores_hang_up, is_running, journal,
    keeps_order, link_durability, link_unnamed, lower_thread_priority, may_not_check_log,
    memory_left, mount_generation, mount_of, mounts, rename_to_free_name,
    reports_write_errors_late, reset_connection, stop_accepting, this_process, threads_left,
    wait_for_hang_up, write_out,
};

pub use secret::{ask_for_secret, read_secret};
pub use unix::{Journal, LinkDurability, Mount, ProcessIdentity, link, read_at_most, reason};
