//! What is proposed and what is answered: presentation contexts and user information.
//!
//! [`negotiate`] is a pure function from a [`Proposal`] and an [`AcceptorPolicy`] to an
//! [`Answer`]; reading and writing the PDUs is in [`associate`](super::associate).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
use dataset::{TransferSyntax, Uid, sop_class};

use super::associate::APPLICATION_CONTEXT_NAME;
use super::pdu::Rejection;
use super::user_information::{
    ExtendedNegotiation, OperationsWindow, RoleSelection, UserInformation, VersionName,
};
use crate::{AeTitle, limits};

/// A presentation context ID (PS3.8 §9.3.2.2): one byte.
///
/// The standard has odd ones only; even ones and 0 are tolerated, since peers use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContextId(pub u8);

impl fmt::Display for ContextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The content of an A-ASSOCIATE-RQ PDU (PS3.8 §9.3.2).
///
/// Bounded by [`limits`], whatever the PDU's length: see there for the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Called AE title.
    pub called_ae: AeTitle,
    /// Calling AE title.
    pub calling_ae: AeTitle,
    /// Application context name; `None` if missing or no UID.
    pub application_context: Option<Uid>,
    /// Presentation contexts in the order proposed; of those with the same ID, the first.
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
    /// Its abstract syntax; `None` if missing or no UID.
    pub abstract_syntax: Option<Uid>,
    /// The transfer syntaxes that [`TransferSyntax::find`] knows, in the order proposed, each once.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
    /// The first [`limits::OTHER_TRANSFER_SYNTAXES`] of the others.
    pub other_transfer_syntaxes: Vec<Uid>,
    /// How many others there were.
    pub other_transfer_syntax_count: u32,
}

impl ProposedContext {
    /// Whether it offers this transfer syntax. Of those that are unlisted, only the first
    /// [`limits::OTHER_TRANSFER_SYNTAXES`] count.
    fn proposes(&self, transfer_syntax: &TransferSyntax) -> bool {
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
    /// `max_pdu_bytes` is the longest P-DATA-TF that we take, 0 for any length.
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

    /// Adds a presentation context with the next odd ID. There are 128 of them, so the 129th call
    /// begins again at 1.
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
    /// The abstract syntax proposed: not in the PDU, repeated from the request.
    pub abstract_syntax: Option<Uid>,
    /// Whether it is accepted.
    pub result: ContextResult,
    /// The transfer syntax; without meaning unless the context is accepted.
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

    /// Codes that the standard does not have count as provider rejection.
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

/// What to say to a [`Proposal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A-ASSOCIATE-AC, even if no context was accepted.
    Accept(Box<Acceptance>),
    /// A-ASSOCIATE-RJ.
    Reject(Rejection),
}

/// What an acceptor accepts, and what it says of itself.
#[derive(Clone, Debug)]
pub struct AcceptorPolicy {
    /// Longest P-DATA-TF variable field that we take; 0 for any length. Costs no memory.
    pub max_pdu_bytes: u32,
    /// Our implementation class UID.
    pub implementation_class_uid: Uid,
    /// Our implementation version name.
    pub implementation_version_name: VersionName,
    /// Reject every association.
    pub refuse: bool,
    /// Reject requestors that give no implementation class UID.
    pub require_implementation_class_uid: bool,
    /// The abstract syntaxes accepted.
    pub abstract_syntaxes: AbstractSyntaxes,
    /// What a requestor that wants its user identity acknowledged is told (PS3.7 §D.3.3.7);
    /// `None`: nothing, as if it was not understood.
    pub user_identity_response: Option<Vec<u8>>,
}

/// The abstract syntaxes that an acceptor accepts, each with its own policy. Looked up by hash.
#[derive(Clone, Debug, Default)]
pub struct AbstractSyntaxes {
    listed: HashMap<Uid, ClassPolicy>,
    unregistered: Option<ClassPolicy>,
}

/// How an abstract syntax is accepted.
#[derive(Clone, Debug)]
pub struct ClassPolicy {
    /// Transfer syntaxes accepted, best first. The proposer's order does not count.
    pub transfer_syntaxes: Arc<[&'static TransferSyntax]>,
    /// The roles that a requestor may take (PS3.7 §D.3.3.4).
    pub roles: Roles,
    /// Service class application information to answer with (PS3.7 §D.3.3.5); `None`: no answer.
    pub extended_negotiation: Option<Arc<[u8]>>,
}

/// Roles that a requestor may take for a SOP class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Roles {
    /// SCU only, as without role selection.
    #[default]
    Scu,
    /// SCP only: a requestor that does not propose this role gets the context refused.
    Scp,
    /// Either, or both.
    Both,
}

impl ClassPolicy {
    /// Accepts a requestor that is SCU, with one of these transfer syntaxes, best first.
    #[must_use]
    pub fn new(transfer_syntaxes: Arc<[&'static TransferSyntax]>) -> ClassPolicy {
        ClassPolicy { transfer_syntaxes, roles: Roles::Scu, extended_negotiation: None }
    }
}

impl AbstractSyntaxes {
    /// Accepts nothing.
    #[must_use]
    pub fn new() -> AbstractSyntaxes {
        AbstractSyntaxes::default()
    }

