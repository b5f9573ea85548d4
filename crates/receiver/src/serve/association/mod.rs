//! One association: from an accepted connection to its close.

mod log_lines;

use super::dump;
use super::registry::{PastLimit, Slot};
use crate::limits::{CLOSE_TIMEOUT, LONE_CLOSE_TIMEOUT, LONE_REJECTION_TIMEOUT, REJECTION_TIMEOUT};
use crate::log::{self, ServedPeer};
use crate::net::host_access::Client;
use crate::net::tls::HandshakeError;
use crate::net::{Filled, ReceiveBuffer, Transport};
use crate::node::Node;
use crate::observer::{Refusal, Refused, Summary};
use crate::peer::Peer;
use crate::store::{Done, Failure, StorageService, StoredAnswer};
use crate::treatment::{Faults, Treatment};
use dataset::{Uid, sop_class};
use proto::{
    AbortCause, Acceptance, AcceptorConfig, AssociateResponse, Association, CStoreRq, CommandSet,
    ContextId, ContextResult, DataSetFragments, Ending, Event, Proposal, Rejection, Request,
    SopClassNegotiation, State, Status, Step, negotiate,
};
use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

/// Serves one connection until it is closed.
///
/// Holds a thread, a receive buffer while bytes come in, and what [`StorageService`] holds. Past a
/// limit the association is rejected, in words, when it is proposed.
pub(super) fn run(node: &Node, slot: &Slot, stream: Arc<TcpStream>, peer: SocketAddr) {
    let served_peer = ServedPeer::begin(peer);
    if tracing::enabled!(tracing::Level::DEBUG) {
        debug!("Association Received: {}", node.peer_names.name(peer.ip()));
    }
    if !is_admitted(node, &stream, peer) {
        return;
    }
    if node.settings.names_wanted {
        node.peer_names.begin(peer.ip());
    }
    let accepted = Instant::now();
    let timeouts = &node.settings.timeouts;
    let mut transport = match Transport::new(stream, timeouts.socket_timeout()) {
        Ok(transport) => transport,
        Err(error) => return debug!("connection from {peer} broke at once: {error}"),
    };
    let (acse_timeout, close_timeout) = match slot.past_limit() {
        None => (timeouts.acse, CLOSE_TIMEOUT),
        Some(PastLimit::Threads) => (LONE_REJECTION_TIMEOUT, LONE_CLOSE_TIMEOUT),
        Some(_) => (REJECTION_TIMEOUT, CLOSE_TIMEOUT),
    };
    let acse_timeout = acse_timeout.min(timeouts.acse);
    if let Some(tls) = &node.tls
        && let Err(error) = transport.secure(tls, accepted + acse_timeout)
    {
        return refuse_handshake(node, &error, peer);
    }
    let config = AcceptorConfig { acse_timeout, close_timeout };
    let mut served = Served {
        node,
        slot,
        served_peer: &served_peer,
        peer_address: peer,
        transport,
        association: Association::acceptor(config, accepted),
        service: None,
        faults: Faults::default(),
        message_bytes: 0,
        objects: 0,
        is_released: false,
    };
    served.serve();
    served.transport.close();
    served.summarize();
    if let Some(tls) = &node.tls {
        tls.association_ended();
    }
}

/// Says who got no TLS connection, and why.
fn refuse_handshake(node: &Node, error: &HandshakeError, peer: SocketAddr) {
    match error {
        HandshakeError::Nothing => {
            debug!("connection from {peer}: {error} before the TLS handshake");
        }
        _ => {
            let hint = log_lines::tls_hint(error);
            error!("Receiving Association failed: {hint}TLS error: {error}");
            node.observer.refused(&Refused::Connection { peer, reason: error });
        }
    }
}

/// How many presentation contexts are refused, and for what.
#[derive(Default)]
struct RefusedContexts {
    abstract_syntaxes: usize,
    others: usize,
}

impl RefusedContexts {
    fn of(acceptance: &Acceptance) -> Self {
        let mut refused = Self::default();
        for context in &acceptance.contexts {
            match context.result {
                ContextResult::Acceptance => {}
                ContextResult::AbstractSyntaxNotSupported => refused.abstract_syntaxes += 1,
                _ => refused.others += 1,
            }
        }
        refused
    }
}

