//! What is made from the option table and the topics: help, the manual page, the reference, completions.

pub(super) mod completions;
pub(super) mod help;
mod layout;
pub(super) mod manual;
mod topics;

pub use completions::Shell;
#[cfg(test)]
pub(super) use topics::tester_options;
pub(super) use topics::{
    catalog_help, checker_help, hasher_help, outbox_help, schema_help, tester_help,
};
