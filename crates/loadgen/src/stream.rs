//! The connection to a peer, plain or over TLS.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;

use openssl::ssl::{
    Ssl, SslContext, SslFiletype, SslMethod, SslMode, SslStream, SslVerifyMode, SslVersion,
};

/// A connection that blocks, and sends at once what it is given (`TCP_NODELAY`).
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Tcp(TcpStream),
    /// TLS over it.
    Tls(Box<SslStream<TcpStream>>),
}

impl Stream {
    /// Connects, over TLS if `tls` says so.
    ///
    /// # Errors
    /// Whatever the operating system or OpenSSL says.
    pub fn connect(address: impl ToSocketAddrs, tls: Option<&SslContext>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let Some(context) = tls else { return Ok(Self::Tcp(stream)) };
        let ssl = Ssl::new(context)?;
        let stream = ssl.connect(stream).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// Answers a connection that was accepted, over TLS if `tls` says so.
    ///
    /// # Errors
    /// Whatever the operating system or OpenSSL says.
    pub fn accept(stream: TcpStream, tls: Option<&SslContext>) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let Some(context) = tls else { return Ok(Self::Tcp(stream)) };
        let ssl = Ssl::new(context)?;
        let stream = ssl.accept(stream).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(stream)))
    }

    /// The TCP connection.
    #[must_use]
    pub fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        }
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// Whatever the operating system or OpenSSL says.
    pub fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
            Self::Tls(stream) => stream.shutdown().map(drop).map_err(io::Error::other),
        }
    }
}

/// A client's context: one cipher suite, by OpenSSL's name, and the newest version that has it.
/// Nothing is verified, and every suite is allowed.
///
/// # Errors
/// OpenSSL does not know the suite.
pub fn client_context(suite: &str) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_security_level(0);
    context.set_verify(SslVerifyMode::NONE);
    // What every server has, so that handshakes with different ones can be compared.
    context.set_groups_list("X25519:P-256")?;
    // What a sender holds is not to be mistaken for what a receiver does.
    context.set_mode(SslMode::RELEASE_BUFFERS);
    if suite.starts_with("TLS_") {
        context.set_min_proto_version(Some(SslVersion::TLS1_3))?;
        context.set_ciphersuites(suite)?;
    } else {
        context.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        context.set_cipher_list(suite)?;
    }
    Ok(context.build())
}

/// A server's context with a PEM key and certificate, and nothing but OpenSSL's defaults.
///
/// # Errors
/// A file is unreadable, or they do not belong together.
pub fn server_context(key: &Path, certificate: &Path) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_server())?;
    context.set_certificate_chain_file(certificate)?;
    context.set_private_key_file(key, SslFiletype::PEM)?;
    context.check_private_key()?;
    Ok(context.build())
}

impl Read for Stream {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(target),
            Self::Tls(stream) => stream.read(target),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
