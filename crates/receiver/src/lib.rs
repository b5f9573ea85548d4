//! A DICOM storage SCP to embed: from a listening socket to stored objects.
//!
//! ```text
//!   net ──► serve ──► store          a byte's way
//!            │  └──────────┐
//!        Observer     Treatment      what the program around decides and learns
//! ```
//!
//! A [`Node`] is what all associations share. An [`Observer`] chooses the [`Treatment`] of each and is told of
//! each [`StoredObject`]. A [`Server`] listens and serves, until its [`Handle`] ends it.
//!
//! Threads block; nothing here is asynchronous, and nothing knows of command lines, HTTP or databases.

pub mod error;
pub mod limits;
pub mod log;
pub mod net;
mod node;
mod observer;
mod serve;
pub mod store;
mod stored_object;
#[cfg(test)]
mod testing;
mod treatment;

pub use error::Error;
pub use node::{Identity, Node, NodeSettings};
pub use observer::{AfterAnswer, Observer, Progress, Refusal, Refused, Summary};
pub use serve::{
    Capacity, Drained, Handle, Limits, Server, SingleConnection, SocketTimeout, Timeouts,
    thread_builder,
};
pub use store::{LogPath, Output, OutputSettings, Sorting};
pub use stored_object::{Peer, StoredFile, StoredObject};
pub use treatment::{Faults, Treatment, storage_classes};
