//! The time, and the threads that do something now and then.

mod clock;
mod worker;

pub use clock::{Clock, SteadyClock, SystemClock};
pub(crate) use worker::{Stopping, Worker};
