//! Lines about an association for those who look for a missing object, at the default level.

use crate::log;
use crate::net::tls::HandshakeError;
use crate::serve::dump;
use dataset::{Uid, uid_names};
use proto::{
    Acceptance, AcceptorPolicy, CommandSet, ContextId, ContextResult, PeerFault, Proposal,
    ProposedContext, Rejection,
};
use std::fmt;
use tracing::{info, warn};

/// Refused classes that are named in one line, and transfer syntaxes that are named of each.
const NAMED: usize = 8;

/// Says what a peer is told whose association is refused.
pub(super) fn rejection(rejection: Rejection) {
    info!("Association Rejected: {rejection}");
}

/// Says that an association is refused, as DCMTK does; returns why, for people.
pub(super) fn rejected(
    proposal: &Proposal,
    rejection: Rejection,
    policy: &AcceptorPolicy,
) -> String {
    let names_implementation = proposal.user_information.implementation_class_uid.is_some();
    match rejection {
        Rejection::NO_REASON_GIVEN if policy.refuse => {
            info!("Refusing Association (forced via command line)");
            "forced via command line".to_owned()
        }
        Rejection::APPLICATION_CONTEXT_NAME => {
            let name = proposal.application_context.map(|name| name.to_string());
            let why = format!("Bad Application Context Name: {}", name.unwrap_or_default());
            info!("Association Rejected: {why}");
            why
        }
        Rejection::NO_REASON_GIVEN
            if !names_implementation && policy.require_implementation_class_uid =>
        {
            info!("Association Rejected: No Implementation Class UID provided");
            "No Implementation Class UID provided".to_owned()
        }
        _ => {
            info!("Association Rejected: {rejection}");
            rejection.to_string()
        }
    }
}

/// Names the classes that the peer can send nothing of: none of their presentation contexts was
/// accepted. A context that is refused beside an accepted one is nothing unusual.
pub(super) fn warn_of_refused_classes(proposal: &Proposal, acceptance: &Acceptance) {
    let refused = refused_classes(proposal, acceptance);
    if refused.is_empty() {
        return;
    }
    let more = match refused.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = refused.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
    warn!("refused presentation contexts: {named}{more}");
}

fn refused_classes(proposal: &Proposal, acceptance: &Acceptance) -> Vec<String> {
    let accepted = |class| {
        let mut contexts = acceptance.contexts.iter();
        contexts.any(|it| it.abstract_syntax == class && it.result == ContextResult::Acceptance)
    };
    let mut seen = Vec::new();
    let mut refused = Vec::new();
    for (answer, context) in acceptance.contexts.iter().zip(&proposal.contexts) {
        let class = answer.abstract_syntax;
        if answer.result == ContextResult::Acceptance || seen.contains(&class) || accepted(class) {
            continue;
        }
        seen.push(class);
        let class = class.map_or_else(|| "invalid UID".to_owned(), |class| name(&class));
        refused.push(format!("{class} ({})", why(answer.result, context)));
    }
    refused
}

fn why(result: ContextResult, context: &ProposedContext) -> String {
    match result {
        ContextResult::AbstractSyntaxNotSupported => "abstract syntax not supported".to_owned(),
        ContextResult::TransferSyntaxesNotSupported => {
            let known = context.transfer_syntaxes.iter().map(ToString::to_string);
            let others = context.other_transfer_syntaxes.iter().map(Uid::to_string);
            let named = known.chain(others).take(NAMED).collect::<Vec<_>>().join(", ");
            format!("transfer syntaxes not supported: {named}")
        }
        ContextResult::UserRejection => "user rejection".to_owned(),
        _ => "role not supported".to_owned(),
    }
}

/// The name of a SOP class, or its UID.
fn name(uid: &Uid) -> String {
    uid_names::name_of(uid.as_str()).map_or_else(|| uid.to_string(), str::to_owned)
}

/// Says if nothing can be sent, and how many presentation contexts are refused, and for what.
pub(super) fn count_of_refused_contexts(acceptance: &Acceptance) {
    let (mut abstract_syntaxes, mut others) = (0, 0);
    for context in &acceptance.contexts {
        match context.result {
            ContextResult::Acceptance => {}
            ContextResult::AbstractSyntaxNotSupported => abstract_syntaxes += 1,
            _ => others += 1,
        }
    }
    if abstract_syntaxes + others == acceptance.contexts.len() {
        info!("    (but no valid presentation contexts)");
    }
    if abstract_syntaxes + others > 0 {
        info!(
            "    (refused presentation contexts: {abstract_syntaxes} for the abstract syntax, {others} \
             for the transfer syntaxes or the role)"
        );
    }
}

/// One line about a request or, at log level DEBUG, all of it.
pub(super) fn request(
    what: &str,
    details: fmt::Arguments<'_>,
    context: ContextId,
    command: &CommandSet,
) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        info!("Received {what} Request");
        log::block(false, || dump::request(context, command));
    } else {
        info!("Received {what} Request ({details})");
    }
}

/// The protocol of a peer that did not begin with an A-ASSOCIATE-RQ, where its first byte gives it away.
pub(super) fn protocol_hint(fault: &PeerFault) -> &'static str {
    match fault {
        // A TLS handshake or alert record (RFC 8446 §5.1), an SSLv2 hello.
        PeerFault::UnrecognizedPdu { pdu_type: 0x15 | 0x16 | 0x80 } => {
            ": the peer uses TLS, but TLS is not enabled on this port"
        }
        PeerFault::UnrecognizedPdu { pdu_type: b'A'..=b'Z' } => {
            ": the peer uses a text protocol, such as HTTP"
        }
        _ => "",
    }
}

/// Whether a peer that was refused used no TLS at all, as OpenSSL sees by its first bytes.
pub(super) fn tls_hint(refusal: &HandshakeError) -> &'static str {
    match refusal {
        HandshakeError::Failed(reason)
            if ["wrong version number", "http request", "https proxy request"]
                .contains(&reason.as_str()) =>
        {
            "the peer does not use TLS, but this port requires it: "
        }
        _ => "",
    }
}
