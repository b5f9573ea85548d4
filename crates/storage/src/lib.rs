//! Files that appear whole or not at all, and that survive a power loss once they are acknowledged.
//!
//! ```text
//!   stage ──► append* ──► enter ──► sync ──► publish ──► Folder::sync ──► confirm
//!     │          │          │         │          │             │              │
//!     └──────────┴──────────┴─────────┴──────────┴─────────────┴──┐     response 0000H
//!                                                                 drop: the new file is removed,
//!                                                                 an older file has its name again
//! ```
//!
//! [`InstanceFile`] takes these steps for one SOP instance. `enter` is for files that belong in a subfolder,
//! which is known once the whole data set has arrived; of folders in folders, once for each. Where an older file is not simply to be replaced, `holder`
//! looks at what has the name before `sync`, and what is found may be kept instead ([`IfTaken`]).
//!
//! [`Storage`], [`Folder`] and [`StagedFile`] are all that the receiver asks of storage. [`Directory`] stores in
//! a directory of the file system. The feature `doubles` adds storage that fails or loses power on demand, for
//! the tests of this crate and of the crates above.
//!
//! Memory: less than [`limits::WRITE_BLOCK_BYTES`], or the header, for each file being received, whatever its
//! size. Descriptors: one for the output directory, one for each open subfolder (at most
//! [`limits::OPEN_SUBFOLDERS`]), each file being received, each older file that is looked at or replaced meanwhile,
//! and each prepared file (at most [`limits::PREPARED_FILES`]).

#[cfg(any(test, feature = "doubles"))]
pub mod doubles;

mod directory;
mod error;
mod file_id;
mod file_name;
mod free_space;
mod instance_file;
mod intents;
pub mod limits;
mod prepared_file;
mod sync;
#[cfg(test)]
mod tests;
mod traits;

pub use directory::{Directory, Needs, Recovered};
pub use error::{Error, Step};
pub use file_id::{FileId, FileIdentity};
pub use file_name::{FileName, portable};
pub use free_space::MinFree;
pub use instance_file::{Committed, IfTaken, InstanceFile, Kept, NameTaken, Outcome};
pub use intents::{Envelope, IntentName, Intents, PendingIntent};
pub use prepared_file::PreparedFile;
pub use sync::{Durability, FolderSync, SyncMark};
pub use traits::{
    ExistingFile, Folder, Holder, IfExists, Space, StagedFile, Storage, Subfolder, SubfolderName,
};
