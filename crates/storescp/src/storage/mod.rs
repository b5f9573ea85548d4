//! Storing: what is asked of a folder, and the promise kept with it.
//!
//! ```text
//!   stage ──► write* ──► enter ──► sync ──► publish ──► Folder::sync ──► confirm ──► response 0000H
//!     │          │         │        │          │             │
//!     └──────────┴─────────┴────────┴──────────┴─────────────┴── drop: nothing stays, an older file
//!                                                                is back
//! ```
//!
//! `enter` is for files that go into a subfolder, which is chosen when all of the data set is known.
//! [`Folder`] and [`StagedFile`] are the whole of what the receiver wants from storage;
//! [`Directory`] is the one that writes files. Tests put a faulty double in its place.

mod directory;
#[cfg(test)]
pub(crate) mod doubles;
mod file_name;
mod folder_sync;
mod free_space;
mod instance_file;
mod name_claims;
#[cfg(test)]
mod power_loss_tests;
#[cfg(test)]
mod subfolder_tests;
mod subfolders;
#[cfg(test)]
mod tests;
mod write_back;

pub use directory::Directory;
pub use file_name::FileName;
pub use folder_sync::FolderSync;
pub use free_space::{MinFree, Space};
pub use instance_file::{Committed, Durability, InstanceFile};

use std::io;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where instances are stored.
///
/// Shared by all associations; every method may be called by many threads at once.
pub trait Storage: Send + Sync {
    /// The folder as it is now, looked up anew for each instance, so that a folder that was
    /// replaced or mounted over while the receiver runs is found again.
    ///
    /// # Errors
    /// Whatever the operating system says: the folder is gone, or descriptors are used up.
    fn folder(&self) -> io::Result<Arc<dyn Folder>>;
}

/// One folder, in which files appear whole or not at all.
pub trait Folder: Send + Sync {
    /// Makes a new, empty file that is not yet visible under its final name.
    ///
    /// # Errors
    /// Whatever the operating system says; nothing is left behind.
    fn stage(self: Arc<Self>) -> io::Result<Box<dyn StagedFile>>;

    /// The folder `name` in this one, which is there already and no symbolic link.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn subfolder(&self, name: &FileName) -> io::Result<Arc<dyn Folder>>;

    /// Renames a file of this folder, unless something has the new name.
    ///
    /// # Errors
    /// `AlreadyExists` if something has it; whatever else the operating system says.
    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()>;

    /// Makes the names given so far durable: returns after a sync of the folder that began after
    /// this call did.
    ///
    /// # Errors
    /// Whatever the operating system says; names given before may or may not survive a power loss.
    fn sync(&self) -> io::Result<()>;

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

    /// Lets the file be named in the subfolder `name` of the folder in which it was staged. The
    /// subfolder is made if there is none; it stays, whatever becomes of the file.
    ///
    /// # Errors
    /// Whatever the operating system says; `NotADirectory` if something else has the name, even a
    /// symbolic link to a directory.
    fn enter(&mut self, name: &FileName) -> io::Result<Subfolder>;

    /// Gives the file its name, in one step that no reader of the folder sees half done. A file
    /// that has the name already is replaced, if `taken` says so, but kept until
    /// [`StagedFile::confirm`]; says whether there was one.
    ///
    /// # Errors
    /// Whatever the operating system says, `AlreadyExists` with [`Taken::Refuse`]; the name is as it
    /// was before, and another one may be tried.
    fn publish(&mut self, name: &FileName, taken: Taken) -> io::Result<bool>;

    /// The instance is stored: the file stays, the one it replaced is forgotten. Dropping it only
    /// closes it from then on.
    fn confirm(&mut self);
}

/// What to do where something has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
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
    /// Whether its own name is durable. Whoever finds it is not, syncs the folder around it before
    /// relying on it, and then says so here.
    pub durable: Arc<AtomicBool>,
}
