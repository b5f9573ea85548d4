//! What happens to what a fault strikes.

use super::range::DelayRange;
use super::words::{self, Words};
use dataset::{TransferSyntax, Uid};
use proto::{ContextResult, Rejection, Status, StatusKind};
use std::fmt;

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The receiver waits.
    Delay(Moment, DelayRange),
    /// Connection: the TLS handshake is answered with this fatal alert.
    TlsAlert(u8),
    /// Association: A-ASSOCIATE-RJ.
    Reject(Rejection),
    /// Association: presentation contexts are refused, those of the selected class or all.
    RefuseContexts(ContextResult),
    /// Association: presentation contexts are accepted with this transfer syntax, whether or not it was proposed.
    /// Objects that come on one where it was not are not stored.
    AcceptSyntax(&'static TransferSyntax),
    /// The association or the connection ends.
    End(End, When),
    /// Object: the status of the answer.
    Status {
        /// Used in turn by all associations; not empty.
        statuses: Vec<Status>,
        /// Whether the object is stored; `None` if the status says so: with success or a warning it is.
        stores: Option<bool>,
    },
    /// Object: it is not answered.
    NoAnswer {
        /// Whether it is stored.
        stores: bool,
    },
    /// Object: the answer has this message ID, or one more than that of the request.
    WrongMessageId(Option<u16>),
    /// Object: the answer comes on this presentation context, or the next odd one.
    WrongContextId(Option<u8>),
    /// Object: the answer names this SOP class, or another registered one.
    WrongClass(Option<Uid>),
    /// Object: the answer names this SOP instance, or `2.25.0`.
    WrongInstance(Option<Uid>),
    /// Object: the answer is one PDU of this length, or of 1 KiB more than the peer takes.
    OversizedPdu(Option<u32>),
    /// Association, object: so many bytes of the answer are sent, or half of it; then the connection is closed.
    CutPdu(Option<u32>),
    /// Association, object: a PDU of this type is sent in place of the answer.
    UnknownPdu(Option<u8>),
}

/// When a [`Action::Delay`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before the first byte of a connection, or of a data set, is read.
    Reading,
    /// After each PDV of the data set.
    Pdvs,
    /// After the last PDV, before the object is stored.
    Storing,
    /// Before the answer; an object is stored by then.
    Answer,
    /// After the answer, before the next message is read.
    Next,
}

/// How an association or a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A-ABORT.
    Abort {
        /// Its source.
        source: u8,
        /// Its reason.
        reason: u8,
    },
    /// TCP reset.
    Reset,
    /// The connection is closed without a word.
    Close,
    /// Nothing is read or sent any more, for so long or until the peer closes the connection.
    Silence(Option<DelayRange>),
}

/// When an object's [`Action::End`] is. That of others is in place of what would be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After the data set, in place of the answer; the object is not stored.
    Answer,
    /// After the first PDV of the data set; the object is not stored.
    During,
    /// In place of the answer; the object is stored.
    Stored,
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Reading, Self::Pdvs, Self::Storing, Self::Answer, Self::Next];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Pdvs => "pdvs",
            Self::Storing => "storing",
            Self::Answer => "answer",
            Self::Next => "next",
        }
    }
}

/// Whether an object is stored that is answered so, unless a fault says otherwise: with success or a warning.
pub(crate) fn stores(status: Status) -> bool {
    matches!(status.kind(), StatusKind::Success | StatusKind::Warning)
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(moment, delay) => write!(f, "delay {} {delay}", moment.word()),
            Self::TlsAlert(alert) => write!(f, "tls alert {}", Named(words::ALERTS, *alert)),
            Self::Reject(Rejection { result, source, reason }) => {
                let result = Named(words::REJECT_RESULTS, *result);
                let reason = Named(words::reject_reasons(*source), *reason);
                write!(f, "reject {result} {} {reason}", Named(words::REJECT_SOURCES, *source))
            }
            Self::RefuseContexts(result) => {
                write!(f, "refuse contexts {}", Named(words::CONTEXT_RESULTS, result.code()))
            }
            Self::AcceptSyntax(syntax) => write!(f, "accept syntax {}", syntax.name()),
            Self::End(end, when) => write!(f, "{end}{when}"),
            Self::Status { statuses, stores } => {
                for (index, Status(status)) in statuses.iter().enumerate() {
                    write!(f, "{} {status:04X}", if index == 0 { "status" } else { "," })?;
                }
                f.write_str(match stores {
                    None => "",
                    Some(true) => " after storing",
                    Some(false) => " without storing",
                })
            }
            Self::NoAnswer { stores: true } => f.write_str("no answer"),
            Self::NoAnswer { stores: false } => f.write_str("no answer without storing"),
            Self::WrongMessageId(value) => with(f, "wrong message-id", value.as_ref()),
            Self::WrongContextId(value) => with(f, "wrong context-id", value.as_ref()),
            Self::WrongClass(value) => with(f, "wrong class", value.as_ref()),
            Self::WrongInstance(value) => with(f, "wrong instance", value.as_ref()),
            Self::OversizedPdu(value) => with(f, "oversized pdu", value.as_ref()),
            Self::CutPdu(value) => with(f, "cut pdu", value.as_ref()),
            Self::UnknownPdu(value) => with(f, "unknown pdu", value.as_ref()),
        }
    }
}

fn with(f: &mut fmt::Formatter<'_>, words: &str, value: Option<&impl fmt::Display>) -> fmt::Result {
    f.write_str(words)?;
    value.map_or(Ok(()), |value| write!(f, " {value}"))
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The reason of a service user means nothing.
            Self::Abort { source: 0, reason: 0 } => f.write_str("abort user"),
            Self::Abort { source, reason } => {
                let words = if *source == 2 { words::ABORT_REASONS } else { &[] };
                let reason = Named(words, *reason);
                write!(f, "abort {} {reason}", Named(words::ABORT_SOURCES, *source))
            }
            Self::Reset => f.write_str("reset"),
            Self::Close => f.write_str("close"),
            Self::Silence(duration) => with(f, "silence", duration.as_ref()),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer => "",
            Self::During => " during",
            Self::Stored => " after storing",
        })
    }
}

/// The name of a value, or the value.
struct Named(&'static Words, u8);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match words::name_of(self.0, self.1) {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.1),
        }
    }
}
