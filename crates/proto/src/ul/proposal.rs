//! The content of A-ASSOCIATE-RQ and A-ASSOCIATE-AC: what one side proposes and the other accepts.
//!
//! Reading and writing the PDUs is in [`associate`](super::associate), deciding in
//! [`negotiation`](super::negotiation).

use dataset::{TransferSyntax, Uid};

use super::user_information::{
    CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserInformation,
};
use crate::ae_title::AeTitle;
use crate::context_id::ContextId;
use crate::limits;

/// The DICOM application context name (PS3.7 §A.2.1).
pub(crate) const APPLICATION_CONTEXT_NAME: &str = "1.2.840.10008.3.1.1.1";

/// The content of an A-ASSOCIATE-RQ PDU (PS3.8 §9.3.2).
///
/// Memory: at most [`limits::PROPOSAL_BYTES`] if it came from a peer, whatever the PDU's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Called AE title.
    pub called_ae: AeTitle,
    /// Calling AE title.
    pub calling_ae: AeTitle,
    /// Application context name; `None` if missing or invalid.
    pub application_context: Option<Uid>,
    /// Presentation contexts in the order proposed; of several with the same ID, only the first.
    pub contexts: Vec<ProposedContext>,
    /// Presentation contexts beyond [`limits::PRESENTATION_CONTEXTS`], which were not kept.
    pub contexts_over_limit: u32,
    /// The user information item; empty if there was none.
    pub user_information: UserInformation,
}

/// A presentation context as proposed (PS3.8 §9.3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedContext {
    /// Its ID, as sent.
    pub id: ContextId,
    /// Its abstract syntax; `None` if missing or invalid.
    pub abstract_syntax: Option<Uid>,
    /// The transfer syntaxes that [`TransferSyntax::find`] knows, in the order proposed, each once.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
    /// The first [`limits::OTHER_TRANSFER_SYNTAXES`] of the others.
    pub other_transfer_syntaxes: Vec<Uid>,
    /// How many others were proposed.
    pub other_transfer_syntax_count: u32,
}

impl ProposedContext {
    /// True if this transfer syntax is proposed. Of unlisted ones, only the first
    /// [`limits::OTHER_TRANSFER_SYNTAXES`] are considered.
    pub(crate) fn proposes(&self, transfer_syntax: &TransferSyntax) -> bool {
        if transfer_syntax.is_unlisted() {
            let uid = transfer_syntax.uid();
            return self.other_transfer_syntaxes.iter().any(|other| other.as_str() == uid);
        }
        self.transfer_syntaxes.iter().any(|known| known.uid() == transfer_syntax.uid())
    }
}

impl Proposal {
    /// A proposal without presentation contexts, for the DICOM application context.
    ///
    /// `max_pdu_bytes` is the longest P-DATA-TF variable field to accept, 0 for any length.
    #[must_use]
    pub fn new(calling_ae: AeTitle, called_ae: AeTitle, max_pdu_bytes: u32) -> Proposal {
        Proposal {
            called_ae,
            calling_ae,
            application_context: APPLICATION_CONTEXT_NAME.parse().ok(),
            contexts: Vec::new(),
            contexts_over_limit: 0,
            user_information: UserInformation {
                max_pdu_bytes: Some(max_pdu_bytes),
                ..UserInformation::default()
            },
        }
    }

    /// Adds a presentation context with the next odd ID. There are 128 of them; the 129th call starts
    /// again at 1.
    pub fn propose(
        &mut self,
        abstract_syntax: Uid,
        transfer_syntaxes: &[&'static TransferSyntax],
    ) -> ContextId {
        let next = self.contexts.last().map_or(1, |last| last.id.0.wrapping_add(2));
        let id = ContextId(next);
        self.contexts.push(ProposedContext {
            id,
            abstract_syntax: Some(abstract_syntax),
            transfer_syntaxes: transfer_syntaxes.to_vec(),
            other_transfer_syntaxes: Vec::new(),
            other_transfer_syntax_count: 0,
        });
        id
    }
}

/// The content of an A-ASSOCIATE-AC PDU (PS3.8 §9.3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// One answer for each context proposed, in that order.
    pub contexts: Vec<ContextAnswer>,
    /// The acceptor's user information.
    pub user_information: UserInformation,
}

