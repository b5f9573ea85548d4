//! What the other crates need of the operating system and the standard library does not give them.
//!
//! - Functions of Linux, each with a portable one beside it (table below).
//! - [`sync`]: locks, atomics, threads and the clock, which the explorer of thread orders can replace, and
//!   `exploration`, which runs it (feature `explore`).
//! - [`permits`]: a counter with a bound.
//! - `testing`: a directory for each test (feature `testing`).
//!
//! The only `unsafe` code of the workspace is in `write_back`.
//!
//! | | Linux | elsewhere |
//! |---|---|---|
//! | files without a name | `O_TMPFILE`, named by `linkat`, where the file system makes that safe | a temporary name, see the crate `storage` |
//! | swapping two names | `renameat2(RENAME_EXCHANGE)` | not offered: the older file is kept by a second name |
//! | renaming to a free name only | `renameat2(RENAME_NOREPLACE)` | not offered: a second name, then the first one goes |
//! | telling a process from others | boot, number, start, name space, from `/proc` | not known: locks decide alone |
//! | when a file was made | `statx` | not known |
//! | whether a file system was mounted anew | `/sys/fs`, `statx` | not known: it may have been |
//! | telling mounts apart | `statx`, `/proc/self/mountinfo` | not known: a lost mount goes unnoticed |
//! | whether writes fail late | known by the file system | they may |
//! | acknowledging at once | `TCP_QUICKACK` | nothing: the system's delayed acknowledgement |
//! | writing to disk begun ahead of the sync | `sync_file_range` | nothing: the sync does it all |
//! | noticing that a silent peer is gone | TCP keep-alive within two minutes | TCP keep-alive as the system has it |
//! | ending a wait for connections | `shutdown` of the listening socket | connecting to it |
//! | whether SIGHUP is ignored | `/proc/self/status` | not known: it is not |
//! | a thread that steps back | its nice value | nothing |
//! | how many more threads and bytes there may be | `/proc`, control groups | not known: no bound from here |

#[cfg(feature = "explore")]
pub mod exploration;
pub mod limits;
#[cfg(target_os = "linux")]
mod linux;
pub mod permits;
#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(target_os = "linux")]
mod resources;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(target_os = "linux")]
mod write_back;

#[cfg(target_os = "linux")]
pub use linux::{
    acknowledge_now, born, create_unnamed, exchange, ignores_hang_up, is_running, late_names,
    link_unnamed, lower_thread_priority, mount_of, mounted_file_system, mounts,
    rename_to_free_name, stop_accepting, tells_of_writes_late, this_process, watch_for_loss,
};
#[cfg(target_os = "linux")]
pub use resources::{memory_left, threads_left};
#[cfg(target_os = "linux")]
pub use write_back::begin_write_back;

#[cfg(not(target_os = "linux"))]
pub use portable::{
    acknowledge_now, begin_write_back, born, create_unnamed, exchange, ignores_hang_up, is_running,
    late_names, link_unnamed, lower_thread_priority, memory_left, mount_of, mounted_file_system,
    mounts, rename_to_free_name, stop_accepting, tells_of_writes_late, this_process, threads_left,
    watch_for_loss,
};

use rustix::fs::AtFlags;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// Which sync brings the name to disk of a file that was named late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateNames {
    /// One of the folder.
    WithFolder,
    /// One of the file, once it has a name.
    WithFile,
    /// Nobody knows: a file had better be named from the start.
    Unknown,
}

/// Gives a file, or a symbolic link, a second name.
///
/// # Errors
/// `AlreadyExists` if something has it; `PermissionDenied` where the file system has no hard links; whatever
/// else the operating system says.
pub fn link(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?)
}

/// A process, as it can be told from all others of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessMark {
    /// Of this boot of the machine; random.
    pub boot: u64,
    /// The name space that its number is of.
    pub space: u64,
    /// Its number, which is used again after its end.
    pub id: u32,
    /// When it began, in ticks since the boot.
    pub start: u64,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number, which may be used again once it is gone.
    pub id: u64,
    /// Where it is mounted.
    pub point: PathBuf,
    /// What is mounted, and on which other mount: to tell it from others of the same number.
    pub what: Vec<u8>,
}

/// What the operating system said, without the error number that the standard library appends.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
