//! What a subscriber of the log (`tracing`) can know beside the events: which lines belong together, and whose
//! association a thread serves.

mod block;
mod served_peer;

pub use block::{BLOCK, block};
pub use served_peer::{ServedPeer, write_suffix};
