//! The association itself: what it holds, and what its user can do.

use std::time::{Duration, Instant};

use dataset::Uid;

use super::contexts::{AcceptedContext, AcceptedContexts, SopClassNegotiation};
use super::event::{AbortCause, Ending, Event};
use super::stage::Stage;
use crate::ae_title::AeTitle;
use crate::context_id::ContextId;
use crate::dimse::command::CommandSet;
use crate::dimse::message::MessageReader;
use crate::error::{Error, PeerFault, abort_for};
use crate::state::{Action, Side, State, StateEvent, StateMachine};
use crate::ul::associate::FixedFields;
use crate::ul::negotiation::AssociateResponse;
use crate::ul::p_data::{PDataReader, put_fragments};
use crate::ul::pdu::{self, Gather, HEADER_BYTES, Rejection};
use crate::ul::proposal::{Acceptance, Proposal, ProposedContext, max_send_pdv_bytes};

/// The two time limits of an acceptor. Both run on the ARTIM timer (PS3.8 §9.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptorConfig {
    /// From the transport connection to a complete A-ASSOCIATE-RQ.
    pub acse_timeout: Duration,
    /// From the last PDU to the peer's close of the transport connection.
    pub close_timeout: Duration,
}

/// What a requestor proposes, and how long it waits for the peer to close.
#[derive(Clone, Debug)]
pub struct RequestorConfig {
    /// The A-ASSOCIATE-RQ to send.
    pub proposal: Proposal,
    /// From the last PDU to the peer's close of the transport connection.
    pub close_timeout: Duration,
}

/// One association, as acceptor or as requestor.
///
/// It owns no transport, clock or buffer. The driver reads bytes into a buffer of its own and passes
/// them to [`receive`](Self::receive) until that returns [`Event::NeedInput`]. It sends
/// [`outgoing`](Self::outgoing) after every call, before the next one, and at
/// [`poll_timeout`](Self::poll_timeout) it calls [`handle_timeout`](Self::handle_timeout). It closes
/// the transport connection once [`is_closed`](Self::is_closed) is true, and not earlier: until then
/// the association waits for the peer, or for ARTIM.
///
/// Memory: see [`limits`](crate::limits).
#[derive(Debug)]
pub struct Association {
    pub(super) machine: StateMachine,
    pub(super) stage: Stage,
    pub(super) header: Gather<HEADER_BYTES>,
    pub(super) p_data: PDataReader,
    pub(super) messages: MessageReader,
    pub(super) outgoing: Vec<u8>,
    /// Bytes of `outgoing` that the driver has consumed.
    pub(super) sent: usize,
    /// ARTIM: when it expires, if it runs.
    pub(super) artim: Option<Instant>,
    pub(super) close_timeout: Duration,
    /// Longest P-DATA-TF that we announced; 0 for any length.
    pub(super) own_max_pdu_bytes: u32,
    pub(super) max_send_pdv_bytes: u32,
    pub(super) contexts: AcceptedContexts,
    /// Requestor, until the A-ASSOCIATE-AC: the contexts proposed. Acceptor: empty.
    pub(super) proposed: Vec<ProposedContext>,
    /// Acceptor, until it answers: the fields that an A-ASSOCIATE-AC repeats.
    pub(super) request: Option<FixedFields>,
    pub(super) calling_ae: Option<AeTitle>,
    pub(super) called_ae: Option<AeTitle>,
    /// Acceptor in a release collision (Sta10): [`accept_release`](Self::accept_release) was called.
    pub(super) release_accepted: bool,
    pub(super) ending: Option<Ending>,
}

impl Association {
    /// An acceptor whose transport connection was just opened (Evt5). It awaits A-ASSOCIATE-RQ.
    #[must_use]
    pub fn acceptor(config: AcceptorConfig, now: Instant) -> Association {
        let mut association = Association::new(Side::Acceptor, config.close_timeout);
        association.apply(StateEvent::Evt5);
        association.artim = now.checked_add(config.acse_timeout);
        association
    }

    /// A requestor whose transport connection was just opened (Evt1, Evt2). The A-ASSOCIATE-RQ is
    /// queued.
    #[must_use]
    pub fn requestor(config: RequestorConfig) -> Association {
        let RequestorConfig { proposal, close_timeout } = config;
        let mut association = Association::new(Side::Requestor, close_timeout);
        association.apply(StateEvent::Evt1);
        association.apply(StateEvent::Evt2);
        association.outgoing = proposal.encode();
        association.own_max_pdu_bytes = proposal.user_information.max_pdu_bytes.unwrap_or(0);
        association.calling_ae = Some(proposal.calling_ae);
        association.called_ae = Some(proposal.called_ae);
        association.proposed = proposal.contexts;
        association
    }

