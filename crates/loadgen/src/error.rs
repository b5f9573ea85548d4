//! What can go wrong with a run.

use std::{fmt, io};

use dataset::Uid;
use proto::{AbortCause, Rejection, Status};

/// Why a run ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// No data set has this size.
    Size(u64),
    /// The file cannot be sent, for this reason.
    File(&'static str),
    /// A value of the data set or of the command line is not what it should be.
    DataSet(dataset::Error),
    /// The association was used in a way that it does not allow.
    Protocol(proto::Error),
    /// The transport connection failed, or a file could not be read.
    Io(io::Error),
    /// The peer rejected the association.
    Rejected(Rejection),
    /// The association was aborted, or the connection closed.
    Aborted(AbortCause),
    /// The peer accepted no presentation context for this SOP class.
    NotAccepted(Uid),
    /// The peer answered with another status than success, and perhaps said why.
    Status(Status, Option<String>),
    /// The peer sent what nobody asked for.
    Unexpected(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(bytes) => write!(f, "a data set cannot have {bytes} bytes"),
            Self::File(reason) => f.write_str(reason),
            Self::DataSet(error) => error.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Rejected(rejection) => write!(f, "association rejected: {rejection:?}"),
            Self::Aborted(abort) => write!(f, "association lost: {abort}"),
            Self::NotAccepted(class) => write!(f, "no presentation context accepted for {class}"),
            Self::Status(status, None) => write!(f, "status {status}"),
            Self::Status(status, Some(comment)) => write!(f, "status {status}: {comment}"),
            Self::Unexpected(what) => write!(f, "the peer sent {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::DataSet(error) => Some(error),
            Self::Protocol(error) => Some(error),
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

impl From<proto::Error> for Error {
    fn from(error: proto::Error) -> Self {
        Self::Protocol(error)
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
