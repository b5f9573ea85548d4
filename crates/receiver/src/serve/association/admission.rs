//! Who is served, and on which terms: host access control, TLS, and the answer to an A-ASSOCIATE-RQ.
//!
//! Each refusal is logged here and told to the [`Observer`](crate::Observer).

use super::{log_lines, refused_classes};
use crate::log;
use crate::net::host_access::Client;
use crate::net::tls::HandshakeError;
use crate::node::Node;
use crate::observer::{ConnectionRefusal, Proposed, Refusal, Refused};
use crate::output::Refusals;
use crate::peer::Peer;
use crate::serve::dump;
use crate::serve::registry::{PastLimit, Slot};
use crate::treatment::{AssociationPermit, Treatment};
use openssl::ssl::SslRef;
use proto::{Acceptance, AssociateResponse, Proposal, Rejection, negotiate};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};

/// Whether host access control lets the peer in. If not, the connection is to be closed without a word to
/// the peer.
pub(super) fn is_let_in(node: &Node, stream: &TcpStream, peer: SocketAddr) -> bool {
    let Some(access) = &node.host_access else { return true };
    // Without our own address the peer is gone.
    let Ok(local) = stream.local_addr() else { return false };
    let look_up = !node.settings.network.disable_host_lookup;
    let client = Client::new(peer.ip(), local, look_up);
    let is_let_in = access.admits(&client).unwrap_or_else(|fault| {
        error!("host access control: {fault}");
        false
    });
    if !is_let_in {
        error!(
            dcmtks = true,
            "Receiving Association failed: 0006:0324 TCP wrapper: denied connection from {} ({})",
            if look_up { node.peer_names.name(peer.ip()).to_string() } else { "unknown".into() },
            peer.ip().to_canonical()
        );
        let (cause, reason) = (ConnectionRefusal::HostAccess, "host access control");
        node.observer.refused(&Refused::Connection { peer, cause, reason });
    }
    is_let_in
}

/// The TLS handshake failed: there will be no association.
pub(super) fn refuse_handshake(
    node: &Node,
    error: &HandshakeError,
    timeout: Duration,
    peer: SocketAddr,
) {
    if let HandshakeError::Nothing = error {
        tracing::debug!("connection from {peer}: {error} before the TLS handshake");
        return;
    }
    let hint = log_lines::tls_hint(error);
    let more = match error {
        HandshakeError::TimedOut => format!(" ({} s)", timeout.as_secs_f64()),
        HandshakeError::Failed(reason) if reason == "no shared cipher" => {
            "; to accept older cipher suites, see --profile-bcp195-nd (+py) and --cipher (+cs)"
                .to_owned()
        }
        _ => String::new(),
    };
    error!("Receiving Association failed: {hint}TLS error: {error}{more}");
    let (cause, reason) = (ConnectionRefusal::TlsHandshake, &error.to_string());
    node.observer.refused(&Refused::Connection { peer, cause, reason });
}

/// An association that is accepted.
pub(super) struct Admitted {
    /// How it is treated.
    pub(super) treatment: Arc<Treatment>,
    /// That it counts among those of its treatment, where their number is limited.
    pub(super) permit: Option<AssociationPermit>,
    /// The A-ASSOCIATE-AC.
    pub(super) acceptance: Box<Acceptance>,
}

