//! What is made from the option table: help, the manual page, the reference, completions.

pub(super) mod completions;
pub(super) mod help;
pub(super) mod manual;

pub use completions::Shell;
