//! Which file it is, whatever its name.

use rustix::fs::Stat;
use std::fs::File;
use std::io;

/// Device and inode of a file: what a name is held against before it is taken from a file, since another
/// process may have given it to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    /// The number of the device.
    pub device: u64,
    /// The number of the inode on it.
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

/// Which file it was, as can still be told when it is closed: numbers of inodes are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// Device and inode.
    pub id: FileId,
    /// When it was made, in seconds and nanoseconds, where that is known.
    pub created: Option<(i64, u32)>,
}

impl FileIdentity {
    /// Which file is open here.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self { id: FileId::of(file)?, created: platform::creation_time(file, "") })
    }
}

/// Which file it is, as can still be told after the end of the process: numbers of inodes are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) id: FileId,
    /// When it was last written to, in nanoseconds.
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
