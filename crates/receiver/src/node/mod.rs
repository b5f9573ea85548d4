//! What all associations share, whoever sends.

mod settings;

pub use settings::{Limits, NodeSettings, SocketTimeout, Timeouts};

use crate::error::Error;
use crate::net::{HostAccess, PeerNames, tls};
use crate::observer::Observer;
use std::sync::Arc;

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
