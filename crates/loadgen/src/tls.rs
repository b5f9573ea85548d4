//! TLS for measuring: contexts of both sides, and the accepting side of a connection.

use std::io;
use std::net::TcpStream;
use std::path::Path;

use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslMode, SslVerifyMode, SslVersion};
use requestor::{Connection, Socket};

/// Answers a connection that was accepted, over TLS if a context is given.
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

/// A client's context: one cipher suite, by OpenSSL's name, and the newest version that has it.
/// The peer is not verified, and weak suites are allowed.
///
/// # Errors
/// OpenSSL does not know the suite.
pub fn client_context(suite: &str) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_client())?;
    context.set_security_level(0);
    context.set_verify(SslVerifyMode::NONE);
    // Every server supports these, so handshakes with different servers can be compared.
    context.set_groups_list("X25519:P-256")?;
    // The memory of the sender must not be mistaken for that of the receiver.
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
/// A file is unreadable, or key and certificate do not match.
pub fn server_context(key: &Path, certificate: &Path) -> io::Result<SslContext> {
    let mut context = SslContext::builder(SslMethod::tls_server())?;
    context.set_certificate_chain_file(certificate)?;
    context.set_private_key_file(key, SslFiletype::PEM)?;
    context.check_private_key()?;
    Ok(context.build())
}
