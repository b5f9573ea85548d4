//! Every bound on what a peer can make us hold, and what they add up to.
//!
//! # Worst-case memory of one association
//!
//! | what | bytes at most | held |
//! |---|---|---|
//! | item of an A-ASSOCIATE PDU being gathered | [`ASSOCIATE_ITEM_BYTES`] (64 KiB) | until the item is read |
//! | presentation contexts, roles, extended negotiations, user identity of the request | [`PROPOSAL_BYTES`] (264 KiB) | until the driver drops the `Proposal` |
//! | accepted presentation contexts | [`PRESENTATION_CONTEXTS`], 80 each (10 KiB) | for the association |
//! | command set being gathered | [`COMMAND_SET_BYTES`], and as much again of spare room in the vector (128 KiB) | until its last fragment |
//! | bytes to be sent | what the driver queued, and 10 for an A-ABORT | until taken |
//!
//! The first two and the last three never meet: an A-ASSOCIATE PDU is either being read or has been
//! answered. So an association costs at most [`PEAK_BYTES`] (328 KiB) and, once established, a usual one (a
//! few contexts, commands of 200 bytes) about one KiB. Data sets are never held.

use dataset::{TransferSyntax, Uid};

use crate::{
    AcceptedContext, CommonExtendedNegotiation, ExtendedNegotiation, ProposedContext, RoleSelection,
};

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

/// Transfer syntaxes that [`TransferSyntax::find`] knows, at most: so many can be kept of each
/// presentation context.
pub const KNOWN_TRANSFER_SYNTAXES: usize = 96;

/// Most bytes of a `Proposal`. The values of user information come out of one item.
pub const PROPOSAL_BYTES: usize = PRESENTATION_CONTEXTS
    * (size_of::<ProposedContext>()
        + KNOWN_TRANSFER_SYNTAXES * size_of::<&TransferSyntax>()
        + OTHER_TRANSFER_SYNTAXES * size_of::<Uid>())
    + NEGOTIATION_ITEMS
        * (size_of::<RoleSelection>()
            + size_of::<ExtendedNegotiation>()
            + size_of::<CommonExtendedNegotiation>())
    + 2 * RELATED_GENERAL_CLASSES * size_of::<Uid>()
    + ASSOCIATE_ITEM_BYTES;

/// Most bytes held on a peer's account in one association; see the [table](self).
pub const PEAK_BYTES: usize = ASSOCIATE_ITEM_BYTES + PROPOSAL_BYTES;

const _: () = assert!(PEAK_BYTES <= 384 * 1024);
const _: () = assert!(
    2 * COMMAND_SET_BYTES + PRESENTATION_CONTEXTS * size_of::<AcceptedContext>() <= PEAK_BYTES
);
const _: () = assert!(ASSOCIATE_ITEM_BYTES < ASSOCIATE_PDU_BYTES as usize);
// A request that uses all that is allowed has to fit into the PDU that is read.
const _: () = assert!(PRESENTATION_CONTEXTS * 100 * 64 < ASSOCIATE_PDU_BYTES as usize);
const _: () = assert!(PRESENTATION_CONTEXTS <= u8::MAX as usize + 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_known_transfer_syntaxes_fit() {
        assert!(TransferSyntax::all().len() <= KNOWN_TRANSFER_SYNTAXES);
    }
}
