//! The association and its connection: what is sent, what is awaited, how it ends.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use proto::{
    AbortCause, Acceptance, AcceptedContext, Association, Event, OperationsWindow, Response, Step,
};

use crate::connection::{Connection, acknowledge_at_once, deadline};
use crate::error::{Error, Waiting, is_timeout};
use crate::limits::ABORT_LINGER;
use crate::settings::{Interrupt, Timeouts};

/// An established association, and its transport connection.
///
/// One request is outstanding at a time, or as many C-STOREs as the peer allows ([`window`](Self::window)). Every
/// method blocks, within the [`Timeouts`] of the settings. Dropping a requestor closes the connection without a
/// release or an A-ABORT.
///
/// Memory: at most [`limits::PEAK_BYTES`](crate::limits::PEAK_BYTES), usually some 8 KiB.
#[derive(Debug)]
pub struct Requestor {
    pub(super) connection: Connection,
    pub(super) association: Association,
    pub(super) timeouts: Timeouts,
    pub(super) interrupt: Option<Interrupt>,
    pub(super) next_message_id: u16,
    /// C-STOREs at a time that were asked for, and that the peer allows.
    pub(super) window: usize,
    /// The message IDs of C-STOREs that were sent and are not answered, in the order in which they were sent.
    pub(super) outstanding: Vec<u16>,
    /// Where data sets are read to.
    pub(super) data: Vec<u8>,
    /// Buffers for PDUs that are not in use.
    pub(super) spare: Vec<Vec<u8>>,
    pub(super) received: Box<[u8]>,
    /// Where the bytes not yet looked at begin and end in `received`.
    pub(super) unread: (usize, usize),
}

/// What a requestor waits for.
pub(super) enum Reply {
    Accepted,
    Response(Response),
    Released,
    /// Anything else, described.
    Other(String),
}

impl Requestor {
    /// The accepted presentation contexts, in the order proposed.
    #[must_use]
    pub fn contexts(&self) -> &[AcceptedContext] {
        self.association.contexts()
    }

    /// Puts another interrupt in place of the one in the settings; without one there, waiting is not interrupted.
    pub fn set_interrupt(&mut self, interrupt: Interrupt) {
        if let Some(current) = &mut self.interrupt {
            *current = interrupt;
        }
    }

    /// Sends the PDUs that are queued, in one write if the kernel takes them.
    ///
    /// # Errors
    /// [`Error::Connection`], [`Error::TimedOut`]; [`Error::Aborted`] if the peer had sent an A-ABORT.
    pub fn flush(&mut self) -> Result<(), Error> {
        let outgoing = self.association.outgoing();
        let limits = (self.timeouts.send, self.interrupt.as_ref());
        match write_all(&mut self.connection, outgoing, limits) {
            Ok(()) => {
                self.association.consume_outgoing(outgoing.len());
                Ok(())
            }
            Err(fault) => Err(self.send_failed(fault)),
        }
    }

