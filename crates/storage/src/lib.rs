//! Storing: what is asked of a folder, and the promise kept with it.
//!
//! ```text
//!   stage ──► write* ──► enter ──► sync ──► publish ──► Folder::sync ──► confirm
//!     │          │         │        │          │             │               │
//!     └──────────┴─────────┴────────┴──────────┴─────────────┴──┐      response 0000H
//!                                                               drop: nothing stays, an
//!                                                               older file is back
//! ```
//!
//! `enter` is for files that go into a subfolder, which is chosen when all of the data set is known.
//! [`Folder`] and [`StagedFile`] are the whole of what the receiver wants from storage;
//! [`Directory`] is the one that writes files. Tests put a faulty double in its place.

#[cfg(any(test, feature = "doubles"))]
pub mod doubles;

mod directory;
mod error;
mod file_id;
mod file_name;
mod free_space;
mod instance_file;
pub mod limits;
mod prepared_file;
mod sync;
#[cfg(test)]
mod tests;
mod traits;

pub use directory::{Directory, Needs, Recovered};
pub use error::{Error, Step};
pub use file_id::{FileId, FileIdentity};
pub use file_name::FileName;
pub use free_space::MinFree;
pub use instance_file::{Committed, InstanceFile};
pub use prepared_file::PreparedFile;
pub use sync::{Durability, FolderSync, SyncMark};
pub use traits::{Folder, IfExists, Space, StagedFile, Storage, Subfolder, SubfolderName};