    /// Accepts an abstract syntax; replaces what was said of it before.
    pub fn accept(&mut self, abstract_syntax: Uid, policy: ClassPolicy) {
        self.listed.insert(abstract_syntax, policy);
    }

    /// Accepts every abstract syntax that is not a registered one
    /// ([`dataset::sop_class::is_registered`]): private ones and those of a later standard.
    pub fn accept_unregistered(&mut self, policy: ClassPolicy) {
        self.unregistered = Some(policy);
    }

    /// What holds for an abstract syntax; `None` if it is not accepted.
    #[must_use]
    pub fn find(&self, abstract_syntax: &Uid) -> Option<&ClassPolicy> {
        let unregistered =
            || self.unregistered.as_ref().filter(|_| !sop_class::is_registered(abstract_syntax));
        self.listed.get(abstract_syntax).or_else(unregistered)
    }
}

/// Decides about an association (PS3.8 §7.1.1, PS3.7 Annex D).
///
/// Rejections in this order: [`refuse`](AcceptorPolicy::refuse), application context name, too many
/// presentation contexts or none at all, missing implementation class UID. (An
/// unsupported protocol version never gets here: the upper layer itself rejects it.) Contexts are
/// answered one by one; that none is accepted is still an acceptance.
///
/// Asynchronous operations are answered 1, 1. A role proposed for an accepted class is answered
/// unless that would leave the requestor none; extended negotiation and user identity are answered
/// if the policy has an answer.
#[must_use]
pub fn negotiate(proposal: &Proposal, policy: &AcceptorPolicy) -> Answer {
    if let Some(rejection) = rejection(proposal, policy) {
        return Answer::Reject(rejection);
    }
    let proposed = &proposal.user_information;
    let contexts: Vec<ContextAnswer> =
        proposal.contexts.iter().map(|context| answer_context(context, proposed, policy)).collect();
    let single = OperationsWindow { invoked: 1, performed: 1 };
    let response_wanted =
        proposed.user_identity.as_ref().is_some_and(|it| it.positive_response_requested);
    let user_information = UserInformation {
        max_pdu_bytes: Some(policy.max_pdu_bytes),
        implementation_class_uid: Some(policy.implementation_class_uid),
        asynchronous_operations: proposed.asynchronous_operations.map(|_| single),
        roles: answer_roles(proposed, &contexts, policy),
        implementation_version_name: Some(policy.implementation_version_name.clone()),
        extended: answer_extended(&contexts, policy),
        common_extended: Vec::new(),
        user_identity: None,
        user_identity_response: policy.user_identity_response.clone().filter(|_| response_wanted),
    };
    Answer::Accept(Box::new(Acceptance { contexts, user_information }))
}

fn rejection(proposal: &Proposal, policy: &AcceptorPolicy) -> Option<Rejection> {
    let dicom = proposal.application_context.is_some_and(|name| name == APPLICATION_CONTEXT_NAME);
    let anonymous = proposal.user_information.implementation_class_uid.is_none();
    Some(if policy.refuse {
        Rejection::NO_REASON_GIVEN
    } else if !dicom {
        Rejection::APPLICATION_CONTEXT_NAME
    } else if proposal.contexts_over_limit > 0 {
        Rejection::REQUEST_TOO_LARGE
    } else if proposal.contexts.is_empty() || (policy.require_implementation_class_uid && anonymous)
    {
        Rejection::NO_REASON_GIVEN
    } else {
        return None;
    })
}

fn answer_context(
    context: &ProposedContext,
    proposed: &UserInformation,
    policy: &AcceptorPolicy,
) -> ContextAnswer {
    let answer = |result, transfer_syntax| ContextAnswer {
        id: context.id,
        abstract_syntax: context.abstract_syntax,
        result,
        transfer_syntax,
    };
    let class = context.abstract_syntax.and_then(|uid| Some((uid, find(policy, &uid)?)));
    let Some((uid, class)) = class else {
        return answer(ContextResult::AbstractSyntaxNotSupported, IMPLICIT_VR_LITTLE_ENDIAN);
    };
    let common = class.transfer_syntaxes.iter().find(|ours| context.proposes(ours));
    let Some(common) = common else {
        return answer(ContextResult::TransferSyntaxesNotSupported, IMPLICIT_VR_LITTLE_ENDIAN);
    };
    let scp = proposed.roles.iter().find(|role| role.sop_class == uid).is_some_and(|role| role.scp);
    if class.roles == Roles::Scp && !scp {
        return answer(ContextResult::ProviderRejection, IMPLICIT_VR_LITTLE_ENDIAN);
    }
    answer(ContextResult::Acceptance, common)
}

fn find<'a>(policy: &'a AcceptorPolicy, abstract_syntax: &Uid) -> Option<&'a ClassPolicy> {
    policy.abstract_syntaxes.find(abstract_syntax)
}

