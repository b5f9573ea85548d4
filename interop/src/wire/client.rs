//! Controls one connection to a receiver, byte by byte.

use std::io::{self, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::{Accept, Answer, Command, Pdv, Request, data_pdu, pdu, read_answer};
use crate::Object;

/// One TCP connection to a receiver.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    next_message_id: u16,
}

impl Client {
    /// Connects, without sending anything.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(port: u16) -> Self {
        Self::try_connect(port).expect("the receiver listens")
    }

    /// Connects, without sending anything.
    ///
    /// # Errors
    /// Those of the socket, for instance if nobody listens.
    pub fn try_connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self::on(stream))
    }

    /// Connects from this address of this machine, such as 127.0.0.9, without sending anything.
    ///
    /// # Panics
    /// If nobody listens, or the address does not belong to this machine.
    #[must_use]
    pub fn connect_from(address: Ipv4Addr, port: u16) -> Self {
        // A receiver that another test starts now must not inherit the socket.
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
        let socket = socket.expect("a socket");
        let bind = rustix::net::bind(&socket, &SocketAddr::from((address, 0)));
        bind.expect("an address of this machine");
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        rustix::net::connect(&socket, &server).expect("the receiver listens");
        Self::on(socket.into())
    }

    /// Wraps an existing connection.
    #[must_use]
    pub fn on(stream: TcpStream) -> Self {
        Self { stream, next_message_id: 1 }
    }

    /// Connects and opens an association.
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn associate(port: u16, request: &Request) -> (Self, Accept) {
        let mut client = Self::connect(port);
        client.send(&request.encode());
        match client.answer() {
            Answer::Accept(accept) => (client, accept),
            other => panic!("an acceptance, not {other:?}"),
        }
    }

    /// Connects and opens the association of [`Request::usual`].
    ///
    /// # Panics
    /// If it is not accepted.
    #[must_use]
    pub fn usual(port: u16) -> Self {
        Self::associate(port, &Request::usual()).0
    }

    /// Sends bytes.
    ///
    /// # Panics
    /// If the receiver has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the receiver takes what is sent");
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// Those of the socket, for instance if the receiver closed the connection.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(ANSWER_TIME_LIMIT))?;
        self.stream.write_all(bytes)
    }

    /// Resets the connection; data in transit is lost.
    ///
    /// # Panics
    /// If the socket refuses the option.
    pub fn reset(self) {
        let linger = rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO));
        linger.expect("a socket");
    }

    /// True if the receiver closes the connection within this time; anything that it sends is ignored.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        self.stream.set_read_timeout(Some(limit)).expect("a time limit can be set");
        let mut buffer = [0; 256];
        loop {
            match io::Read::read(&mut self.stream, &mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                // The test process was suspended, and continues.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let waits = [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut];
                    return !waits.contains(&error.kind());
                }
            }
        }
    }

    /// Sends bytes; true if the receiver accepts all of them within this time. If not, it may have received a
    /// part.
    pub fn send_within(&mut self, bytes: &[u8], limit: Duration) -> bool {
        self.stream.set_write_timeout(Some(limit)).expect("a time limit can be set");
        self.stream.write_all(bytes).is_ok()
    }

    /// Waits up to half a minute for the next PDU from the receiver.
    pub fn answer(&mut self) -> Answer {
        self.answer_within(ANSWER_TIME_LIMIT)
    }

    /// Waits up to `limit` for the next PDU from the receiver.
    pub fn answer_within(&mut self, limit: Duration) -> Answer {
        self.stream.set_read_timeout(Some(limit)).expect("a time limit can be set");
        read_answer(&mut self.stream)
    }

    /// Reads the next PDU, which must be a response; returns its presentation context and command set.
    ///
    /// # Panics
    /// If anything else arrives.
    pub fn response(&mut self) -> (u8, Command) {
        let mut bytes = Vec::new();
        loop {
            match self.answer() {
                Answer::Data(pdvs) => {
                    for pdv in pdvs {
                        assert!(pdv.command, "a response has no data set");
                        bytes.extend(&pdv.data);
                        if pdv.last {
                            return (pdv.context, Command::parse(&bytes));
                        }
                    }
                }
                other => panic!("a response, not {other:?}"),
            }
        }
    }

    /// Sends a command set in one PDU.
    pub fn command(&mut self, context: u8, command: &Command) {
        self.send(&data_pdu(&[Pdv::command(context, true, &command.encode())]));
    }

    /// Sends a data set in PDUs of at most 16 KiB.
    pub fn data_set(&mut self, context: u8, bytes: &[u8]) {
        let chunks = bytes.chunks(16_372);
        let count = chunks.len();
        for (index, chunk) in chunks.enumerate() {
            self.send(&data_pdu(&[Pdv::data(context, index + 1 == count, chunk)]));
        }
    }

    /// Returns a message ID not used before on this connection.
    pub fn message_id(&mut self) -> u16 {
        let id = self.next_message_id;
        self.next_message_id += 1;
        id
    }

    /// Sends an object and returns the response.
    ///
    /// # Panics
    /// If the response belongs to another request.
    pub fn store(&mut self, context: u8, object: &Object) -> Command {
        let id = self.message_id();
        self.command(context, &Command::store(id, &object.sop_class, &object.sop_instance));
        self.data_set(context, &object.bytes);
        let (answered, response) = self.response();
        assert_eq!(answered, context, "a response on its own context");
        assert_eq!(response.us(super::tag::FIELD), Some(0x8001));
        assert_eq!(response.us(super::tag::RESPONDED_TO), Some(id));
        response
    }

    /// Sends a C-ECHO on a context and returns the status.
    pub fn echo(&mut self, context: u8) -> u16 {
        let id = self.message_id();
        self.command(context, &Command::echo(id));
        let (answered, response) = self.response();
        assert_eq!(answered, context, "a response on its own context");
        assert_eq!(response.us(super::tag::FIELD), Some(0x8030));
        assert_eq!(response.us(super::tag::RESPONDED_TO), Some(id));
        response.status()
    }

    /// Releases the association and closes the connection.
    ///
    /// # Panics
    /// If the release is not confirmed.
    pub fn release(mut self) {
        self.send(&release_request());
        assert_eq!(self.answer(), Answer::ReleaseReply);
    }

    /// Closes the sending side; the client can still read.
    pub fn finish_sending(&mut self) {
        // The receiver may have closed the connection already.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Waits until the receiver closes the connection, and returns how long that took.
    ///
    /// # Panics
    /// If it does not within `limit`, or sends something instead.
    pub fn expect_close(&mut self, limit: Duration) -> Duration {
        let started = Instant::now();
        assert_eq!(self.answer_within(limit), Answer::Closed, "closed within {limit:?}");
        started.elapsed()
    }
}

/// A-RELEASE-RQ.
#[must_use]
pub fn release_request() -> Vec<u8> {
    pdu(0x05, &[0; 4])
}

/// A-ABORT.
#[must_use]
pub fn abort(source: u8, reason: u8) -> Vec<u8> {
    pdu(0x07, &[0, 0, source, reason])
}

/// Longer than any correct answer takes; tests that require a fast answer measure it themselves.
const ANSWER_TIME_LIMIT: Duration = Duration::from_secs(30);
