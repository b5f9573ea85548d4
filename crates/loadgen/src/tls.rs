//! Sets up TLS for measuring: contexts for both sides, and the accepting side of a connection.

use std::io;
use std::net::TcpStream;
use std::path::Path;

use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslMode, SslVerifyMode, SslVersion};
use requestor::{Connection, Socket};

/// Performs the accepting side of the handshake if a context is given, otherwise returns a plain connection.
///
/// # Errors
/// Those of the operating system or of OpenSSL.
pub fn accept(stream: TcpStream, tls: Option<&SslContext>) -> io::Result<Connection> {
    stream.set_nodelay(true)?;
    let socket = Socket::new(stream);
    let Some(context) = tls else { return Ok(Connection::Tcp(socket)) };
    let ssl = Ssl::new(context)?;
    let stream = ssl.accept(socket).map_err(io::Error::other)?;
    Ok(Connection::Tls(Box::new(stream)))
}

/// A client context with one cipher suite, given by OpenSSL's name, and the newest version that supports it.
/// The peer is not verified, and weak suites are allowed.
///
/// # Errors
/// Fails if OpenSSL does not know the suite.
pub fn client_context(suite: &str) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_security_level(0);
    context.set_verify(SslVerifyMode::NONE);
    // Every server supports these curves, so that handshakes with different servers can be compared.
    context.set_groups_list("X25519:P-256")?;
    // Keeps the sender's memory small, so that it is not attributed to the receiver.
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

/// A server context with a PEM key and certificate, otherwise with OpenSSL's defaults.
///
/// # Errors
/// Fails if a file is unreadable, or key and certificate do not match.
pub fn server_context(key: &Path, certificate: &Path) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_server())?;
    context.set_certificate_chain_file(certificate)?;
    context.set_private_key_file(key, SslFiletype::PEM)?;
    context.check_private_key()?;
    Ok(context.build())
}
