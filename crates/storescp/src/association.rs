//! One association: from an accepted connection to its close.

mod log_lines;

use crate::dump;
use crate::events::Peer;
use crate::host_access::Client;
use crate::limits::{CLOSE_TIMEOUT, LONE_CLOSE_TIMEOUT, LONE_REJECTION_TIMEOUT, REJECTION_TIMEOUT};
use crate::logging::{self, PeerInLog};
use crate::recv_buffer::RecvBuffer;
use crate::registry::{PastLimit, Place};
use crate::shared::Shared;
use crate::storage_service::{Done, Received, StorageService};
use crate::tls::Refusal;
use crate::transport::{Filled, Transport};
use dataset::{Uid, sop_class};
use proto::{
    AbortCause, Acceptance, AcceptorConfig, AssociateResponse, Association, CStoreRq, CommandSet,
    ContextId, ContextResult, DataSetFragments, Ending, Event, Proposal, Rejection, Request,
    SopClassNegotiation, State, Status, Step, negotiate,
};
use std::fmt;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{debug, error, info, warn};

/// Serves one connection until it is closed.
///
/// Holds a thread, a receive buffer while bytes come in, and what [`StorageService`] holds. Past a
/// limit the association is rejected, in words, when it is proposed.
pub(crate) fn run(shared: &Shared, place: &Place, stream: Arc<TcpStream>, peer: SocketAddr) {
    let _peer_in_log = PeerInLog::begin(peer);
    if tracing::enabled!(tracing::Level::DEBUG) {
        debug!("Association Received: {}", shared.peer_names.name(peer.ip()));
    }
    if !is_admitted(shared, &stream, peer) {
        return;
    }
    if shared.events.want_host() {
        shared.peer_names.begin(peer.ip());
    }
    let accepted = Instant::now();
    let mut transport = match Transport::new(stream, shared.socket_timeout()) {
        Ok(transport) => transport,
        Err(error) => return debug!("connection from {peer} broke at once: {error}"),
    };
    let (acse_timeout, close_timeout) = match place.past_limit() {
        None => (shared.config.timeouts.acse, CLOSE_TIMEOUT),
        Some(PastLimit::Threads) => (LONE_REJECTION_TIMEOUT, LONE_CLOSE_TIMEOUT),
        Some(_) => (REJECTION_TIMEOUT, CLOSE_TIMEOUT),
    };
    let acse_timeout = acse_timeout.min(shared.config.timeouts.acse);
    if let Some(tls) = &shared.tls
        && let Err(refusal) = transport.secure(tls, accepted + acse_timeout)
    {
        return log_refusal(&refusal, peer);
    }
    let config = AcceptorConfig { acse_timeout, close_timeout };
    let mut served = Served {
        shared,
        place,
        peer_address: peer.ip(),
        transport,
        association: Association::acceptor(config, accepted),
        service: StorageService::new(shared),
        message_bytes: 0,
        objects: 0,
    };
    served.serve();
    served.transport.close();
    if let Some(tls) = &shared.tls {
        tls.association_ended();
    }
}

/// Says who got no TLS connection, and why.
fn log_refusal(refusal: &Refusal, peer: SocketAddr) {
    match refusal {
        Refusal::Nothing => debug!("connection from {peer}: {refusal} before the TLS handshake"),
        _ => {
            let hint = log_lines::tls_hint(refusal);
            error!("Receiving Association failed: {hint}TLS error: {refusal}");
        }
    }
}

/// How many presentation contexts are refused, and for what.
#[derive(Default)]
struct Refused {
    abstract_syntaxes: usize,
    others: usize,
}

