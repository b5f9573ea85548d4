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
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Held,
        Err(Errno::WOULDBLOCK | Errno::INTR) => Lock::Busy,
        Err(_) => Lock::Unavailable,
    }
}

/// Locks a file, waiting until `deadline` for the holder. False if it is not locked then: locks do not work, or
/// it was not given back.
fn lock_until(file: &File, deadline: Instant) -> bool {
    let mut wait = FIRST_WAIT;
    loop {
        match try_lock(file) {
            Lock::Held => return true,
            Lock::Unavailable => return false,
            Lock::Busy if Instant::now() >= deadline => return false,
            Lock::Busy => thread::sleep(wait),
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
        lock_until(&file, deadline).then_some(file)
    })
}
