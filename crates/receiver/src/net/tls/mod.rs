//! Transport layer security (PS3.15 Annex B) on OpenSSL.
//!
//! ```text
//! TlsSettings --context::build--> SslContext --accept--> SslStream<Socket>, a kind of Transport
//!            |   |   |            ^
//!      profile identity trust     +-- built anew on SIGHUP, kept if that fails
//! ```
//!
//! Everything is read and checked before the port is opened.

mod context;
mod error;
mod expiry;
mod identity;
mod password;
pub mod profile;
mod reason;
mod seed;
mod settings;
mod socket;
pub mod suites;
mod trust;

pub use error::{Error, TlsFile};
pub use profile::SecurityProfile;
pub use settings::{CrlCheck, KeyFormat, KeyPassword, PeerCertificate, TlsSettings};

use expiry::Expiry;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslStream};
use openssl::x509::X509VerifyResult;
use password::Password;
use reason::{file_reason, openssl_reason};
use rustix::event::{PollFd, PollFlags, Timespec};
use seed::SeedFile;
use socket::Socket;
use std::fmt;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

/// The name and version of the TLS library in use.
#[must_use]
pub fn library_version() -> &'static str {
    openssl::version::version()
}

/// What the server needs to speak TLS: keys, certificates and what is negotiated.
pub struct Tls {
    config: TlsSettings,
    current: RwLock<Current>,
    /// Of the private key, which is read again.
    password: Password,
    seed_file: Option<SeedFile>,
}

/// What connections begin with.
#[derive(Clone)]
struct Current {
    context: SslContext,
    expiry: Expiry,
    /// How often the files were read again.
    generation: u64,
}

impl Tls {
    /// Reads all files, and asks for the password if one is needed. What is weak is logged as a
    /// warning.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(config: &TlsSettings) -> Result<Self, Error> {
        let mut warnings = Vec::new();
        if let Some(path) = &config.seed {
            seed::add_to_kernel(path, &mut warnings)?;
        }
        let password = Password::new(&config.password);
        let (context, expiry) = context::build(config, &password, &mut warnings)?;
        let seed_file = config.write_seed.as_deref().map(SeedFile::open).transpose()?;
        warn(&warnings);
        let current = RwLock::new(Current { context, expiry, generation: 0 });
        Ok(Self { config: config.clone(), current, password, seed_file })
    }

    /// Reads all files again, for SIGHUP. If anything is wrong, which is logged, what was read before
    /// stays, and the result is false.
    pub(crate) fn reload(&self) -> bool {
        let mut warnings = Vec::new();
        match context::build(&self.config, &self.password, &mut warnings) {
            Ok((context, expiry)) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Current { context, expiry, generation: current.generation + 1 };
                drop(current);
                warn(&warnings);
                true
            }
            Err(error) => {
                tracing::error!(
                    "SIGHUP: keeping the keys and certificates that are in use: {error}"
                );
                false
            }
        }
    }

    /// The handshake with a peer, which has until `deadline` for it. A verification result is discarded if the
    /// trust files were reloaded meanwhile.
    ///
    /// # Errors
    /// Why the peer was refused.
    pub fn accept(
        &self,
        stream: Arc<TcpStream>,
        deadline: Instant,
    ) -> Result<TlsStream, HandshakeError> {
        let Current { context, generation, .. } = self.current();
        let ssl = Ssl::new(&context).map_err(|error| HandshakeError::library(&error))?;
        let connection = Arc::clone(&stream);
        let mut stream = SslStream::new(ssl, Socket::new(stream))
            .map_err(|error| HandshakeError::library(&error))?;
        while let Err(error) = stream.accept() {
            if error.code() != ErrorCode::WANT_READ {
                return Err(HandshakeError::failed(&stream, &error));
            }
            if !is_readable_before(&connection, deadline) {
                return Err(HandshakeError::TimedOut);
            }
        }
        if self.config.peer_certificate != PeerCertificate::Ignore
            && self.current().generation != generation
        {
            return Err(HandshakeError::Failed(
                "certificates were reloaded during the handshake".to_owned(),
            ));
        }
        tracing::debug!("{}", HandshakeSummary(&stream));
        Ok(TlsStream { stream, is_usable: true })
    }

    /// Logs a warning if a certificate of ours expires within [`EXPIRY_WARNING`](crate::limits::EXPIRY_WARNING).
    pub(crate) fn warn_of_expiry(&self) {
        if let Some(warning) = self.current().expiry.warning(SystemTime::now()) {
            tracing::warn!("{warning}");
        }
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be called when an association has ended: `--write-seed`.
    pub(crate) fn association_ended(&self) {
        if let Some(file) = &self.seed_file {
            file.renew();
        }
    }
}

/// An encrypted connection, after its handshake.
pub struct TlsStream {
    stream: SslStream<Socket>,
    is_usable: bool,
}

