//! Every bound on what a peer can make us hold, and what they add up to.
//!
//! # Worst-case memory of one association
//!
//! | what | bytes at most | held |
//! |---|---|---|
//! | item of an A-ASSOCIATE PDU being gathered | [`ASSOCIATE_ITEM_BYTES`] (64 KiB) | until the PDU is read |
//! | presentation contexts of the request | [`PRESENTATION_CONTEXTS`] × (known transfer syntaxes, 8 each; [`OTHER_TRANSFER_SYNTAXES`] others, 65 each; about 120) – under 120 KiB | until the driver drops the `Proposal` |
//! | user information of the request | 64 KiB of values and, for the lists, [`NEGOTIATION_ITEMS`] entries of about 100 each, three times – under 110 KiB | same |
//! | accepted presentation contexts | [`PRESENTATION_CONTEXTS`] × about 80 – 10 KiB | for the association |
//! | command set being gathered | [`COMMAND_SET_BYTES`] (64 KiB) | until its last fragment |
//! | bytes to be sent | what the driver queued, and 10 for an A-ABORT | until taken |
//!
//! The first three and the last three never meet: an A-ASSOCIATE PDU is either being read or has
//! been answered. So an association costs at most [`PEAK_BYTES`] and, once established, a usual one
//! (a few contexts, commands of 200 bytes) about one KiB. Data sets are never held.

/// Longest A-ASSOCIATE-RQ or -AC that is read. One with 128 contexts of 100 transfer syntaxes has
/// about 400 KiB.
pub const ASSOCIATE_PDU_BYTES: u32 = 1 << 20;

/// Longest item of an A-ASSOCIATE PDU: its length field has 16 bits (PS3.8 §9.3.2).
pub const ASSOCIATE_ITEM_BYTES: usize = u16::MAX as usize;

/// Most presentation contexts of an association: the odd numbers of one byte (PS3.8 §9.3.2.2).
pub const PRESENTATION_CONTEXTS: usize = 128;

/// Transfer syntaxes unknown to [`dataset::TransferSyntax::find`] that are kept, for the log, per
/// presentation context; the rest is counted.
pub const OTHER_TRANSFER_SYNTAXES: usize = 4;

/// Role selections, extended negotiations and common extended negotiations kept of one PDU, each.
/// The rest is ignored, which the standard counts as not accepting them.
pub const NEGOTIATION_ITEMS: usize = 128;

/// Related general SOP classes kept of one PDU, in all (PS3.7 §D.3.3.6).
pub const RELATED_GENERAL_CLASSES: usize = 128;

/// Longest implementation version name (PS3.7 §D.3.3.2).
pub const VERSION_NAME_BYTES: usize = 16;

/// Longest command set. The largest of the standard has some 600 bytes, unless a list of attribute
/// identifiers is in it.
pub const COMMAND_SET_BYTES: usize = 64 * 1024;

/// Longest value of an element of VR LO, such as Error Comment (PS3.5 §6.2).
pub const LONG_STRING_CHARS: usize = 64;

/// Fragments of a data set handed over in one event.
pub const FRAGMENTS_PER_EVENT: usize = 32;

/// Longest variable field of a P-DATA-TF PDU that is sent, whatever the peer would take.
pub const SENT_PDU_BYTES: u32 = 131_072;

/// Most bytes held on a peer's account in one association; see the [table](self).
pub const PEAK_BYTES: usize = 320 * 1024;

const _: () = assert!(ASSOCIATE_ITEM_BYTES < ASSOCIATE_PDU_BYTES as usize);
const _: () = assert!(ASSOCIATE_ITEM_BYTES + 230 * 1024 <= PEAK_BYTES);
const _: () = assert!(COMMAND_SET_BYTES + 10 * 1024 <= PEAK_BYTES);
const _: () = assert!(PRESENTATION_CONTEXTS <= u8::MAX as usize + 1);
const _: () = assert!(COMMAND_SET_BYTES <= u32::MAX as usize);
