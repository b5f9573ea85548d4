//! One data set, from the bytes that come to the bytes of a file.

pub mod attributes;
mod inspector;
mod reader;
pub mod transcoder;
