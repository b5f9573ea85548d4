//! Where lines go: the standard streams and files, each written by a thread of its own.

mod appender;
mod console;
pub(super) mod journal;
mod line_queue;
mod log_file;

pub(super) use appender::Appender;
pub(super) use console::{Stream, print};
#[cfg(test)]
pub(super) use line_queue::LineOutput;
pub(super) use line_queue::LineQueue;

pub(crate) use console::print_error;
