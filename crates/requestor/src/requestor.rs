//! One association as requestor, over a blocking connection.

use std::io::{self, Read, Write};
use std::net::{Shutdown, ToSocketAddrs};
use std::time::Instant;

use dataset::{TransferSyntax, Uid};
use proto::{
    AbortCause, AcceptedContext, Association, CEchoRq, CStoreRq, CommandSet, ContextId, Event,
    Proposal, RequestorConfig, Response, Step, command_field,
};

use crate::connection::{Connection, acknowledge_at_once, deadline};
use crate::error::{Error, Waiting, is_timeout};
use crate::limits::{
    ABORT_LINGER, COMMAND_PDU_BYTES, PDU_OVERHEAD_BYTES, RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES,
};
use crate::part10::Instance;
use crate::settings::{ContextProposal, Settings, Timeouts, verification};

/// An established association, and its transport connection.
///
/// One request is outstanding at a time. Every method blocks, within the [`Timeouts`] of the settings.
/// Dropping a requestor closes the connection without a release or an A-ABORT.
///
/// Memory: at most [`limits::PEAK_BYTES`](crate::limits::PEAK_BYTES), usually some 8 KiB.
#[derive(Debug)]
pub struct Requestor {
    connection: Connection,
    association: Association,
    timeouts: Timeouts,
    next_message_id: u16,
    received: Box<[u8]>,
    /// Where the bytes not yet looked at begin and end in `received`.
    unread: (usize, usize),
}

