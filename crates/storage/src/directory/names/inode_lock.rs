//! File locks, by which processes that share a folder take turns.
//!
//! A file is locked from before it gets its final name until it is confirmed or withdrawn. Whoever
//! wants to replace, rename or take away what has a name locks that file first. Nothing depends on it alone:
//! where locks do not work, the order of steps in [`super::final_name`] loses nothing either.

use super::syscalls::{self, Location};
use crate::FileId;
use crate::limits::LOCK_PATIENCE;
use platform::sync::{Instant, rustix, thread};
use rustix::fs::{AtFlags, FileType, FlockOperation, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::time::Duration;

/// The first wait for a lock that another process has, and the longest.
const FIRST_WAIT: Duration = Duration::from_micros(100);
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// What became of an attempt to lock a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// It is ours until the file is closed.
    Held,
    /// Another one has it.
    Busy,
    /// Locks do not work here: `ENOLCK`, `EOPNOTSUPP`, `ENOSYS`, or anything else.
    Unavailable,
}

/// Locks a file, if it is not locked already.
pub(crate) fn try_lock(file: &File) -> Lock {
    attempt(file, FlockOperation::NonBlockingLockExclusive)
}

/// Locks a file that is only looked at: others may look at it too, but not be committing or replacing it.
fn try_share(file: &File) -> Lock {
    attempt(file, FlockOperation::NonBlockingLockShared)
}

/// Whether somebody commits or replaces the file right now: this process or another.
pub(crate) fn is_locked_by_another(file: &File) -> bool {
    try_share(file) == Lock::Busy
}

fn attempt(file: &File, operation: FlockOperation) -> Lock {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Lock::Held,
        Err(Errno::WOULDBLOCK | Errno::INTR) => Lock::Busy,
        Err(_) => Lock::Unavailable,
    }
}

/// Locks a file by `lock`, waiting until `deadline` for the holder.
fn lock_until(file: &File, lock: fn(&File) -> Lock, deadline: Instant) -> Lock {
    let mut wait = FIRST_WAIT;
    loop {
        match lock(file) {
            Lock::Busy if Instant::now() < deadline => thread::sleep(wait),
            result => return result,
        }
        wait = (2 * wait).min(LONGEST_WAIT);
    }
}

/// What has a name now.
#[derive(Debug)]
pub(crate) struct NameHolder {
    pub(crate) id: FileId,
    /// Whether it is locked, as long as this lives.
    pub(crate) is_locked: bool,
    /// Holds the lock.
    _file: Option<File>,
}

impl NameHolder {
    /// Locks what has the name, waiting at most [`LOCK_PATIENCE`] for another process; `None` if nothing
    /// has the name, or something else has by now: then it is to be looked at again. Without `locks`, it is
    /// only looked at.
    ///
    /// # Errors
    /// `IsADirectory` if it is one; whatever else the operating system says of the name.
    pub(crate) fn lock(location: Location<'_>, locks: bool) -> io::Result<Option<Self>> {
        let status = match rustix::fs::statat(location.0, location.1, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(status) => status,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let id = FileId::from(&status);
        let file = match FileType::from_raw_mode(status.st_mode) {
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            // To open anything else may do more than that.
            FileType::RegularFile if locks => {
                open_and_lock(location, Instant::now() + LOCK_PATIENCE)
            }
            _ => None,
        };
        let Some(file) = file else {
            // What lost the name before it was opened could not be locked; another one may have it by now.
            let unlocked = Self { id, is_locked: false, _file: None };
            return Ok((syscalls::id_at(location)? == Some(id)).then_some(unlocked));
        };
        // The one that has the name must be the one that is locked.
        let locked = FileId::of(&file)?;
        if syscalls::id_at(location)? != Some(locked) {
            return Ok(None);
        }
        Ok(Some(Self { id: locked, is_locked: true, _file: Some(file) }))
    }
}

/// Opens a file and locks it; `None` if either is not possible.
fn open_and_lock(location: Location<'_>, deadline: Instant) -> Option<File> {
    // A network file system may lock only what is open for writing; elsewhere that would tell whoever
    // watches the folder that the file was written.
    [OFlags::RDONLY, OFlags::RDWR].into_iter().find_map(|mode| {
        let file = syscalls::open(location, mode).ok()?;
        (lock_until(&file, try_lock, deadline) == Lock::Held).then_some(file)
    })
}

/// What has a name, to look at it.
#[derive(Debug)]
pub(crate) enum Seen {
    /// Nothing has it.
    Nothing,
    /// A file, which no other process commits or replaces as long as this is open, where there are locks.
    File(File),
    /// Something that is no file.
    Other,
    /// Something else has the name by now, or nothing: it is to be looked at again.
    Changed,
}

/// Opens the file that has the name to read it, and waits at most [`LOCK_PATIENCE`] for a process that commits it.
///
/// # Errors
/// `ResourceBusy` if that takes longer; whatever else the operating system says.
pub(crate) fn look_at(location: Location<'_>, locks: bool) -> io::Result<Seen> {
    let status = match rustix::fs::statat(location.0, location.1, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Ok(Seen::Nothing),
        Err(error) => return Err(error.into()),
    };
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(Seen::Other);
    }
    let file = match syscalls::open(location, OFlags::RDONLY) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Seen::Changed),
        result => result?,
    };
    if locks && lock_until(&file, try_share, Instant::now() + LOCK_PATIENCE) == Lock::Busy {
        let why = "another process is storing a file of this name";
        return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
    }
    // The one that has the name must be the one that is locked.
    let is_it = syscalls::id_at(location)? == Some(FileId::of(&file)?);
    Ok(if is_it { Seen::File(file) } else { Seen::Changed })
}
