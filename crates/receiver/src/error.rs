//! Why a receiver cannot be started.

use crate::net::tls;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What makes the start of a receiver impossible. What fails later costs one association or one object, and is
/// logged and reported to the [`Observer`](crate::Observer).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The implementation UID or version name is invalid.
    Identity {
        /// Which part of an [`Identity`](crate::Identity).
        what: &'static str,
        /// As it was given.
        value: String,
    },
    /// The port asks for privileges that the process lacks.
    Privileges {
        /// The port number.
        port: u16,
    },
    /// The port cannot be listened on.
    Listen(io::Error),
    /// A socket that was passed to the process is of no use.
    PassedSocket(io::Error),
    /// Standard input is not a connected socket (`--inetd`).
    NoConnection(io::Error),
    /// There is no output directory.
    NoOutputDirectory {
        /// As it was given.
        path: PathBuf,
    },
    /// The output directory is not writable.
    OutputDirectoryNotWritable {
        /// As it was given.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file system of the output directory cannot do what the settings need.
    OutputDirectoryLacks {
        /// As it was given.
        path: PathBuf,
        /// What it cannot do, and how to do without.
        lacking: String,
    },
    /// More associations were asked for than the limits of the process allow.
    TooManyAssociations {
        /// What was asked for.
        asked: usize,
        /// What the limits allow.
        allowed: usize,
    },
    /// No thread could be started.
    Threads(io::Error),
    /// TLS cannot be set up.
    Tls(tls::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use platform::reason;
        match self {
            Self::Identity { what, value } => write!(f, "not a valid {what}: {value:?}"),
            Self::Privileges { port } => {
                write!(f, "cannot listen on port {port}, insufficient privileges")
            }
            Self::Listen(source) => write!(
                f,
                "cannot create network: 0006:031c TCP Initialization Error: {}",
                reason(source)
            ),
            Self::PassedSocket(source) => {
                write!(f, "cannot use the socket that was passed: {}", reason(source))
            }
            Self::NoConnection(source) => {
                write!(f, "--inetd: standard input is not a socket: {}", reason(source))
            }
            Self::NoOutputDirectory { .. } => {
                f.write_str("specified output directory does not exist")
            }
            Self::OutputDirectoryNotWritable { .. } => {
                f.write_str("specified output directory is not writeable")
            }
            Self::OutputDirectoryLacks { path, lacking } => {
                write!(f, "cannot use output directory '{}': {lacking}", path.display())
            }
            Self::TooManyAssociations { asked, allowed } => write!(
                f,
                "--max-associations {asked} is more than the limits on descriptors, threads and memory allow \
                 ({allowed}): raise them (ulimit -n, -u, -v) or ask for fewer"
            ),
            Self::Threads(source) => write!(f, "cannot start a thread: {source}"),
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(source)
            | Self::PassedSocket(source)
            | Self::NoConnection(source)
            | Self::OutputDirectoryNotWritable { source, .. }
            | Self::Threads(source) => Some(source),
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }
}

impl From<tls::Error> for Error {
    fn from(error: tls::Error) -> Self {
        Self::Tls(error)
    }
}
