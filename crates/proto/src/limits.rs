//! Every bound on what a peer can make an association hold, and their sum.
//!
//! # Worst-case memory of one association
//!
//! | what | bytes at most | held |
//! |---|---|---|
//! | item of an A-ASSOCIATE PDU being gathered | [`ASSOCIATE_ITEM_BYTES`] (64 KiB) | until the item is read |
//! | presentation contexts, roles, extended negotiations, user identity of the request | [`PROPOSAL_BYTES`] (264 KiB) | until the driver drops the `Proposal` |
//! | accepted presentation contexts | [`PRESENTATION_CONTEXTS`] of [`ACCEPTED_CONTEXT_BYTES`] (10 KiB) | for the association |
//! | command set being gathered | twice [`COMMAND_SET_BYTES`], as the vector grows by doubling (128 KiB) | until its last fragment |
//! | bytes to be sent | what the driver queued, and 10 for an A-ABORT | until sent |
//!
//! The first two and the last three are never held together: an A-ASSOCIATE PDU is either being read or
//! has been answered. So an association takes at most [`PEAK_BYTES`] (328 KiB). Once established, a
//! typical one (a few contexts, commands of 200 bytes) takes about 1 KiB. Data sets are never held.

/// Longest A-ASSOCIATE-RQ or -AC accepted. A request of 128 contexts with 100 transfer syntaxes each
/// has about 400 KiB.
pub const ASSOCIATE_PDU_BYTES: u32 = 1 << 20;

/// Longest item of an A-ASSOCIATE PDU: its length field has 16 bits (PS3.8 §9.3.2).
pub const ASSOCIATE_ITEM_BYTES: usize = u16::MAX as usize;

/// Most presentation contexts of an association: the odd numbers of one byte (PS3.8 §9.3.2.2).
pub const PRESENTATION_CONTEXTS: usize = 128;

/// Transfer syntaxes unknown to [`dataset::TransferSyntax::find`] that are kept, for the log, per
/// presentation context; the others are counted.
pub const OTHER_TRANSFER_SYNTAXES: usize = 4;

/// Role selections kept of one PDU; the same bound applies to extended negotiations and to common
/// extended negotiations. Further items are ignored, which by the standard means not accepted.
pub const NEGOTIATION_ITEMS: usize = 128;

/// Related general SOP classes kept of one PDU, in total (PS3.7 §D.3.3.6).
pub const RELATED_GENERAL_CLASSES: usize = 128;

/// Longest implementation version name (PS3.7 §D.3.3.2).
pub const VERSION_NAME_BYTES: usize = 16;

/// Longest command set accepted. Those of the standard have at most some 600 bytes, unless they contain
/// a list of attribute identifiers.
pub const COMMAND_SET_BYTES: usize = 64 * 1024;

/// Longest value of an element of VR LO, such as Error Comment (PS3.5 §6.2).
pub const LONG_STRING_CHARS: usize = 64;

/// Fragments of a data set in one event, at most.
pub const FRAGMENTS_PER_EVENT: usize = 32;

/// Longest variable field of a P-DATA-TF PDU that is sent, even if the peer's maximum is larger.
pub const SENT_PDU_BYTES: u32 = 131_072;

/// Transfer syntaxes that [`TransferSyntax::find`](dataset::TransferSyntax::find) knows, at most: so
/// many can be kept of each presentation context.
pub const KNOWN_TRANSFER_SYNTAXES: usize = 96;

/// Most bytes of one [`AcceptedContext`](crate::AcceptedContext).
pub const ACCEPTED_CONTEXT_BYTES: usize = 80;

/// Most bytes of a [`Proposal`](crate::Proposal), as its types and the bounds above make it. The
/// values of user information come out of one item.
pub const PROPOSAL_BYTES: usize = 270_463;

/// Most bytes held on a peer's account in one association; see the [table](self).
pub const PEAK_BYTES: usize = ASSOCIATE_ITEM_BYTES + PROPOSAL_BYTES;

// The sizes of types are asserted beside the types: `ul::proposal`, `association::contexts`.
const _: () = assert!(PEAK_BYTES <= 384 * 1024);
const _: () =
    assert!(2 * COMMAND_SET_BYTES + PRESENTATION_CONTEXTS * ACCEPTED_CONTEXT_BYTES <= PEAK_BYTES);
const _: () = assert!(ASSOCIATE_ITEM_BYTES < ASSOCIATE_PDU_BYTES as usize);
// A request that uses every allowance has to fit into the longest PDU.
const _: () = assert!(PRESENTATION_CONTEXTS * 100 * 64 < ASSOCIATE_PDU_BYTES as usize);
const _: () = assert!(PRESENTATION_CONTEXTS <= u8::MAX as usize + 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_known_transfer_syntaxes_fit() {
        assert!(dataset::TransferSyntax::all().len() <= KNOWN_TRANSFER_SYNTAXES);
    }
}
