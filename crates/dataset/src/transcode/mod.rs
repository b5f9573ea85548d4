//! One data set, from the bytes that are pushed to the bytes of a file.
//!
//! - [`transcoder`]: the [`Transcoder`](transcoder::Transcoder), the main type of this crate. It writes a
//!   data set as received, or parses and encodes it.
//! - [`attributes`]: the UIDs and names that are kept in passing, and those that are
//!   [`wanted`] beside them.
//!
//! The private `reader` parses a data set that may be deflated; the private `inspector` uses it for
//! data sets that are written as received, to find what readers of the file would misread.

pub mod attributes;
mod inspector;
pub mod noted_value;
mod noting;
mod reader;
pub mod transcoder;
pub mod wanted;
