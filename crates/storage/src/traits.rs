//! What the receiver asks of storage: a place with folders, in which files appear whole or not at all.

use crate::{FileIdentity, FileName, IntentName, Intents, SyncMark};
use platform::sync::{Arc, Mutex, PoisonError};
use std::fmt;
use std::io::{self, IoSlice};

/// Where instances are stored.
///
/// Shared by all associations: any method may be called by many threads at the same time.
pub trait Storage: Send + Sync {
    /// The folder that instances go into now. It is looked up for each instance, so that a folder that was
    /// replaced or remounted while the receiver runs is found. The [`Arc`] stays the same as long as the
    /// folder does.
    ///
    /// # Errors
    /// Those of the operating system: the folder does not exist any more, or no descriptor is left.
    fn folder(&self) -> io::Result<Arc<dyn Folder>>;

    /// Its intents; `None` where there can be none: see [`Storage::check_intents`].
    fn intents(&self) -> Option<Arc<dyn Intents>> {
        None
    }

    /// Checks that files can have intents, which take hard links, locks, and a folder of our own. To be called before
    /// anything is owed for a file.
    ///
    /// # Errors
    /// What the file system does not support, and what to do about it.
    fn check_intents(&self) -> Result<(), String> {
        self.intents().map(drop).ok_or_else(|| {
            "its file system does not support hard links, locks and subdirectories, all of which a catalogue and \
             destinations need: leave these out, or store on another file system"
                .to_owned()
        })
    }

    /// Closes what no file being received needs. To be called after an object has failed: a file system with
    /// errors can then be unmounted, repaired and mounted again.
    fn close_unused(&self);

    /// Deletes or restores the temporary files that a crash left, and logs it. To be called once the receiver
    /// serves. With `lists_all` it may take time in proportion to the number of all files.
    fn recover(&self, _lists_all: bool) {}

    /// Logs a warning if a power loss may damage the file system. Finding out may take a sync or two.
    fn warn_of_damage(&self) {}

    /// Removes what storage itself has made and no file being received needs. To be called when an
    /// association or the receiver ends.
    fn clean_up(&self) {}
}

/// One folder, in which files appear whole or not at all.
pub trait Folder: Send + Sync {
    /// Creates an empty file that does not have its final name yet.
    ///
    /// # Errors
    /// Those of the operating system; no file is left behind.
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>>;

    /// The same for an object that has not come yet. `None` if the file would have a temporary name
    /// meanwhile, or cannot be created.
    fn stage_unnamed(self: Arc<Self>) -> Option<Box<dyn StagedFile>> {
        None
    }

    /// The existing folder `name` in this one; never the target of a symbolic link.
    ///
    /// # Errors
    /// Those of the operating system.
    fn subfolder(self: Arc<Self>, name: &FileName) -> io::Result<Arc<dyn Folder>>;

    /// Renames the file `file` of this folder, unless something has the new name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; `NotFound` if another file, or none, has the old one;
    /// others of the operating system. The file has its old name then.
    fn rename(&self, file: FileIdentity, from: &FileName, to: &FileName) -> io::Result<()>;