/// Whether host access control lets the peer in. Says so if not; then the connection is closed
/// without a word to the peer.
fn is_admitted(node: &Node, stream: &TcpStream, peer: SocketAddr) -> bool {
    let Some(access) = &node.host_access else { return true };
    // Without our own address the peer is gone.
    let Ok(local) = stream.local_addr() else { return false };
    let look_up = !node.settings.network.disable_host_lookup;
    let client = Client::new(peer.ip(), local, look_up);
    let admitted = access.admits(&client).unwrap_or_else(|fault| {
        error!("host access control: {fault}");
        false
    });
    if !admitted {
        error!(
            dcmtks = true,
            "Receiving Association failed: 0006:0324 TCP wrapper: denied connection from {} ({})",
            if look_up { node.peer_names.name(peer.ip()).to_string() } else { "unknown".into() },
            peer.ip().to_canonical()
        );
        node.observer.refused(&Refused::Connection { peer, reason: &"host access control" });
    }
    admitted
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
    service: Option<StorageService<'n>>,
    faults: Faults,
    /// How much has come since the last event: of a PDU or command set that is not whole yet.
    message_bytes: usize,
    /// How many objects were stored.
    objects: u64,
    /// Whether the peer has released the association.
    is_released: bool,
}

impl Served<'_> {
    fn serve(&mut self) {
        let mut received = ReceiveBuffer::default();
        let mut now = Instant::now();
        loop {
            if !self.send_outgoing() {
                return;
            }
            let Step { consumed, event } = self.association.receive(received.unread(), now);
            let is_event = !matches!(event, Event::NeedInput);
            self.message_bytes = if is_event { 0 } else { self.message_bytes + consumed };
            match event {
                Event::NeedInput if self.association.is_closed() => return,
                Event::NeedInput => {
                    received.consume(consumed);
                    self.fill(&mut received);
                    now = Instant::now();
                    continue;
                }
                Event::Proposed(proposal) => self.answer(&proposal, now),
                Event::Command { context, command } => self.command(context, &command, now),
                Event::DataSet(fragments) => self.data_set(&fragments, now),
                Event::ReleaseRequested => self.release(now),
                Event::Aborted(abort) => self.aborted(abort),
                Event::Rejected(rejection) => {
                    info!("Association Rejected: {rejection}");
                    warn!("refused association: {rejection}");
                }
                Event::Accepted(_) | Event::Released => {}
            }
            received.consume(consumed);
        }
    }

    /// Waits for the peer's next bytes, for as long as it may be silent.
    fn fill(&mut self, received: &mut ReceiveBuffer) {
        let patience = self.patience();
        let service = &mut self.service;
        let idle = || {
            if let Some(service) = service {
                service.idle();
            }
        };
        let filled = self.transport.fill(received, patience, idle);
        match filled {
            Filled::Bytes => {}
            Filled::Closed if self.slot.is_draining() && self.ends_here() => {}
            Filled::Closed => self.association.handle_close(),
            // Does nothing if it was woken a moment early; the next wait is for the rest.
            Filled::TimedOut if self.association.poll_timeout().is_some() => {
                self.association.handle_timeout(Instant::now());
            }
            Filled::TimedOut => self.silent_for_too_long(),
        }
        if self.association.is_closed()
            && let Some(Ending::Aborted(
                abort @ (AbortCause::ConnectionClosed | AbortCause::NoRequest),
            )) = self.association.ending()
        {
            self.aborted(abort);
        }
    }

    /// How long to wait: the ARTIM timer while it runs, otherwise `--socket-timeout` and, in the
    /// middle of a data set, `--dimse-timeout`.
    fn patience(&self) -> Option<Duration> {
        if let Some(expiry) = self.association.poll_timeout() {
            return Some(expiry.saturating_duration_since(Instant::now()));
        }
        let timeouts = &self.node.settings.timeouts;
        let dimse = timeouts.dimse.filter(|_| self.is_receiving());
        [dimse, timeouts.socket_timeout()].into_iter().flatten().min()
    }

    fn silent_for_too_long(&mut self) {
        if self.is_receiving() {
            self.break_off(&"no data set from the peer in time, aborting the association");
        } else {
            error!("no message from the peer in time, aborting the association");
        }
        self.association.abort(Instant::now());
    }

    /// Sends what is queued; false if the connection is broken.
    fn send_outgoing(&mut self) -> bool {
        let outgoing = self.association.outgoing();
        if outgoing.is_empty() {
            return true;
        }
        if let Err(error) = self.transport.send(outgoing) {
            warn!("cannot send to the peer: {error}");
            self.break_off(&"cannot send to the peer");
            return false;
        }
        let sent = outgoing.len();
        self.association.consume_outgoing(sent);
        if let Some(Ending::Rejected(_)) = self.association.ending() {
            self.slot.set_told();
        }
        true
    }

    /// Whether a data set is due.
    fn is_receiving(&self) -> bool {
        self.service.as_ref().is_some_and(StorageService::is_receiving)
    }

    /// The rest of the data set, if one is due, will not come.
    fn break_off(&mut self, why: &dyn fmt::Display) {
        if let Some(service) = &mut self.service {
            service.break_off(why);
        }
    }

    fn answer(&mut self, proposal: &Proposal, now: Instant) {
        self.served_peer.set_title(proposal.calling_ae);
        info!("Association Received");
        let settings = &self.node.settings;
        let prominent = settings.verbose_presentation_contexts;
        log::block(prominent, || {
            let mut lines = vec!["Parameters:".to_owned()];
            lines.extend(dump::associate_rq(proposal, &settings.identity));
            lines
        });
        let peer = Peer {
            calling_ae: proposal.calling_ae,
            called_ae: proposal.called_ae,
            address: self.peer_address.ip(),
        };
        match self.admit(proposal, &peer) {
            Ok((treatment, acceptance)) => self.accept(proposal, acceptance, treatment, peer, now),
            Err(rejection) => self.association.answer(AssociateResponse::Reject(rejection), now),
        }
    }

    /// Decides about an association; says why if it is refused.
    fn admit(
        &self,
        proposal: &Proposal,
        peer: &Peer,
    ) -> Result<(Arc<Treatment>, Box<Acceptance>), Rejection> {
        let refused = |rejection, reason: &dyn fmt::Display| {
            let refused = Refused::Association { peer, rejection, reason };
            self.node.observer.refused(&refused);
            rejection
        };
        if let Some(why) = self.slot.past_limit().map(past_limit) {
            warn!("Refusing Association ({why})");
            log_rejection(Rejection::LOCAL_LIMIT_EXCEEDED);
            return Err(refused(Rejection::LOCAL_LIMIT_EXCEEDED, &why));
        }
        let admitted = self.node.observer.admit(proposal, self.peer_address);
        let treatment = admitted.map_err(|Refusal { rejection, reason }| {
            info!("Association Rejected: {rejection}");
            warn!("refused association: {reason}");
            refused(rejection, &reason)
        })?;
        if let Some(shortage) = treatment.output.as_ref().and_then(|output| output.shortage()) {
            warn!("Refusing Association ({shortage})");
            log_rejection(Rejection::TEMPORARY_CONGESTION);
            return Err(refused(Rejection::TEMPORARY_CONGESTION, &shortage));
        }
        match negotiate(proposal, &treatment.policy) {
            AssociateResponse::Accept(acceptance) => Ok((treatment, acceptance)),
            AssociateResponse::Reject(rejection) => {
                let why = log_lines::rejected(proposal, rejection, &treatment.policy);
                warn!("refused association: {why}");
                Err(refused(rejection, &why))
            }
        }
    }

    fn accept(
        &mut self,
        proposal: &Proposal,
        acceptance: Box<Acceptance>,
        treatment: Arc<Treatment>,
        peer: Peer,
        now: Instant,
    ) {
        let max_send_pdv_bytes = self.association.max_send_pdv_bytes();
        info!("Association Acknowledged (Max Send PDV: {max_send_pdv_bytes})");
        let settings = &self.node.settings;
        let prominent = settings.verbose_presentation_contexts;
        let ours = &settings.identity;
        log::block(prominent, || dump::associate_ac(proposal, &acceptance, ours));
        log_lines::warn_of_refused_classes(proposal, &acceptance);
        let refused = RefusedContexts::of(&acceptance);
        self.association.answer(AssociateResponse::Accept(acceptance), now);
        self.faults = treatment.faults;
        self.node.observer.association_accepted(&peer);
        self.service = Some(StorageService::new(self.node, treatment, peer));
        if self.association.contexts().is_empty() {
            info!("    (but no valid presentation contexts)");
        }
        if refused.abstract_syntaxes + refused.others > 0 {
            info!(
                "    (refused presentation contexts: {} for the abstract syntax, {} for the transfer \
                 syntaxes or the role)",
                refused.abstract_syntaxes, refused.others
            );
        }
    }

    /// Tells the observer of the end of an association that was accepted.
    fn summarize(&mut self) {
        let Some(service) = self.service.take() else { return };
        let peer = *service.peer();
        drop(service);
        let (objects, is_released) = (self.objects, self.is_released);
        self.node.observer.association_ended(&Summary { peer, objects, is_released });
    }

    fn command(&mut self, context: ContextId, command: &CommandSet, now: Instant) {
        self.slot.set_busy(true);
        match Request::parse(command) {
            Ok(Request::CStore(request)) => {
                let class = sop_class::find(request.sop_class.as_str());
                let modality = class.map_or("OT", |class| class.prefix);
                let details = format_args!("MsgID {}, {modality}", request.message_id);
                log_request("Store", details, context, command);
                self.store(context, request);
            }
            Ok(Request::CEcho(request)) => {
                let details = format_args!("MsgID {}", request.message_id);
                log_request("Echo", details, context, command);
                self.respond(context, &request.response(Status::SUCCESS), now);
            }
            Ok(Request::CCancel { .. }) => self.message_ended(now),
            Ok(Request::Other(request)) => {
                error!(
                    "Expected C-ECHO or C-STORE request but received DIMSE command 0x{:04x}",
                    request.command_field
                );
                self.refuse(context, request.response(), request.has_data_set, now);
            }
            Err(fault) => match fault.response() {
                Some(response) => {
                    error!("refusing a request, status {}: {fault}", fault.status());
                    self.refuse(context, response, fault.has_data_set(), now);
                }
                None => {
                    error!("DIMSE failure (aborting association): {fault}");
                    self.association.abort(now);
                }
            },
        }
    }

    fn store(&mut self, context: ContextId, request: CStoreRq) {
        let negotiated = self.association.negotiated(context, &request.sop_class);
        // No request comes before the association is accepted.
        let Some(service) = &mut self.service else { return };
        let accepted = match negotiated {
            SopClassNegotiation::OnItsContext(accepted) if !is_verification(&request.sop_class) => {
                accepted
            }
            SopClassNegotiation::OnAnotherContext { of_request, of_class }
                if !is_verification(&request.sop_class) =>
            {
                warn!(
                    "SOP class {} was accepted on presentation context {}, but the request came on {}",
                    request.sop_class, of_class.id, of_request.id
                );
                of_request
            }
            _ => return service.refuse(&request, &Failure::ClassNotNegotiated),
        };
        service.begin(request, accepted.transfer_syntax);
        sleep(self.faults.sleep_during);
    }

    /// Refuses a request, once its data set, if it has one, is read.
    fn refuse(&mut self, context: ContextId, response: &CommandSet, data_set: bool, now: Instant) {
        if data_set && let Some(service) = &mut self.service {
            service.drain(Some(response.clone()));
        } else {
            self.respond(context, response, now);
        }
    }

    fn data_set(&mut self, fragments: &DataSetFragments<'_>, now: Instant) {
        let faults = self.faults;
        for _ in 0..fragments.pdvs_ended() {
            sleep(faults.sleep_during);
        }
        if faults.abort_during && fragments.pdvs_ended() > 0 {
            return self.abort_on_purpose(now);
        }
        if fragments.is_last() {
            sleep(faults.sleep_during);
            if faults.abort_after {
                return self.abort_on_purpose(now);
            }
        }
        let done = self.service.as_mut().and_then(|service| service.data_set(fragments));
        if let Some(Done { response: Some(response), stored }) = done {
            self.respond(fragments.context(), &response, now);
            let sent = self.send_outgoing();
            if !sent && stored.is_some() {
                log_lines::warn_of_lost_answer(&response);
            }
            // The object is stored, whether its sender knows or not.
            if let Some(stored) = stored {
                self.after_answer(stored);
            }
            if sent {
                sleep(faults.sleep_after);
            }
        } else if fragments.is_last() {
            self.message_ended(now);
        }
    }

    /// The success of an object is answered: does what is left to do.
    fn after_answer(&mut self, stored: StoredAnswer) {
        let StoredAnswer { after, ended, file } = stored;
        drop(file);
        self.objects += 1;
        if let Some(after) = after {
            after();
        }
        if !ended.is_empty() {
            self.node.observer.studies_ended(ended);
        }
        if let Some(service) = &mut self.service {
            service.prepare_next();
        }
    }

    fn abort_on_purpose(&mut self, now: Instant) {
        info!("ABORT initiated (due to command line options)");
        self.break_off(&"as the command line asks");
        self.association.abort(now);
    }

    fn respond(&mut self, context: ContextId, response: &CommandSet, now: Instant) {
        if let Err(error) = self.association.send_command(context, response) {
            debug!("cannot respond: {error}");
        }
        self.message_ended(now);
    }

    /// The message is dealt with: where the server is ending, the association ends here.
    fn message_ended(&mut self, now: Instant) {
        self.slot.set_busy(false);
        if self.slot.is_draining() {
            self.association.abort(now);
        }
    }

    /// The server is ending and has closed the receiving side of an idle connection. True if the
    /// association is to be told so first.
    fn ends_here(&mut self) -> bool {
        if self.association.ending().is_some() || self.association.state() != State::Sta6 {
            return false;
        }
        self.break_off(&"the receiver ends");
        if self.objects > 0 {
            warn!(
                "association aborted, the receiver ends: {} objects of it are stored",
                self.objects
            );
        }
        self.association.abort(Instant::now());
        true
    }

    fn release(&mut self, now: Instant) {
        info!("Association Release");
        self.break_off(&"the peer released the association");
        self.leave();
        self.is_released = true;
        self.association.accept_release(now);
    }

    /// The association ends: it leaves nothing behind.
    fn leave(&mut self) {
        if let Some(service) = &mut self.service {
            service.leave();
        }
    }

    fn aborted(&mut self, abort: AbortCause) {
        let began = self.is_receiving();
        self.break_off(&abort);
        self.leave();
        match abort {
            AbortCause::ByPeer(_) | AbortCause::ConnectionClosed => info!("Association Aborted"),
            AbortCause::Fault(fault) => {
                let is_established = self.association.calling_ae().is_some();
                let hint = if is_established { "" } else { log_lines::protocol_hint(&fault) };
                error!("DIMSE failure (aborting association): {fault}{hint}");
            }
            _ => {}
        }
        if self.message_bytes > 0 && !began {
            warn!(
                "association ended within a message, of which {} bytes had come: {abort}",
                self.message_bytes
            );
        }
    }
}

/// Why an association past a limit is refused.
fn past_limit(limit: PastLimit) -> &'static str {
    match limit {
        PastLimit::Associations => "maximum number of associations reached",
        PastLimit::AssociationsOfHost => "maximum number of its address reached",
        PastLimit::Threads => "the system allows no more threads",
    }
}

fn log_rejection(rejection: Rejection) {
    info!("Association Rejected: {rejection}");
}

/// The one SOP class without C-STORE that is accepted by default.
fn is_verification(sop_class: &Uid) -> bool {
    sop_class.as_str() == sop_class::VERIFICATION
}

/// One line about a request or, at log level DEBUG, all of it.
fn log_request(what: &str, details: fmt::Arguments<'_>, context: ContextId, command: &CommandSet) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        info!("Received {what} Request");
        log::block(false, || dump::request(context, command));
    } else {
        info!("Received {what} Request ({details})");
    }
}

fn sleep(duration: Duration) {
    if !duration.is_zero() {
        std::thread::sleep(duration);
    }
}

#[cfg(test)]
mod tests;
