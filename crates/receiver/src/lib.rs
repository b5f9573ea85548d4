//! A DICOM storage SCP to embed: from a listening socket to stored objects.
//!
//! ```text
//!   net ──► serve ──► store ──► output         a byte's way
//!             │         │
//!             └─ Observer, Treatment ─┘          what the program around decides and learns
//! ```
//!
//! A [`Node`] is what all associations share. An [`Observer`] chooses the [`Treatment`] of each and is told of
//! each [`StoredObject`]. A [`Server`] listens and serves, until its [`Handle`] ends it.
//!
//! Threads block; nothing here is asynchronous, and nothing knows of command lines, HTTP or databases.

mod error;
mod identity;
pub mod limits;
pub mod log;
pub mod net;
mod node;
mod observer;
pub mod output;
mod peer;
mod serve;
mod store;
#[cfg(test)]
mod testing;
mod treatment;

pub use error::Error;
pub use identity::Identity;
pub use node::{Limits, Node, NodeSettings, SocketTimeout, Timeouts};
pub use observer::{AfterAnswer, Observer, Progress, Refusal, Refused, Summary};
pub use output::{LogPath, Output, OutputSettings, Sorting, StoredFile, StoredObject};
pub use peer::Peer;
pub use serve::{Capacity, Drained, Handle, Server, SingleConnection, thread_builder};
pub use treatment::{Faults, Treatment, UNCOMPRESSED, storage_classes};

pub use proto::{Proposal, Rejection, Status};
