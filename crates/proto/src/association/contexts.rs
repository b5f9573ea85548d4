//! The presentation contexts of an established association.

use dataset::{TransferSyntax, Uid};

use crate::context_id::ContextId;
use crate::limits;
use crate::ul::proposal::{Acceptance, ContextResult};

/// An accepted presentation context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedContext {
    /// Its ID.
    pub id: ContextId,
    /// Its abstract syntax.
    pub abstract_syntax: Uid,
    /// The transfer syntax of its data sets.
    pub transfer_syntax: &'static TransferSyntax,
    /// Whether the requestor may be SCU of the SOP class (PS3.7 §D.3.3.4), which it is unless role
    /// selection said otherwise.
    pub requestor_is_scu: bool,
}

/// On which presentation context the SOP class of a request was negotiated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SopClassNegotiation {
    /// The class is the abstract syntax of the request's own context (PS3.7 §9.1.1).
    OnItsContext(AcceptedContext),
    /// The class is the abstract syntax of another accepted context.
    OnAnotherContext {
        /// The context of the request, which determines the transfer syntax of its data set.
        of_request: AcceptedContext,
        /// The context on which the SOP class was accepted.
        of_class: AcceptedContext,
    },
    /// The class was accepted on no context, or the requestor may not be its SCU.
    Nowhere {
        /// The context of the request, if it was accepted and the requestor may be SCU on it.
        of_request: Option<AcceptedContext>,
    },
}

/// The accepted presentation contexts, in the order proposed.
#[derive(Debug, Default)]
pub(super) struct AcceptedContexts {
    contexts: Vec<AcceptedContext>,
    /// One bit per context ID, since every PDV asks.
    ids: [u64; 4],
}

impl AcceptedContexts {
    pub(super) fn of(acceptance: &Acceptance) -> AcceptedContexts {
        let roles = &acceptance.user_information.roles;
        let accepted = acceptance.contexts.iter().filter_map(|context| {
            let abstract_syntax = context.abstract_syntax?;
            let role = roles.iter().find(|role| role.sop_class == abstract_syntax);
            (context.result == ContextResult::Acceptance).then_some(AcceptedContext {
                id: context.id,
                abstract_syntax,
                transfer_syntax: context.transfer_syntax,
                requestor_is_scu: role.is_none_or(|role| role.scu),
            })
        });
        let contexts: Vec<AcceptedContext> = accepted.collect();
        let mut ids = [0; 4];
        for context in &contexts {
            let (word, bit) = bit_of(context.id);
            ids[word] |= bit;
        }
        AcceptedContexts { contexts, ids }
    }

    pub(super) fn as_slice(&self) -> &[AcceptedContext] {
        &self.contexts
    }

    pub(super) fn contains(&self, id: ContextId) -> bool {
        let (word, bit) = bit_of(id);
        self.ids[word] & bit != 0
    }

    pub(super) fn find(&self, id: ContextId) -> Option<&AcceptedContext> {
        self.contexts.iter().find(|context| context.id == id)
    }

    pub(super) fn negotiated(&self, context: ContextId, sop_class: &Uid) -> SopClassNegotiation {
        let Some(&of_request) = self.find(context) else {
            return SopClassNegotiation::Nowhere { of_request: None };
        };
        let is_of_class = |context: &AcceptedContext| {
            context.abstract_syntax == *sop_class && context.requestor_is_scu
        };
        if is_of_class(&of_request) {
            return SopClassNegotiation::OnItsContext(of_request);
        }
        match self.contexts.iter().copied().find(is_of_class) {
            Some(of_class) => SopClassNegotiation::OnAnotherContext { of_request, of_class },
            None => SopClassNegotiation::Nowhere {
                of_request: Some(of_request).filter(|context| context.requestor_is_scu),
            },
        }
    }
}

fn bit_of(id: ContextId) -> (usize, u64) {
    (usize::from(id.0 >> 6), 1 << (id.0 & 63))
}

const _: () = assert!(size_of::<AcceptedContext>() <= limits::ACCEPTED_CONTEXT_BYTES);
