//! One association as requestor, over a blocking TCP connection.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid};
use proto::{
    AeTitle, Association, CEchoRq, ContextId, Event, Proposal, RequestorConfig, Response, Status,
    Step,
};

use crate::Error;
use crate::stream::Stream;
use openssl::ssl::SslContext;

/// The AE titles of an association.
#[derive(Debug, Clone)]
pub struct Titles {
    /// Ours.
    pub calling: String,
    /// The peer's.
    pub called: String,
}

impl Default for Titles {
    fn default() -> Self {
        Self { calling: "LOADGEN".to_owned(), called: "ANY-SCP".to_owned() }
    }
}

/// What a presentation context is proposed for.
#[derive(Debug, Clone)]
pub struct Context {
    /// Its abstract syntax.
    pub sop_class: Uid,
    /// Its transfer syntaxes, the best first.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
}

impl Context {
    /// A context for C-ECHO.
    ///
    /// # Errors
    /// None in practice: the Verification SOP Class has a UID.
    pub fn verification() -> Result<Self, Error> {
        Ok(Self {
            sop_class: Uid::parse(VERIFICATION)?,
            transfer_syntaxes: vec![EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
        })
    }
}

/// An established association with one presentation context.
///
/// Memory: 4 KiB for what is received, and what of an object is queued at a time. The connection
/// sends at once what it is given (`TCP_NODELAY`), in writes of whole PDUs.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    association: Association,
    context: ContextId,
    sop_class: Uid,
    next_message_id: u16,
    received: Box<[u8]>,
    /// Where the bytes not yet looked at begin and end in `received`.
    unread: (usize, usize),
}

impl Client {
    /// Connects, over TLS if `tls` says so, and opens an association with one presentation context.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Rejected`], [`Error::Aborted`]; [`Error::NotAccepted`] if the
    /// context was not accepted.
    pub fn connect(
        address: impl ToSocketAddrs,
        tls: Option<&SslContext>,
        titles: &Titles,
        context: &Context,
    ) -> Result<Self, Error> {
        let stream = Stream::connect(address, tls)?;
        let calling = AeTitle::parse(titles.calling.as_bytes())?;
        let called = AeTitle::parse(titles.called.as_bytes())?;
        let mut proposal = Proposal::new(calling, called, MAX_PDU_BYTES);
        let id = proposal.propose(context.sop_class, &context.transfer_syntaxes);
        let config = RequestorConfig { proposal, close_timeout: Duration::ZERO };
        let mut client = Self {
            stream,
            association: Association::requestor(config),
            context: id,
            sop_class: context.sop_class,
            next_message_id: 1,
            received: vec![0; RECEIVED_BYTES].into(),
            unread: (0, 0),
        };
        client.flush()?;
        match client.wait()? {
            Heard::Accepted if client.association.context(id).is_some() => Ok(client),
            Heard::Accepted => Err(Error::NotAccepted(context.sop_class)),
            other => Err(Error::Unexpected(format!("{other:?}"))),
        }
    }

    /// Sends a C-ECHO-RQ and waits for success.
    ///
    /// # Errors
    /// [`Error::Status`] for any other status; [`Error::Io`] and [`Error::Aborted`] if the
    /// association is lost.
    pub fn echo(&mut self) -> Result<(), Error> {
        let message_id = self.message_id();
        let command = CEchoRq::new(message_id, &self.sop_class).encode();
        self.association.send_command(self.context, &command)?;
        self.flush()?;
        self.wait_for_success(message_id)
    }

    /// Releases the association and closes the connection.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Aborted`], [`Error::Unexpected`].
    pub fn release(mut self) -> Result<(), Error> {
        self.association.request_release();
        self.flush()?;
        match self.wait()? {
            Heard::Released => Ok(()),
            other => Err(Error::Unexpected(format!("{other:?}"))),
        }
    }

    /// The association, to queue a message on.
    pub(crate) fn association(&mut self) -> &mut Association {
        &mut self.association
    }

    /// The presentation context.
    pub(crate) fn context(&self) -> ContextId {
        self.context
    }

    /// A message ID that the message before did not have.
    pub(crate) fn message_id(&mut self) -> u16 {
        let id = self.next_message_id;
        self.next_message_id = id.wrapping_add(1);
        id
    }

    /// Sends what the association has queued.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        let outgoing = self.association.outgoing();
        self.stream.write_all(outgoing)?;
        self.association.consume_outgoing(outgoing.len());
        Ok(())
    }

    /// Sends PDUs encoded before.
    pub(crate) fn send_encoded(&mut self, pdus: &[u8]) -> Result<(), Error> {
        Ok(self.stream.write_all(pdus)?)
    }

    /// Waits for the response to a message, which has to say success.
    pub(crate) fn wait_for_success(&mut self, message_id: u16) -> Result<(), Error> {
        match self.wait()? {
            Heard::Response(response) if response.message_id_being_responded_to == message_id => {
                match response.status {
                    Status::SUCCESS => Ok(()),
                    status => Err(Error::Status(status, response.error_comment)),
                }
            }
            other => Err(Error::Unexpected(format!("{other:?}"))),
        }
    }

    fn wait(&mut self) -> Result<Heard, Error> {
        loop {
            let (start, end) = self.unread;
            let Step { consumed, event } =
                self.association.receive(&self.received[start..end], Instant::now());
            self.unread.0 += consumed;
            match event {
                Event::NeedInput => {
                    acknowledge_at_once(self.stream.tcp())?;
                    let length = self.stream.read(&mut self.received)?;
                    self.unread = (0, length);
                    if length == 0 {
                        self.association.handle_close();
                        return Err(Error::Aborted(proto::AbortCause::ConnectionClosed));
                    }
                }
                Event::Accepted(_) => return Ok(Heard::Accepted),
                Event::Released => return Ok(Heard::Released),
                Event::Rejected(rejection) => return Err(Error::Rejected(rejection)),
                Event::Aborted(abort) => return Err(Error::Aborted(abort)),
                Event::Command { command, .. } => {
                    return Response::parse(&command)
                        .map(Heard::Response)
                        .ok_or_else(|| Error::Unexpected("a request".to_owned()));
                }
                other => return Err(Error::Unexpected(format!("{other:?}"))),
            }
        }
    }
}

/// Has the kernel acknowledge what comes next without delay: a peer that leaves Nagle's algorithm on
/// and writes a response in two pieces would otherwise look slow by the 40 ms that we wait. The
/// kernel forgets it, so it is said before every read.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_quickack(stream, true)?)
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

/// What a requestor waits for.
#[derive(Debug)]
enum Heard {
    Accepted,
    Response(Response),
    Released,
}

/// Verification SOP Class (PS3.4 §A.4).
const VERIFICATION: &[u8] = b"1.2.840.10008.1.1";

/// Longest P-DATA-TF that we take: responses are short.
const MAX_PDU_BYTES: u32 = 16_384;

const RECEIVED_BYTES: usize = 4096;
