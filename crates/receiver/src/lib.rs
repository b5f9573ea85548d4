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
//! A receiver that stores whatever comes into `/data/incoming`, for senders that know its title
//! (`examples/embed.rs` is a whole program):
//!
//! ```no_run
//! use receiver::net::PeerNames;
//! use receiver::*;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! struct Archive(Arc<Treatment>);
//!
//! impl Observer for Archive {
//!     fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
//!         let Peer { called_ae, .. } = proposed.peer;
//!         if called_ae.to_string() == "ARCHIVE" {
//!             return Ok(Arc::clone(&self.0));
//!         }
//!         let reason = format!("there is no {called_ae} here");
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
//!     let identity = Identity::new("2.25.4711", "ARCHIVE_1")?;
//!     let settings = NodeSettings::new(identity.clone(), 11112);
//!     let output = OutputSettings::new("/data/incoming".into());
//!     let capacity = Capacity::find(&settings, &[&output], ProgramNeeds::default())?;
//!     let output = Arc::new(Output::open(output)?);
//!     let treatment = Treatment::new(&identity, UNCOMPRESSED, Arc::clone(&output));
//!     let observer = Arc::new(Archive(Arc::new(treatment)));
//!     let node = Node::new(settings, Arc::new(PeerNames::new(false)), observer)?;
//!     let handle = Server::bind(Arc::new(node), capacity)?.start()?;
//!     // Once, beside the first associations: what a crash of an earlier run left.
//!     output.recover(true);
//!
//!     std::thread::sleep(Duration::from_secs(3600));
//!     handle.stop_accepting();
//!     let drained = handle.drain(Duration::from_secs(30));
//!     output.clean_up();
//!     println!("{} connections were cut off", drained.cut_off);
//!     Ok(())
//! }
//! ```
//!
//! # An association, as an observer sees it
//!
//! [`Observer::admit`] → [`Observer::association_accepted`] → for each object [`Observer::stored`], the answer to the
//! sender, what `stored` returned, [`Observer::answered`], [`Observer::studies_ended`] → [`Observer::association_ended`], also where the
//! association was aborted or a thread panicked. Refusals come by [`Observer::refused`]. All of these are called by
//! the association's own thread. A panic in one of them ends that association and no other.

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
pub use net::SocketTimeout;
pub use node::faults;
pub use node::{Limits, Node, NodeSettings, Timeouts};
pub use observer::{
    Accepted, AfterAnswer, Answered, AssociationEnd, ConnectionRefusal, Observer, PeerCertificate,
    Progress, Proposed, Received, Refusal, Refused, RefusedClass, StatusCounts, StoredObject,
    Summary, TlsSession, Tolerance, Tolerated,
};
pub use output::{
    Duplicates, IfDifferent, LogPath, Output, OutputSettings, PathTemplate, Sorting, StoredFile,
    TemplateError,
};
pub use peer::Peer;
pub use serve::{
    Capacity, Drained, Handle, ProgramNeeds, Pulse, Server, SingleConnection, thread_builder,
};
pub use treatment::{
    AssociationLimit, AssociationTimeouts, FinalNames, IntentSettings, Leniency, NamedBy,
    OfferedObject, Takers, Treatment, UNCOMPRESSED, storage_classes,
};

// The types of public fields and parameters, so that an embedding program needs no other crate.
pub use dataset::{Dictionary, OutputFormat, TransferSyntax, Uid};
pub use proto::{
    AbortPdu, Acceptance, AcceptorPolicy, AeTitle, ContextResult, PeerFault, Proposal,
    ProposedContext, Rejection, Status,
};
pub use storage::{Durability, FileName, MinFree};
