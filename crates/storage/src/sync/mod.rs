//! How content and names get to disk.

mod durability;
mod folder_sync;
pub(crate) mod write_back;

pub use durability::Durability;
pub use folder_sync::{FolderSync, SyncMark};
