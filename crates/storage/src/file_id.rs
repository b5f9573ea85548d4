//! Identities of files, whatever their names.

use rustix::fs::Stat;
use std::fs::File;
use std::io;

/// Device and inode of a file. Before a name is removed, it is compared with what has the name: another process
/// may have given it to another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The device number.
    pub device: u64,
    /// The inode number on that device.
    pub inode: u64,
}

impl FileId {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok((&rustix::fs::fstat(file)?).into())
    }
}

impl From<&Stat> for FileId {
    #[allow(clippy::unnecessary_cast, reason = "their types differ from system to system")]
    fn from(status: &Stat) -> Self {
        Self { device: status.st_dev as u64, inode: status.st_ino as u64 }
    }
}

/// The identity of a file that stays valid after it is closed, although inode numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// Device and inode.
    pub id: FileId,
    /// When it was created, in seconds and nanoseconds, if the file system knows.
    pub created: Option<(i64, u32)>,
}

impl FileIdentity {
    /// The identity of an open file.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self { id: FileId::of(file)?, created: platform::creation_time(file, "") })
    }
}

/// The identity of a file that stays valid after the end of the process, although inode numbers are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) id: FileId,
    /// When it was last written to, in nanoseconds since 1970.
    pub(crate) modified: u64,
}

impl Stamp {
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Ok((&rustix::fs::fstat(file)?).into())
    }
}

impl From<&Stat> for Stamp {
    #[allow(clippy::unnecessary_cast, reason = "their types differ from system to system")]
    fn from(status: &Stat) -> Self {
        let (seconds, rest) = (status.st_mtime as u64, status.st_mtime_nsec as u64);
        let modified = seconds.wrapping_mul(1_000_000_000).wrapping_add(rest);
        Self { id: status.into(), modified }
    }
}