impl Requestor {
    /// Connects, over TLS if `settings` say so, and opens an association with these presentation
    /// contexts. The peer may have accepted only some of them, or none: see [`contexts`](Self::contexts).
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Handshake`], [`Error::Connection`], [`Error::TimedOut`],
    /// [`Error::Rejected`], [`Error::Aborted`], [`Error::TooManyContexts`].
    pub fn associate(
        address: impl ToSocketAddrs,
        settings: &Settings,
        contexts: &[ContextProposal],
    ) -> Result<Requestor, Error> {
        // What cannot be proposed is found before there is a connection.
        proposal(settings, contexts)?;
        let connection = Connection::connect(address, settings.tls.as_ref(), &settings.timeouts)?;
        Self::associate_over(connection, settings, contexts)
    }

    /// Opens an association over a connection that is there already; [`Settings::tls`] is not looked at.
    ///
    /// # Errors
    /// As [`associate`](Self::associate), but those of connecting.
    pub fn associate_over(
        connection: Connection,
        settings: &Settings,
        contexts: &[ContextProposal],
    ) -> Result<Requestor, Error> {
        let proposal = proposal(settings, contexts)?;
        let config = RequestorConfig { proposal, close_timeout: ABORT_LINGER };
        let mut requestor = Requestor {
            connection,
            association: Association::requestor(config),
            timeouts: settings.timeouts,
            next_message_id: 1,
            received: vec![0; RECEIVE_BUFFER_BYTES].into(),
            unread: (0, 0),
        };
        requestor.flush()?;
        match requestor.wait(Waiting::AssociateResponse)? {
            Reply::Accepted => Ok(requestor),
            other => Err(requestor.unexpected(&other)),
        }
    }

    /// The accepted presentation contexts, in the order proposed.
    #[must_use]
    pub fn contexts(&self) -> &[AcceptedContext] {
        self.association.contexts()
    }

    /// The presentation context for objects of this SOP class; `None` as the transfer syntax finds the
    /// first, whichever the peer chose.
    ///
    /// # Errors
    /// [`Error::NotAccepted`].
    pub fn context_for(
        &self,
        sop_class: &Uid,
        transfer_syntax: Option<&'static TransferSyntax>,
    ) -> Result<ContextId, Error> {
        let found = self.contexts().iter().find(|context| {
            context.abstract_syntax == *sop_class
                && context.requestor_is_scu
                && transfer_syntax.is_none_or(|wanted| context.transfer_syntax == wanted)
        });
        found
            .map(|context| context.id)
            .ok_or(Error::NotAccepted { sop_class: *sop_class, transfer_syntax })
    }

    /// Sends a C-ECHO-RQ and returns the response (PS3.7 §9.1.5).
    ///
    /// # Errors
    /// [`Error::NotAccepted`] if there is no context for Verification. After [`Error::Connection`],
    /// [`Error::TimedOut`], [`Error::Aborted`], [`Error::ReleasedByPeer`] and
    /// [`Error::UnexpectedMessage`] the association has ended; then [`Error::Protocol`].
    pub fn echo(&mut self) -> Result<Response, Error> {
        let sop_class = verification();
        let context = self.context_for(&sop_class, None)?;
        let message_id = self.next_message_id();
        self.queue_command(context, &CEchoRq::new(message_id, &sop_class).encode())?;
        self.flush()?;
        self.response(command_field::C_ECHO_RQ, message_id)
    }

    /// Stores an object (PS3.7 §9.1.1): sends a C-STORE-RQ and the data set, read from `data_set` to its
    /// end, and returns the response. The data set must be encoded in the transfer syntax of `instance`.
    ///
    /// Memory: [`SEND_BUFFER_BYTES`] for the data set, and as much for its PDUs, whatever its size.
    ///
    /// # Errors
    /// [`Error::NotAccepted`], or [`Error::Read`] at the beginning of the data set: nothing was sent.
    /// [`Error::Read`] later on: the association was aborted. Otherwise as [`echo`](Self::echo).
    pub fn store(
        &mut self,
        instance: &Instance,
        mut data_set: impl Read,
    ) -> Result<Response, Error> {
        let context = self.context_for(&instance.sop_class, Some(instance.transfer_syntax))?;
        let message_id = self.next_message_id();
        let request = CStoreRq {
            message_id,
            sop_class: instance.sop_class,
            sop_instance: instance.sop_instance,
            priority: Some(0),
            move_originator_ae: None,
            move_originator_message_id: None,
        };
        self.send_message(context, &request.encode(), &mut data_set)?;
        self.store_response(message_id)
    }

    /// Sends a command set and the data set that follows it, some PDUs at a time.
    fn send_message(
        &mut self,
        context: ContextId,
        command: &CommandSet,
        data_set: &mut dyn Read,
    ) -> Result<(), Error> {
        let pdv_bytes = self.max_send_pdv_bytes() as usize;
        let pdus = (SEND_BUFFER_BYTES - COMMAND_PDU_BYTES) / (pdv_bytes + PDU_OVERHEAD_BYTES);
        let most = pdus.max(1) * pdv_bytes;
        // One byte more, which tells whether the data set goes on.
        let mut buffer = vec![0; most + 1];
        let mut length = fill(data_set, &mut buffer).map_err(Error::Read)?;
        self.queue_command(context, command)?;
        loop {
            let is_last = length <= most;
            self.queue_data(context, &buffer[..length.min(most)], is_last)?;
            self.flush()?;
            if is_last {
                return Ok(());
            }
            buffer[0] = buffer[most];
            length = match fill(data_set, &mut buffer[1..]) {
                Ok(read) => 1 + read,
                Err(error) => {
                    self.abort_association();
                    return Err(Error::Read(error));
                }
            };
        }
    }

    /// Releases the association and closes the connection (PS3.8 §7.2).
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::TimedOut`], [`Error::Aborted`], [`Error::UnexpectedMessage`];
    /// [`Error::Protocol`] if the association had ended before. The connection is closed in any case.
    pub fn release(mut self) -> Result<(), Error> {
        self.association.request_release();
        self.flush()?;
        match self.wait(Waiting::ReleaseResponse)? {
            Reply::Released => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Aborts the association and closes the connection (PS3.8 §7.3). Waits up to [`ABORT_LINGER`] for
    /// the peer to close it first.
    pub fn abort(mut self) {
        self.abort_association();
    }
}

/// For senders that encode PDUs ahead of time: what [`store`](Requestor::store) is made of.
impl Requestor {
    /// The longest data field of a PDV to send to this peer, in bytes; even.
    #[must_use]
    pub fn max_send_pdv_bytes(&self) -> u32 {
        self.association.max_send_pdv_bytes()
    }

    /// A message ID, different from that of the message before.
    pub fn next_message_id(&mut self) -> u16 {
        let id = self.next_message_id;
        self.next_message_id = id.wrapping_add(1);
        id
    }

    /// Queues a command set.
    ///
    /// # Errors
    /// [`Error::Protocol`]; nothing is queued then.
    pub fn queue_command(&mut self, context: ContextId, command: &CommandSet) -> Result<(), Error> {
        Ok(self.association.send_command(context, command)?)
    }

    /// Queues bytes of a data set, in PDUs as long as the peer allows; `last` marks its end. Copies
    /// `bytes`.
    ///
    /// # Errors
    /// [`Error::Protocol`]; nothing is queued then.
    pub fn queue_data(
        &mut self,
        context: ContextId,
        bytes: &[u8],
        last: bool,
    ) -> Result<(), Error> {
        Ok(self.association.send_data(context, bytes, last)?)
    }

    /// The PDUs that are queued, which are then no longer sent by [`flush`](Self::flush), but as often
    /// as wanted by [`send_encoded`](Self::send_encoded).
    #[must_use]
    pub fn take_queued(&mut self) -> Vec<u8> {
        let pdus = self.association.outgoing().to_vec();
        self.association.consume_outgoing(pdus.len());
        pdus
    }

    /// Sends the PDUs that are queued, in one write if the kernel takes them.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::TimedOut`]; [`Error::Aborted`] if the peer had sent an A-ABORT.
    pub fn flush(&mut self) -> Result<(), Error> {
        let outgoing = self.association.outgoing();
        match self.connection.write_all(outgoing) {
            Ok(()) => {
                self.association.consume_outgoing(outgoing.len());
                Ok(())
            }
            Err(error) => Err(self.send_failed(error)),
        }
    }

    /// Sends PDUs that were encoded before, without copying them.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn send_encoded(&mut self, pdus: &[u8]) -> Result<(), Error> {
        self.connection.write_all(pdus).map_err(|error| self.send_failed(error))
    }

    /// Waits for the C-STORE-RSP to a message.
    ///
    /// # Errors
    /// As [`echo`](Self::echo).
    pub fn store_response(&mut self, message_id: u16) -> Result<Response, Error> {
        self.response(command_field::C_STORE_RQ, message_id)
    }

    fn response(&mut self, request: u16, message_id: u16) -> Result<Response, Error> {
        match self.wait(Waiting::Response)? {
            Reply::Response(response)
                if response.message_id_being_responded_to == message_id
                    && response.command_field == request | command_field::RESPONSE =>
            {
                Ok(response)
            }
            other => Err(self.unexpected(&other)),
        }
    }
}

