//! What is asked of storage: a place with folders, in which files appear whole or not at all.

use crate::{FileIdentity, FileName, SyncMark};
use platform::sync::{Arc, Mutex, PoisonError};
use std::fmt;
use std::io::{self, IoSlice};

/// Where instances are stored.
///
/// Shared by all associations; every method may be called by many threads at once.
pub trait Storage: Send + Sync {
    /// The folder as it is now, looked up anew for each instance, so that a folder that was
    /// replaced or mounted over while the receiver runs is found again. It is the same [`Arc`] as long
    /// as it is the same folder.
    ///
    /// # Errors
    /// Whatever the operating system says: the folder is gone, or descriptors are used up.
    fn folder(&self) -> io::Result<Arc<dyn Folder>>;

    /// An object has failed: keeps nothing open, unless others are on their way. A file system that
    /// failed can be unmounted then, and is a new one when it is mounted again.
    fn close_unused(&self);

    /// Deals with what a crash left, and says so in the log. To be called once nothing can keep the
    /// receiver from serving any more. `lists_all` allows it to cost as much as there are files.
    fn recover(&self, _lists_all: bool) {}

    /// An association or the receiver ends: leaves nothing of its own behind but what is on its way.
    fn clean_up(&self) {}
}

/// One folder, in which files appear whole or not at all.
pub trait Folder: Send + Sync {
    /// Makes a new, empty file that is not yet visible under its final name.
    ///
    /// # Errors
    /// Whatever the operating system says; nothing is left behind.
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>>;

    /// The same before there is an object for it; `None` where a name would show the file, or something
    /// is in the way.
    fn stage_unnamed(self: Arc<Self>) -> Option<Box<dyn StagedFile>> {
        None
    }

    /// The folder `name` in this one, which is there already and no symbolic link.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>>;

    /// Renames the file `file` of this folder, unless something has the new name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; `NotFound` if another file, or none, has the old one;
    /// whatever else the operating system says. The file has its old name then.
    fn rename(&self, file: FileIdentity, from: &FileName, to: &FileName) -> io::Result<()>;

    /// To be taken before a name is given in this folder, for the [`Folder::sync`] that follows.
    fn mark(&self) -> SyncMark;

    /// Makes the names given since `since` durable: returns after a sync of the folder that began
    /// after this call did.
    ///
    /// # Errors
    /// Whatever the operating system says, to this call or to another one since `since`; names given
    /// before may or may not survive a power loss.
    fn sync(&self, since: SyncMark) -> io::Result<()>;

    /// Removes the folder `name` in this one, if there is nothing in it.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn remove_empty(&self, name: &FileName) -> io::Result<()>;

    /// The room on the file system that the folder is in.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn space(&self) -> io::Result<Space>;
}

/// A file on its way. Dropped before [`StagedFile::confirm`], it leaves nothing behind, and a file
/// that had its name before has it again.
pub trait StagedFile: Send {
    /// Appends all of `slices`.
    ///
    /// # Errors
    /// Whatever the operating system says; the file is of no use any more.
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()>;

    /// Overwrites bytes that were appended before.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads back what was appended before; fills `bytes` whole.
    ///
    /// # Errors
    /// As for [`StagedFile::append`]; also if `bytes` reaches past the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Cuts the file to `length` bytes; what is appended next stands there.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes the content durable.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn sync(&mut self) -> io::Result<()>;

    /// Finds out whether all that was appended has been taken, where nothing is synced.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn check_writes(&mut self) -> io::Result<()>;

    /// Lets the file be named in the subfolder `name` of the folder in which it was staged. The
    /// subfolder is made if there is none.
    ///
    /// # Errors
    /// Whatever the operating system says; `NotADirectory` if something else has the name, even a
    /// symbolic link to a directory.
    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder>;

    /// Gives the file its name, in one step that no reader of the folder sees half done. A file
    /// that has the name already is replaced, if `if_exists` says so, but kept until
    /// [`StagedFile::confirm`]; says whether there was one.
    ///
    /// # Errors
    /// Whatever the operating system says, `AlreadyExists` with [`IfExists::Refuse`]; the name is as it
    /// was before, and another one may be tried.
    fn publish(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool>;

    /// The instance is stored: the file stays, the one it replaced is gone for good. Dropping it only
    /// closes it from then on.
    ///
    /// # Errors
    /// Whatever the operating system says: the older file could not be removed, and has its name back.
    fn confirm(&mut self) -> io::Result<()>;

    /// Which file it is, whatever name it gets.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn identity(&self) -> io::Result<FileIdentity>;
}

/// What to do where something has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// It gives way.
    Replace,
    /// It stays, and the file is not named.
    Refuse,
}

/// A folder in the output directory.
pub struct Subfolder {
    /// The folder.
    pub folder: Arc<dyn Folder>,
    /// Whether it was made just now.
    pub made: bool,
    /// How durable its own name is.
    pub name: Arc<SubfolderName>,
}

/// What is known of the name of a [`Subfolder`].
pub struct SubfolderName {
    /// IfExists of the folder around it before it was made or, if it was there, first used; `None` once
    /// the name is durable.
    since: Mutex<Option<SyncMark>>,
}

impl SubfolderName {
    /// A name that may have been given at any time after `since`.
    #[must_use]
    pub fn given(since: SyncMark) -> Self {
        Self { since: Mutex::new(Some(since)) }
    }

    /// Makes the name durable in `parent`, if it is not known to be. Until that has succeeded once,
    /// nothing in the subfolder is.
    ///
    /// Where it fails, the subfolder is removed again, so that it gets a new name the next time: the
    /// kernel does not write the old one again.
    ///
    /// # Errors
    /// As [`Folder::sync`].
    pub fn make_durable(&self, parent: &dyn Folder, name: &FileName) -> io::Result<()> {
        let known = || self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = *known() else { return Ok(()) };
        let synced = parent.sync(since);
        match synced {
            Ok(()) => *known() = None,
            // With something in it, it is not new: older files rely on the name it has.
            Err(_) if parent.remove_empty(name).is_err() => *known() = Some(parent.mark()),
            Err(_) => {}
        }
        synced
    }
}

/// Room on a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still fill.
    pub free_bytes: u64,
    /// Its size.
    pub total_bytes: u64,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} MiB free", self.free_bytes / (1024 * 1024))
    }
}
