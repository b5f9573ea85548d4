//! Bytes to elements and back (PS3.5).

pub mod character_set;
pub(crate) mod deflate;
pub(crate) mod element;
pub(crate) mod encoder;
pub(crate) mod parser;
pub(crate) mod token;
