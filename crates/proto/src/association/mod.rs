//! One association, from the transport connection's first byte to its last: the crate's face.

mod receive;

use std::fmt;
use std::time::{Duration, Instant};

use dataset::{TransferSyntax, Uid};

use self::receive::Stage;
use crate::dimse::command::CommandSet;
use crate::dimse::message::MessageReader;
use crate::state::{Action, Event as Evt, Side, State, StateMachine};
use crate::ul::associate::FixedFields;
use crate::ul::negotiation::{
    Acceptance, Answer, ContextId, Proposal, ProposedContext, max_send_pdv_bytes,
};
use crate::ul::p_data::{DataSetFragments, PDataReader, put_fragments};
use crate::ul::pdu::{self, AbortPdu, Gather, HEADER_BYTES, Rejection};
use crate::{AeTitle, Error, PeerFault};

/// What happened, as told by [`Association::receive`].
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "data sets pass without a call to the allocator")]
pub enum Event<'a> {
    /// The input is used up, all of it; more is needed.
    NeedInput,
    /// Acceptor: a request came. [`Association::answer`] it.
    Proposed(Box<Proposal>),
    /// Requestor: the association is established.
    Accepted(Box<Acceptance>),
    /// Requestor: the acceptor rejected the association. Acceptor: the upper layer itself did,
    /// for the protocol version.
    Rejected(Rejection),
    /// A whole command set.
    Command {
        /// The presentation context that it came on.
        context: ContextId,
        /// Its elements.
        command: CommandSet,
    },
    /// A part of the data set that the last command announced.
    DataSet(DataSetFragments<'a>),
    /// The peer asks to release the association, perhaps in the middle of a data set.
    /// [`Association::accept_release`] is the only thing left to say but for responses still due.
    ReleaseRequested,
    /// The release that we requested is complete.
    Released,
    /// The association was aborted, by whoever; any A-ABORT to send is queued.
    Aborted(Abort),
}

/// Why an association was aborted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abort {
    /// The peer sent A-ABORT.
    ByPeer(AbortPdu),
    /// The peer broke a rule, and we sent A-ABORT.
    Fault(PeerFault),
    /// The transport connection was closed without a release.
    ConnectionClosed,
    /// The time for the peer's A-ASSOCIATE-RQ was over (ARTIM in Sta2).
    NoRequest,
    /// [`Association::abort`] was called.
    Local,
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Abort::ByPeer(pdu) => write!(f, "aborted by peer, {pdu}"),
            Abort::Fault(fault) => fault.fmt(f),
            Abort::ConnectionClosed => f.write_str("connection closed without release"),
            Abort::NoRequest => f.write_str("no A-ASSOCIATE-RQ in time"),
            Abort::Local => f.write_str("aborted locally"),
        }
    }
}

/// How an association ended, or is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was released.
    Released,
    /// It never was: rejected.
    Rejected(Rejection),
    /// It was aborted.
    Aborted(Abort),
}

/// The result of [`Association::receive`].
#[derive(Debug)]
pub struct Step<'a> {
    /// Bytes of the input that are done with; call again with the rest.
    pub consumed: usize,
    /// What happened after them.
    pub event: Event<'a>,
}

/// The two times an acceptor waits. Both run on the ARTIM timer (PS3.8 §9.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptorConfig {
    /// From the transport connection to a complete A-ASSOCIATE-RQ.
    pub acse_timeout: Duration,
    /// From the last PDU to the peer's close of the transport connection.
    pub close_timeout: Duration,
}

/// What a requestor asks for.
#[derive(Clone, Debug)]
pub struct RequestorConfig {
    /// The A-ASSOCIATE-RQ to send.
    pub proposal: Proposal,
    /// From the last PDU to the peer's close of the transport connection.
    pub close_timeout: Duration,
}

/// A presentation context in use.
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

/// Whether a request of the requestor's is about a SOP class that was negotiated for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiated {
    /// It is the abstract syntax of the request's presentation context (PS3.7 §9.1.1).
    OnItsContext(AcceptedContext),
    /// It is the abstract syntax of another accepted one.
    OnAnotherContext {
        /// The request's, which says what transfer syntax its data set has.
        of_request: AcceptedContext,
        /// The one that the SOP class was accepted on.
        of_class: AcceptedContext,
    },
    /// It is accepted nowhere in this association, or the requestor may not be its SCU.
    Nowhere,
}

