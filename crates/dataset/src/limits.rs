//! Every bound on what a sender can make this crate hold or do.
//!
//! The sum for one [`Transcoder`](crate::Transcoder) is stated there; nothing depends on the size of
//! the object.

/// The longest UID (PS3.5 §9.1).
pub const UID_BYTES: usize = 64;

/// How deep sequences may nest. Real objects stay below 15; DCMTK 3.6.7 has no bound and its
/// successor stops at 64.
pub const NESTING_LEVELS: usize = 1024;

/// The longest value of an attribute that is kept for naming: see [`Attributes`](crate::Attributes).
/// Text beyond it is not kept, though it is stored.
pub const ATTRIBUTE_BYTES: usize = 1024;
