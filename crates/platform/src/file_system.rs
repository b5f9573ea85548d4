//! What kind of file system a folder is in.

use crate::sync::rustix;
use crate::unix::LinkDurability;
use ::rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Also of ext2 and ext3.
pub(crate) const EXT4: u64 = 0xEF53;
pub(crate) const XFS: u64 = 0x5846_5342;
pub(crate) const TMPFS: u64 = 0x0102_1994;

/// The number by which the kernel knows a kind of file system (`statfs(2)`).
pub(crate) fn file_system_type(folder: &File) -> io::Result<u64> {
    Ok(rustix::fs::fstatfs(folder)?.f_type as u64)
}

/// Which sync makes the name durable of a file that was created without one, on `folder`'s file system: that of
/// the folder, if the file system is known to log a folder together with the inodes that get names in it.
///
/// The number of names that a file has is in its inode, not in the folder. A file whose inode on disk has none
/// counts as deleted after a power loss, whatever the folder says.
#[must_use]
pub fn link_durability(folder: &File) -> LinkDurability {
    match file_system_type(folder) {
        Ok(EXT4) if !has_internal_journal(folder).unwrap_or(false) => LinkDurability::WithFileSync,
        Ok(EXT4 | XFS | TMPFS) => LinkDurability::WithFolderSync,
        _ => LinkDurability::Unknown,
    }
}

/// Whether a sync of `folder` may succeed after its file system has lost what it logged: see [`check_log`].
#[must_use]
pub fn hides_a_lost_log(folder: &File) -> bool {
    matches!(file_system_type(folder), Ok(EXT4 | XFS))
}

/// Finds out, after a sync of `folder` has succeeded, whether its file system could not write its log and stopped.
/// If another sync, or the kernel by itself, met that between a change of the folder and its sync, ext4 and XFS have
/// nothing left to write for this one, which succeeds (seen with Linux 6.18). XFS then refuses to tell the status of
/// any file, and ext4 to begin a change: here, to remove an attribute that is not there, which changes nothing.
///
/// On ext4, a process that may not remove attributes of `folder` does not find it out: see [`may_not_check_log`].
///
/// # Errors
/// The file system has lost changes that it logged.
pub fn check_log(folder: &File) -> io::Result<()> {
    rustix::fs::fstat(folder)?;
    match begin_change(folder) {
        Ok(())
        | Err(Errno::NODATA | Errno::PERM | Errno::ACCESS | Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether [`check_log`] finds out nothing on `folder`, for want of a right.
#[must_use]
pub fn may_not_check_log(folder: &File) -> bool {
    matches!(file_system_type(folder), Ok(EXT4))
        && matches!(begin_change(folder), Err(Errno::PERM | Errno::ACCESS))
}

/// Removes an attribute of `folder` that it does not have.
fn begin_change(folder: &File) -> rustix::io::Result<()> {
    rustix::fs::fremovexattr(folder, "user.storescp.none")
}

/// The longest value of an extended attribute that should be given to files in `folder`, in bytes, of one whose name has 8
/// bytes behind `user.`: what fits into an inode of the usual size. A longer one takes a block of its own for each file.
#[must_use]
pub fn attribute_bytes(folder: &File) -> usize {
    match file_system_type(folder) {
        Ok(EXT4) => 64,
        Ok(XFS) => 160,
        _ => 512,
    }
}

/// Whether `folder`'s file system may accept a write and report only when the file is synced or closed that
/// there was no space for it, as network file systems do.
#[must_use]
pub fn reports_write_errors_late(folder: &File) -> bool {
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

/// Whether the kernel runs a journal for the ext4 file system that `folder` is in, on the same device.
///
/// # Errors
/// `/proc` or `/sys` cannot be read.
pub(crate) fn has_internal_journal(folder: &File) -> io::Result<bool> {
    let device = device_link(folder)?;
    let name = device.file_name().and_then(OsStr::to_str).unwrap_or_default();
    for entry in std::fs::read_dir("/proc/fs/jbd2")? {
        if entry?.file_name().to_str().is_some_and(|entry| is_journal_of(entry, name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What sysfs calls the device of `folder`'s file system, behind the last slash.
pub(crate) fn device_link(folder: &File) -> io::Result<PathBuf> {
    let device = rustix::fs::fstat(folder)?.st_dev;
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    std::fs::read_link(Path::new("/sys/dev/block").join(number))
}

/// Journals are listed by their device's name and the number of their inode.
fn is_journal_of(entry: &str, device: &str) -> bool {
    entry.rsplit_once('-').is_some_and(|(name, inode)| {
        name == device && !inode.is_empty() && inode.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::{LinkDurability, is_journal_of, link_durability};
    use std::fs::File;

    #[test]
    fn of_late_names_nothing_is_taken_for_granted() {
        let of = |path| link_durability(&File::open(path).unwrap());
        assert_eq!(of("/dev/shm"), LinkDurability::WithFolderSync);
        assert_eq!(of("/proc"), LinkDurability::Unknown);
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
