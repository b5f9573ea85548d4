//! A system call for which no crate has a safe function: all of the `unsafe` code of the workspace.
#![allow(unsafe_code, reason = "see above")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

/// Has the kernel start to write a range of `file` to disk, without waiting for it (`sync_file_range`). Only a sync
/// makes it durable, and has less to do then.
///
/// # Errors
/// Those of the operating system: the range cannot be written.
pub fn begin_write_back(file: &File, range: Range<u64>) -> io::Result<()> {
    let signed = |value: u64| libc::off64_t::try_from(value).map_err(io::Error::other);
    let (start, length) = (signed(range.start)?, signed(range.end.saturating_sub(range.start))?);
    // SAFETY: it is given numbers only, no memory; the descriptor is open, since `file` is borrowed.
    let result = unsafe {
        libc::sync_file_range(file.as_raw_fd(), start, length, libc::SYNC_FILE_RANGE_WRITE)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
