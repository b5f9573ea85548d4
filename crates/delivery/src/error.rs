//! Why a destination cannot be used, or the outbox not start.

use std::fmt;
use std::io;

/// Why a destination cannot be used, or the outbox not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A destination's settings cannot be used.
    Destination {
        /// Its name.
        name: String,
        /// Why not, and what to do.
        reason: String,
    },
    /// The catalogue could not be asked.
    Catalog(catalog::Error),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Destination { name, reason } => write!(f, "destination {name:?}: {reason}"),
            Self::Catalog(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "cannot start a thread of the outbox: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Destination { .. } => None,
            Self::Catalog(error) => Some(error),
            Self::Thread(error) => Some(error),
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        Self::Catalog(error)
    }
}