    fn new(side: Side, close_timeout: Duration) -> Association {
        Association {
            machine: StateMachine::new(side),
            stage: Stage::PduHeader,
            header: Gather::EMPTY,
            p_data: PDataReader::IDLE,
            messages: MessageReader::new(),
            outgoing: Vec::new(),
            sent: 0,
            artim: None,
            close_timeout,
            own_max_pdu_bytes: 0,
            max_send_pdv_bytes: max_send_pdv_bytes(None),
            contexts: AcceptedContexts::default(),
            proposed: Vec::new(),
            request: None,
            calling_ae: None,
            called_ae: None,
            release_accepted: false,
            ending: None,
        }
    }

    /// Answers the A-ASSOCIATE-RQ of [`Event::Proposed`] (Evt7, Evt8). Does nothing if there is none,
    /// or if the association has ended since.
    pub fn answer(&mut self, response: AssociateResponse, now: Instant) {
        if self.state() != State::Sta3 {
            return;
        }
        let Some(request) = self.request.take() else { return };
        match response {
            AssociateResponse::Accept(acceptance) => {
                self.apply(StateEvent::Evt7);
                self.outgoing.extend(acceptance.encode(&request));
                self.own_max_pdu_bytes = acceptance.user_information.max_pdu_bytes.unwrap_or(0);
                self.establish(&acceptance);
            }
            AssociateResponse::Reject(rejection) => {
                self.apply(StateEvent::Evt8);
                self.reject(rejection, now);
            }
        }
    }

    /// Queues a command set as whole PDUs of one PDV each, none longer than the peer's maximum.
    ///
    /// # Errors
    /// [`Error::NotEstablished`] outside Sta6 and Sta8, [`Error::ContextNotAccepted`]; nothing is
    /// queued then.
    pub fn send_command(&mut self, context: ContextId, command: &CommandSet) -> Result<(), Error> {
        self.send(context, true, &command.encode(), true)
    }

    /// Queues bytes of a data set as whole PDUs of one PDV each, none longer than the peer's maximum.
    /// `last` marks the end of the data set. `bytes` are copied: pass no more at a time than should
    /// be held in memory.
    ///
    /// # Errors
    /// As [`send_command`](Self::send_command).
    pub fn send_data(&mut self, context: ContextId, bytes: &[u8], last: bool) -> Result<(), Error> {
        self.send(context, false, bytes, last)
    }

    fn send(
        &mut self,
        context: ContextId,
        command: bool,
        bytes: &[u8],
        last: bool,
    ) -> Result<(), Error> {
        if !matches!(self.state(), State::Sta6 | State::Sta8) {
            return Err(Error::NotEstablished(self.state()));
        }
        if !self.contexts.contains(context) {
            return Err(Error::ContextNotAccepted(context));
        }
        self.apply(StateEvent::Evt9);
        let max = self.max_send_pdv_bytes;
        put_fragments(&mut self.outgoing, context, command, bytes, last, max);
        Ok(())
    }

    /// Requests release of the association (Evt11). Does nothing outside Sta6.
    pub fn request_release(&mut self) {
        if self.apply(StateEvent::Evt11).is_some() {
            self.outgoing.extend(pdu::release_rq());
        }
    }

    /// Answers [`Event::ReleaseRequested`] (Evt14). Does nothing without one.
    ///
    /// In a release collision the requestor answers first (PS3.8 §7.2.2): the acceptor's answer is held
    /// back until the requestor's has arrived.
    pub fn accept_release(&mut self, now: Instant) {
        if self.state() == State::Sta10 {
            self.release_accepted = true;
            return;
        }
        let Some(action) = self.apply(StateEvent::Evt14) else { return };
        self.outgoing.extend(pdu::release_rp());
        if action == Action::Ar4 {
            self.start_artim(now);
            self.ending = Some(Ending::Released);
        }
    }

    /// Aborts the association as the service user (Evt15). Does nothing if there is no association yet,
    /// or no longer.
    pub fn abort(&mut self, now: Instant) {
        if let Some(action) = self.apply(StateEvent::Evt15) {
            self.skip_rest_of_pdu();
            self.send_abort(action, None, now);
            self.aborted(AbortCause::Local);
        }
    }

    /// The bytes to send next: whole PDUs, unless part of them was consumed before.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Drops the first `count` bytes of [`outgoing`](Self::outgoing), which were sent. The memory is
    /// kept for the next PDUs.
    ///
    /// # Panics
    /// If `count` exceeds the length of [`outgoing`](Self::outgoing).
    pub fn consume_outgoing(&mut self, count: usize) {
        assert!(count <= self.outgoing().len(), "more bytes consumed than were queued");
        self.sent += count;
        if self.sent == self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
    }

