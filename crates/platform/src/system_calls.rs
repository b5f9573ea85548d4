//! System calls for which no crate has a safe function: all of the `unsafe` code of the workspace.
#![allow(unsafe_code, reason = "see above")]

use libc::{SYNC_FILE_RANGE_WAIT_AFTER, SYNC_FILE_RANGE_WAIT_BEFORE, SYNC_FILE_RANGE_WRITE};
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
    sync_file_range(file, range, SYNC_FILE_RANGE_WRITE)
}

/// Writes the content of `file` to its disk, and waits until the disk has taken it (`sync_file_range`). What the disk
/// has may still be in its cache, and where it is on the disk, with the length of the file, may be in no journal
/// yet: see [`keeps_order`](crate::keeps_order).
///
/// # Errors
/// Those of the operating system; also one that was met earlier, in writing `file` in the background since it was
/// opened, and that no call on this descriptor has returned yet.
pub fn write_out(file: &File) -> io::Result<()> {
    // All three: only then does the kernel write each page for certain (WB_SYNC_ALL). Length 0: to the end.
    let all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    sync_file_range(file, 0..0, all)
}

fn sync_file_range(file: &File, range: Range<u64>, flags: libc::c_uint) -> io::Result<()> {
    let signed = |value: u64| libc::off64_t::try_from(value).map_err(io::Error::other);
    let (start, length) = (signed(range.start)?, signed(range.end.saturating_sub(range.start))?);
    // SAFETY: it is given numbers only, no memory; the descriptor is open, since `file` is borrowed.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), start, length, flags) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What an XFS file system consists of beside its data device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct XfsSections {
    pub(crate) has_external_log: bool,
    /// A device or a part of one for the data of such files as are marked for it.
    pub(crate) has_realtime: bool,
}

/// For the XFS file system of `folder` (`XFS_IOC_FSGEOMETRY_V1`).
///
/// # Errors
/// Those of the operating system.
pub(crate) fn xfs_sections(folder: &File) -> io::Result<XfsSections> {
    use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
    // `struct xfs_fsop_geom_v1`: eight numbers of 32 bits, datablocks, rtblocks, rtextents, logstart, and what
    // does not matter here.
    type Geometry = [u64; 14];
    const GET_GEOMETRY: Opcode = opcode::read::<Geometry>(b'X', 100);
    let mut geometry: Geometry = [0; 14];
    // SAFETY: the number of the call contains the size of what the kernel writes, which is that of `geometry`.
    unsafe { ioctl(folder, Updater::<GET_GEOMETRY, Geometry>::new(&mut geometry)) }?;
    let [_, _, _, _, data_blocks, realtime_blocks, _, log_start, ..] = geometry;
    if data_blocks == 0 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // A log in the data section never begins at block 0, where the superblock is.
    Ok(XfsSections { has_external_log: log_start == 0, has_realtime: realtime_blocks != 0 })
}
