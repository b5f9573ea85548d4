//! DICOM data sets as bytes in, bytes out: PS3.5, PS3.6 and PS3.10, without sockets or files.
//!
//! A receiver of objects has to write the data set that comes over the network into a file: as it
//! came, or in another transfer syntax, with lengths of another kind, with what is wrong put right.
//! This crate does that to a stream: bytes are pushed in wherever they were cut, bytes come out to a
//! [`Sink`], and what is held in between does not depend on the object.
//!
//! ```text
//!            push(fragments)                                          finish()
//!                 |                                                      |
//!   deflated? Inflater          bit-preserving: straight to the sink,    |
//!                 |             Onlooker reads along                     |
//!                 v                                                      v
//!   Parser  bytes to tokens: element, value, item, ..          close what is open,
//!     |  ^                                                     pad, sort, deflate
//!     |  +-- Resolver   which VR, from Dictionary and                    |
//!     |                 earlier elements                                 |
//!     +----> Attributes UIDs and names, noted in passing                 |
//!     v                                                                  |
//!   Encoder tokens to bytes: headers, group lengths, order               |
//!     |                                                                  |
//!     +----> ValueWriter  copied, swapped, or cut at the end             |
//!     v                                                                  v
//!   WriteBuffer -----------------------------------------------------> Sink
//!           write: append    patch: lengths known late    read_at, truncate: second pass
//! ```
//!
//! One pass is enough for nearly everything. Lengths that stand in front of what they measure are
//! patched. Elements that do not come in order are merged when their item is complete, in the buffer if it is
//! still there, or else with all others on the sink; deflated output is compressed in place at the end.
//!
//! Long values that need no change are handed to the sink as the caller's own slices.
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
//! let format = OutputFormat { transfer_syntax: OutputTransferSyntax::ExplicitVrBigEndian, ..Default::default() };
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
//! # What is mended, and what is refused
//!
//! Senders break the rules of encoding in many ways. What DCMTK's `storescp` (3.6.7) was seen to mend
//! is mended here to the same bytes, and what it refuses is refused, so that one program can take
//! the place of the other. Where it would lose data and say nothing, this crate refuses; the
//! differences are listed in `docs/divergences.md`. What is mended can be told afterwards: see
//! [`Repairs`].
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
pub use transcode::transcoder::{self, Transcoder};
pub use vr::Vr;
