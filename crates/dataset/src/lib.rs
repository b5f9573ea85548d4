//! DICOM data sets as bytes in, bytes out (PS3.5, PS3.6, PS3.10), without sockets, files or threads.
//!
//! A receiver of objects writes the data set that arrives over the network into a file: as received,
//! or in another transfer syntax, with other encodings of lengths, with errors of the sender repaired.
//! This crate does that to a stream. Bytes are pushed in pieces of any size, bytes come out to a
//! [`Sink`], and the memory in between does not depend on the size of the object ([`limits`]).
//!
//! # Groups of modules
//!
//! Each module uses those below it only; `interop/tests/structure.rs` checks that.
//!
//! ```text
//!   transcode    one data set, from pushed bytes to a sink: Transcoder, Attributes
//!       |
//!   encoding     bytes to tokens to bytes (PS3.5): parser, encoder, deflate, character sets
//!       |
//!   format       what the output looks like        part10   the header of a file (PS3.10)
//!       |                                             |
//!   registry     what the standard registers (PS3.6): UIDs, transfer syntaxes, SOP classes,
//!       |        the data dictionary
//!       |
//!   sink, repairs, error, limits, vr, tag
//! ```
//!
//! Most items are re-exported here: [`Transcoder`], [`OutputFormat`], [`Dictionary`], [`Uid`],
//! [`TransferSyntax`].
//!
//! # How a data set is transcoded
//!
//! ```text
//!            push(fragments)                                          finish()
//!                 |                                                      |
//!   deflated? Inflater          as received: straight to the sink;       |
//!                 |             an Inspector reads it as well            |
//!                 v                                                      v
//!   Parser  bytes to tokens: element, value, item, ..          close what is open,
//!     |  ^                                                     sort, pad, deflate
//!     |  +-- Resolver    the VR, from the Dictionary and                 |
//!     |                  from earlier elements                           |
//!     +----> Attributes  UIDs and names, kept in passing                 |
//!     v                                                                  |
//!   Encoder tokens to bytes: headers, group lengths, order               |
//!     |                                                                  |
//!     +----> ValueWriter copied, byte-swapped, or without padding        |
//!     v                                                                  v
//!   WriteBuffer -----------------------------------------------------> Sink
//!           write: append    patch: lengths known late    read_at, truncate: second pass
//! ```
//!
//! One pass is enough for nearly all data sets. Lengths that precede what they measure are patched.
//! Elements that are not in ascending order are sorted when their item ends, in the buffer if it is
//! still there, else on the sink when the data set ends; deflated output is compressed in place at the
//! end. Long values that need no change are handed to the sink as the caller's own slices.
//!
//! # Example
//!
//! ```
//! use std::io::IoSlice;
//! use std::sync::Arc;
//!
//! use dataset::format::{OutputFormat, OutputTransferSyntax};
//! use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
//! use dataset::{Dictionary, Transcoder};
//!
//! // Patient's Name and Rows in implicit VR little endian, as they come from the network.
//! let first = b"\x10\x00\x10\x00\x0A\x00\x00\x00Doe^Ja";
//! let second = b"ne  \x28\x00\x10\x00\x02\x00\x00\x00\x00\x02";
//!
//! let format = OutputFormat {
//!     transfer_syntax: OutputTransferSyntax::ExplicitVrBigEndian,
//!     ..OutputFormat::default()
//! };
//! let dictionary = Arc::new(Dictionary::built_in());
//! let mut transcoder = Transcoder::new(IMPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
//! let mut file = Vec::new();
//! transcoder.push(&[IoSlice::new(first), IoSlice::new(second)], &mut file)?;
//! transcoder.finish(&mut file)?;
//!
//! assert_eq!(file, b"\x00\x10\x00\x10PN\x00\x08Doe^Jane\x00\x28\x00\x10US\x00\x02\x02\x00");
//! assert_eq!(transcoder.attributes().patient_name(), Some(&b"Doe^Jane  "[..]));
//! # Ok::<(), dataset::Error>(())
//! ```
//!
//! `examples/transcode.rs` does the same from file to file, with all options.
//!
//! # What is repaired, and what is refused
//!
//! Senders break the rules of encoding in many ways. Data sets that DCMTK's `storescp` (3.6.7) repairs
//! are repaired to the same bytes, and those that it refuses are refused, so that one program can
//! replace the other. Where it would lose data silently, this crate refuses the data set
//! (`docs/divergences.md` lists the differences). [`Repairs`] tells what was repaired, [`Error`] why a
//! data set was refused.
#![forbid(unsafe_code)]

pub mod encoding;
pub mod error;
pub mod format;
pub mod limits;
pub mod part10;
pub mod registry;
pub mod repairs;
pub mod sink;
pub mod tag;
pub mod transcode;
pub mod vr;

pub use encoding::character_set;
pub use error::{Cause, Error, Fault, TagPath};
pub use format::OutputFormat;
pub use registry::dictionary::{self, Dictionary};
pub use registry::sop_class::{self, SopClass};
pub use registry::transfer_syntax::{self, TransferSyntax};
pub use registry::uid::{self, Uid};
pub use registry::uid_names;
pub use repairs::{RepairKind, Repairs};
pub use sink::Sink;
pub use tag::Tag;
pub use transcode::attributes::{self, Attributes};
pub use transcode::noted_value::NotedValue;
pub use transcode::transcoder::{self, Transcoder};
pub use transcode::wanted::{AttributeName, WantedAttributes};
pub use vr::Vr;
