//! Bytes to elements and back (PS3.5).
//!
//! Public is [`character_set`]: text in any character set that a data set can declare. The rest is
//! what the [`Transcoder`](crate::Transcoder) is made of:
//!
//! | module | what it does |
//! |---|---|
//! | `element` | reads and writes element headers in the three encodings (PS3.5 §7.1) |
//! | `token` | the parts of a data set, as parser and encoder exchange them |
//! | `parser` | pieces of bytes to tokens: VRs, nesting, repairs while reading |
//! | `encoder` | tokens to bytes: values, lengths, order, repairs while writing |
//! | `deflate` | streams of deflated transfer syntaxes (PS3.5 §A.5) |
//!
//! Parser and encoder do not know each other. Neither holds a value: pieces of it are passed on.

pub mod character_set;
pub(crate) mod deflate;
pub(crate) mod element;
pub(crate) mod encoder;
pub(crate) mod parser;
pub(crate) mod token;