/// One association, as acceptor or as requestor.
///
/// It owns no transport, clock or buffer. The driver reads bytes into a buffer of its own and hands
/// them to [`receive`](Self::receive) until that says [`Event::NeedInput`]; sends
/// [`outgoing`](Self::outgoing) after every call, before the next; and wakes up at
/// [`poll_timeout`](Self::poll_timeout) to call [`handle_timeout`](Self::handle_timeout). It closes
/// the transport connection when [`is_closed`](Self::is_closed) says so, and not before: until then
/// the peer, or ARTIM, has a word to say.
///
/// Memory: see [`limits`](crate::limits).
#[derive(Debug)]
pub struct Association {
    machine: StateMachine,
    stage: Stage,
    header: Gather<HEADER_BYTES>,
    p_data: PDataReader,
    messages: MessageReader,
    outgoing: Vec<u8>,
    /// Bytes of `outgoing` that the driver has taken.
    sent: usize,
    /// ARTIM: when it expires, if it runs.
    artim: Option<Instant>,
    close_timeout: Duration,
    /// Longest P-DATA-TF that we announced; 0 for any length.
    own_max_pdu_bytes: u32,
    max_send_pdv_bytes: u32,
    contexts: Vec<AcceptedContext>,
    /// One bit per context ID.
    accepted: [u64; 4],
    /// Requestor, until the answer: what was proposed. Acceptor: empty.
    proposed: Vec<ProposedContext>,
    /// Acceptor, while the request awaits its answer: what that repeats.
    request: Option<FixedFields>,
    calling_ae: Option<AeTitle>,
    called_ae: Option<AeTitle>,
    /// Acceptor in a release collision: the user has answered already (Sta10).
    release_accepted: bool,
    ending: Option<Ending>,
}

impl Association {
    /// An acceptor, its transport connection just opened (Evt5): awaits A-ASSOCIATE-RQ.
    #[must_use]
    pub fn acceptor(config: AcceptorConfig, now: Instant) -> Association {
        let mut association = Association::new(Side::Acceptor, config.close_timeout);
        association.apply(Evt::Evt5);
        association.artim = now.checked_add(config.acse_timeout);
        association
    }