/// What a requestor waits for.
enum Reply {
    Accepted,
    Response(Response),
    Released,
    /// Anything else, described.
    Other(String),
}

impl Requestor {
    fn wait(&mut self, waiting: Waiting) -> Result<Reply, Error> {
        let deadline = deadline(self.timeouts.response);
        loop {
            let now = Instant::now();
            let (start, end) = self.unread;
            let Step { consumed, event } =
                self.association.receive(&self.received[start..end], now);
            self.unread.0 += consumed;
            return Ok(match event {
                Event::NeedInput => {
                    if self.association.is_closed() {
                        let state = self.association.state();
                        return Err(proto::Error::NotEstablished(state).into());
                    }
                    self.read(waiting, deadline)?;
                    continue;
                }
                Event::Accepted(_) => Reply::Accepted,
                Event::Released => Reply::Released,
                Event::Rejected(rejection) => return Err(Error::Rejected(rejection)),
                Event::Aborted(cause) => {
                    // An A-ABORT may be queued.
                    self.close_after_abort();
                    return Err(Error::Aborted(cause));
                }
                Event::ReleaseRequested => {
                    self.association.accept_release(now);
                    self.flush()?;
                    if waiting == Waiting::ReleaseResponse {
                        continue;
                    }
                    self.end();
                    return Err(Error::ReleasedByPeer);
                }
                Event::Command { command, .. } => match Response::parse(&command) {
                    Some(response) => Reply::Response(response),
                    None => Reply::Other(match command.command_field() {
                        Some(field) => format!("command {field:04X}H"),
                        None => "a command set without Command Field".to_owned(),
                    }),
                },
                Event::DataSet(_) => Reply::Other("a data set".to_owned()),
                Event::Proposed(_) => Reply::Other("an A-ASSOCIATE-RQ".to_owned()),
            });
        }
    }

