//! The command line, compared with that of DCMTK's `storescp`, and its documentation.

#![allow(clippy::unwrap_used)] // what fails here fails the test

mod debian;
mod differential;
mod help;
mod outbox;
mod program;
mod random;
mod reference;
mod settings;
