//! From a listening socket to the end of its associations.
//!
//! Any thread of `workers` accepts a connection, takes a slot of the `registry`, and serves its association to
//! the end; `server` is what the program sees of it.
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

pub use capacity::{Capacity, ProgramNeeds};
pub use registry::Drained;
pub use server::{Handle, Pulse, Server, SingleConnection, thread_builder};
