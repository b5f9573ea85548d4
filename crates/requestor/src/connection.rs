//! The transport connection: plain TCP, or TLS on top of it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use openssl::ssl::{ErrorCode, HandshakeError, Ssl, SslStream};

use crate::error::{Error, Waiting, is_timeout};
use crate::settings::{Timeouts, Tls};

/// A blocking connection that sends at once what it is given (`TCP_NODELAY`).
#[derive(Debug)]
pub enum Connection {
    /// Plain TCP.
    Tcp(Socket),
    /// TLS.
    Tls(Box<SslStream<Socket>>),
}

/// A TCP socket with a time limit for everything that is read, which a peer that sends single bytes cannot
/// extend. OpenSSL reads from it until it has a whole record.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    read_deadline: Option<Instant>,
}

impl Connection {
    /// Connects, over TLS if `tls` is given. Reads and writes are then limited by `timeouts`.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Handshake`], [`Error::TimedOut`].
    pub fn connect(
        address: impl ToSocketAddrs,
        tls: Option<&Tls>,
        timeouts: &Timeouts,
    ) -> Result<Connection, Error> {
        let stream = tcp(address, timeouts.connect).map_err(|error| {
            if is_timeout(&error) {
                Error::TimedOut(Waiting::Connect)
            } else {
                Error::Connect(error)
            }
        })?;
        prepare(&stream, timeouts).map_err(Error::Connect)?;
        let connection = Connection::Tcp(Socket::new(stream));
        match tls {
            None => Ok(connection),
            Some(tls) => connection.secured(tls, timeouts),
        }
    }

    /// The same connection with TLS on top of it; one that has it already stays as it is.
    ///
    /// # Errors
    /// [`Error::Handshake`], [`Error::TimedOut`]; the connection is closed.
    pub fn secured(self, tls: &Tls, timeouts: &Timeouts) -> Result<Connection, Error> {
        let Connection::Tcp(mut socket) = self else { return Ok(self) };
        socket.read_deadline = deadline(timeouts.response);
        let mut connection = Connection::Tls(Box::new(handshake(socket, tls)?));
        connection.set_read_deadline(None);
        Ok(connection)
    }

    /// The TLS version and cipher suite in use; `None` for plain TCP.
    #[must_use]
    pub fn cipher(&self) -> Option<String> {
        let Connection::Tls(stream) = self else { return None };
        let suite = stream.ssl().current_cipher().map_or("no cipher suite", |it| it.name());
        Some(format!("{}, {suite}", stream.ssl().version_str()))
    }

    /// The TCP connection.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Connection::Tcp(socket) => &socket.stream,
            Connection::Tls(stream) => &stream.get_ref().stream,
        }
    }

    /// Reading fails from then on with `WouldBlock`. It may exceed the deadline by the socket's own
    /// timeout.
    pub(crate) fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        let socket = match self {
            Connection::Tcp(socket) => socket,
            Connection::Tls(stream) => stream.get_mut(),
        };
        socket.read_deadline = deadline;
    }

    /// Ends our direction of the stream: nothing more is sent. Over TLS that is a close_notify.
    ///
    /// # Errors
    /// Those of the operating system or of OpenSSL.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            Connection::Tcp(socket) => socket.stream.shutdown(std::net::Shutdown::Write),
            Connection::Tls(stream) => stream.shutdown().map(drop).map_err(io::Error::other),
        }
    }
}

impl Socket {
    /// Without a deadline.
    #[must_use]
    pub fn new(stream: TcpStream) -> Socket {
        Socket { stream, read_deadline: None }
    }
}

/// When a time limit that begins now ends.
pub(crate) fn deadline(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| Instant::now().checked_add(limit))
}

fn tcp(address: impl ToSocketAddrs, timeout: Option<Duration>) -> io::Result<TcpStream> {
    let Some(timeout) = timeout else { return TcpStream::connect(address) };
    let mut last = None;
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("the host name has no address")))
}

fn prepare(stream: &TcpStream, timeouts: &Timeouts) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if timeouts.response.is_some() {
        stream.set_read_timeout(timeouts.response)?;
    }
    if timeouts.send.is_some() {
        stream.set_write_timeout(timeouts.send)?;
    }
    Ok(())
}

fn handshake(socket: Socket, tls: &Tls) -> Result<SslStream<Socket>, Error> {
    let failed = |error: openssl::error::ErrorStack| Error::Handshake(error.into());
    let mut ssl = Ssl::new(&tls.context).map_err(failed)?;
    if let Some(name) = &tls.server_name {
        // An address is verified as such; SNI has names only (RFC 6066 §3).
        if let Ok(address) = name.parse() {
            ssl.param_mut().set_ip(address).map_err(failed)?;
        } else {
            ssl.set_hostname(name).map_err(failed)?;
            ssl.param_mut().set_host(name).map_err(failed)?;
        }
    }
    ssl.connect(socket).map_err(|error| match &error {
        // The socket blocks, so this is its time limit.
        HandshakeError::WouldBlock(stream) if stream.error().code() == ErrorCode::WANT_READ => {
            Error::TimedOut(Waiting::Handshake)
        }
        _ => Error::Handshake(io::Error::other(error)),
    })
}

/// Makes the kernel acknowledge the next segment without delay. A peer that leaves Nagle's algorithm on
/// and writes a response in two pieces would otherwise wait 40 ms for the acknowledgement of the first.
/// The kernel resets the option, so it is set before every read.
#[cfg(target_os = "linux")]
pub(crate) fn acknowledge_at_once(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_tcp_quickack(stream, true)?)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn acknowledge_at_once(_: &TcpStream) -> io::Result<()> {
    Ok(())
}

impl Read for Connection {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Tcp(socket) => socket.read(target),
            Connection::Tls(stream) => stream.read(target),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Connection::Tcp(socket) => socket.write(bytes),
            Connection::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Socket {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.read_deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.stream.read(target)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
