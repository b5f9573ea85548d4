//! The implementation for Linux.

use crate::file_system::{EXT4, TMPFS, XFS, device_link, file_system_type};
use crate::limits::{KEEP_ALIVE_IDLE, KEEP_ALIVE_INTERVAL, KEEP_ALIVE_PROBES};
use crate::sync::rustix;
use crate::unix::{Mount, ProcessIdentity};
use ::rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RenameFlags};
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// Creates a file in `folder` without a name (`O_TMPFILE`). It is deleted when it is closed, unless it got one.
///
/// # Errors
/// Those of the operating system.
pub fn create_unnamed(folder: &File, mode: Mode) -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, ".", flags, mode)?.into())
}

/// Gives a file created by [`create_unnamed`] a name.
///
/// # Errors
/// `AlreadyExists` if the name is taken; others of the operating system.
pub fn link_unnamed(file: &File, folder: &File, name: &str) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, descriptor_path(file), folder, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Exchanges two names, each in a folder, in one step (`RENAME_EXCHANGE`).
///
/// # Errors
/// `InvalidInput` or `Unsupported` if the file system does not support it; `NotFound` if one name is free.
pub fn exchange(one: (&File, &str), other: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(one.0, one.1, other.0, other.1, RenameFlags::EXCHANGE)?)
}

/// Renames a file in one step, if the new name is free (`RENAME_NOREPLACE`).
///
/// # Errors
/// `AlreadyExists` if the new name is taken; `InvalidInput` or `Unsupported` if the file system
/// does not support it.
pub fn rename_to_free_name(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)?)
}

/// The identity of this process; `None` if `/proc` does not tell.
#[must_use]
pub fn this_process() -> Option<ProcessIdentity> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    let id = std::process::id();
    let (found, start) = process_start("self")?;
    let space = std::fs::read_link("/proc/self/ns/pid").ok()?;
    let space = space.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()?;
    // Elsewhere, `/proc` is that of another name space of processes.
    (found == id).then_some(ProcessIdentity {
        boot: u64::from_str_radix(&boot, 16).ok()?,
        space,
        id,
        start,
    })
}

/// Whether the process still runs; `None` if that cannot be known here: it ran before the last boot, on another
/// machine or in another PID namespace.
#[must_use]
pub fn is_running(process: &ProcessIdentity) -> Option<bool> {
    let this = this_process()?;
    if (this.boot, this.space) != (process.boot, process.space) {
        return None;
    }
    if let Some((_, start)) = process_start(&process.id.to_string()) {
        return Some(start == process.start);
    }
    // `/proc` may hide the processes of others.
    let id = i32::try_from(process.id).ok().and_then(rustix::process::Pid::from_raw)?;
    Some(rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH))
}

/// Number of a process and when it began, in ticks since the boot.
fn process_start(process: &str) -> Option<(u32, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (head, rest) = status.rsplit_once(')')?;
    let start = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some((head.split_ascii_whitespace().next()?.parse().ok()?, start))
}

/// When the file `name` in `folder` was created, in seconds and nanoseconds; for an empty name, when `folder`
/// itself was, which may be any file. `None` if the file system does not know.
#[must_use]
pub fn creation_time(folder: &File, name: &str) -> Option<(i64, u32)> {
    use rustix::fs::{StatxFlags, statx};
    let flags = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW;
    let found = statx(folder, name, flags, StatxFlags::BTIME).ok()?;
    let time = found.stx_btime;
    (found.stx_mask & StatxFlags::BTIME.bits() != 0).then_some((time.tv_sec, time.tv_nsec))
}

/// All mounts that this process sees.
///
/// # Errors
/// `/proc` cannot be read.
pub fn mounts() -> io::Result<Vec<Mount>> {
    let table = std::fs::read("/proc/self/mountinfo")?;
    Ok(table.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect())
}

/// The ID of the mount that `file` was opened on, see [`Mount::id`]; and, since Linux 6.8, an ID that no other
/// mount ever gets.
///
/// # Errors
/// Neither the kernel nor `/proc` tells.
pub fn mount_of(file: &File) -> io::Result<(u64, Option<u64>)> {
    use rustix::fs::{StatxFlags, statx};
    const MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);
    let asked = |mask: StatxFlags| {
        let found = statx(file, "", AtFlags::EMPTY_PATH, mask).ok()?;
        (found.stx_mask & mask.bits() != 0).then_some(found.stx_mnt_id)
    };
    let unique = asked(MNT_ID_UNIQUE);
    if let Some(id) = asked(StatxFlags::MNT_ID) {
        return Ok((id, unique));
    }
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let id = about.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    let id = id.and_then(|id| id.trim().parse().ok());
    Ok((id.ok_or(io::ErrorKind::Unsupported)?, unique))
}

/// A number that stays the same as long as the file system of `folder` is mounted, and changes when it is
/// unmounted everywhere and mounted again. `None` if nothing tells.
///
/// After that, a deleted file may be back, if the disk failed before the deletion was durable.
#[must_use]
pub fn mount_generation(folder: &File) -> Option<u64> {
    // A folder that the kernel makes when it mounts the file system.
    let made_at_mount = |kind: &str| {
        let device = device_link(folder).ok()?;
        let path = Path::new("/sys/fs").join(kind).join(device.file_name()?);
        Some(rustix::fs::stat(path).ok()?.st_ino)
    };
    match file_system_type(folder) {
        // Nothing of it is left.
        Ok(TMPFS) => Some(0),
        Ok(EXT4) => made_at_mount("ext4"),
        Ok(XFS) => made_at_mount("xfs"),
        _ => None,
    }
    // Each mount has a number that no other one ever has, also one of the same file system.
    .or_else(|| mount_of(folder).ok()?.1)
}

