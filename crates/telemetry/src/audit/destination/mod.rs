//! Where audit messages go: syslog servers by TLS (RFC 5425) and UDP (RFC 5426), and files.

use crate::connection::{Connection, reason, tls_connector};
use crate::error::Error;
use crate::limits::{CONNECT_TIMEOUT, SEND_TIMEOUT};
use crate::outbox::{Deliver, Failure};
use crate::settings::{AuditDestination, AuditSettings, Endpoint};
use openssl::ssl::SslConnector;
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// Sends syslog messages, each a header with an audit message and without a frame.
pub(super) enum Destination {
    Tls { endpoint: Endpoint, connector: Box<SslConnector>, connection: Option<Connection> },
    Udp { endpoint: Endpoint, socket: Option<UdpSocket> },
    File { path: PathBuf, file: Option<File>, is_mid_line: bool },
}

impl Destination {
    /// Reads keys and certificates; connects and opens nothing.
    ///
    /// # Errors
    /// They cannot be used.
    pub(super) fn new(settings: &AuditSettings) -> Result<Self, Error> {
        settings.check()?;
        Ok(match &settings.destination {
            AuditDestination::SyslogTls(endpoint) => {
                let connector = Box::new(tls_connector(&settings.tls)?);
                Self::Tls { endpoint: endpoint.clone(), connector, connection: None }
            }
            AuditDestination::SyslogUdp(endpoint) => {
                Self::Udp { endpoint: endpoint.clone(), socket: None }
            }
            AuditDestination::File(path) => {
                Self::File { path: path.clone(), file: None, is_mid_line: false }
            }
        })
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Tls { endpoint, connector, connection } => {
                send_by_tls(endpoint, connector, connection, message)
            }
            Self::Udp { endpoint, socket } => send_by_udp(endpoint, socket, message),
            Self::File { path, file, is_mid_line } => {
                // A file that was rotated away is written no more.
                let is_there = |file: &File| {
                    let (ours, theirs) = (file.metadata()?, std::fs::metadata(&*path)?);
                    Ok::<_, io::Error>((ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()))
                };
                if file.as_ref().is_some_and(|file| !is_there(file).unwrap_or(false)) {
                    (*file, *is_mid_line) = (None, false);
                }
                append(path, file, is_mid_line, message)
                    .map_err(|error| Failure::Later(platform::reason(&error)))
            }
        }
    }
}

impl Deliver for Destination {
    type Item = Vec<u8>;

    fn deliver(&mut self, messages: &[Vec<u8>]) -> (usize, Result<(), Failure>) {
        for (sent, message) in messages.iter().enumerate() {
            if let Err(failure) = self.send(message) {
                return (sent, Err(failure));
            }
        }
        (messages.len(), Ok(()))
    }
}

/// Sends `LENGTH MESSAGE` (RFC 5425 §4.3). Syslog has no answers: a connection that the server has closed is noticed
/// before a message is lost in it, if the close has arrived.
fn send_by_tls(
    endpoint: &Endpoint,
    connector: &SslConnector,
    connection: &mut Option<Connection>,
    message: &[u8],
) -> Result<(), Failure> {
    let kept = connection.take().and_then(|mut kept| kept.is_open().then_some(kept));
    let mut open = match kept {
        Some(open) => open,
        None => {
            Connection::open(endpoint, Some(connector), CONNECT_TIMEOUT).map_err(Failure::Later)?
        }
    };
    open.limit(SEND_TIMEOUT);
    let mut frame = format!("{} ", message.len()).into_bytes();
    frame.extend(message);
    open.write_all(&frame)
        .map_err(|error| Failure::Later(format!("the connection broke: {}", reason(&error))))?;
    *connection = Some(open);
    Ok(())
}

fn send_by_udp(
    endpoint: &Endpoint,
    socket: &mut Option<UdpSocket>,
    message: &[u8],
) -> Result<(), Failure> {
    let open = match socket.take() {
        Some(open) => open,
        None => udp_socket(endpoint).map_err(Failure::Later)?,
    };
    let sent = open.send(message);
    match sent {
        Ok(_) => {
            *socket = Some(open);
            Ok(())
        }
        Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => {
            *socket = Some(open);
            Err(Failure::Never(format!("{} bytes are too many for a datagram", message.len())))
        }
        Err(error) => Err(Failure::Later(platform::reason(&error))),
    }
}

fn udp_socket(endpoint: &Endpoint) -> Result<UdpSocket, String> {
    let host = endpoint.host.as_str();
    let addresses = (host, endpoint.port).to_socket_addrs();
    let mut addresses = addresses.map_err(|error| format!("cannot look up {host}: {error}"))?;
    let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).and_then(|socket| {
        socket.connect(address)?;
        Ok(socket)
    });
    socket.map_err(|error| platform::reason(&error))
}

fn append(
    path: &PathBuf,
    file: &mut Option<File>,
    is_mid_line: &mut bool,
    message: &[u8],
) -> io::Result<()> {
    let open = match file {
        Some(open) => open,
        None => {
            let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(path)?;
            file.insert(opened)
        }
    };
    let mut line = Vec::with_capacity(message.len() + 2);
    // Of a line that a full disk has cut.
    line.extend(is_mid_line.then_some(b'\n'));
    line.extend(message);
    line.push(b'\n');
    *is_mid_line = true;
    open.write_all(&line)?;
    *is_mid_line = false;
    Ok(())
}

#[cfg(test)]
mod tests;