/// Decides about an association that `peer` proposes from `address`: limits first, then the observer, room
/// on disk, negotiation (PS3.8 §9.3.3), and in the end the limit of its treatment, so that nobody counts who is
/// rejected for another reason.
///
/// # Errors
/// The A-ASSOCIATE-RJ that the peer gets.
pub(super) fn decide(
    node: &Node,
    slot: &Slot,
    proposal: &Proposal,
    peer: &Peer,
    address: SocketAddr,
    tls: Option<&SslRef>,
) -> Result<Admitted, Rejection> {
    let refused = |rejection, reason: &str| {
        node.observer.refused(&Refused::Association { peer, rejection, reason });
        rejection
    };
    let past_limit = |why: &str| {
        warn!("Refusing Association ({why})");
        log_lines::rejection(Rejection::LOCAL_LIMIT_EXCEEDED);
        refused(Rejection::LOCAL_LIMIT_EXCEEDED, why)
    };
    if let Some(limit) = slot.past_limit() {
        return Err(past_limit(&describe(limit)));
    }
    let admitted = node.observer.admit(&Proposed::new(proposal, peer, address, tls));
    let treatment = admitted.map_err(|Refusal { rejection, reason }| {
        log_lines::rejection(rejection);
        warn!("refused association: {reason}");
        refused(rejection, &reason)
    })?;
    if let Some(output) = &treatment.output
        && let Some(shortage) = output.shortage()
    {
        output.refused_for_want_of_room(Refusals::ASSOCIATION, &shortage);
        warn!("Refusing Association ({shortage})");
        log_lines::rejection(Rejection::TEMPORARY_CONGESTION);
        return Err(refused(Rejection::TEMPORARY_CONGESTION, &shortage));
    }
    let acceptance = match negotiate(proposal, &treatment.policy) {
        AssociateResponse::Accept(acceptance) => acceptance,
        AssociateResponse::Reject(rejection) => {
            let why = log_lines::rejected(proposal, rejection, &treatment.policy);
            warn!("refused association: {why}");
            return Err(refused(rejection, &why));
        }
    };
    let limit = treatment.associations.as_ref();
    let permit = limit.map(|limit| {
        let most = limit.most;
        limit.enter().ok_or_else(|| {
            past_limit(&format!("association limit {most} of the rule for this sender reached"))
        })
    });
    let permit = permit.transpose()?;
    Ok(Admitted { treatment, permit, acceptance })
}

/// The protocol itself rejects a proposal, of which it reads no further (PS3.8 §9.3.4): its AE titles are not
/// known.
pub(super) fn refuse_unread(node: &Node, rejection: Rejection, address: SocketAddr) {
    log_lines::rejection(rejection);
    let reason = rejection.to_string();
    warn!("refused association: {reason}");
    let peer = Peer { address: address.ip(), ..Peer::default() };
    node.observer.refused(&Refused::Association { peer: &peer, rejection, reason: &reason });
}

/// Why an association past a limit is refused.
fn describe(limit: PastLimit) -> String {
    match limit {
        PastLimit::Associations(limit) => format!("association limit {limit} reached"),
        PastLimit::AssociationsOfHost(limit) => {
            format!("per-address association limit {limit} reached")
        }
        PastLimit::Threads => "cannot start a thread".to_owned(),
    }
}

/// Shows a proposal: in full at DEBUG, or at INFO with `--verbose-pc`.
pub(super) fn log_proposal(node: &Node, proposal: &Proposal) {
    info!(dcmtks = true, "Association Received");
    let settings = &node.settings;
    log::block(settings.verbose_presentation_contexts, || {
        let mut lines = vec!["Parameters:".to_owned()];
        lines.extend(dump::associate_rq(proposal, &settings.identity));
        lines
    });
}

/// Shows an acceptance, likewise; names the classes that are refused.
pub(super) fn log_acceptance(
    node: &Node,
    peer: &Peer,
    proposal: &Proposal,
    treatment: &Treatment,
    acceptance: &Acceptance,
    max_send_pdv_bytes: u32,
) {
    info!(dcmtks = true, "Association Acknowledged (Max Send PDV: {max_send_pdv_bytes})");
    let settings = &node.settings;
    log::block(settings.verbose_presentation_contexts, || {
        dump::associate_ac(proposal, acceptance, &settings.identity)
    });
    refused_classes::tell(node, peer, treatment, proposal, acceptance);
    log_lines::count_of_refused_contexts(acceptance);
}
