//! One association: from an accepted connection to its close.
//!
//! ```text
//!   run ──► admission        host access control, TLS, proposal ──► treatment, acceptance or rejection
//!    └────► Served           the loop: send, receive, dispatch events, wait
//!              └─► requests  C-STORE, C-ECHO, data set fragments ──► crate::store
//!        faults    on purpose, if there is a plan: asked by run, Served and requests
//! ```

mod admission;
mod faults;
mod log_lines;
mod refused_classes;
mod requests;

use super::registry::{PastLimit, Slot};
use crate::limits::{CLOSE_TIMEOUT, LONE_CLOSE_TIMEOUT, LONE_REJECTION_TIMEOUT, REJECTION_TIMEOUT};
use crate::log::ServedPeer;
use crate::net::{Filled, ReceiveBuffer, Transport};
use crate::node::{Node, Timeouts};
use crate::observer::{Accepted, AssociationEnd, TlsSession};
use crate::peer::Peer;
use crate::treatment::{AssociationTimeouts, Treatment};
use admission::Admitted;
use proto::{
    AbortCause, AcceptorConfig, AssociateResponse, Association, Ending, Event, Proposal, State,
    Step,
};
use refused_classes::RefusedSyntaxes;
use requests::Requests;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

/// Serves one connection until it is closed.
///
/// Holds a thread, a receive buffer while bytes come in, and what [`Requests`] holds. Past a limit the
/// association is rejected, in words, when it is proposed.
pub(super) fn run(node: &Node, slot: &Slot, stream: Arc<TcpStream>, peer: SocketAddr) {
    let served_peer = ServedPeer::begin(peer, slot.number());
    if tracing::enabled!(tracing::Level::DEBUG) {
        debug!(dcmtks = true, "Association Received: {}", node.peer_names.name(peer.ip()));
    }
    if !admission::is_let_in(node, &stream, peer) {
        return;
    }
    if let Some(plan) = &node.faults
        && slot.past_limit().is_none()
        && faults::strike_connection(plan, &stream, peer)
    {
        return;
    }
    if node.settings.names_wanted {
        node.peer_names.begin(peer.ip());
    }
    let accepted = Instant::now();
    let mut transport = match Transport::new(stream, node.settings.timeouts.socket_timeout()) {
        Ok(transport) => transport,
        Err(error) => return debug!("connection from {peer} closed immediately: {error}"),
    };
    let config = acceptor_config(&node.settings.timeouts, slot.past_limit());
    if let Some(tls) = &node.tls
        && let Err(error) = transport.secure(tls, accepted + config.acse_timeout)
    {
        return admission::refuse_handshake(node, &error, config.acse_timeout, peer);
    }
    let mut served = Served {
        node,
        slot,
        served_peer: &served_peer,
        peer_address: peer,
        transport,
        association: Association::acceptor(config, accepted),
        requests: None,
        message_bytes: 0,
        begun: accepted,
        acse_timeout: config.acse_timeout,
        socket_timeout: node.settings.timeouts.socket_timeout(),
        dimse_timeout: node.settings.timeouts.dimse,
    };
    // The observer is told of the end of an association that panics, too.
    let outcome = catch_unwind(AssertUnwindSafe(|| served.serve()));
    if outcome.is_err() {
        served.end(AssociationEnd::Failed);
    }
    served.transport.close();
    match served.requests {
        Some(requests) => requests.finish(),
        None => log_lines::rejection_ended(&served.association, peer, slot.number(), accepted),
    }
    if let Some(tls) = &node.tls {
        tls.association_ended();
    }
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// How long the peer may take to propose an association, and to close the connection in the end: less where
/// it is only waited for to be rejected.
fn acceptor_config(timeouts: &Timeouts, past_limit: Option<PastLimit>) -> AcceptorConfig {
    let (acse_timeout, close_timeout) = match past_limit {
        None => (timeouts.acse, CLOSE_TIMEOUT),
        Some(PastLimit::Threads) => (LONE_REJECTION_TIMEOUT, LONE_CLOSE_TIMEOUT),
        Some(_) => (REJECTION_TIMEOUT, CLOSE_TIMEOUT),
    };
    AcceptorConfig { acse_timeout: acse_timeout.min(timeouts.acse), close_timeout }
}

/// An association and all that belongs to it.
struct Served<'n> {
    node: &'n Node,
    slot: &'n Slot,
    served_peer: &'n ServedPeer,
    peer_address: SocketAddr,
    transport: Transport,
    association: Association,
    /// Once the association is accepted.
    requests: Option<Requests<'n>>,
    /// Bytes consumed since the last event: of a PDU or command set that is not complete yet.
    message_bytes: usize,
    /// When the peer connected.
    begun: Instant,
    /// How long after that its proposal had to come.
    acse_timeout: Duration,
    /// How long the peer may be silent while it is read from or sent to: as the node has it and, once the
    /// association is accepted, as its treatment has it.
    socket_timeout: Option<Duration>,
    /// How long it may be silent inside a DIMSE message, likewise.
    dimse_timeout: Option<Duration>,
}

