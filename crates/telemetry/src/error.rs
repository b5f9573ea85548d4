//! Why audit messages or traces cannot be set up, or not be sent.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why audit messages or traces cannot be set up.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The URL of an audit destination is not one.
    AuditUrl {
        /// As it was given, without what may be a secret.
        url: String,
        /// What is wrong.
        fault: UrlFault,
    },
    /// The URL of a receiver of traces is not one.
    TraceUrl {
        /// As it was given, without what may be a secret.
        url: String,
        /// What is wrong.
        fault: UrlFault,
    },
    /// Keys or certificates are given where no TLS is used.
    TlsWithoutUse,
    /// A key or a certificate cannot be used.
    TlsFile {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// TLS cannot be set up.
    Tls(String),
    /// The share of associations that are traced is not from 0 to 1.
    Ratio(f64),
    /// A header field for requests is not one.
    Header(String),
    /// Traces are not compiled in.
    NoTraces,
    /// The thread that sends cannot be started.
    Thread(io::Error),
}

/// What is wrong with a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// It begins with none of the schemes.
    Scheme,
    /// Behind the scheme there is no `//`.
    Slashes,
    /// It has no host, or one that is neither a name nor an address.
    Host,
    /// It has a user or a password, which would be shown with it.
    User,
    /// Its port is not a number from 1 to 65535.
    Port,
    /// It has a path where none is possible, or one with blanks.
    Path,
    /// It names no absolute path.
    FilePath,
}

impl fmt::Display for UrlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "a scheme",
            Self::Slashes => "'//' behind the scheme",
            Self::Host => "a host name or address, IPv6 in brackets",
            Self::User => "no user or password, which belong in a header field",
            Self::Port => "a port from 1 to 65535",
            Self::Path => "no path of this kind",
            Self::FilePath => "an absolute path behind 'file:'",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuditUrl { url, fault } => write!(
                f,
                "'{url}' is no destination for audit messages: expected {fault} \
                 (syslog+tls://HOST:PORT, syslog+udp://HOST:PORT, file:/PATH)"
            ),
            Self::TraceUrl { url, fault } => write!(
                f,
                "'{url}' is no receiver of traces: expected {fault} (http://HOST:PORT/PATH, \
                 https://HOST:PORT/PATH)"
            ),
            Self::TlsWithoutUse => f.write_str(
                "CA, certificate and key are used with TLS only: remove them, or use a URL with \
                 syslog+tls or https",
            ),
            Self::TlsFile { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Tls(reason) => write!(f, "cannot set up TLS: {reason}"),
            Self::Ratio(ratio) => {
                write!(f, "{ratio} is no share of associations: expected 0 to 1")
            }
            Self::Header(name) => write!(
                f,
                "'{name}' is no header field: expected a name of letters, digits and '-', and a value \
                 without control characters"
            ),
            Self::NoTraces => f.write_str(
                "this program was built without traces: build it with the feature 'traces'",
            ),
            Self::Thread(source) => write!(f, "cannot start a thread: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(source) => Some(source),
            _ => None,
        }
    }
}
