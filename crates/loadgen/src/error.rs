//! Defines the errors that end a run.

use std::{fmt, io};

use requestor::Status;

/// The reason why a run failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A data set cannot have this size.
    Size(u64),
    /// The file cannot be sent, for the reason given.
    File(&'static str),
    /// A value in the data set is invalid.
    DataSet(dataset::Error),
    /// The association could not be opened, or was lost.
    Association(requestor::Error),
    /// A file, a socket or a TLS context could not be opened or read.
    Io(io::Error),
    /// The peer answered with a status other than success, and perhaps an Error Comment.
    Status(Status, Option<String>),
    /// A sending thread panicked.
    Panic,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(bytes) => write!(f, "a data set cannot have {bytes} bytes"),
            Self::File(reason) => f.write_str(reason),
            Self::DataSet(error) => error.fmt(f),
            Self::Association(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Status(status, None) => write!(f, "status {status}"),
            Self::Status(status, Some(comment)) => write!(f, "status {status}: {comment}"),
            Self::Panic => f.write_str("a sending thread panicked"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::DataSet(error) => Some(error),
            Self::Association(error) => Some(error),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<dataset::Error> for Error {
    fn from(error: dataset::Error) -> Self {
        Self::DataSet(error)
    }
}

impl From<requestor::Error> for Error {
    fn from(error: requestor::Error) -> Self {
        Self::Association(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