impl Refused {
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
fn is_admitted(shared: &Shared, stream: &TcpStream, peer: SocketAddr) -> bool {
    let Some(access) = &shared.host_access else { return true };
    // Without our own address the peer is gone.
    let Ok(local) = stream.local_addr() else { return false };
    let look_up = !shared.config.network.disable_host_lookup;
    let client = Client::new(peer.ip(), local, look_up);
    let admitted = access.admits(&client).unwrap_or_else(|fault| {
        error!("host access control: {fault}");
        false
    });
    if !admitted {
        error!(
            dcmtks = true,
            "Receiving Association failed: 0006:0324 TCP wrapper: denied connection from {} ({})",
            if look_up { shared.peer_names.name(peer.ip()).to_string() } else { "unknown".into() },
            peer.ip().to_canonical()
        );
    }
    admitted
}

/// An association and all that belongs to it.
struct Served<'s> {
    shared: &'s Shared,
    place: &'s Place,
    peer_address: IpAddr,
    transport: Transport,
    association: Association,
    service: StorageService<'s>,
    /// How much has come since the last event: of a PDU or command set that is not whole yet.
    message_bytes: usize,
    /// How many objects were stored.
    objects: u64,
}

impl Served<'_> {
    fn serve(&mut self) {
        let mut received = RecvBuffer::default();
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
    fn fill(&mut self, received: &mut RecvBuffer) {
        let patience = self.patience();
        let filled = self.transport.fill(received, patience, || self.service.idle());
        match filled {
            Filled::Bytes => {}
            Filled::Closed if self.place.is_draining() && self.ends_here() => {}
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
        let dimse = self.shared.config.timeouts.dimse.filter(|_| self.service.is_receiving());
        let socket = self.shared.socket_timeout();
        [dimse, socket].into_iter().flatten().min()
    }

    fn silent_for_too_long(&mut self) {
        if self.service.is_receiving() {
            self.service.break_off(&"no data set from the peer in time, aborting the association");
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
            self.service.break_off(&"cannot send to the peer");
            return false;
        }
        let sent = outgoing.len();
        self.association.consume_outgoing(sent);
        if let Some(Ending::Rejected(_)) = self.association.ending() {
            self.place.set_told();
        }
        true
    }

    fn answer(&mut self, proposal: &Proposal, now: Instant) {
        logging::peer_title(proposal.calling_ae);
        info!("Association Received");
        let prominent = self.shared.config.log.verbose_presentation_contexts;
        let policy = &self.shared.policy;
        logging::block(prominent, || {
            let mut lines = vec!["Parameters:".to_owned()];
            lines.extend(dump::associate_rq(proposal, policy));
            lines
        });
        let answer = match self.refusal() {
            Some(rejection) => AssociateResponse::Reject(rejection),
            None => negotiate(proposal, &self.shared.policy),
        };
        match &answer {
            AssociateResponse::Accept(acceptance) => {
                let max_send_pdv_bytes = self.association.max_send_pdv_bytes();
                info!("Association Acknowledged (Max Send PDV: {max_send_pdv_bytes})");
                logging::block(prominent, || dump::associate_ac(proposal, acceptance, policy));
            }
            AssociateResponse::Reject(rejection) => self.log_rejection(proposal, *rejection),
        }
        let refused = match &answer {
            AssociateResponse::Accept(acceptance) => {
                log_lines::warn_of_refused_classes(proposal, acceptance);
                Some(Refused::of(acceptance))
            }
            AssociateResponse::Reject(_) => None,
        };
        self.association.answer(answer, now);
        let Some(refused) = refused else { return };
        if self.shared.events.name_peers() {
            self.service.set_peer(self.peer());
        }
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

    /// Why no association can be served now, whoever asks, said in the log.
    fn refusal(&self) -> Option<Rejection> {
        match self.place.past_limit() {
            Some(PastLimit::Associations) => {
                warn!("Refusing Association (maximum number of associations reached)");
                return Some(Rejection::LOCAL_LIMIT_EXCEEDED);
            }
            Some(PastLimit::AssociationsOfHost) => {
                warn!("Refusing Association (maximum number of its address reached)");
                return Some(Rejection::LOCAL_LIMIT_EXCEEDED);
            }
            Some(PastLimit::Threads) => {
                warn!("Refusing Association (the system allows no more threads)");
                return Some(Rejection::LOCAL_LIMIT_EXCEEDED);
            }
            None => {}
        }
        let shortage = self.shared.shortage()?;
        warn!("Refusing Association ({shortage})");
        Some(Rejection::TEMPORARY_CONGESTION)
    }

    fn peer(&self) -> Peer {
        let association = &self.association;
        Peer::new(association.calling_ae(), association.called_ae(), self.peer_address)
    }

    fn log_rejection(&self, proposal: &Proposal, rejection: Rejection) {
        let user_information = &proposal.user_information;
        let faults = &self.shared.config.faults;
        let why = match rejection {
            Rejection::NO_REASON_GIVEN if faults.refuse => {
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
                if user_information.implementation_class_uid.is_none()
                    && faults.reject_without_implementation_class_uid =>
            {
                info!("Association Rejected: No Implementation Class UID provided");
                "No Implementation Class UID provided".to_owned()
            }
            _ => {
                info!("Association Rejected: {rejection}");
                rejection.to_string()
            }
        };
        // Of limits and shortages, there was a warning.
        if !matches!(rejection, Rejection::LOCAL_LIMIT_EXCEEDED | Rejection::TEMPORARY_CONGESTION) {
            warn!("refused association: {why}");
        }
    }

    fn command(&mut self, context: ContextId, command: &CommandSet, now: Instant) {
        self.place.set_busy(true);
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
        let accepted = match self.association.negotiated(context, &request.sop_class) {
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
            _ => return self.refuse_class(&request),
        };
        self.service.begin(request, accepted.transfer_syntax, self.association.calling_ae());
        sleep(self.shared.config.faults.sleep_during);
    }

    /// Refuses to store an object of a SOP class that the peer may not send in this association.
    fn refuse_class(&mut self, request: &CStoreRq) {
        let status = Status::SOP_CLASS_NOT_SUPPORTED;
        let comment = "SOP class not negotiated for C-STORE in this association";
        error!("refusing a request, status {status}: {comment}: {}", request.sop_class);
        self.service.drain(Some(request.response(status, Some(comment))));
    }

    /// Refuses a request, once its data set, if it has one, is read.
    fn refuse(&mut self, context: ContextId, response: &CommandSet, data_set: bool, now: Instant) {
        if data_set {
            self.service.drain(Some(response.clone()));
        } else {
            self.respond(context, response, now);
        }
    }

    fn data_set(&mut self, fragments: &DataSetFragments<'_>, now: Instant) {
        let faults = &self.shared.config.faults;
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
        let done = self.service.data_set(fragments);
        if let Some(Done { response: Some(response), received }) = done {
            self.respond(fragments.context(), &response, now);
            let sent = self.send_outgoing();
            if !sent && received.is_some() {
                log_lines::warn_of_lost_answer(&response);
            }
            // The object is stored, whether its sender knows or not.
            if let Some(Received { reception, ended, file }) = received {
                drop(file);
                self.objects += 1;
                self.shared.events.after_reception(reception, ended);
                self.service.prepare_next();
            }
            if sent {
                sleep(faults.sleep_after);
            }
        } else if fragments.is_last() {
            self.message_ended(now);
        }
    }

    fn abort_on_purpose(&mut self, now: Instant) {
        info!("ABORT initiated (due to command line options)");
        self.service.break_off(&"as the command line asks");
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
        self.place.set_busy(false);
        if self.place.is_draining() {
            self.association.abort(now);
        }
    }

    /// The server is ending and has closed the receiving side of an idle connection. True if the
    /// association is to be told so first.
    fn ends_here(&mut self) -> bool {
        if self.association.ending().is_some() || self.association.state() != State::Sta6 {
            return false;
        }
        self.service.break_off(&"the receiver ends");
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
        self.service.break_off(&"the peer released the association");
        self.service.leave();
        self.association.accept_release(now);
    }

    fn aborted(&mut self, abort: AbortCause) {
        let began = self.service.is_receiving();
        self.service.break_off(&abort);
        self.service.leave();
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

/// The one SOP class without C-STORE that is accepted by default.
fn is_verification(sop_class: &Uid) -> bool {
    sop_class.as_str() == sop_class::VERIFICATION
}

/// One line about a request or, at log level DEBUG, all of it.
fn log_request(what: &str, details: fmt::Arguments<'_>, context: ContextId, command: &CommandSet) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        info!("Received {what} Request");
        logging::block(false, || dump::request(context, command));
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