/// The answer to one presentation context (PS3.8 §9.3.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextAnswer {
    /// The ID proposed.
    pub id: ContextId,
    /// The abstract syntax proposed; not in the PDU, but taken from the request.
    pub abstract_syntax: Option<Uid>,
    /// Whether it is accepted.
    pub result: ContextResult,
    /// The transfer syntax; not significant unless the context is accepted.
    pub transfer_syntax: &'static TransferSyntax,
}

/// Result/reason of a presentation context (PS3.8 §9.3.3.2, Table 9-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContextResult {
    /// 0: acceptance.
    Acceptance,
    /// 1: user-rejection.
    UserRejection,
    /// 2: no-reason (provider rejection).
    ProviderRejection,
    /// 3: abstract-syntax-not-supported (provider rejection).
    AbstractSyntaxNotSupported,
    /// 4: transfer-syntaxes-not-supported (provider rejection).
    TransferSyntaxesNotSupported,
}

impl ContextResult {
    /// The code in the PDU.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            ContextResult::Acceptance => 0,
            ContextResult::UserRejection => 1,
            ContextResult::ProviderRejection => 2,
            ContextResult::AbstractSyntaxNotSupported => 3,
            ContextResult::TransferSyntaxesNotSupported => 4,
        }
    }

    /// Codes that the standard does not define count as provider rejection.
    pub(crate) fn from_code(code: u8) -> ContextResult {
        match code {
            0 => ContextResult::Acceptance,
            1 => ContextResult::UserRejection,
            3 => ContextResult::AbstractSyntaxNotSupported,
            4 => ContextResult::TransferSyntaxesNotSupported,
            _ => ContextResult::ProviderRejection,
        }
    }
}

/// The longest data field of a PDV for a peer that announced `peer_max_bytes`, 0 or absent for any
/// length (PS3.8 §D.1). Always even.
///
/// The six header bytes of the PDU are counted too, which the standard does not require: it costs six
/// bytes in 16 KiB and gives the number that DCMTK logs. The result never exceeds
/// [`limits::SENT_PDU_BYTES`]. A maximum too small for a fragment of two bytes (less than 8) is
/// ignored; 4096 is assumed.
#[must_use]
pub fn max_send_pdv_bytes(peer_max_bytes: Option<u32>) -> u32 {
    const ASSUMED_PDU_BYTES: u32 = 4096;
    let pdu_bytes = match peer_max_bytes {
        None | Some(0) => limits::SENT_PDU_BYTES,
        Some(bytes) => bytes.min(limits::SENT_PDU_BYTES) & !1,
    };
    match pdu_bytes {
        0..8 => ASSUMED_PDU_BYTES - 12,
        8..24 => pdu_bytes - 6,
        _ => pdu_bytes - 12,
    }
}

// The sizes of the types above and the bounds on their lists.
const PROPOSAL_BYTES: usize = limits::PRESENTATION_CONTEXTS
    * (size_of::<ProposedContext>()
        + limits::KNOWN_TRANSFER_SYNTAXES * size_of::<&TransferSyntax>()
        + limits::OTHER_TRANSFER_SYNTAXES * size_of::<Uid>())
    + limits::NEGOTIATION_ITEMS
        * (size_of::<RoleSelection>()
            + size_of::<ExtendedNegotiation>()
            + size_of::<CommonExtendedNegotiation>())
    + 2 * limits::RELATED_GENERAL_CLASSES * size_of::<Uid>()
    + limits::ASSOCIATE_ITEM_BYTES;

const _: () = assert!(PROPOSAL_BYTES <= limits::PROPOSAL_BYTES);