    /// A requestor, its transport connection just opened (Evt1, Evt2): the A-ASSOCIATE-RQ is queued.
    #[must_use]
    pub fn requestor(config: RequestorConfig) -> Association {
        let RequestorConfig { proposal, close_timeout } = config;
        let mut association = Association::new(Side::Requestor, close_timeout);
        association.apply(Evt::Evt1);
        association.apply(Evt::Evt2);
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
            contexts: Vec::new(),
            accepted: [0; 4],
            proposed: Vec::new(),
            request: None,
            calling_ae: None,
            called_ae: None,
            release_accepted: false,
            ending: None,
        }
    }

    /// Takes bytes that came from the peer, up to the next event.
    ///
    /// Nothing of `input` is kept by reference, and [`Event::NeedInput`] means that all of it was
    /// consumed: the driver's buffer is free. Data-set bytes are lent out of `input` as they are.
    ///
    /// What the peer does wrong is an event, [`Event::Aborted`], with the A-ABORT already queued.
    /// Bytes that come after the end are swallowed.
    pub fn receive<'a>(&mut self, input: &'a [u8], now: Instant) -> Step<'a> {
        let mut at = 0;
        loop {
            if self.is_closed() {
                return Step { consumed: input.len(), event: Event::NeedInput };
            }
            if at == input.len() && !self.can_step_without_input() {
                return Step { consumed: at, event: Event::NeedInput };
            }
            let (consumed, event) = self.step(&input[at..], now);
            at += consumed;
            if let Some(event) = event {
                return Step { consumed: at, event };
            }
        }
    }

    /// Answers the request that [`Event::Proposed`] brought (Evt7, Evt8). Without one, or if the
    /// association has ended meanwhile, does nothing.
    pub fn answer(&mut self, answer: Answer, now: Instant) {
        if self.state() != State::Sta3 {
            return;
        }
        let Some(request) = self.request.take() else { return };
        match answer {
            Answer::Accept(acceptance) => {
                self.apply(Evt::Evt7);
                self.outgoing.extend(acceptance.encode(&request));
                self.own_max_pdu_bytes = acceptance.user_information.max_pdu_bytes.unwrap_or(0);
                self.establish(&acceptance);
            }
            Answer::Reject(rejection) => {
                self.apply(Evt::Evt8);
                self.reject(rejection, now);
            }
        }
    }

    /// Queues a command set, as whole PDUs with one PDV each, none longer than the peer takes.
    ///
    /// # Errors
    /// [`Error::NotEstablished`] outside Sta6 and Sta8, [`Error::ContextNotAccepted`]; nothing is
    /// queued then.
    pub fn send_command(&mut self, context: ContextId, command: &CommandSet) -> Result<(), Error> {
        self.send(context, true, &command.encode(), true)
    }

    /// Queues bytes of a data set, as whole PDUs with one PDV each, none longer than the peer takes;
    /// `last` if the data set ends with them. Copies `bytes`: hand over no more at a time than
    /// should be held in memory.
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
        if !self.is_accepted(context) {
            return Err(Error::ContextNotAccepted(context));
        }
        self.apply(Evt::Evt9);
        let max = self.max_send_pdv_bytes;
        put_fragments(&mut self.outgoing, context, command, bytes, last, max);
        Ok(())
    }

    /// Asks the peer to release the association (Evt11). Outside Sta6, does nothing.
    pub fn request_release(&mut self) {
        if self.apply(Evt::Evt11).is_some() {
            self.outgoing.extend(pdu::release_rq());
        }
    }

    /// Answers [`Event::ReleaseRequested`] (Evt14). Without one, does nothing.
    ///
    /// If both sides asked, the requestor's answer goes first (PS3.8 §7.2.2): an acceptor's is kept
    /// until that has come.
    pub fn accept_release(&mut self, now: Instant) {
        if self.state() == State::Sta10 {
            self.release_accepted = true;
            return;
        }
        let Some(action) = self.apply(Evt::Evt14) else { return };
        self.outgoing.extend(pdu::release_rp());
        if action == Action::Ar4 {
            self.start_artim(now);
            self.ending = Some(Ending::Released);
        }
    }

    /// Aborts the association, as the service user (Evt15). If there is none – not yet, or no
    /// longer – does nothing.
    pub fn abort(&mut self, now: Instant) {
        if let Some(action) = self.apply(Evt::Evt15) {
            self.skip_rest_of_pdu();
            self.send_abort(action, None, now);
            self.aborted(Abort::Local);
        }
    }

    /// The bytes to send next: whole PDUs, if nothing of them was taken yet.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Says that the first `count` bytes of [`outgoing`](Self::outgoing) were sent. The memory is
    /// kept for the next ones.
    ///
    /// # Panics
    /// If there were not so many.
    pub fn consume_outgoing(&mut self, count: usize) {
        assert!(count <= self.outgoing().len(), "sent more than there was to send");
        self.sent += count;
        if self.sent == self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ARTIM runs.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.artim
    }

    /// Evt18, if ARTIM has expired: the association is closed then.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.artim.is_some_and(|expiry| now >= expiry) {
            self.artim = None;
            self.apply(Evt::Evt18);
            self.aborted(Abort::NoRequest);
        }
    }

    /// Evt17: the peer closed the transport connection, or it broke. The association is closed
    /// then.
    pub fn handle_close(&mut self) {
        self.apply(Evt::Evt17);
        self.artim = None;
        self.aborted(Abort::ConnectionClosed);
    }

    /// Whether all is over: the transport connection is to be closed, once
    /// [`outgoing`](Self::outgoing) is sent.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state() == State::Sta1
    }

    /// How the association ended; `None` while it has not. It may still be waiting for the peer to
    /// close the transport connection.
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
        &self.contexts
    }

    /// Whether a SOP class was negotiated for a request on a presentation context.
    #[must_use]
    pub fn negotiated(&self, context: ContextId, sop_class: &Uid) -> Negotiated {
        let Some(&of_request) = self.context(context) else { return Negotiated::Nowhere };
        let is_of_class = |context: &AcceptedContext| {
            context.abstract_syntax == *sop_class && context.requestor_is_scu
        };
        if is_of_class(&of_request) {
            return Negotiated::OnItsContext(of_request);
        }
        match self.contexts.iter().copied().find(is_of_class) {
            Some(of_class) => Negotiated::OnAnotherContext { of_request, of_class },
            None => Negotiated::Nowhere,
        }
    }

    /// The accepted presentation context with this ID.
    #[must_use]
    pub fn context(&self, id: ContextId) -> Option<&AcceptedContext> {
        self.contexts.iter().find(|context| context.id == id)
    }

    /// The longest data field of a PDV that the peer takes: see
    /// [`max_send_pdv_bytes`].
    #[must_use]
    pub fn max_send_pdv_bytes(&self) -> u32 {
        self.max_send_pdv_bytes
    }

    fn is_accepted(&self, id: ContextId) -> bool {
        let (word, bit) = bit_of(id);
        self.accepted[word] & bit != 0
    }
}

fn bit_of(id: ContextId) -> (usize, u64) {
    (usize::from(id.0 >> 6), 1 << (id.0 & 63))
}
