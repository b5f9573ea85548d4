//! PS3.5, PS3.6 and PS3.10: data sets as bytes in, bytes out.

pub mod attributes;
mod deflate;
pub mod dictionary;
mod element;
mod encoder;
pub mod error;
pub mod format;
pub mod limits;
mod output;
mod parser;
pub mod part10;
mod reorder;
mod resolve;
pub mod sink;
pub mod sop_class;
mod swap;
pub mod tag;
mod text;
pub mod transcoder;
pub mod transfer_syntax;
pub mod uid;
mod value;
pub mod vr;

pub use attributes::Attributes;
pub use dictionary::Dictionary;
pub use error::{Error, Fault, TagPath};
pub use format::OutputFormat;
pub use sink::Sink;
pub use sop_class::SopClass;
pub use tag::Tag;
pub use transcoder::Transcoder;
pub use transfer_syntax::TransferSyntax;
pub use uid::Uid;
pub use vr::Vr;
