//! A blocking connection to a server, plain or by TLS, on which nothing takes longer than a deadline.

use crate::error::Error;
use crate::settings::{ClientTls, Endpoint};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    HandshakeError, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVerifyMode,
    SslVersion,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use receiver::limits::TLS_FILE_BYTES;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection; what is written to it is sent at once (`TCP_NODELAY`).
pub(crate) enum Connection {
    Tcp(TimedSocket),
    Tls(Box<SslStream<TimedSocket>>),
}

/// A TCP socket with a deadline for everything, which a server that takes or sends single bytes cannot extend.
pub(crate) struct TimedSocket {
    stream: TcpStream,
    deadline: Instant,
}

impl Connection {
    /// Connects, and does the TLS handshake if there is a `connector`. Looking up a name may take longer than
    /// `limit`.
    ///
    /// # Errors
    /// Why there is no connection, in words for the log.
    pub(crate) fn open(
        endpoint: &Endpoint,
        connector: Option<&SslConnector>,
        limit: Duration,
    ) -> Result<Self, String> {
        let host = endpoint.host.as_str();
        let addresses = (host, endpoint.port).to_socket_addrs();
        let addresses = addresses.map_err(|error| format!("cannot look up {host}: {error}"))?;
        let deadline = Instant::now() + limit;
        let mut failure = format!("{host} has no address");
        for address in addresses {
            let left = deadline.saturating_duration_since(Instant::now());
            match TcpStream::connect_timeout(&address, left.max(SHORTEST)) {
                Ok(stream) => {
                    let _ = stream.set_nodelay(true);
                    let socket = TimedSocket { stream, deadline };
                    return match connector {
                        None => Ok(Self::Tcp(socket)),
                        Some(connector) => handshake(connector, host, socket),
                    };
                }
                Err(error) => failure = format!("cannot connect to {address}: {}", reason(&error)),
            }
        }
        Err(failure)
    }

    /// From now on everything together may take so long.
    pub(crate) fn limit(&mut self, limit: Duration) {
        self.socket_mut().deadline = Instant::now() + limit;
    }

    /// Whether the server has not closed the connection, as far as can be seen. What it has sent is dropped; one that
    /// sends without end is taken for closed after [`LOOK_LIMIT`].
    pub(crate) fn is_open(&mut self) -> bool {
        if self.socket_mut().stream.set_nonblocking(true).is_err() {
            return false;
        }
        // The time for what was sent last may be over.
        self.limit(LOOK_LIMIT);
        let mut dropped = [0; 256];
        let is_open = loop {
            match self.read(&mut dropped) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == io::ErrorKind::WouldBlock,
            }
        };
        is_open && self.socket_mut().stream.set_nonblocking(false).is_ok()
    }

    /// Tells the server that nothing more comes.
    #[cfg(feature = "traces")]
    pub(crate) fn close(mut self) {
        self.limit(SHORTEST);
        if let Self::Tls(stream) = &mut self {
            let _ = stream.shutdown();
        }
    }

    fn socket_mut(&mut self) -> &mut TimedSocket {
        match self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => stream.get_mut(),
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How long reading what a server has sent unasked may take.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// A socket takes no time-out of 0.
const SHORTEST: Duration = Duration::from_millis(1);

impl TimedSocket {
    fn left(&self) -> io::Result<Duration> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left.max(SHORTEST)),
        }
    }
}

impl Read for TimedSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A socket that was made non-blocking ignores it.
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for TimedSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a call on a connection failed, in words for the log.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it takes too long".to_owned(),
        _ => platform::reason(error),
    }
}

fn handshake(
    connector: &SslConnector,
    host: &str,
    socket: TimedSocket,
) -> Result<Connection, String> {
    match connector.connect(host, socket) {
        Ok(stream) => Ok(Connection::Tls(Box::new(stream))),
        Err(HandshakeError::SetupFailure(error)) => Err(openssl_reason(&error)),
        Err(HandshakeError::WouldBlock(_)) => Err("the TLS handshake takes too long".to_owned()),
        Err(HandshakeError::Failure(failed)) => {
            let verified = failed.ssl().verify_result();
            let error = failed.error();
            let why = if verified.as_raw() != 0 {
                format!("its certificate is refused: {verified}")
            } else if let Some(errors) = error.ssl_error() {
                openssl_reason(errors)
            } else {
                let closed = || "it closed the connection".to_owned();
                error.io_error().map_or_else(closed, reason)
            };
            Err(format!("TLS handshake with {host} failed: {why}"))
        }
    }
}