impl Mount {
    /// A line of `/proc/self/mountinfo` (proc(5)).
    fn parse(line: &[u8]) -> Option<Self> {
        use std::os::unix::ffi::OsStringExt;
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let separator = fields.iter().position(|field| *field == b"-")?;
        let number = |field: &[u8]| std::str::from_utf8(field).ok()?.parse().ok();
        let mut what = [fields.get(1)?, fields.get(2)?, fields.get(3)?].map(|field| field.to_vec());
        let source = fields.get(separator + 1..separator + 3)?.concat();
        what[2].extend(source);
        Some(Self {
            id: number(fields.first()?)?,
            point: std::ffi::OsString::from_vec(unescaped(fields.get(4)?)).into(),
            kind: String::from_utf8_lossy(fields.get(separator + 1)?).into_owned(),
            what: what.concat(),
        })
    }
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let octal = behind.get(..3).filter(|_| first == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[3..];
            }
            None => {
                bytes.push(first);
                rest = behind;
            }
        }
    }
    bytes
}

/// Sends the delayed TCP acknowledgement now, and turns delayed acknowledgements off until the kernel turns them
/// on again (`TCP_QUICKACK`, `tcp(7)`).
pub fn acknowledge_now(stream: &TcpStream) {
    // A matter of speed only: a connection that refuses it is about to fail by itself.
    let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
}

/// Ends a connection by a TCP reset, even if other descriptors share it: what was not sent yet is dropped, and
/// the peer's next read or write fails.
pub fn reset_connection(stream: &TcpStream) {
    // As close with SO_LINGER 0, which would wait for the last descriptor (`connect(2)`, AF_UNSPEC).
    let _ = rustix::net::connect_unspec(stream);
}

/// Waits until the peer closes the connection, without reading from it, or this side does; for at most `limit`.
pub fn wait_for_hang_up(stream: &TcpStream, limit: Option<Duration>) {
    let since = Instant::now();
    loop {
        let left = limit.map(|limit| limit.saturating_sub(since.elapsed()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut waited = [PollFd::new(stream, PollFlags::RDHUP)];
        if poll(&mut waited, timeout.as_ref()) != Err(rustix::io::Errno::INTR) {
            return;
        }
    }
}

/// Turns TCP keep-alive on: the kernel probes a silent peer, and ends the connection if it does not respond, as
/// after a loss of power or network.
pub fn detect_lost_peer(stream: &TcpStream) {
    use rustix::net::sockopt;
    // Where a peer cannot be watched, the time-outs of the options remain.
    let _ = sockopt::set_tcp_keepidle(stream, KEEP_ALIVE_IDLE)
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE_INTERVAL))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, KEEP_ALIVE_PROBES))
        .and_then(|()| sockopt::set_socket_keepalive(stream, true));
}

/// Ends all waits for a connection on `listener`, for good: the port is closed. `waiting_threads`, the
/// number of threads that wait at most, matters on other systems only.
pub fn stop_accepting(listener: &TcpListener, waiting_threads: usize) {
    // One call wakes them all.
    let _ = waiting_threads;
    // Fails only if it does not listen any more.
    let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Read);
}

/// Lowers the priority of this thread, and of the processes that it starts, by `niceness`.
pub fn lower_thread_priority(niceness: i32) {
    // The kernel has a value for each thread. A matter of speed only.
    if let Ok(now) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, now + niceness);
    }
}

/// Whether SIGHUP is ignored, as in a process that `nohup` started.
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
    use super::{Mount, is_running, mount_of, mounts};
    use super::{ProcessIdentity, this_process};
    use std::fs::File;
    use std::path::Path;

    #[test]
    fn a_process_is_told_from_others() {
        let this = this_process().unwrap();
        assert_eq!(is_running(&this), Some(true));
        let earlier = ProcessIdentity { start: this.start - 1, ..this };
        assert_eq!(is_running(&earlier), Some(false), "its number is used again");
        let gone = ProcessIdentity { id: 4_194_304 + 1, ..this };
        assert_eq!(is_running(&gone), Some(false));
        assert_eq!(is_running(&ProcessIdentity { boot: this.boot ^ 1, ..this }), None);
        assert_eq!(is_running(&ProcessIdentity { space: this.space + 1, ..this }), None);
    }

    #[test]
    fn mounts_are_read_with_their_points() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402\\134 rw,noatime master:1 - ext3 /dev/root rw";
        let mount = Mount::parse(line).unwrap();
        assert_eq!((mount.id, mount.point.as_path()), (36, Path::new("/mnt 2\\")));
        assert_eq!(mount.kind, "ext3");
        let (proc, _) = mount_of(&File::open("/proc").unwrap()).unwrap();
        let found = mounts().unwrap();
        assert!(found.iter().any(|mount| mount.id == proc && mount.point == Path::new("/proc")));
    }
}