    /// Takes the bytes to send next, which are then no longer in [`outgoing`](Self::outgoing).
    #[must_use]
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        let mut taken = std::mem::take(&mut self.outgoing);
        taken.drain(..self.sent);
        self.sent = 0;
        taken
    }

    /// Puts `bytes` in place of [`outgoing`](Self::outgoing), whatever they are: for those who test how peers take
    /// broken PDUs. The association goes on as if it had sent what it queued.
    pub fn replace_outgoing(&mut self, bytes: Vec<u8>) {
        self.outgoing = bytes;
        self.sent = 0;
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` unless ARTIM runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.artim
    }

    /// Closes the association if ARTIM has expired (Evt18).
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.artim.is_some_and(|expiry| now >= expiry) {
            self.artim = None;
            self.apply(StateEvent::Evt18);
            self.aborted(AbortCause::NoRequest);
        }
    }

    /// The transport connection was closed or broke (Evt17). The association is closed afterwards.
    pub fn handle_close(&mut self) {
        self.apply(StateEvent::Evt17);
        self.artim = None;
        self.aborted(AbortCause::ConnectionClosed);
    }

    /// True if the association is over: close the transport connection once
    /// [`outgoing`](Self::outgoing) is sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state() == State::Sta1
    }

    /// How the association ended; `None` if it has not. It may still be waiting for the peer to close
    /// the transport connection.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// The state of PS3.8 Table 9-10.
    #[must_use]
    pub fn state(&self) -> State {
        self.machine.state()
    }

    /// Calling AE title, once known.
    #[must_use]
    pub fn calling_ae(&self) -> Option<&AeTitle> {
        self.calling_ae.as_ref()
    }

    /// Called AE title, once known.
    #[must_use]
    pub fn called_ae(&self) -> Option<&AeTitle> {
        self.called_ae.as_ref()
    }

    /// The accepted presentation contexts, in the order proposed.
    #[must_use]
    pub fn contexts(&self) -> &[AcceptedContext] {
        self.contexts.as_slice()
    }

    /// Whether a SOP class was negotiated for a request on a presentation context.
    #[must_use]
    pub fn negotiated(&self, context: ContextId, sop_class: &Uid) -> SopClassNegotiation {
        self.contexts.negotiated(context, sop_class)
    }

    /// The accepted presentation context with this ID.
    #[must_use]
    pub fn context(&self, id: ContextId) -> Option<&AcceptedContext> {
        self.contexts.find(id)
    }

    /// The longest data field of a PDV to send, from the peer's maximum length; see
    /// [`max_send_pdv_bytes`].
    #[must_use]
    pub fn max_send_pdv_bytes(&self) -> u32 {
        self.max_send_pdv_bytes
    }

    /// Skips the rest of the PDU being received, but not those after it: an A-ABORT may follow.
    pub(super) fn skip_rest_of_pdu(&mut self) {
        let rest = match &self.stage {
            Stage::Pdv(_) | Stage::PdvHeader => self.p_data.pdu_rest(),
            Stage::Associate(reader) => reader.pdu_rest(),
            Stage::PduHeader | Stage::Fixed(..) | Stage::Skip(_) | Stage::Lost => return,
        };
        self.stage = Stage::skip(rest);
    }

    /// Records the abort, unless the association had already ended.
    pub(super) fn aborted<'a>(&mut self, abort: AbortCause) -> Option<Event<'a>> {
        if self.ending.is_some() {
            return None;
        }
        self.ending = Some(Ending::Aborted(abort));
        Some(Event::Aborted(abort))
    }

    /// Queues an A-ABORT and awaits the peer's close.
    pub(super) fn send_abort(&mut self, action: Action, fault: Option<&PeerFault>, now: Instant) {
        self.outgoing.extend(pdu::abort(abort_for(action, fault)));
        self.start_artim(now);
    }

    pub(super) fn start_artim(&mut self, now: Instant) {
        self.artim = now.checked_add(self.close_timeout);
    }

    pub(super) fn apply(&mut self, event: StateEvent) -> Option<Action> {
        self.machine.apply(event)
    }

    /// Takes over the contexts agreed on.
    pub(super) fn establish(&mut self, acceptance: &Acceptance) {
        self.contexts = AcceptedContexts::of(acceptance);
    }

    /// Queues an A-ASSOCIATE-RJ and awaits the peer's close.
    pub(super) fn reject<'a>(&mut self, rejection: Rejection, now: Instant) -> Event<'a> {
        self.outgoing.extend(rejection.encode());
        self.start_artim(now);
        self.ending = Some(Ending::Rejected(rejection));
        Event::Rejected(rejection)
    }
}
