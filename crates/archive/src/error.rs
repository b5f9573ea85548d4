//! Why the catalogue cannot be kept.

use std::fmt;
use std::io;

/// Why the catalogue cannot be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue could not do what it was asked to.
    Catalog(catalog::Error),
    /// A directory or a file cannot be read.
    Io {
        /// What was done.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(error) => error.fmt(f),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::Thread(error) => write!(f, "cannot start a thread of the catalogue: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Catalog(error) => Some(error),
            Self::Io { source, .. } | Self::Thread(source) => Some(source),
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        Self::Catalog(error)
    }
}