/// What TLS connections are made by: TLS 1.2 or later, the server's certificate and name verified.
///
/// # Errors
/// A key or a certificate cannot be used.
pub(crate) fn tls_connector(settings: &ClientTls) -> Result<SslConnector, Error> {
    let setup = |error: ErrorStack| Error::Tls(openssl_reason(&error));
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(setup)?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2)).map_err(setup)?;
    builder.set_verify(SslVerifyMode::PEER);
    match &settings.ca {
        Some(path) => trust(&mut builder, path)?,
        None => trust_what_the_system_trusts(&mut builder),
    }
    match (&settings.certificate, &settings.key) {
        (Some(certificate), key) => {
            identify(&mut builder, certificate, key.as_deref().unwrap_or(certificate))?;
        }
        (None, Some(key)) => {
            let reason = "a key needs a certificate".to_owned();
            return Err(Error::TlsFile { path: key.clone(), reason });
        }
        (None, None) => {}
    }
    Ok(builder.build())
}

/// Trusts the certificates of this file, and no others.
fn trust(builder: &mut SslConnectorBuilder, path: &Path) -> Result<(), Error> {
    let certificates = X509::stack_from_pem(&read(path)?).map_err(|error| wrong(path, &error))?;
    if certificates.is_empty() {
        let reason = "no certificate in PEM form in this file".to_owned();
        return Err(Error::TlsFile { path: path.to_owned(), reason });
    }
    let mut store = X509StoreBuilder::new().map_err(|error| wrong(path, &error))?;
    for certificate in certificates {
        store.add_cert(certificate).map_err(|error| wrong(path, &error))?;
    }
    builder.set_cert_store(store.build());
    Ok(())
}

/// A file that cannot be read trusts nobody, which each handshake then tells.
fn trust_what_the_system_trusts(builder: &mut SslConnectorBuilder) {
    let places = openssl_probe::probe();
    let directory = places.cert_dir.first().map(std::path::PathBuf::as_path);
    let _ = builder.load_verify_locations(places.cert_file.as_deref(), directory);
}

fn identify(
    builder: &mut SslConnectorBuilder,
    certificate: &Path,
    key: &Path,
) -> Result<(), Error> {
    let mut chain = X509::stack_from_pem(&read(certificate)?)
        .map_err(|error| wrong(certificate, &error))?
        .into_iter();
    let Some(ours) = chain.next() else {
        let reason = "no certificate in PEM form in this file".to_owned();
        return Err(Error::TlsFile { path: certificate.to_owned(), reason });
    };
    builder.set_certificate(&ours).map_err(|error| wrong(certificate, &error))?;
    for issuer in chain {
        builder.add_extra_chain_cert(issuer).map_err(|error| wrong(certificate, &error))?;
    }
    // Without a password, so that nobody is asked for one.
    let private_key = PKey::private_key_from_pem_callback(&read(key)?, |_| Ok(0));
    let private_key = private_key.map_err(|error| wrong(key, &error))?;
    builder.set_private_key(&private_key).map_err(|error| wrong(key, &error))?;
    builder.check_private_key().map_err(|error| wrong(key, &error))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    platform::read_at_most(path, TLS_FILE_BYTES)
        .map_err(|error| Error::TlsFile { path: path.to_owned(), reason: platform::reason(&error) })
}

fn wrong(path: &Path, error: &ErrorStack) -> Error {
    Error::TlsFile { path: path.to_owned(), reason: openssl_reason(error) }
}

/// The reason that OpenSSL gives: that of the first error, which is where it began.
fn openssl_reason(error: &ErrorStack) -> String {
    let reason = error.errors().first().and_then(openssl::error::Error::reason);
    reason.unwrap_or("unknown OpenSSL error").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().to_string();
        assert!(error.contains("it is longer than 67108864 bytes"), "{error}");
    }
}
