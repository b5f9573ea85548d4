//! How an acceptor decides about an association: [`negotiate`], a pure function from a [`Proposal`]
//! and an [`AcceptorPolicy`] to an [`AssociateResponse`].

use std::collections::HashMap;
use std::sync::Arc;

use dataset::transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN;
use dataset::{TransferSyntax, Uid, sop_class};

use super::pdu::Rejection;
use super::proposal::{
    APPLICATION_CONTEXT_NAME, Acceptance, ContextAnswer, ContextResult, Proposal, ProposedContext,
};
use super::user_information::{
    ExtendedNegotiation, OperationsWindow, RoleSelection, UserInformation, VersionName,
};

/// The acceptor's response to a [`Proposal`] (PS3.8 §7.1.1): the A-ASSOCIATE response primitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssociateResponse {
    /// A-ASSOCIATE-AC, even if no context was accepted.
    Accept(Box<Acceptance>),
    /// A-ASSOCIATE-RJ.
    Reject(Rejection),
}

/// What an acceptor accepts, and how it identifies itself.
#[derive(Clone, Debug)]
pub struct AcceptorPolicy {
    /// Longest P-DATA-TF variable field to accept, in bytes; 0 for any length. Costs no memory.
    pub max_pdu_bytes: u32,
    /// Our implementation class UID.
    pub implementation_class_uid: Uid,
    /// Our implementation version name.
    pub implementation_version_name: VersionName,
    /// Reject every association.
    pub refuse: bool,
    /// Reject requestors that send no implementation class UID.
    pub require_implementation_class_uid: bool,
    /// The abstract syntaxes accepted.
    pub abstract_syntaxes: AbstractSyntaxes,
    /// The server response for requestors that ask for one to their user identity (PS3.7 §D.3.3.7);
    /// `None` sends none, as if user identity was not supported.
    pub user_identity_response: Option<Vec<u8>>,
}

/// The abstract syntaxes that an acceptor accepts, each with its own policy, in a hash map. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct AbstractSyntaxes {
    listed: Arc<HashMap<Uid, ClassPolicy>>,
    unregistered: Option<ClassPolicy>,
}

/// How an abstract syntax is accepted.
#[derive(Clone, Debug)]
pub struct ClassPolicy {
    /// Transfer syntaxes accepted, most preferred first. The requestor's order is ignored.
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
    /// Accepts a requestor that is SCU, with one of these transfer syntaxes, most preferred first.
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

    /// Accepts an abstract syntax, replacing any earlier policy for it.
    pub fn accept(&mut self, abstract_syntax: Uid, policy: ClassPolicy) {
        Arc::make_mut(&mut self.listed).insert(abstract_syntax, policy);
    }

    /// Accepts every abstract syntax that is not a registered one
    /// ([`dataset::sop_class::is_registered`]): private ones and those of a later standard.
    pub fn accept_unregistered(&mut self, policy: ClassPolicy) {
        self.unregistered = Some(policy);
    }

    /// The policy for an abstract syntax; `None` if it is not accepted.
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
/// presentation contexts or none at all, missing implementation class UID. (The upper layer itself
/// rejects an unsupported protocol version.) Contexts are answered one by one; the association is
/// accepted even if none of them is.
///
/// Asynchronous operations are answered 1, 1. A role proposed for an accepted class is answered unless
/// that would leave the requestor without a role; extended negotiation and user identity are answered
/// if the policy has an answer.
#[must_use]
pub fn negotiate(proposal: &Proposal, policy: &AcceptorPolicy) -> AssociateResponse {
    if let Some(rejection) = rejection(proposal, policy) {
        return AssociateResponse::Reject(rejection);
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
    AssociateResponse::Accept(Box::new(Acceptance { contexts, user_information }))
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
