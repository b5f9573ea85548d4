//! DICOM associations as requestor: C-ECHO and C-STORE over blocking TCP or TLS.
//!
//! The protocol is [`proto`]'s; this crate adds the connection, the timeouts and the order in which things
//! are sent and awaited. A [`Requestor`] is one association on one thread.
//!
//! ```no_run
//! use std::fs::File;
//!
//! use requestor::{Requestor, Settings, part10};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut file = File::open("image.dcm")?;
//! let instance = part10::read_header(&mut file)?;
//! let settings = Settings::new("SENDER".parse()?, "ANY-SCP".parse()?);
//! let mut requestor = Requestor::associate("pacs:104", &settings, &[instance.context()])?;
//! let response = requestor.store(&instance, &mut file)?;
//! requestor.release()?;
//! println!("{}", response.status);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! A status that the peer answers is a result; its [`kind`](proto::Status::kind) says whether the object was
//! stored. Everything else that can go wrong is an [`Error`], whose variants tell whether it makes sense to
//! try again: [`Error::Connect`] and [`Error::TimedOut`] may pass, [`Error::NotAccepted`] will not.
//!
//! # A peer that misbehaves
//!
//! What a peer sends never causes a panic. A violation of the protocol is answered with an A-ABORT, and
//! reported as [`Error::Aborted`]; silence is limited by [`Timeouts`]; memory by [`limits`].
#![forbid(unsafe_code)]

mod connection;
mod error;
pub mod limits;
pub mod part10;
mod requestor;
mod settings;

pub use connection::{Connection, Socket};
pub use error::{Error, Waiting};
pub use part10::Instance;
pub use requestor::{Encoded, Requestor};
pub use settings::{ContextProposal, Interrupt, Settings, Timeouts, Tls, Trust};

pub use proto::{AcceptedContext, AeTitle, Response, Status, StatusKind};
