//! A C-STORE requestor for benchmarks and end-to-end tests.
//!
//! The association is [`requestor`]'s. This crate makes objects up or takes them from a file, encodes their
//! PDUs ahead of time so that sending costs little, and reports figures as one line of JSON.
//!
//! ```no_run
//! use loadgen::{Filler, Object, StoreSender, associate, instance_uid, settings};
//!
//! let object = Object::secondary_capture(4096, Filler::Zeros, false)?;
//! let settings = settings("LOADGEN", "ANY-SCP", None)?;
//! let mut requestor = associate("127.0.0.1:11112", &settings, &object.context())?;
//! let mut sender = StoreSender::new(&mut requestor, object, u32::MAX)?;
//! sender.send(&mut requestor, instance_uid(1)?)?;
//! requestor.release()?;
//! # Ok::<(), loadgen::Error>(())
//! ```
#![forbid(unsafe_code)]

mod associate;
mod enhanced;
mod error;
mod filler;
mod object;
pub mod report;
mod store;
pub mod tls;
mod writer;

pub use associate::{associate, expect_success, settings};
pub use enhanced::ELEMENTS_PER_FRAME;
pub use error::Error;
pub use filler::Filler;
pub use object::{Object, instance_uid};
pub use store::StoreSender;
