//! Storage for the tests of the crates above (feature `doubles`): one whose n-th step fails ([`Faulty`]), and
//! a disk that loses power ([`power_loss`]).

#![allow(clippy::unwrap_used, reason = "only tests use this")]

mod faulty;
pub mod power_loss;

pub use faulty::Faulty;
