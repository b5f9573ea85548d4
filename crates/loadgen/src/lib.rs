//! A C-STORE requestor for benchmarks and end-to-end tests.
//!
//! The association is a [`requestor`] association. This crate generates objects or reads them from a file,
//! encodes their PDUs in advance so that sending costs little, and reports the results as one line of JSON.
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
mod encapsulated;
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
pub use object::{Object, instance_uid, study_uid};
pub use store::StoreSender;
