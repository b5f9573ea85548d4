//! The Linux ways.

use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

/// Whether `folder`'s file system makes files without a name, and lets them be named later (which
/// goes through `/proc`).
#[must_use]
pub fn has_unnamed_files(folder: &File) -> bool {
    create_unnamed(folder, Mode::RUSR).is_ok_and(|file| {
        rustix::fs::accessat(
            CWD,
            descriptor_path(&file),
            rustix::fs::Access::EXISTS,
            AtFlags::empty(),
        )
        .is_ok()
    })
}

/// A new file in `folder` that no name shows; it vanishes when closed unless it is linked.
///
/// # Errors
/// Whatever the operating system says.
pub fn create_unnamed(folder: &File, mode: Mode) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, ".", flags, mode)?.into())
}

/// Gives a file made by [`create_unnamed`] its name.
///
/// # Errors
/// `AlreadyExists` if something has the name; whatever else the operating system says.
pub fn link_unnamed(file: &File, folder: &File, name: &str) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, descriptor_path(file), folder, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Swaps what two names of `folder` stand for, in one step.
///
/// # Errors
/// `InvalidInput` or `Unsupported` where the file system cannot; `NotFound` if one name is free.
pub fn exchange(folder: &File, one: &str, other: &str) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE)?)
}

/// Sends the acknowledgement that the kernel holds back in the hope of data to carry it, and turns
/// that holding back off until the kernel turns it on again (which it does on its own: `tcp(7)`).
pub fn acknowledge_now(stream: &TcpStream) {
    // A matter of speed only: a connection that refuses it is about to fail by itself.
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

/// Ends every wait for a connection on `listener`, for good: the port is closed.
pub fn stop_accepting(listener: &TcpListener) {
    // Fails only if it does not listen any more.
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Read);
}

/// How many threads this process may have: the least of what the kernel, the control group and the
/// number of memory mappings (two for each thread) allow.
#[must_use]
pub fn thread_limit() -> Option<usize> {
    let read = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    [
        read("/proc/sys/kernel/threads-max"),
        read("/proc/sys/kernel/pid_max"),
        read("/proc/sys/vm/max_map_count").map(|mappings| mappings / 2),
        read("/sys/fs/cgroup/pids.max"),
    ]
    .into_iter()
    .flatten()
    .min()
}

fn descriptor_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
