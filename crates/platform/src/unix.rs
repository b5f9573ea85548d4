//! What is the same on every Unix: types that both `linux` and `portable` fill in, and a few functions.

use rustix::fs::AtFlags;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Which sync makes the name durable of a file that was created without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDurability {
    /// The sync of the folder.
    WithFolderSync,
    /// A sync of the file, after it got the name.
    WithFileSync,
    /// Not known: files need a name from the start.
    Unknown,
}

/// The journal of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// On the same device; each sync that has something to write commits a transaction.
    Ordinary,
    /// Syncs write fast commits, ext4's feature `fast_commit`, on whichever device.
    FastCommit,
    /// On another device.
    External,
    /// The file system has no journal.
    None,
    /// Not known.
    Unknown,
}

/// Gives a file, or a symbolic link, a second name.
///
/// # Errors
/// `AlreadyExists` if the name is taken; `PermissionDenied` if the file system does not support hard links;
/// others of the operating system.
pub fn link(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?)
}

/// What identifies a process among all others of this machine, those of earlier boots included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessIdentity {
    /// The boot ID, random for each boot of the machine.
    pub boot: u64,
    /// Its PID namespace.
    pub space: u64,
    /// Its process ID, which is used again after its end.
    pub id: u32,
    /// When it started, in clock ticks since the boot.
    pub start: u64,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its ID, which may be used again once it is unmounted.
    pub id: u64,
    /// The mount point.
    pub point: PathBuf,
    /// The type of the file system, such as `ext4`.
    pub kind: String,
    /// Parent mount, device, root and source: tells it from another mount with the same ID.
    pub what: Vec<u8>,
}

/// The text of an error of the operating system, without the error number that the standard library appends.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// The content of a file of at most `most` bytes: one that has no end, as a device, takes no more memory than that.
///
/// # Errors
/// `FileTooLarge` if it is longer; whatever the operating system says.
pub fn read_at_most(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let why = format!("it is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_not_read_to_its_end() {
        let error = read_at_most(Path::new("/dev/zero"), 1000).unwrap_err();
        assert_eq!(reason(&error), "it is longer than 1000 bytes");
        assert_eq!(read_at_most(Path::new("/dev/null"), 0).unwrap(), b"");
    }
}
