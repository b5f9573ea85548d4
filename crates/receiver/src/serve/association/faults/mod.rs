//! Faults on purpose ([`crate::faults`]): what they do to connections, associations and objects.
//!
//! Of an association, [`Served`] asks once, when it would be accepted, and of its objects `Requests` asks; neither
//! does anything here in a receiver without a plan.

mod bytes;
mod objects;

use super::{Served, log_lines};
use crate::faults::{Action, AssociationCounts, End, Faults, Moment, Strike};
use crate::limits::PROVOKED_ALERT_TIMEOUT;
use crate::observer::Refused;
use crate::peer::Peer;
use dataset::Uid;
use objects::Object;
use proto::{
    Acceptance, AssociateResponse, Association, ContextId, ContextResult, Proposal,
    ProposedContext, Rejection,
};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Instant;
use tracing::info;

/// The faults of one association: those that strike it, and those of its objects.
///
/// Memory: [`FAULT_BYTES`](crate::limits::FAULT_BYTES) at most.
pub(super) struct AssociationFaults<'n> {
    faults: &'n Faults,
    peer: Peer,
    stream: Arc<TcpStream>,
    counts: AssociationCounts,
    strikes: Vec<Strike<'n>>,
    /// Contexts that were accepted with a transfer syntax that was not proposed.
    unproposed: Vec<ContextId>,
    /// The object that is being received or answered.
    object: Option<Object<'n>>,
    /// Once what is queued is sent, the connection is closed.
    closes: bool,
}

/// Lets faults strike a connection; true if it has ended.
pub(super) fn strike_connection(faults: &Faults, stream: &TcpStream, peer: SocketAddr) -> bool {
    let strikes = faults.connection(peer.ip());
    log(&strikes, "");
    pause(stream, &strikes, Moment::Reading, 0);
    for strike in &strikes {
        match &strike.rule.action {
            Action::TlsAlert(alert) => answer_with_alert(stream, *alert),
            Action::End(end, _) => end_connection(stream, *end, strike),
            _ => continue,
        }
        return true;
    }
    false
}

impl<'n> Served<'n> {
    /// Lets faults strike an association that would be accepted. `None` if that has ended it, otherwise the faults
    /// of its objects; `acceptance` may have changed.
    pub(super) fn strike_association(
        &mut self,
        faults: &'n Faults,
        proposal: &Proposal,
        peer: &Peer,
        acceptance: &mut Acceptance,
    ) -> Option<Box<AssociationFaults<'n>>> {
        let strikes = faults.association(proposal, peer);
        log(&strikes, "");
        pause(self.transport.stream(), &strikes, Moment::Answer, 0);
        for strike in &strikes {
            match &strike.rule.action {
                Action::Reject(rejection) => self.reject_on_purpose(*rejection, peer),
                Action::End(end, _) => {
                    end_association(&mut self.association, self.transport.stream(), *end, strike);
                }
                _ => continue,
            }
            return None;
        }
        let unproposed = change_contexts(&strikes, proposal, acceptance);
        Some(Box::new(AssociationFaults {
            faults,
            peer: *peer,
            stream: Arc::clone(self.transport.stream()),
            counts: faults.begin_association(),
            strikes,
            unproposed,
            object: None,
            closes: false,
        }))
    }

    fn reject_on_purpose(&mut self, rejection: Rejection, peer: &Peer) {
        log_lines::rejection(rejection);
        let reason = "fault on purpose";
        self.node.observer.refused(&Refused::Association { peer, rejection, reason });
        self.association.answer(AssociateResponse::Reject(rejection), Instant::now());
    }
}

impl AssociationFaults<'_> {
    /// Changes an A-ASSOCIATE-AC that is queued. If the connection is to be closed once it is sent, returns that.
    pub(super) fn change_acceptance(&self, association: &mut Association) -> Option<&TcpStream> {
        let actions = self.strikes.iter().map(|strike| &strike.rule.action);
        change_pdus(association, actions).then_some(&*self.stream)
    }
}

