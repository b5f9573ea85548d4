//! A C-STORE requestor for benchmarks and end-to-end tests.
//!
//! The protocol is `proto`'s; what is here is what a sender needs around it: objects made up or
//! taken from a file, prepared so that sending costs little, and figures on one line of JSON.

pub mod object;
pub mod report;
