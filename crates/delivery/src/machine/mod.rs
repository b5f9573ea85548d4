//! The deliveries of one destination as a state machine without a clock, threads, files or a network.
//!
//! ```text
//!   demand ──► lease (catalogue) ──► leased ──► take ──► told ──► settlements
//!                                       │                 ▲ done | again at a time | parked
//!                                       └── given back ───┘ not attempted: the destination is not there, paused, ...
//! ```
//!
//! Whoever drives it says what time it is ([`Now`]), and brings the random numbers.

mod breaker;
mod destination;
mod hours;
mod pace;
mod pause;
mod policy;
mod queue;
mod settling;
#[cfg(test)]
mod simulation;
mod suspects;

pub(crate) use destination::{Demand, Machine, Notice, Take};
pub(crate) use pause::Random;
pub(crate) use policy::Policy;
pub(crate) use settling::{Settled, Settling, Step};

use std::time::{Duration, SystemTime};

/// The time, as the machine needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since the start: never goes back, never jumps.
    pub(crate) elapsed: Duration,
    /// For the catalogue.
    pub(crate) wall: SystemTime,
    /// Of the local day, 0 to 1439.
    pub(crate) minute: u16,
}
