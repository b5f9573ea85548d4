//! Settings of all associations.

use super::faults::FaultPlan;
use crate::identity::Identity;
use crate::net::{Network, SocketTimeout, tls};
use std::time::Duration;

/// What is the same for all associations of a receiver. Plain data: nothing is opened or checked yet.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Who we say we are.
    pub identity: Identity,
    /// Where and how to listen, and who is served.
    pub network: Network,
    /// How long peers are waited for.
    pub timeouts: Timeouts,
    /// Limits on associations, and the grace period.
    pub limits: Limits,
    /// How TLS is spoken; `None` for plain TCP.
    pub tls: Option<tls::TlsSettings>,
    /// Look up the name of every peer when it connects.
    pub names_wanted: bool,
    /// Whether proposals and their answers are shown in the log at INFO rather than DEBUG.
    pub verbose_presentation_contexts: bool,
    /// Faults to provoke, to test senders; `None`, as it is by default, provokes none.
    pub faults: Option<FaultPlan>,
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
            faults: None,
        }
    }
}

/// How long the receiver waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `--socket-timeout`: silence on the socket, while reading or sending.
    pub socket: SocketTimeout,
    /// `--acse-timeout`: from TCP accept to a complete A-ASSOCIATE-RQ, a TLS handshake included (the ARTIM
    /// timer, PS3.8 §9.1.5).
    pub acse: Duration,
    /// `--dimse-timeout`: silence inside a DIMSE message; `None` is unlimited.
    pub dimse: Option<Duration>,
}

/// How much the receiver takes on at a time; by default, as much as the system allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// `--max-associations`: associations at a time, at least 1; `None` for as many as descriptors,
    /// threads and memory allow (see [`Capacity::find`](crate::Capacity::find)).
    pub max_associations: Option<usize>,
    /// `--max-associations-per-host`: associations of one address at a time, at least 1; `None` for no
    /// limit. An IPv4 address counts the same when it comes over IPv6.
    pub max_associations_per_host: Option<usize>,
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
    /// [`Timeouts::socket`] as a time to wait.
    pub(crate) fn socket_timeout(&self) -> Option<Duration> {
        self.socket.duration()
    }
}
