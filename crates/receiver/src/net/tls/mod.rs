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
pub use expiry::Expiry;
pub use profile::SecurityProfile;
pub use settings::{CrlCheck, KeyFormat, KeyPassword, PeerCertificate, TlsSettings};

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
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

/// The name and version of the TLS library in use.
#[must_use]
pub fn library_version() -> &'static str {
    openssl::version::version()
}

/// What the server needs to speak TLS: keys, certificates and what is negotiated.
pub struct Tls {
    current: RwLock<Arc<Current>>,
    seed_file: Option<SeedFile>,
}

/// What connections begin with.
struct Current {
    files: ReadFiles,
    /// How often the files were read again.
    generation: u64,
}

/// Keys and certificates that were read and checked, and are not in use yet: see
/// [`Node::read_tls_files`](crate::Node::read_tls_files).
pub struct ReadFiles {
    settings: TlsSettings,
    context: SslContext,
    expiry: Expiry,
    /// Of the private key, which is read again.
    password: Arc<Password>,
    warnings: Vec<String>,
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
        let password = Arc::new(Password::new(&config.password));
        let files = ReadFiles::read(config, password, warnings)?;
        let seed_file = config.write_seed.as_deref().map(SeedFile::open).transpose()?;
        warn(&files.warnings);
        let current = RwLock::new(Arc::new(Current { files, generation: 0 }));
        Ok(Self { current, seed_file })
    }

    /// Reads all files again, those of other settings if there are any, and checks them. Nothing changes before
    /// [`Tls::replace`]. [`TlsSettings::seed`] and [`TlsSettings::write_seed`] are not looked at.
    ///
    /// # Errors
    /// The first thing that is wrong; also if a key with another name than before needs a password that would have
    /// to be asked for.
    pub(crate) fn read_again(&self, other: Option<&TlsSettings>) -> Result<ReadFiles, Error> {
        let current = self.current();
        let known = &current.files.settings;
        let settings = other.unwrap_or(known);
        let is_same_key =
            settings.password == known.password && settings.key_file == known.key_file;
        let password = match &settings.password {
            _ if is_same_key => Arc::clone(&current.files.password),
            given => Arc::new(Password::new(given).unasked()),
        };
        ReadFiles::read(settings, password, Vec::new())
    }

    /// Puts what was read in place, for the handshakes to come.
    pub(crate) fn replace(&self, files: ReadFiles) {
        warn(&files.warnings);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let generation = current.generation + 1;
        *current = Arc::new(Current { files, generation });
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
        let current = self.current();
        let ssl =
            Ssl::new(&current.files.context).map_err(|error| HandshakeError::library(&error))?;
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
        if current.files.settings.peer_certificate != PeerCertificate::Ignore
            && self.current().generation != current.generation
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
        if let Some(warning) = self.current().files.expiry.warning("senders", SystemTime::now()) {
            tracing::warn!("{warning}");
        }
    }

    /// Of our certificates, the one that expires first: its file, and when.
    pub(crate) fn expiry(&self) -> (PathBuf, SystemTime) {
        self.current().files.expiry.first()
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be called when an association has ended: `--write-seed`.
    pub(crate) fn association_ended(&self) {
        if let Some(file) = &self.seed_file {
            file.renew();
        }
    }
}

impl ReadFiles {
    fn read(
        settings: &TlsSettings,
        password: Arc<Password>,
        mut warnings: Vec<String>,
    ) -> Result<Self, Error> {
        let (context, expiry) = context::build(settings, &password, &mut warnings)?;
        Ok(Self { settings: settings.clone(), context, expiry, password, warnings })
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
