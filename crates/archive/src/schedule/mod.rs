//! The time, and the threads that do something now and then.

mod clock;
mod worker;

pub(crate) use clock::Jump;
#[cfg(test)]
pub(crate) use clock::testing::TestClock;
pub use clock::{Clock, SteadyClock, SystemClock};
pub(crate) use worker::{Stopping, Worker};
