//! From a C-STORE-RQ to a stored object and its answer.
//!
//! ```text
//!   service ──► filing ──► studies      which folder
//!      │          └──────► naming       which name
//!      │  output: where to, in which form
//!      └► status: why not, and what the sender is told
//! ```

mod filing;
mod log_path;
pub mod naming;
mod output;
mod service;
mod status;
pub mod studies;

pub use log_path::LogPath;
pub use output::{Output, OutputSettings, Sorting};
pub(crate) use service::{Done, StorageService, StoredAnswer};
pub(crate) use status::Failure;
