//! What all associations share, whoever sends.

use crate::net::{HostAccess, Network, PeerNames, tls};
use crate::serve::{Limits, Timeouts};
use crate::{Error, Observer};
use dataset::Uid;
use proto::VersionName;
use std::sync::Arc;

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

/// Who we say we are (PS3.7 §D.3.3.2).
#[derive(Debug, Clone)]
pub struct Identity {
    /// Our implementation class UID.
    pub implementation_class_uid: Uid,
    /// Our implementation version name.
    pub implementation_version_name: VersionName,
    /// The longest P-DATA-TF that we take, in bytes.
    pub max_pdu_bytes: u32,
}

/// What all associations share. Nothing in it changes once the receiver runs, but for keys and certificates
/// that are read again.
pub struct Node {
    pub(crate) settings: NodeSettings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) peer_names: Arc<PeerNames>,
    /// `None` where everybody is served.
    pub(crate) host_access: Option<HostAccess>,
    /// `None` for plain TCP.
    pub(crate) tls: Option<tls::Tls>,
}

impl Node {
    /// Reads keys and certificates, if there is to be TLS. `peer_names` may be asked by others, too.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn new(
        settings: NodeSettings,
        peer_names: Arc<PeerNames>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let tls = settings.tls.as_ref().map(tls::Tls::new).transpose()?;
        let host_access = settings.network.access_control.then(HostAccess::system);
        Ok(Self { settings, observer, peer_names, host_access, tls })
    }

    /// Reads keys and certificates again. Associations that have begun keep theirs. What is wrong is logged,
    /// and then those read before stay: false. `None` without TLS.
    pub fn reload_tls(&self) -> Option<bool> {
        self.tls.as_ref().map(tls::Tls::reload)
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &NodeSettings {
        &self.settings
    }
}