    /// Reads what the peer has sent, and waits for it if there is nothing.
    fn read(&mut self, waiting: Waiting, deadline: Option<Instant>) -> Result<(), Error> {
        // Without it, responses are slower, no more.
        let _ = acknowledge_at_once(self.connection.tcp());
        loop {
            self.connection.set_read_deadline(deadline);
            let result = self.connection.read(&mut self.received);
            self.connection.set_read_deadline(None);
            return match result {
                Ok(0) => {
                    self.end();
                    Err(Error::Aborted(AbortCause::ConnectionClosed))
                }
                Ok(length) => {
                    self.unread = (0, length);
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_timeout(&error) => Err(self.timed_out(waiting)),
                Err(error) => {
                    self.end();
                    Err(Error::Connection(error))
                }
            };
        }
    }

    fn timed_out(&mut self, waiting: Waiting) -> Error {
        self.abort_association();
        Error::TimedOut(waiting)
    }

    fn unexpected(&mut self, reply: &Reply) -> Error {
        self.abort_association();
        Error::UnexpectedMessage(match reply {
            Reply::Accepted => "an A-ASSOCIATE-AC".to_owned(),
            Reply::Released => "an A-RELEASE-RP".to_owned(),
            Reply::Response(response) => format!(
                "response {:04X}H to message {}",
                response.command_field, response.message_id_being_responded_to
            ),
            Reply::Other(description) => description.clone(),
        })
    }

    /// Why sending failed: a peer that aborts often closes the connection before it has read all, so
    /// its A-ABORT is looked for.
    fn send_failed(&mut self, error: io::Error) -> Error {
        let is_timeout = is_timeout(&error);
        let cause = if is_timeout { None } else { self.received_abort() };
        self.end();
        match cause {
            Some(cause) => Error::Aborted(cause),
            None if is_timeout => Error::TimedOut(Waiting::Send),
            None => Error::Connection(error),
        }
    }

    fn received_abort(&mut self) -> Option<AbortCause> {
        self.linger();
        loop {
            let (start, end) = self.unread;
            let step = self.association.receive(&self.received[start..end], Instant::now());
            self.unread.0 += step.consumed;
            match step.event {
                Event::Aborted(cause) => return Some(cause),
                Event::NeedInput => match self.connection.read(&mut self.received) {
                    Ok(length @ 1..) => self.unread = (0, length),
                    _ => return None,
                },
                _ => {}
            }
        }
    }

    fn abort_association(&mut self) {
        self.association.abort(Instant::now());
        self.close_after_abort();
    }

    /// Sends the A-ABORT that is queued, if any, and waits for the peer to close the connection: if it
    /// were closed with bytes unread, the kernel would reset it, and the A-ABORT might be lost.
    fn close_after_abort(&mut self) {
        let outgoing = self.association.outgoing().to_vec();
        if !outgoing.is_empty() && self.linger() && self.connection.write_all(&outgoing).is_ok() {
            let _ = self.connection.finish();
            let _ = self.connection.tcp().shutdown(Shutdown::Write);
            while matches!(self.connection.read(&mut self.received), Ok(1..)) {}
        }
        self.end();
    }

    /// Limits what is still sent and received, whatever the timeouts are; false if that failed.
    fn linger(&mut self) -> bool {
        self.connection.set_read_deadline(deadline(Some(ABORT_LINGER)));
        let tcp = self.connection.tcp();
        tcp.set_read_timeout(Some(ABORT_LINGER)).is_ok()
            && tcp.set_write_timeout(Some(ABORT_LINGER)).is_ok()
    }

    /// Nothing more is sent or looked at: the connection is of no use any more.
    fn end(&mut self) {
        self.association.handle_close();
        self.association.consume_outgoing(self.association.outgoing().len());
        self.unread = (0, 0);
    }
}

fn proposal(settings: &Settings, contexts: &[ContextProposal]) -> Result<Proposal, Error> {
    if contexts.len() > proto::limits::PRESENTATION_CONTEXTS {
        return Err(Error::TooManyContexts(contexts.len()));
    }
    let mut proposal =
        Proposal::new(settings.calling_ae, settings.called_ae, settings.max_pdu_bytes);
    let information = &mut proposal.user_information;
    information.implementation_class_uid = settings.implementation_class_uid;
    information.implementation_version_name = settings.implementation_version_name.clone();
    for context in contexts {
        proposal.propose(context.sop_class, &context.transfer_syntaxes);
    }
    Ok(proposal)
}

/// Reads until `target` is full or the data set ends.
fn fill(data_set: &mut dyn Read, target: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < target.len() {
        match data_set.read(&mut target[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
