//! PS3.5, PS3.6 and PS3.10: data sets as bytes in, bytes out.

pub mod error;
pub mod limits;
pub mod part10;
pub mod sink;
pub mod sop_class;
pub mod tag;
pub mod transfer_syntax;
pub mod uid;

pub use error::{Error, Fault, TagPath};
pub use sink::Sink;
pub use sop_class::SopClass;
pub use tag::Tag;
pub use transfer_syntax::TransferSyntax;
pub use uid::Uid;