/// Applies what is to be done to the bytes of an answer that is queued; true if the connection is to be closed
/// once it is sent.
fn change_pdus<'a>(
    association: &mut Association,
    actions: impl Iterator<Item = &'a Action>,
) -> bool {
    let mut closes = false;
    for action in actions {
        let changed = match action {
            Action::UnknownPdu(pdu_type) => bytes::unknown_pdu(*pdu_type),
            Action::CutPdu(length) => {
                closes = true;
                bytes::cut(association.outgoing(), *length).to_vec()
            }
            _ => continue,
        };
        association.replace_outgoing(changed);
    }
    closes
}

/// Changes the answers to the presentation contexts; returns those accepted with a transfer syntax that was not
/// proposed. Of several faults about one context, the first counts.
fn change_contexts(
    strikes: &[Strike<'_>],
    proposal: &Proposal,
    acceptance: &mut Acceptance,
) -> Vec<ContextId> {
    let mut unproposed = Vec::new();
    for (answer, context) in acceptance.contexts.iter_mut().zip(&proposal.contexts) {
        for strike in strikes {
            let wanted = &strike.rule.selection.class;
            let is_of = |uid| wanted.as_ref().is_none_or(|class| class.matches(&uid));
            if !answer.abstract_syntax.is_some_and(is_of) {
                continue;
            }
            match &strike.rule.action {
                Action::RefuseContexts(result) => answer.result = *result,
                Action::AcceptSyntax(syntax) => {
                    answer.result = ContextResult::Acceptance;
                    answer.transfer_syntax = syntax;
                    if !proposes(context, syntax.uid()) {
                        unproposed.push(answer.id);
                    }
                }
                _ => continue,
            }
            break;
        }
    }
    unproposed
}

fn proposes(context: &ProposedContext, transfer_syntax: &str) -> bool {
    let known = context.transfer_syntaxes.iter().map(|syntax| syntax.uid());
    let mut all = known.chain(context.other_transfer_syntaxes.iter().map(Uid::as_str));
    all.any(|uid| uid == transfer_syntax)
}

/// Ends an association as a fault says. Nothing is received on it any more.
fn end_association(
    association: &mut Association,
    stream: &TcpStream,
    end: End,
    strike: &Strike<'_>,
) {
    if let End::Abort { source, reason } = end {
        info!(dcmtks = true, "ABORT initiated (due to command line options)");
        association.abort(Instant::now());
        association.replace_outgoing(bytes::abort(source, reason).to_vec());
    } else {
        end_connection(stream, end, strike);
        association.handle_close();
    }
}

fn end_connection(stream: &TcpStream, end: End, strike: &Strike<'_>) {
    match end {
        End::Reset => return platform::reset_connection(stream),
        End::Silence(duration) => {
            let limit = duration.map(|range| strike.drawn(&range, 0));
            platform::wait_for_hang_up(stream, limit);
        }
        End::Close | End::Abort { .. } => {}
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Answers a ClientHello with a fatal alert (RFC 8446 §6, RFC 5246 §7.2.2), and waits for the peer to close.
fn answer_with_alert(mut stream: &TcpStream, alert: u8) {
    let _ = stream.set_read_timeout(Some(PROVOKED_ALERT_TIMEOUT));
    let mut header = [0; 5];
    if stream.read_exact(&mut header).is_ok() {
        let [_, _, _, high, low] = header;
        // Unread bytes would make the close a reset, which may overtake the alert.
        let length = u64::from(u16::from_be_bytes([high, low]));
        let _ = std::io::copy(&mut stream.take(length), &mut std::io::sink());
        let _ = stream.write_all(&bytes::alert(alert));
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read(&mut header);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Says at INFO what strikes.
fn log(strikes: &[Strike<'_>], details: &str) {
    for Strike { rule, number, .. } in strikes {
        info!("fault on purpose: {rule} ({} {number}{details})", rule.selection.subject.word());
    }
}

/// Waits as the faults ask for at this moment, for the n-th time, but not for a peer that has gone.
fn pause(stream: &TcpStream, strikes: &[Strike<'_>], moment: Moment, time: u64) {
    for delay in strikes.iter().filter_map(|strike| strike.delay(moment, time)) {
        platform::wait_for_hang_up(stream, Some(delay));
    }
}
