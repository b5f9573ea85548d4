//! What is done in the background: digests.

mod digests;

pub use digests::Digests;
