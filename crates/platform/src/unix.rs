//! What is the same on every Unix: types that both `linux` and `portable` fill in, and a few functions.

use rustix::fs::AtFlags;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// Which sync brings the name to disk of a file that was named late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkDurability {
    /// One of the folder.
    WithFolderSync,
    /// One of the file, once it has a name.
    WithFileSync,
    /// Nobody knows: a file had better be named from the start.
    Unknown,
}

/// Gives a file, or a symbolic link, a second name.
///
/// # Errors
/// `AlreadyExists` if something has it; `PermissionDenied` where the file system has no hard links; whatever
/// else the operating system says.
pub fn link(from: (&File, &str), to: (&File, &str)) -> io::Result<()> {
    Ok(rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())?)
}

/// A process, as it can be told from all others of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Of this boot of the machine; random.
    pub boot: u64,
    /// The name space that its number is of.
    pub space: u64,
    /// Its number, which is used again after its end.
    pub id: u32,
    /// When it began, in ticks since the boot.
    pub start: u64,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Its number, which may be used again once it is gone.
    pub id: u64,
    /// Where it is mounted.
    pub point: PathBuf,
    /// What is mounted, and on which other mount: to tell it from others of the same number.
    pub what: Vec<u8>,
}

/// What the operating system said, without the error number that the standard library appends.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