    /// Sends PDUs that were encoded before, without copying them.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn send_encoded(&mut self, pdus: &[u8]) -> Result<(), Error> {
        let limits = (self.timeouts.send, self.interrupt.as_ref());
        write_all(&mut self.connection, pdus, limits).map_err(|fault| self.send_failed(fault))
    }

    /// Takes in what the peer has sent while nothing was asked of it, without waiting: false if it has ended the
    /// association, or sent what it must not. An A-RELEASE-RQ is answered. The requestor is of no use any more then.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        self.connection.set_waits(false);
        let alive = loop {
            match self.next_event() {
                Ok(None) => {}
                Ok(Some(_)) => {
                    self.connection.set_waits(true);
                    self.abort_association();
                    break false;
                }
                Err(_) => {
                    self.end();
                    break false;
                }
            }
            if self.association.is_closed() {
                break false;
            }
            match self.connection.read(&mut self.received) {
                Ok(length @ 1..) => self.unread = (0, length),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => break true,
                Ok(0) | Err(_) => {
                    self.end();
                    break false;
                }
            }
        };
        self.connection.set_waits(true);
        alive
    }

    pub(super) fn wait(&mut self, waiting: Waiting) -> Result<Reply, Error> {
        let deadline = deadline(self.timeouts.response);
        loop {
            match self.next_event() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(Error::ReleasedByPeer) if waiting == Waiting::ReleaseResponse => continue,
                Err(Error::ReleasedByPeer) => {
                    self.end();
                    return Err(Error::ReleasedByPeer);
                }
                Err(error) => return Err(error),
            }
            if self.association.is_closed() {
                return Err(proto::Error::NotEstablished(self.association.state()).into());
            }
            self.read(waiting, deadline)?;
        }
    }

    /// The next event that the received bytes have; `None` if there is none. An A-RELEASE-RQ is answered and becomes
    /// [`Error::ReleasedByPeer`].
    fn next_event(&mut self) -> Result<Option<Reply>, Error> {
        let now = Instant::now();
        let (start, end) = self.unread;
        let Step { consumed, event } = self.association.receive(&self.received[start..end], now);
        self.unread.0 += consumed;
        Ok(Some(match event {
            Event::NeedInput => return Ok(None),
            Event::Accepted(acceptance) => {
                self.window = granted(&acceptance, self.window);
                Reply::Accepted
            }
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
        }))
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
                Err(error) if is_timeout(&error) => match &self.interrupt {
                    Some(interrupt) if interrupt.is_set() => {
                        self.abort_association();
                        Err(Error::Interrupted)
                    }
                    Some(_) if deadline.is_none_or(|at| Instant::now() < at) => continue,
                    _ => Err(self.timed_out(waiting)),
                },
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

    pub(super) fn unexpected(&mut self, reply: &Reply) -> Error {
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
    fn send_failed(&mut self, fault: WriteFault) -> Error {
        let cause = match fault {
            WriteFault::Connection(_) => self.received_abort(),
            WriteFault::TimedOut | WriteFault::Interrupted => None,
        };
        self.end();
        match (cause, fault) {
            (Some(cause), _) => Error::Aborted(cause),
            (None, WriteFault::Connection(error)) => Error::Connection(error),
            (None, WriteFault::TimedOut) => Error::TimedOut(Waiting::Send),
            (None, WriteFault::Interrupted) => Error::Interrupted,
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

    pub(super) fn abort_association(&mut self) {
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
    pub(super) fn end(&mut self) {
        self.association.handle_close();
        self.association.consume_outgoing(self.association.outgoing().len());
        self.outstanding.clear();
        self.unread = (0, 0);
    }
}

/// C-STOREs that may be outstanding, of those `asked` for (PS3.7 §D.3.3.3). A peer that does not answer allows one.
fn granted(acceptance: &Acceptance, asked: usize) -> usize {
    match acceptance.user_information.asynchronous_operations {
        None => 1,
        Some(OperationsWindow { invoked: 0, .. }) => asked,
        Some(OperationsWindow { invoked, .. }) => asked.min(usize::from(invoked)),
    }
}

/// Why bytes could not be sent.
enum WriteFault {
    Connection(io::Error),
    TimedOut,
    Interrupted,
}

/// Sends all bytes; fails if none of them is taken for as long as `limits` say, or if they are interrupted.
fn write_all(
    connection: &mut Connection,
    mut bytes: &[u8],
    (limit, interrupt): (Option<Duration>, Option<&Interrupt>),
) -> Result<(), WriteFault> {
    let mut progress = None;
    while !bytes.is_empty() {
        match connection.write(bytes) {
            Ok(0) => return Err(WriteFault::Connection(io::ErrorKind::WriteZero.into())),
            Ok(length) => {
                bytes = &bytes[length..];
                progress = None;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_timeout(&error) => match interrupt {
                Some(interrupt) if interrupt.is_set() => return Err(WriteFault::Interrupted),
                Some(_) => {
                    let since = *progress.get_or_insert_with(Instant::now);
                    if limit.is_some_and(|limit| since.elapsed() >= limit) {
                        return Err(WriteFault::TimedOut);
                    }
                }
                None => return Err(WriteFault::TimedOut),
            },
            Err(error) => return Err(WriteFault::Connection(error)),
        }
    }
    Ok(())
}
