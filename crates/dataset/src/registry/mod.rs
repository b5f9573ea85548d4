//! What the standard registers (PS3.6): identifiers and what they mean.
//!
//! - [`uid`]: unique identifiers (PS3.5 §9).
//! - [`transfer_syntax`]: what the UID of a transfer syntax says about the encoding.
//! - [`sop_class`]: the storage SOP classes, and the prefixes of their file names.
//! - [`uid_names`]: symbolic names of UIDs, in negotiation profiles and dumps.
//! - [`dictionary`]: the VR of each attribute; built in, or from files in DCMTK's format, whose text
//!   the caller reads.
//!
//! The tables are static, apart from loaded dictionaries and
//! [unlisted](transfer_syntax::TransferSyntax::unlisted) transfer syntaxes. Uses
//! [`tag`](crate::tag), [`vr`](crate::vr), [`error`](crate::error) and [`limits`](crate::limits).

pub mod dictionary;
pub mod sop_class;
pub mod transfer_syntax;
pub mod uid;
pub mod uid_names;
