//! The storage receiver: everything that touches the world.

pub mod cli;
pub mod logging;
