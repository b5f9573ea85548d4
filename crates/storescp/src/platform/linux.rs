//! The Linux ways.

use super::LateNames;
use crate::limits::{KEEP_ALIVE_IDLE, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_PROBES};
use crate::sync::rustix;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;

/// Whether `folder`'s file system makes files without a name, and lets them be named later (which
/// goes through `/proc`).
#[must_use]
pub fn has_unnamed_files(folder: &File) -> bool {
    create_unnamed(folder, Mode::RUSR).is_ok_and(|file| {
        let path = descriptor_path(&file);
        let exists = rustix::fs::Access::EXISTS;
        rustix::fs::accessat(CWD, path, exists, AtFlags::empty()).is_ok()
    })
}

/// Which sync brings the name of a file to disk that had none, on `folder`'s file system: one of the folder
/// where the folder and the inodes of what is named in it are known to be logged as one.
///
/// How many names a file has stands in its inode, not in the folder. A file whose inode says none comes
/// back from a power loss as a deleted one, whatever the folder says.
#[must_use]
pub fn late_names(folder: &File) -> LateNames {
    const EXT4: u64 = 0xEF53; // ext2 and ext3 too
    const XFS: u64 = 0x5846_5342;
    const TMPFS: u64 = 0x0102_1994;
    match rustix::fs::fstatfs(folder).map(|status| status.f_type as u64) {
        Ok(EXT4) if !has_journal(folder).unwrap_or(false) => LateNames::WithFile,
        Ok(EXT4 | XFS | TMPFS) => LateNames::WithFolder,
        _ => LateNames::Unknown,
    }
}

/// Whether `folder`'s file system may take a write and tell only when the file is synced or closed that
/// there was no room for it: what a network file system writes behind, to a server that has the say.
#[must_use]
pub fn tells_of_writes_late(folder: &File) -> bool {
    const NFS: u32 = 0x6969;
    const SMB: [u32; 3] = [0x517B, 0xFF53_4D42, 0xFE53_4D42];
    const FUSE: u32 = 0x6573_5546;
    const CEPH: u32 = 0x00C3_6400;
    const NINE_P: u32 = 0x0102_1997;
    const AFS: [u32; 2] = [0x5346_414F, 0x6B41_4653];
    #[allow(clippy::cast_possible_truncation, reason = "it has 32 bits")]
    let kind = rustix::fs::fstatfs(folder).map(|status| status.f_type as u32);
    kind.is_ok_and(|kind| {
        [NFS, FUSE, CEPH, NINE_P].contains(&kind) || SMB.contains(&kind) || AFS.contains(&kind)
    })
}

/// Whether the kernel runs a journal for the ext4 file system that `folder` is in.
fn has_journal(folder: &File) -> io::Result<bool> {
    let device = rustix::fs::fstat(folder)?.st_dev;
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let device = std::fs::read_link(Path::new("/sys/dev/block").join(number))?;
    let name = device.file_name().and_then(OsStr::to_str).unwrap_or_default();
    for entry in std::fs::read_dir("/proc/fs/jbd2")? {
        if entry?.file_name().to_str().is_some_and(|entry| is_journal_of(entry, name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Journals are listed by their device's name and the number of their inode.
fn is_journal_of(entry: &str, device: &str) -> bool {
    entry.rsplit_once('-').is_some_and(|(name, inode)| {
        name == device && !inode.is_empty() && inode.bytes().all(|byte| byte.is_ascii_digit())
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

/// Swaps what two names stand for, each in a folder, in one step.
///
/// # Errors
/// `InvalidInput` or `Unsupported` where the file system cannot; `NotFound` if one name is free.
pub fn exchange(one: (&File, &str), other: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(one.0, one.1, other.0, other.1, RenameFlags::EXCHANGE)?)
}

/// Renames a file, unless something has the new name.
///
/// # Errors
/// `AlreadyExists` if something has it, which stays; whatever else the operating system says.
pub fn rename_to_free_name(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        // The file system cannot do it in one step.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => super::link_and_unlink(from, to),
        result => Ok(result?),
    }
}

/// Sends the acknowledgement that the kernel holds back in the hope of data to carry it, and turns
/// that holding back off until the kernel turns it on again (which it does on its own: `tcp(7)`).
pub fn acknowledge_now(stream: &TcpStream) {
    // A matter of speed only: a connection that refuses it is about to fail by itself.
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

/// Has the kernel ask a silent peer whether it is still there, and end the connection if nothing comes
/// back: a peer that lost its power or its network says no word.
pub fn watch_for_loss(stream: &TcpStream) {
    use rustix::net::sockopt;
    // Where a peer cannot be watched, the time-outs of the options remain.
    let _ = sockopt::set_tcp_keepidle(stream, KEEP_ALIVE_IDLE)
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE_INTERVAL))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_PROBES))
        .and_then(|()| sockopt::set_socket_keepalive(stream, true));
}

/// Ends every wait for a connection on `listener`, for good: the port is closed.
pub fn stop_accepting(listener: &TcpListener) {
    // Fails only if it does not listen any more.
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Read);
}

/// Lets this thread, and the processes that it starts, step back by `niceness` behind others.
pub fn lower_thread_priority(niceness: i32) {
    // The kernel has a value for each thread. A matter of speed only.
    if let Ok(now) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, now + niceness);
    }
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

/// Whether the process was started to ignore SIGHUP, as `nohup` does.
#[must_use]
pub fn ignores_hang_up() -> bool {
    const SIGHUP_BIT: u64 = 1;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & SIGHUP_BIT != 0)
}

fn descriptor_path(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::{LateNames, is_journal_of, late_names};
    use std::fs::File;

    #[test]
    fn of_late_names_nothing_is_taken_for_granted() {
        let of = |path| late_names(&File::open(path).unwrap());
        assert_eq!(of("/dev/shm"), LateNames::WithFolder);
        assert_eq!(of("/proc"), LateNames::Unknown);
    }

    #[test]
    fn a_journal_belongs_to_the_device_it_is_named_after() {
        assert!(is_journal_of("vda1-8", "vda1"));
        assert!(is_journal_of("dm-0-8", "dm-0"));
        for other in ["vda-8", "vda11-8", "vda1", "vda1-", "vda1-x"] {
            assert!(!is_journal_of(other, "vda1"), "{other}");
        }
    }
}
