//! What a subscriber of the log (`tracing`) can know beside the events: which lines belong together, and whose
//! association a thread serves.

mod block;
mod fields;
mod served_peer;

pub use block::{BLOCK, block};
pub use fields::{FIELDS, ONLY_FIELDS};
pub use served_peer::{ServedBy, ServedPeer, served, write_suffix};
