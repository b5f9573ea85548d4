//! What an association reports to its driver.

use std::fmt;

use crate::context_id::ContextId;
use crate::dimse::command::CommandSet;
use crate::error::{AbortPdu, PeerFault};
use crate::ul::p_data::DataSetFragments;
use crate::ul::pdu::Rejection;
use crate::ul::proposal::{Acceptance, Proposal};

/// What happened, as returned by [`Association::receive`](super::Association::receive).
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "data sets pass without a call to the allocator")]
pub enum Event<'a> {
    /// All of the input was consumed; more is needed.
    NeedInput,
    /// Acceptor: an A-ASSOCIATE-RQ arrived. Answer it with
    /// [`Association::answer`](super::Association::answer).
    Proposed(Box<Proposal>),
    /// Requestor: the association is established.
    Accepted(Box<Acceptance>),
    /// Requestor: the acceptor rejected the association. Acceptor: the upper layer itself rejected
    /// it, because of the protocol version.
    Rejected(Rejection),
    /// A complete command set.
    Command {
        /// The presentation context on which it arrived.
        context: ContextId,
        /// Its elements.
        command: CommandSet,
    },
    /// Part of the data set that the last command announced.
    DataSet(DataSetFragments<'a>),
    /// The peer requests release, possibly in the middle of a data set. Send outstanding responses,
    /// then call [`Association::accept_release`](super::Association::accept_release).
    ReleaseRequested,
    /// The release that we requested is complete.
    Released,
    /// The association was aborted, by either side; any A-ABORT to send is queued.
    Aborted(AbortCause),
}

/// Why an association was aborted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortCause {
    /// The peer sent A-ABORT.
    ByPeer(AbortPdu),
    /// The peer broke a rule; an A-ABORT was queued.
    Fault(PeerFault),
    /// The transport connection was closed without a release.
    ConnectionClosed,
    /// No A-ASSOCIATE-RQ arrived in time (ARTIM in Sta2).
    NoRequest,
    /// [`Association::abort`](super::Association::abort) was called.
    Local,
}

impl fmt::Display for AbortCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AbortCause::ByPeer(pdu) => write!(f, "aborted by peer, {pdu}"),
            AbortCause::Fault(fault) => fault.fmt(f),
            AbortCause::ConnectionClosed => f.write_str("connection closed without release"),
            AbortCause::NoRequest => f.write_str("no A-ASSOCIATE-RQ in time"),
            AbortCause::Local => f.write_str("aborted locally"),
        }
    }
}

impl std::error::Error for AbortCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            AbortCause::Fault(fault) => Some(fault),
            _ => None,
        }
    }
}

/// How an association ended, or is ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was released.
    Released,
    /// It was never established, but rejected.
    Rejected(Rejection),
    /// It was aborted.
    Aborted(AbortCause),
}

/// The result of [`Association::receive`](super::Association::receive).
#[derive(Debug)]
pub struct Step<'a> {
    /// How many bytes of the input were consumed; call again with the rest.
    pub consumed: usize,
    /// What happened after them.
    pub event: Event<'a>,
}
