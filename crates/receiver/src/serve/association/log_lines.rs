//! Lines about an association for those who look for a missing object, at the default level.

use crate::log;
use crate::net::tls::HandshakeError;
use crate::observer::{AssociationEnd, StatusCounts, Summary};
use crate::peer::Peer;
use crate::serve::dump;
use proto::{
    Acceptance, AcceptorPolicy, Association, CommandSet, ContextId, ContextResult, Ending,
    PeerFault, Proposal, Rejection,
};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;
use tracing::info;

/// Says how an association went, for those who count what came from whom.
pub(super) fn association_ended(summary: &Summary) {
    info!(
        stored = summary.objects,
        refused = summary.refused.total(),
        brokenOff = summary.broken_off,
        receivedBytes = summary.bytes,
        seconds = summary.duration.as_secs_f64(),
        end = %summary.end,
        "association ended: {summary}"
    );
}

/// Says so of an association that was rejected, if it was.
pub(super) fn rejection_ended(
    association: &Association,
    peer: SocketAddr,
    number: u64,
    begun: Instant,
) {
    let titles = association.calling_ae().copied().zip(association.called_ae().copied());
    let (Some(Ending::Rejected(rejection)), Some((calling_ae, called_ae))) =
        (association.ending(), titles)
    else {
        return;
    };
    association_ended(&Summary {
        peer: Peer { calling_ae, called_ae, address: peer.ip(), association: number },
        objects: 0,
        refused: StatusCounts::default(),
        broken_off: 0,
        bytes: 0,
        duration: begun.elapsed(),
        end: AssociationEnd::Rejected(rejection),
    });
}

/// Says what a peer is told whose association is refused.
pub(super) fn rejection(rejection: Rejection) {
    info!(dcmtks = true, "Association Rejected: {rejection}");
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
            info!(dcmtks = true, "Refusing Association (forced via command line)");
            "forced via command line".to_owned()
        }
        Rejection::REQUEST_TOO_LARGE => {
            info!(dcmtks = true, "Association Rejected: {rejection}");
            let limit = proto::limits::PRESENTATION_CONTEXTS;
            let proposed = proposal.contexts.len() as u64 + u64::from(proposal.contexts_over_limit);
            format!("{proposed} presentation contexts proposed, at most {limit} can be")
        }
        Rejection::NO_REASON_GIVEN if proposal.contexts.is_empty() => {
            info!(dcmtks = true, "Association Rejected: {rejection}");
            "no presentation context proposed".to_owned()
        }
        Rejection::APPLICATION_CONTEXT_NAME => {
            let name = proposal.application_context.map(|name| name.to_string());
            let why = format!("Bad Application Context Name: {}", name.unwrap_or_default());
            info!(dcmtks = true, "Association Rejected: {why}");
            why
        }
        Rejection::NO_REASON_GIVEN
            if !names_implementation && policy.require_implementation_class_uid =>
        {
            info!(dcmtks = true, "Association Rejected: No Implementation Class UID provided");
            "No Implementation Class UID provided".to_owned()
        }
        _ => {
            info!(dcmtks = true, "Association Rejected: {rejection}");
            rejection.to_string()
        }
    }
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
        info!(dcmtks = true, "    (but no valid presentation contexts)");
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
        info!(dcmtks = true, "Received {what} Request");
        log::block(false, || dump::request(context, command));
    } else {
        info!(dcmtks = true, "Received {what} Request ({details})");
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

/// The limit that a PDU exceeds, if its length is what is wrong with it. `announced` is what the peer was told of
/// P-DATA-TFs, 0 for any length.
pub(super) fn exceeded_limit(fault: &PeerFault, announced: Option<u32>) -> String {
    const A_ASSOCIATE_RQ: u8 = 0x01;
    const P_DATA_TF: u8 = 0x04;
    let (length, limit) = match *fault {
        PeerFault::PduLength { pdu_type: P_DATA_TF, length } => (length, announced.unwrap_or(0)),
        PeerFault::PduLength { pdu_type: A_ASSOCIATE_RQ, length } => {
            (length, proto::limits::ASSOCIATE_PDU_BYTES)
        }
        _ => return String::new(),
    };
    match limit {
        0 => String::new(),
        limit if length <= limit => String::new(),
        limit => format!(": more than the {limit} bytes allowed"),
    }
}

/// Whether a peer that was refused used no TLS at all, as OpenSSL sees by its first bytes, or it is the peer that
/// refused us.
pub(super) fn tls_hint(refusal: &HandshakeError) -> &'static str {
    match refusal {
        HandshakeError::Failed(reason)
            if ["wrong version number", "http request", "https proxy request"]
                .contains(&reason.as_str()) =>
        {
            "the peer does not use TLS, but this port requires it: "
        }
        HandshakeError::Failed(reason)
            if reason.contains(" alert ")
                && (reason.contains("certificate") || reason.ends_with("unknown ca")) =>
        {
            "the peer refused our certificate: "
        }
        _ => "",
    }
}
