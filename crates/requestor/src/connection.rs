//! The transport connection: plain TCP, or TLS on top of it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use openssl::ssl::{ErrorCode, HandshakeError, Ssl, SslStream};

use crate::error::{Error, Waiting, is_timeout};
use crate::limits::INTERRUPT_TICK;
use crate::settings::{Interrupt, Settings, Timeouts, Tls};

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
    /// Whether reading waits for something to read.
    waits: bool,
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
        Self::interruptible(address, tls, timeouts, None)
    }

    /// As [`connect`](Self::connect), with everything from the settings.
    pub(crate) fn open(
        address: impl ToSocketAddrs,
        settings: &Settings,
    ) -> Result<Connection, Error> {
        let Settings { tls, timeouts, interrupt, .. } = settings;
        Self::interruptible(address, tls.as_ref(), timeouts, interrupt.as_ref())
    }

    fn interruptible(
        address: impl ToSocketAddrs,
        tls: Option<&Tls>,
        timeouts: &Timeouts,
        interrupt: Option<&Interrupt>,
    ) -> Result<Connection, Error> {
        let stream = tcp(address, timeouts.connect).map_err(|error| {
            if is_timeout(&error) {
                Error::TimedOut(Waiting::Connect)
            } else {
                Error::Connect(error)
            }
        })?;
        stream.set_nodelay(true).map_err(Error::Connect)?;
        let connection = Connection::Tcp(Socket::new(stream));
        connection.limit(timeouts, interrupt)?;
        match tls {
            None => Ok(connection),
            Some(tls) => connection.secured_until(tls, timeouts, interrupt),
        }
    }

    /// Limits how long a read or write waits: by the timeouts, or shorter, so that an interrupt is seen.
    pub(crate) fn limit(
        &self,
        timeouts: &Timeouts,
        interrupt: Option<&Interrupt>,
    ) -> Result<(), Error> {
        let tick = interrupt.map(|_| INTERRUPT_TICK);
        let shorter = |limit: Option<Duration>| limit.into_iter().chain(tick).min();
        let set = || -> io::Result<()> {
            if let limit @ Some(_) = shorter(timeouts.response) {
                self.tcp().set_read_timeout(limit)?;
            }
            if let limit @ Some(_) = shorter(timeouts.send) {
                self.tcp().set_write_timeout(limit)?;
            }
            Ok(())
        };
        set().map_err(Error::Connect)
    }

    /// The same connection with TLS on top of it; one that has it already stays as it is.
    ///
    /// # Errors
    /// [`Error::Handshake`], [`Error::TimedOut`]; the connection is closed.
    pub fn secured(self, tls: &Tls, timeouts: &Timeouts) -> Result<Connection, Error> {
        self.secured_until(tls, timeouts, None)
    }

    fn secured_until(
        self,
        tls: &Tls,
        timeouts: &Timeouts,
        interrupt: Option<&Interrupt>,
    ) -> Result<Connection, Error> {
        let Connection::Tcp(mut socket) = self else { return Ok(self) };
        socket.read_deadline = deadline(timeouts.response);
        let mut connection = Connection::Tls(Box::new(handshake(socket, tls, interrupt)?));
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
        self.socket().read_deadline = deadline;
    }

    /// Whether reading waits, which it does at first, or fails with `WouldBlock` if there is nothing to read.
    pub(crate) fn set_waits(&mut self, waits: bool) {
        self.socket().waits = waits;
    }

    fn socket(&mut self) -> &mut Socket {
        match self {
            Connection::Tcp(socket) => socket,
            Connection::Tls(stream) => stream.get_mut(),
        }
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
        Socket { stream, read_deadline: None, waits: true }
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

fn handshake(
    socket: Socket,
    tls: &Tls,
    interrupt: Option<&Interrupt>,
) -> Result<SslStream<Socket>, Error> {
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
    let mut result = ssl.connect(socket);
    loop {
        // The socket blocks, so this is its time limit.
        let waiting = match result {
            Err(HandshakeError::WouldBlock(stream))
                if stream.error().code() == ErrorCode::WANT_READ =>
            {
                stream
            }
            other => return other.map_err(|error| Error::Handshake(io::Error::other(error))),
        };
        match interrupt {
            Some(interrupt) if interrupt.is_set() => return Err(Error::Interrupted),
            Some(_) if waiting.get_ref().read_deadline.is_none_or(|at| Instant::now() < at) => {}
            _ => return Err(Error::TimedOut(Waiting::Handshake)),
        }
        result = waiting.handshake();
    }
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

/// Reads what is there; fails with `WouldBlock` if nothing is.
#[cfg(unix)]
fn read_at_once(stream: &TcpStream, target: &mut [u8]) -> io::Result<usize> {
    let (_, length) = rustix::net::recv(stream, target, rustix::net::RecvFlags::DONTWAIT)?;
    Ok(length)
}

#[cfg(not(unix))]
fn read_at_once(mut stream: &TcpStream, target: &mut [u8]) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let result = stream.read(target);
    stream.set_nonblocking(false)?;
    result
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
        if !self.waits {
            return read_at_once(&self.stream, target);
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
