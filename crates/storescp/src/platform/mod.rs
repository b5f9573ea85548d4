//! What only Linux offers, each with a portable way beside it.
//!
//! | | Linux | elsewhere |
//! |---|---|---|
//! | files without a name | `O_TMPFILE`, named by `linkat`, where the file system makes that safe | a temporary name, see [`crate::storage`] |
//! | swapping two names | `renameat2(RENAME_EXCHANGE)` | not offered: the older file is not kept |
//! | renaming to a free name only | `renameat2(RENAME_NOREPLACE)` | a second name, then the first one goes |
//! | whether writes fail late | known by the file system | they may |
//! | acknowledging at once | `TCP_QUICKACK` | nothing: the system's delayed acknowledgement |
//! | writing to disk begun ahead of the sync | `sync_file_range` | nothing: the sync does it all |
//! | noticing that a silent peer is gone | TCP keep-alive within two minutes | TCP keep-alive as the system has it |
//! | ending a wait for connections | `shutdown` of the listening socket | connecting to it |
//! | whether SIGHUP is ignored | `/proc/self/status` | not known: it is not |
//! | a thread that steps back | its nice value | nothing |
//! | how many more threads and bytes there may be | `/proc`, control groups | not known: no bound from here |

#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod write_back;
#[cfg(target_os = "linux")]
pub use limits::{memory_left, threads_left};
#[cfg(target_os = "linux")]
pub use linux::{
    acknowledge_now, create_unnamed, exchange, has_unnamed_files, ignores_hang_up, late_names,
    link_unnamed, lower_thread_priority, rename_to_free_name, stop_accepting, tells_of_writes_late,
    watch_for_loss,
};
#[cfg(target_os = "linux")]
pub use write_back::begin_write_back;

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub use portable::{
    acknowledge_now, begin_write_back, create_unnamed, exchange, has_unnamed_files,
    ignores_hang_up, late_names, link_unnamed, lower_thread_priority, memory_left,
    rename_to_free_name, stop_accepting, tells_of_writes_late, threads_left, watch_for_loss,
};

use rustix::fs::AtFlags;
use std::fs::File;
use std::io;

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

/// Gives a file a second name, which must be free, and takes the first one away.
fn link_and_unlink(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?;
    Ok(rustix::fs::unlinkat(from.0, from.1, AtFlags::empty())?)
}
