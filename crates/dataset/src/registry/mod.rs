//! What the standard registers (PS3.6).

pub mod dictionary;
pub mod sop_class;
pub mod transfer_syntax;
pub mod uid;
pub mod uid_names;