impl Served<'_> {
    /// The loop: sends what is queued, takes the next event out of what was received, and waits for more
    /// bytes where there is none.
    fn serve(&mut self) {
        let mut received = ReceiveBuffer::new(self.slot.large_buffers());
        let mut now = Instant::now();
        loop {
            if !self.send_outgoing() {
                return;
            }
            let Step { consumed, event } = self.association.receive(received.unread(), now);
            let is_event = !matches!(event, Event::NeedInput);
            let mut message_ended = false;
            self.message_bytes = if is_event { 0 } else { self.message_bytes + consumed };
            let association = &mut self.association;
            match event {
                Event::NeedInput if association.is_closed() => return,
                Event::NeedInput => {
                    received.consume(consumed);
                    self.fill(&mut received);
                    now = Instant::now();
                    continue;
                }
                Event::Proposed(proposal) => self.answer(&proposal, now),
                // Neither comes before the association is accepted.
                Event::Command { context, command } => {
                    if let Some(requests) = &mut self.requests {
                        requests.command(association, context, &command, now);
                        message_ended = !requests.is_receiving();
                    }
                }
                Event::DataSet(fragments) => {
                    message_ended = fragments.is_last();
                    if let Some(requests) = &mut self.requests {
                        requests.data_set(association, &fragments, now);
                    }
                }
                Event::ReleaseRequested => self.release(now),
                Event::Aborted(abort) => self.aborted(abort),
                Event::Rejected(rejection) => {
                    admission::refuse_unread(self.node, rejection, self.peer_address);
                }
                Event::Accepted(_) | Event::Released => {}
            }
            received.consume(consumed);
            if message_ended {
                received.message_ended();
            }
        }
    }

    /// Sends what is queued; false if the connection is broken.
    fn send_outgoing(&mut self) -> bool {
        let outgoing = self.association.outgoing();
        if outgoing.is_empty() {
            // A response that could not even be queued.
            if let Some(requests) = &mut self.requests {
                requests.response_sent(false);
            }
            return true;
        }
        let sent = self.transport.send(outgoing);
        match &sent {
            Ok(()) => {
                let count = outgoing.len();
                self.association.consume_outgoing(count);
                if let Some(Ending::Rejected(_)) = self.association.ending() {
                    self.slot.set_rejection_sent();
                }
            }
            Err(error) => {
                warn!("cannot send to the peer: {}", platform::reason(error));
                let end = match self.socket_timeout {
                    Some(limit) if is_time_out(error) => AssociationEnd::TimedOut(limit),
                    _ => AssociationEnd::ConnectionLost,
                };
                self.end(end);
                self.interrupt(&"cannot send to the peer");
            }
        }
        if let Some(requests) = &mut self.requests {
            requests.response_sent(sent.is_ok());
        }
        sent.is_ok()
    }

    /// Waits for the peer's next bytes, for as long as it may be silent.
    fn fill(&mut self, received: &mut ReceiveBuffer) {
        let timeout = self.receive_timeout();
        let requests = &mut self.requests;
        let idle = || {
            if let Some(requests) = requests {
                requests.idle();
            }
        };
        match self.transport.fill(received, timeout, idle) {
            Filled::Bytes => {}
            Filled::Closed if self.slot.is_draining() && self.end_idle() => {}
            Filled::Closed => self.association.handle_close(),
            // Does nothing if it was woken a moment early; the next wait is for the rest.
            Filled::TimedOut if self.association.poll_timeout().is_some() => {
                self.association.handle_timeout(Instant::now());
            }
            Filled::TimedOut => self.silent_for_too_long(timeout.unwrap_or_default()),
        }
        if self.association.is_closed()
            && let Some(Ending::Aborted(
                abort @ (AbortCause::ConnectionClosed | AbortCause::NoRequest),
            )) = self.association.ending()
        {
            self.aborted(abort);
        }
    }

    /// How long to wait for bytes: for the ARTIM timer while it runs (PS3.8 §9.1.5), otherwise
    /// `--socket-timeout` and, in the middle of a data set, `--dimse-timeout`.
    fn receive_timeout(&self) -> Option<Duration> {
        if let Some(expiry) = self.association.poll_timeout() {
            return Some(expiry.saturating_duration_since(Instant::now()));
        }
        let dimse = self.dimse_timeout.filter(|_| self.is_receiving());
        [dimse, self.socket_timeout].into_iter().flatten().min()
    }

    fn silent_for_too_long(&mut self, timeout: Duration) {
        let seconds = timeout.as_secs_f64();
        self.end(AssociationEnd::TimedOut(timeout));
        if self.is_receiving() {
            let why = format!("no data from the peer within {seconds} s, aborting association");
            self.interrupt(&why);
        } else {
            error!("no message from the peer within {seconds} s, aborting association");
        }
        self.association.abort(Instant::now());
    }

    /// Answers a proposal; from an acceptance on, there are [`Requests`].
    fn answer(&mut self, proposal: &Proposal, now: Instant) {
        self.served_peer.set_titles(proposal.calling_ae, proposal.called_ae);
        admission::log_proposal(self.node, proposal);
        let peer = Peer {
            calling_ae: proposal.calling_ae,
            called_ae: proposal.called_ae,
            address: self.peer_address.ip(),
            association: self.slot.number(),
        };
        let (address, tls) = (self.peer_address, self.transport.tls());
        let decision = admission::decide(self.node, self.slot, proposal, &peer, address, tls);
        let Admitted { treatment, permit, mut acceptance } = match decision {
            Ok(admitted) => admitted,
            Err(rejection) => {
                return self.association.answer(AssociateResponse::Reject(rejection), now);
            }
        };
        self.set_timeouts(&treatment);
        let mut faults = None;
        if let Some(plan) = &self.node.faults {
            faults = self.strike_association(plan, proposal, &peer, &mut acceptance);
            if faults.is_none() {
                return;
            }
        }
        let refused_syntaxes = RefusedSyntaxes::of(proposal, &acceptance);
        let max_send_pdv_bytes = self.association.max_send_pdv_bytes();
        admission::log_acceptance(
            self.node,
            &peer,
            proposal,
            &treatment,
            &acceptance,
            max_send_pdv_bytes,
        );
        self.node.observer.association_accepted(&Accepted {
            peer: &peer,
            proposal,
            acceptance: &acceptance,
            treatment: &treatment,
            tls: self.transport.tls().map(TlsSession::new),
        });
        self.association.answer(AssociateResponse::Accept(acceptance), now);
        let mut is_cut_off = false;
        if let Some(faults) = &faults
            && let Some(stream) = faults.change_acceptance(&mut self.association)
        {
            self.send_outgoing();
            let _ = stream.shutdown(Shutdown::Both);
            is_cut_off = true;
        }
        let mut requests = Requests::new(self.node, self.slot, treatment, peer, self.begun, faults);
        requests.set_permit(permit);
        requests.set_refused_syntaxes(refused_syntaxes);
        if is_cut_off {
            requests.end(AssociationEnd::OnPurpose);
        }
        self.requests = Some(requests);
    }

    /// From here on, the peer may be silent for as long as its treatment says.
    fn set_timeouts(&mut self, treatment: &Treatment) {
        let Some(AssociationTimeouts { socket, dimse }) = treatment.timeouts else { return };
        self.dimse_timeout = dimse;
        let before = std::mem::replace(&mut self.socket_timeout, socket.duration());
        if self.socket_timeout != before
            && let Err(error) = self.transport.set_send_timeout(self.socket_timeout)
        {
            debug!("cannot set the socket time-out: {error}");
        }
    }

    /// The receiver is shutting down and has closed the receiving side of an idle connection. True if the
    /// association is to be told so first.
    fn end_idle(&mut self) -> bool {
        if self.association.ending().is_some() || self.association.state() != State::Sta6 {
            return false;
        }
        self.end(AssociationEnd::Stopped);
        self.interrupt(&"receiver is shutting down");
        self.association.abort(Instant::now());
        true
    }

    fn release(&mut self, now: Instant) {
        info!(dcmtks = true, "Association Release");
        self.interrupt(&"the peer released the association");
        self.association_ended();
        self.end(AssociationEnd::Released);
        if let Some(requests) = &self.requests {
            requests.warn_of_nothing_sent();
        }
        self.association.accept_release(now);
    }

    fn aborted(&mut self, abort: AbortCause) {
        let was_receiving = self.is_receiving();
        match abort {
            AbortCause::ByPeer(abort) => self.end(AssociationEnd::AbortedByPeer(abort)),
            AbortCause::Fault(fault) => self.end(AssociationEnd::Fault(fault)),
            // Where the receiver stops, it may be its own doing.
            AbortCause::ConnectionClosed if !self.slot.is_draining() => {
                self.end(AssociationEnd::ConnectionLost);
            }
            _ => {}
        }
        self.interrupt(&abort);
        self.association_ended();
        match abort {
            AbortCause::ByPeer(_) | AbortCause::ConnectionClosed => {
                info!(dcmtks = true, "Association Aborted");
            }
            AbortCause::Fault(fault) => {
                let is_established = self.association.calling_ae().is_some();
                let hint = if is_established { "" } else { log_lines::protocol_hint(&fault) };
                let announced = self.requests.as_ref().map(Requests::max_pdu_bytes);
                let limit = log_lines::exceeded_limit(&fault, announced);
                error!("DIMSE failure (aborting association): {fault}{hint}{limit}");
            }
            _ => {}
        }
        if self.message_bytes > 0 && !was_receiving {
            let limit = match abort {
                AbortCause::NoRequest => format!(" ({} s)", self.acse_timeout.as_secs_f64()),
                _ => String::new(),
            };
            warn!(
                "association ended after {} bytes of an incomplete message: {abort}{limit}",
                self.message_bytes
            );
        } else if let Some(requests) = &self.requests
            && !was_receiving
        {
            requests.warn_of_no_release();
        }
    }

    /// Whether a data set is due.
    fn is_receiving(&self) -> bool {
        self.requests.as_ref().is_some_and(Requests::is_receiving)
    }

    /// The rest of the data set, if one is due, will not come.
    fn interrupt(&mut self, why: &dyn fmt::Display) {
        if let Some(requests) = &mut self.requests {
            requests.interrupt(why);
        }
    }

    /// Notes how the association ended, if it was accepted; the first to be noted counts.
    fn end(&mut self, end: AssociationEnd) {
        if let Some(requests) = &mut self.requests {
            requests.end(end);
        }
    }

    /// No more messages will come.
    fn association_ended(&mut self) {
        if let Some(requests) = &mut self.requests {
            requests.association_ended();
        }
    }
}

/// Whether sending failed since the peer took nothing in (`SO_SNDTIMEO`).
fn is_time_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests;
