//! Why an association could not be opened, or what ended it.

use std::{fmt, io};

use dataset::{TransferSyntax, Uid};
use proto::{AbortCause, Rejection};

/// What can go wrong between a requestor and its peer.
///
/// A status other than success is no error: it is in the response. After an error from a method of
/// [`Requestor`](crate::Requestor) the association has ended, except where the variant says otherwise.
#[non_exhaustive]
#[derive(Debug)]
pub enum Error {
    /// The host name could not be resolved, or the TCP connection was refused.
    Connect(io::Error),
    /// The TLS handshake failed; the peer's certificate may be invalid.
    Handshake(io::Error),
    /// The transport connection broke.
    Connection(io::Error),
    /// The peer did not act in time.
    TimedOut(Waiting),
    /// The peer rejected the association.
    Rejected(Rejection),
    /// The association was aborted, by either side, or the peer closed the connection.
    Aborted(AbortCause),
    /// The peer released the association while a response was outstanding.
    ReleasedByPeer,
    /// The peer sent a message that answers no request, described here. The association was aborted.
    UnexpectedMessage(String),
    /// No presentation context was accepted for this SOP class and transfer syntax. The association
    /// is still usable.
    NotAccepted {
        /// The SOP class.
        sop_class: Uid,
        /// The transfer syntax; `None` if any would do.
        transfer_syntax: Option<&'static TransferSyntax>,
    },
    /// More presentation contexts than an association can have: this many were to be proposed.
    TooManyContexts(usize),
    /// As many C-STOREs as the peer allows, this many, are outstanding. The association is still usable.
    WindowFull(usize),
    /// Waiting was ended by the [`Interrupt`](crate::Interrupt).
    Interrupted,
    /// The association does not allow what was asked of it, usually because it has ended.
    Protocol(proto::Error),
    /// The data set to send, or the file that holds it, could not be read. If part of it was sent, the
    /// association was aborted.
    Read(io::Error),
    /// The file is not a DICOM file that can be sent, for this reason.
    File(&'static str),
}

/// What a requestor was waiting for when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// The TCP connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// The A-ASSOCIATE-AC or -RJ.
    AssociateResponse,
    /// The peer to take more bytes.
    Send,
    /// The response to a request.
    Response,
    /// The A-RELEASE-RP.
    ReleaseResponse,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Waiting::Connect => "the connection was not established",
            Waiting::Handshake => "the TLS handshake was not completed",
            Waiting::AssociateResponse => "the peer did not answer the A-ASSOCIATE-RQ",
            Waiting::Send => "the peer did not accept data",
            Waiting::Response => "the peer sent no response",
            Waiting::ReleaseResponse => "the peer did not answer the A-RELEASE-RQ",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Connect(error) => write!(f, "cannot connect: {error}"),
            Error::Handshake(error) => write!(f, "TLS handshake failed: {error}"),
            Error::Connection(error) => write!(f, "connection lost: {error}"),
            Error::TimedOut(waiting) => write!(f, "timeout: {waiting}"),
            Error::Rejected(rejection) => write!(f, "association {rejection}"),
            Error::Aborted(cause) => write!(f, "association lost: {cause}"),
            Error::ReleasedByPeer => f.write_str("the peer released the association"),
            Error::UnexpectedMessage(what) => write!(f, "unexpected message: {what}"),
            Error::NotAccepted { sop_class, transfer_syntax } => {
                write!(f, "no presentation context accepted for SOP class {sop_class}")?;
                match transfer_syntax {
                    Some(transfer_syntax) => write!(f, " in {}", transfer_syntax.name()),
                    None => Ok(()),
                }
            }
            Error::TooManyContexts(count) => write!(
                f,
                "{count} presentation contexts proposed, at most {} are possible",
                proto::limits::PRESENTATION_CONTEXTS
            ),
            Error::WindowFull(window) => write!(f, "{window} requests are outstanding already"),
            Error::Interrupted => f.write_str("interrupted"),
            Error::Protocol(error) => error.fmt(f),
            Error::Read(error) => write!(f, "cannot read the data set: {error}"),
            Error::File(reason) => write!(f, "cannot send the file: {reason}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Connect(error)
            | Error::Handshake(error)
            | Error::Connection(error)
            | Error::Read(error) => Some(error),
            Error::Rejected(rejection) => Some(rejection),
            Error::Aborted(cause) => Some(cause),
            Error::Protocol(error) => Some(error),
            Error::TimedOut(_)
            | Error::ReleasedByPeer
            | Error::UnexpectedMessage(_)
            | Error::NotAccepted { .. }
            | Error::TooManyContexts(_)
            | Error::WindowFull(_)
            | Error::Interrupted
            | Error::File(_) => None,
        }
    }
}

impl From<proto::Error> for Error {
    fn from(error: proto::Error) -> Error {
        Error::Protocol(error)
    }
}

/// True if a socket's time limit is over.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
