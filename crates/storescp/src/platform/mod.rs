//! What only Linux offers, each with a portable way beside it.
//!
//! | | Linux | elsewhere |
//! |---|---|---|
//! | files without a name | `O_TMPFILE`, named by `linkat`, where the file system makes that safe | a temporary name, see [`crate::storage`] |
//! | swapping two names | `renameat2(RENAME_EXCHANGE)` | not offered: the older file is not kept |
//! | acknowledging at once | `TCP_QUICKACK` | nothing: the system's delayed acknowledgement |
//! | ending a wait for connections | `shutdown` of the listening socket | connecting to it |
//! | how many threads may run | `/proc/sys`, control group | not known: no bound from here |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{
    acknowledge_now, create_unnamed, exchange, has_unnamed_files, link_unnamed, stop_accepting,
    thread_limit,
};

#[cfg(not(target_os = "linux"))]
mod portable;
#[cfg(not(target_os = "linux"))]
pub use portable::{
    acknowledge_now, create_unnamed, exchange, has_unnamed_files, link_unnamed, stop_accepting,
    thread_limit,
};
