//! From a listening socket to the end of its associations.
//!
//! ```text
//!   server ──► workers ──► association ──► crate::store
//!     │           └──► registry ◄──┘         who is served, how many, and how that ends
//!     └ capacity, memory: how many at most
//! ```

mod association;
mod capacity;
mod dump;
mod memory;
mod registry;
mod server;
mod workers;

pub use capacity::Capacity;
pub use registry::Drained;
pub use server::{Handle, Server, SingleConnection, thread_builder};
