//! A DICOM storage SCP to embed: from a listening socket to stored objects (PS3.4 Annex B, PS3.7, PS3.8).
//!
//! # Who calls whom
//!
//! ```text
//!   the program ──► Server ──► one thread for each association
//!                                │
//!        a byte's way:  net  ──► serve ──► store ──► output ──► the crate `storage`
//!                      socket,   the loop, C-STORE   folder,    files that appear whole
//!                      TLS       messages            name       or not at all
//!                                  │         │
//!                                  ▼         ▼
//!                                Observer: decides how a sender is treated, learns what was stored
//! ```
//!
//! - A [`Node`] is what all associations share: the [`NodeSettings`], keys and certificates, the observer.
//! - An [`Observer`] is the program's side. At each A-ASSOCIATE-RQ it chooses a [`Treatment`]: what is accepted,
//!   and the [`Output`] that objects are written to. It is told of each [`StoredObject`], before its sender is.
//! - A [`Capacity`] is how many associations the limits of the process allow, and what memory each may take.
//! - A [`Server`] listens and, once started, serves until its [`Handle`] ends it. [`SingleConnection`] serves one
//!   connection that is there already.
//!
//! # What it promises
//!
//! Success is answered only for an object that is stored as durably as [`OutputSettings::durability`] says. What an
//! association holds is bounded, whatever its peer sends and however large its objects are: see [`limits`].
//! Nothing that a peer sends ends the process. Threads block; nothing here is asynchronous. The receiver starts
//! no programs, and knows nothing of command lines, HTTP or databases. It logs by `tracing`: see [`log`].
//!
//! # Example
//!
//! A receiver that stores CT images and all the rest into `/data/incoming`, for senders that know its title:
//!
//! ```no_run
//! use dataset::{Dictionary, Uid, transfer_syntax};
//! use proto::{Proposal, Rejection, VersionName};
//! use receiver::net::PeerNames;
//! use receiver::{
//!     AfterAnswer, Capacity, Identity, Node, NodeSettings, Observer, Output, OutputSettings, Refusal, Server,
//!     StoredObject, Treatment,
//! };
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! struct Archive {
//!     treatment: Arc<Treatment>,
//! }
//!
//! impl Observer for Archive {
//!     fn admit(&self, proposal: &Proposal, _: SocketAddr) -> Result<Arc<Treatment>, Refusal> {
//!         if proposal.called_ae.to_string() == "ARCHIVE" {
//!             return Ok(Arc::clone(&self.treatment));
//!         }
//!         let reason = format!("nobody is called {} here", proposal.called_ae);
//!         Err(Refusal { rejection: Rejection::CALLED_AE_TITLE, reason })
//!     }
//!
//!     fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
//!         let path = object.file?.real_path();
//!         Some(Box::new(move || println!("{}", path.display())))
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let identity = Identity {
//!         implementation_class_uid: Uid::parse(b"2.25.4711")?,
//!         implementation_version_name: VersionName::parse(b"ARCHIVE_1").ok_or("a name")?,
//!         max_pdu_bytes: 131_072,
//!     };
//!     let output_settings = OutputSettings::new("/data/incoming".into());
//!     let settings = NodeSettings::new(identity.clone(), 11112);
//!     let capacity = Capacity::find(&settings, Some(&output_settings), 1)?;
//!
//!     let dictionary = Arc::new(Dictionary::built_in());
//!     let output = Arc::new(Output::open(output_settings, dictionary, None, false)?);
//!     let syntaxes = [transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN];
//!     let treatment = Arc::new(Treatment::new(&identity, &syntaxes, output));
//!
//!     let observer = Arc::new(Archive { treatment });
//!     let names = Arc::new(PeerNames::new(false));
//!     let node = Arc::new(Node::new(settings, names, observer)?);
//!     let handle = Server::bind(node, capacity)?.start()?;
//!
//!     std::thread::sleep(Duration::from_secs(3600));
//!     handle.stop_accepting();
//!     let drained = handle.drain(Duration::from_secs(30));
//!     println!("{} connections were cut off", drained.cut_off);
//!     Ok(())
//! }
//! ```

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