/// The classes of the contexts that were accepted, each once, with their policies.
fn accepted_classes<'a>(
    contexts: &[ContextAnswer],
    policy: &'a AcceptorPolicy,
) -> Vec<(Uid, &'a ClassPolicy)> {
    let mut classes: Vec<(Uid, &ClassPolicy)> = Vec::new();
    for context in contexts.iter().filter(|it| it.result == ContextResult::Acceptance) {
        let Some(uid) = context.abstract_syntax else { continue };
        if classes.iter().all(|(known, _)| *known != uid) {
            classes.extend(find(policy, &uid).map(|class| (uid, class)));
        }
    }
    classes
}

/// PS3.7 §D.3.3.4: a role that was not proposed is never accepted; without an answer, the requestor
/// is SCU.
fn answer_roles(
    proposed: &UserInformation,
    contexts: &[ContextAnswer],
    policy: &AcceptorPolicy,
) -> Vec<RoleSelection> {
    let answer = |(sop_class, class): (Uid, &ClassPolicy)| {
        let role = proposed.roles.iter().find(|role| role.sop_class == sop_class)?;
        let scu = role.scu && class.roles != Roles::Scp;
        let scp = role.scp && class.roles != Roles::Scu;
        (scu || scp).then_some(RoleSelection { sop_class, scu, scp })
    };
    accepted_classes(contexts, policy).into_iter().filter_map(answer).collect()
}

fn answer_extended(
    contexts: &[ContextAnswer],
    policy: &AcceptorPolicy,
) -> Vec<ExtendedNegotiation> {
    let answer = |(sop_class, class): (Uid, &ClassPolicy)| {
        let information = class.extended_negotiation.as_ref()?.to_vec();
        Some(ExtendedNegotiation { sop_class, information })
    };
    accepted_classes(contexts, policy).into_iter().filter_map(answer).collect()
}

/// The longest data field of a PDV for a peer that announced `peer_max_bytes`, 0 or absent for any
/// length (PS3.8 §D.1). Always even.
///
/// The PDU's own six header bytes are counted too, though they need not be: it costs six bytes in
/// 16 KiB and gives the figure that DCMTK logs. Beyond [`limits::SENT_PDU_BYTES`] nothing is
/// gained. A maximum that not even a fragment of two bytes fits in (less than 8) says nothing; 4096
/// is assumed.
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
