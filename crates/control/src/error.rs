//! Why the control plane cannot start, or its settings cannot change.

use platform::reason;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What makes the start or the change impossible. Requests that fail are answered, and change nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// There is no address to listen on.
    NoAddress,
    /// Others could reach the address without the protection that it needs.
    Unprotected {
        /// The address.
        address: SocketAddr,
        /// There is no TLS.
        tls: bool,
        /// Nobody has to log in.
        log_in: bool,
    },
    /// Others could reach the address without the protection that it needs. The settings name other addresses, but
    /// until a restart it is listened on.
    StillUnprotected {
        /// The address.
        address: SocketAddr,
        /// There is no TLS.
        tls: bool,
        /// Nobody has to log in.
        log_in: bool,
    },
    /// The hash of a password cannot be used.
    PasswordHash {
        /// Whose.
        user: String,
        /// Why not.
        reason: String,
    },
    /// Two tokens or users have one name.
    SameName {
        /// The name.
        name: String,
    },
    /// A token is too easy to guess, or its hash is malformed.
    Token {
        /// Why, and what to do.
        reason: String,
    },
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Key or certificate cannot be used.
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// No thread could be started.
    Threads(io::Error),
    /// A password cannot be hashed.
    Hash(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress => f.write_str("http: there is no address to listen on"),
            Self::Unprotected { address, tls, log_in } => {
                let missing = missing(*tls, *log_in);
                write!(
                    f,
                    "http: {address} can be reached from other machines and needs {missing}: listen on \
                     127.0.0.1:{}, or add what is missing in [http] of the settings file, or set insecure = true \
                     there",
                    address.port()
                )
            }
            Self::StillUnprotected { address, tls, log_in } => write!(
                f,
                "http: until a restart, {address} is listened on, can be reached from other machines and needs {}: \
                 leave it in [http] of the settings file, or restart",
                missing(*tls, *log_in)
            ),
            Self::PasswordHash { user, reason } => write!(
                f,
                "http: the password hash of user '{user}' cannot be used: {reason}; make one with: storescp \
                 hash-password"
            ),
            Self::SameName { name } => {
                write!(f, "http: there are two tokens or users named '{name}'; rename one")
            }
            Self::Token { reason } => write!(f, "http: {reason}"),
            Self::Listen { address, source } => {
                write!(f, "http: cannot listen on {address}: {}", reason(source))?;
                f.write_str(match source.kind() {
                    io::ErrorKind::AddrInUse => {
                        "; another program has this port: choose another, or end that program"
                    }
                    io::ErrorKind::AddrNotAvailable => {
                        "; this machine does not have this address: choose one of its own, or 127.0.0.1"
                    }
                    io::ErrorKind::PermissionDenied => {
                        "; ports below 1024 need privileges: choose another, such as 8042"
                    }
                    _ => "",
                })
            }
            Self::Tls { path, reason } => write!(f, "http: '{}': {reason}", path.display()),
            Self::Threads(source) => {
                write!(f, "http: cannot start its threads: {}", reason(source))
            }
            Self::Hash(why) => write!(f, "cannot hash the password: {why}"),
        }
    }
}

fn missing(tls: bool, log_in: bool) -> &'static str {
    match (tls, log_in) {
        (true, true) => "TLS and a token or user",
        (true, false) => "TLS",
        _ => "a token or user",
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source, .. } | Self::Threads(source) => Some(source),
            _ => None,
        }
    }
}
