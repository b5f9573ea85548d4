//! How long the receiver waits for peers, and how much it takes on.

use std::time::Duration;

/// How long the server waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `--socket-timeout`: silence on the socket, while reading or sending.
    pub socket: SocketTimeout,
    /// `--acse-timeout`: from TCP accept to a complete A-ASSOCIATE-RQ.
    pub acse: Duration,
    /// `--dimse-timeout`: silence inside a DIMSE message; `None` is unlimited.
    pub dimse: Option<Duration>,
}

/// The three meanings of `--socket-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketTimeout {
    /// 0: wait for ever.
    None,
    /// -1: leave the operating system's own setting.
    System,
    /// End the connection after this much silence.
    After(Duration),
}

/// How much the server takes on at a time, and how long it may take to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `--max-associations`: associations at a time, at least 1; `None` lets the server work out
    /// what descriptors and threads allow.
    pub max_associations: Option<usize>,
    /// `--max-associations-per-host`: associations of one address at a time, at least 1.
    pub max_associations_per_host: Option<usize>,
    /// `--grace-period`: how long work in progress may go on after SIGTERM or SIGINT.
    pub grace_period: Duration,
}

impl Default for Timeouts {
    /// A minute of silence on the socket, half a minute for a proposal.
    fn default() -> Self {
        Self {
            socket: SocketTimeout::After(Duration::from_secs(60)),
            acse: Duration::from_secs(30),
            dimse: None,
        }
    }
}

impl Timeouts {
    /// [`Timeouts::socket`] as a time to wait. The operating system's own setting, as accepted sockets have
    /// it, is to wait for ever.
    pub(crate) fn socket_timeout(&self) -> Option<Duration> {
        match self.socket {
            SocketTimeout::After(timeout) => Some(timeout),
            SocketTimeout::None | SocketTimeout::System => None,
        }
    }
}

impl Default for Limits {
    /// As many associations as the system allows; half a minute to end in.
    fn default() -> Self {
        Self {
            max_associations: None,
            max_associations_per_host: None,
            grace_period: Duration::from_secs(30),
        }
    }
}
