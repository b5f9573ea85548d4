//! What is the same for all associations, as it is asked for.

use crate::identity::Identity;
use crate::net::{Network, tls};
use std::time::Duration;

/// What is the same for all associations of a process.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Who we say we are.
    pub identity: Identity,
    /// Where and how to listen, and who is served.
    pub network: Network,
    /// How long peers are waited for.
    pub timeouts: Timeouts,
    /// How much is taken on at a time, and how it ends.
    pub limits: Limits,
    /// How TLS is spoken; `None` for plain TCP.
    pub tls: Option<tls::TlsSettings>,
    /// The name of every peer will be wanted, so it is looked up when it connects.
    pub names_wanted: bool,
    /// A-ASSOCIATE PDUs are dumped at INFO rather than DEBUG.
    pub verbose_presentation_contexts: bool,
}

impl NodeSettings {
    /// Plain TCP on `port`, everybody is served, and limits are as the system allows.
    #[must_use]
    pub fn new(identity: Identity, port: u16) -> Self {
        Self {
            identity,
            network: Network::new(port),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            tls: None,
            names_wanted: false,
            verbose_presentation_contexts: false,
        }
    }
}

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