    /// Removes the name `name`, if this file has it.
    ///
    /// # Errors
    /// `NotFound` if another file, or none, has it; others of the operating system. The file has its name then.
    fn remove(&self, file: FileIdentity, name: &FileName) -> io::Result<()> {
        let _ = (file, name);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// A mark for the next [`Folder::sync`], to be taken before a file gets its name in this folder.
    fn mark(&self) -> SyncMark;

    /// Makes all names durable that files got in this folder since `since`. Returns after a sync that began
    /// after this call.
    ///
    /// # Errors
    /// Those of the operating system, for this sync or for any other one since `since`; the names may or may
    /// not survive a power loss then.
    fn sync(&self, since: SyncMark) -> io::Result<()>;

    /// Removes the folder `name` in this one, if it is empty.
    ///
    /// # Errors
    /// Those of the operating system.
    fn remove_empty(&self, name: &FileName) -> io::Result<()>;

    /// The free space of the file system that contains the folder.
    ///
    /// # Errors
    /// Those of the operating system.
    fn space(&self) -> io::Result<Space>;
}

/// A file that is being received. If it is dropped before [`StagedFile::confirm`], it is removed, its intent too, and an
/// older file that it has replaced has its name again.
pub trait StagedFile: Send {
    /// Appends all of `slices`.
    ///
    /// # Errors
    /// Those of the operating system; the file must not be used any more.
    fn append(&mut self, slices: &[IoSlice<'_>]) -> io::Result<()>;

    /// Overwrites bytes that were appended earlier.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads back what was appended earlier, until `bytes` is full.
    ///
    /// # Errors
    /// As for [`StagedFile::append`]; also if `bytes` reaches past the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Truncates the file to `length` bytes; the next append begins there.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes the content durable: now or, with [`Durability::Ordered`](crate::Durability::Ordered), by the sync of
    /// the folder in which it gets its name later.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn sync(&mut self) -> io::Result<()>;

    /// Gives the file its intent: a link beside its final name, which is as durable as that once the name is. To be called
    /// once all is written and synced, before [`StagedFile::publish`].
    ///
    /// # Errors
    /// Those of the operating system; `Unsupported` where there are no hard links.
    fn intend(&mut self, name: &IntentName) -> io::Result<()> {
        let _ = name;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes the intent durable although the file gets no final name.
    ///
    /// # Errors
    /// Those of the operating system; `Unsupported` if there is no intent.
    fn sync_intent(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Finds out whether all appends have succeeded, if no sync follows: some file systems report write errors
    /// late.
    ///
    /// # Errors
    /// As for [`StagedFile::append`].
    fn check_writes(&mut self) -> io::Result<()>;

    /// Has the file get its name in the subfolder `name`: of the folder in which it was staged or, after other calls,
    /// of the one entered last. Creates the subfolder if it does not exist.
    ///
    /// # Errors
    /// Those of the operating system; `NotADirectory` if something other than a directory has the name, even
    /// if it is a symbolic link to one; `NotFound` if the folder around it was removed.
    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder>;

    /// Has the file get its name in the folder in which it was staged.
    fn leave(&mut self);

    /// Gives the file its final name; no reader of the folder sees a part of it. An older file of that name is
    /// replaced, if `if_exists` says so, and kept until [`StagedFile::confirm`]. Returns whether there was one.
    ///
    /// # Errors
    /// Those of the operating system; `AlreadyExists` with [`IfExists::Refuse`], and with [`IfExists::ReplaceOnly`] if
    /// something else has the name. The name stands for what it stood for before, and the call may be repeated with
    /// another name.
    fn publish(&mut self, name: &FileName, if_exists: IfExists) -> io::Result<bool>;

    /// What has the name `name` in the folder where this file is to get its own. Waits for commits of that name that
    /// are in progress, so what is found is stored, or was never acknowledged by anybody and never will be.
    ///
    /// # Errors
    /// Those of the operating system; `ResourceBusy` if another process does not come to an end with the name.
    fn holder(&self, name: &FileName) -> io::Result<Holder>;

    /// Keeps the file, and removes the older one that it has replaced. From then on, dropping it only closes
    /// it. A file that has an intent and no final name is kept by that.
    ///
    /// # Errors
    /// Those of the operating system: the older file could not be removed, and has its name again.
    fn confirm(&mut self) -> io::Result<()>;

    /// Which file this is, whatever its name.
    ///
    /// # Errors
    /// Those of the operating system.
    fn identity(&self) -> io::Result<FileIdentity>;
}

/// What has a name.
pub enum Holder {
    /// Nothing.
    Nothing,
    /// A file.
    File(Box<dyn ExistingFile>),
    /// Something else: a directory, a symbolic link, a device.
    Other,
}

/// A file that has the name which another one was to get. As long as this lives, this process gives the name to no
/// other file, and others wait for a while.
pub trait ExistingFile: Send {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn size(&self) -> io::Result<u64>;

    /// Reads from `offset` on, until `bytes` is full.
    ///
    /// # Errors
    /// Those of the operating system; `UnexpectedEof` if `bytes` reaches past the end.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Whether a crash interrupted the commit that gave it the name while an older file was being replaced. Then it was
    /// never acknowledged, and a start gives the older file its name again.
    ///
    /// # Errors
    /// Those of the operating system.
    fn is_provisional(&self) -> io::Result<bool>;

    /// Makes its content durable. Its name is by a later sync of its folder.
    ///
    /// # Errors
    /// Those of the operating system.
    fn sync(&self) -> io::Result<()>;

    /// Which file this is, whatever its name.
    ///
    /// # Errors
    /// Those of the operating system.
    fn identity(&self) -> io::Result<FileIdentity>;
}

/// What to do if the name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Replace what has the name.
    Replace,
    /// Replace this file; keep anything else that has the name by now, and fail with `AlreadyExists`.
    ReplaceOnly(FileIdentity),
    /// Keep what has the name, and fail with `AlreadyExists`.
    Refuse,
}

/// A folder in the output directory.
pub struct Subfolder {
    /// The folder.
    pub folder: Arc<dyn Folder>,
    /// Whether it was created just now.
    pub made: bool,
    /// Whether its own name is durable.
    pub name: Arc<SubfolderName>,
}

/// Whether the name of a [`Subfolder`] is durable.
pub struct SubfolderName {
    /// A mark of the parent folder, from before the subfolder was created or, if it existed, first used;
    /// `None` once the name is durable.
    since: Mutex<Option<SyncMark>>,
    /// The parent folder, which is to stay open until then: marks of one that was opened anew tell nothing of this.
    parent: Mutex<Option<Arc<dyn Folder>>>,
}

impl SubfolderName {
    /// Of a subfolder that may have been created at any time after `since`.
    #[must_use]
    pub fn given(since: SyncMark) -> Self {
        Self { since: Mutex::new(Some(since)), parent: Mutex::new(None) }
    }

    /// The same of one in `parent`, which stays open until the name is durable.
    #[must_use]
    pub fn given_in(since: SyncMark, parent: Arc<dyn Folder>) -> Self {
        Self { since: Mutex::new(Some(since)), parent: Mutex::new(Some(parent)) }
    }

    /// Makes the name durable in `parent`, unless it is known to be. Nothing in the subfolder is durable before
    /// that has succeeded.
    ///
    /// If the sync fails, the subfolder is removed if it is empty, so that the next object creates it anew: the
    /// kernel would not try again to write the old name.
    ///
    /// # Errors
    /// As [`Folder::sync`].
    pub fn make_durable(&self, parent: &dyn Folder, name: &FileName) -> io::Result<()> {
        let known = || self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = *known() else { return Ok(()) };
        let synced = parent.sync(since);
        match synced {
            Ok(()) => {
                *known() = None;
                let kept = self.parent.lock().unwrap_or_else(PoisonError::into_inner).take();
                drop(kept);
            }
            // With something in it, it is not new: older files rely on the name it has.
            Err(_) if parent.remove_empty(name).is_err() => *known() = Some(parent.mark()),
            Err(_) => {}
        }
        synced
    }
}

/// The free space and the size of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this process may still use.
    pub free_bytes: u64,
    /// All bytes of the file system.
    pub total_bytes: u64,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "only {} MiB free", self.free_bytes / (1024 * 1024))
    }
}
