//! PS3.5, PS3.6 and PS3.10: data sets as bytes in, bytes out.

// The writing half is not there yet.
#![allow(dead_code)]

pub mod attributes;
mod deflate;
pub mod dictionary;
pub mod element;
pub mod error;
pub mod limits;
mod parser;
pub mod part10;
pub mod sink;
pub mod sop_class;
pub mod tag;
pub mod transcoder;
pub mod transfer_syntax;
pub mod uid;
pub mod vr;

pub use attributes::Attributes;
pub use dictionary::Dictionary;
pub use error::{Error, Fault, TagPath};
pub use sink::Sink;
pub use sop_class::SopClass;
pub use tag::Tag;
pub use transcoder::{OutputFormat, Transcoder};
pub use transfer_syntax::TransferSyntax;
pub use uid::Uid;
pub use vr::Vr;
