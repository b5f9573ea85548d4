//! A C-STORE requestor for benchmarks and end-to-end tests.
//!
//! The protocol is `proto`'s; what is here is what a sender needs around it: objects made up or
//! taken from a file, prepared so that sending costs little, and figures on one line of JSON.
//!
//! ```no_run
//! use loadgen::{Client, Filler, Object, StoreSender, instance_uid};
//!
//! let object = Object::secondary_capture(4096, Filler::Zeros, false)?;
//! let mut client = Client::connect("127.0.0.1:11112", None, &Default::default(), &object.context())?;
//! let mut sender = StoreSender::new(&mut client, object, u32::MAX)?;
//! sender.send(&mut client, instance_uid(1)?)?;
//! client.release()?;
//! # Ok::<(), loadgen::Error>(())
//! ```
#![forbid(unsafe_code)]

mod client;
mod enhanced;
mod error;
mod filler;
mod object;
pub mod report;
mod store;
pub mod stream;
mod writer;

pub use client::{Client, Context, Titles};
pub use enhanced::ELEMENTS_PER_FRAME;
pub use error::Error;
pub use filler::Filler;
pub use object::{Object, instance_uid};
pub use store::StoreSender;