/// Result of a receive.
pub(crate) enum ReadOutcome {
    /// So many bytes.
    Bytes(usize),
    /// Nothing is there yet.
    Nothing,
    /// The peer has closed the connection, with or without saying so, or it broke.
    Closed,
}

impl TlsStream {
    /// The TLS connection.
    pub(crate) fn ssl(&self) -> &openssl::ssl::SslRef {
        self.stream.ssl()
    }

    /// Receives what there is into `target`, without waiting. Records that came together are
    /// decrypted together.
    pub(crate) fn receive(&mut self, target: &mut [u8]) -> ReadOutcome {
        let mut count = 0;
        loop {
            match self.stream.ssl_read(&mut target[count..]) {
                Ok(length) => count += length,
                Err(_) if count > 0 => return ReadOutcome::Bytes(count),
                Err(error) if error.code() == ErrorCode::WANT_READ => return ReadOutcome::Nothing,
                Err(error) => {
                    self.is_usable = error.code() != ErrorCode::SSL;
                    tracing::debug!("{}", CloseReason(&error));
                    return ReadOutcome::Closed;
                }
            }
            let more = self.stream.get_ref().has_unread() || self.stream.ssl().pending() > 0;
            if count == target.len() || !more {
                return ReadOutcome::Bytes(count);
            }
        }
    }

    /// Sends all of `bytes`.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.stream.write_all(bytes);
        self.is_usable &= sent.is_ok();
        sent
    }

    /// Gives back memory that is not needed while the peer is silent.
    pub(crate) fn release(&mut self) {
        self.stream.get_mut().release();
    }

    /// Tells the peer that nothing more will come (close_notify), without waiting for it.
    pub(crate) fn close(&mut self) {
        self.stream.get_mut().is_closing = true;
        if self.is_usable {
            let _ = self.stream.shutdown();
        }
    }
}

/// Why a peer got no association.
#[derive(Debug)]
pub enum HandshakeError {
    /// It connected and left without a byte: a look whether the port is open.
    Nothing,
    /// The handshake was not over in time.
    TimedOut,
    /// The handshake failed.
    Failed(String),
}

impl HandshakeError {
    fn library(error: &ErrorStack) -> Self {
        Self::Failed(openssl_reason(error))
    }

    fn failed(stream: &SslStream<Socket>, error: &openssl::ssl::Error) -> Self {
        if !stream.get_ref().has_received {
            return Self::Nothing;
        }
        let mut reason = match (error.ssl_error(), error.io_error()) {
            (Some(stack), _) => openssl_reason(stack),
            (None, Some(error)) => file_reason(error),
            (None, None) => "the peer closed the connection".to_owned(),
        };
        let verified = stream.ssl().verify_result();
        if verified != X509VerifyResult::OK {
            reason = format!("{reason}: {}", verified.error_string());
        }
        Self::Failed(reason)
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("the peer closed the connection"),
            Self::TimedOut => f.write_str("no handshake in time"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

/// What was agreed on, for the log.
struct HandshakeSummary<'s>(&'s SslStream<Socket>);

impl fmt::Display for HandshakeSummary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ssl = self.0.ssl();
        let suite = ssl.current_cipher().map_or("no cipher suite", |cipher| cipher.name());
        let resumed = if ssl.session_reused() { ", resumed" } else { "" };
        write!(f, "TLS handshake done: {}, {suite}{resumed}", ssl.version_str())?;
        let Some(certificate) = ssl.peer_certificate() else {
            return f.write_str(", no peer certificate");
        };
        f.write_str(", peer certificate")?;
        for entry in certificate.subject_name().entries() {
            let name = entry.object().nid().short_name().unwrap_or("?");
            let value = entry.data().to_string().unwrap_or_default();
            write!(f, " {name}={value}")?;
        }
        Ok(())
    }
}

/// How a connection ended, for the log.
struct CloseReason<'e>(&'e openssl::ssl::Error);

impl fmt::Display for CloseReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.code(), self.0.ssl_error()) {
            (ErrorCode::ZERO_RETURN, _) => f.write_str("TLS: the peer closed the connection"),
            (_, Some(stack)) => write!(f, "TLS: {}", openssl_reason(stack)),
            _ => f.write_str("TLS: connection closed without close_notify"),
        }
    }
}

/// Waits until there is something to receive; false if the time is over first.
fn is_readable_before(stream: &TcpStream, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let timeout = Timespec::try_from(left).ok();
        let mut ready = [PollFd::new(stream, PollFlags::IN)];
        match rustix::event::poll(&mut ready, timeout.as_ref()) {
            Ok(0) => return false,
            Err(rustix::io::Errno::INTR) => {}
            // The next receive reports the error.
            _ => return true,
        }
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

#[cfg(test)]
#[cfg(feature = "vendored-openssl")]
mod tests;
