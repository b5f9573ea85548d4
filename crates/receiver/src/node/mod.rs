//! What all associations share: settings, keys and certificates, names of peers, the observer.

pub mod faults;
mod settings;

pub use settings::{Limits, NodeSettings, SocketTimeout, Timeouts};

use crate::error::Error;
use crate::net::{HostAccess, PeerNames, tls};
use crate::observer::Observer;
use faults::Faults;
use std::sync::Arc;

/// What all associations share. Nothing in it changes once the receiver runs, but for keys and certificates
/// that are read again ([`Node::reload_tls`]). What differs from sender to sender is the
/// [`Treatment`](crate::Treatment).
pub struct Node {
    pub(crate) settings: NodeSettings,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) peer_names: Arc<PeerNames>,
    /// `None` where everybody is served.
    pub(crate) host_access: Option<HostAccess>,
    /// `None` for plain TCP.
    pub(crate) tls: Option<tls::Tls>,
    /// `None` where no faults are provoked.
    pub(crate) faults: Option<Faults>,
}

impl Node {
    /// Reads keys and certificates, if there is to be TLS; asks for the password of a key if need be, on the
    /// terminal. `peer_names` may be shared with others who want names.
    ///
    /// # Errors
    /// [`Error::Tls`]: the first file that cannot be read, or settings that do not go together.
    pub fn new(
        settings: NodeSettings,
        peer_names: Arc<PeerNames>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Error> {
        let tls = settings.tls.as_ref().map(tls::Tls::new).transpose()?;
        Ok(Self::with_tls(settings, tls, peer_names, observer))
    }

    /// The same with keys and certificates that were read before: [`NodeSettings::tls`] is not looked at.
    #[must_use]
    pub fn with_tls(
        settings: NodeSettings,
        tls: Option<tls::Tls>,
        peer_names: Arc<PeerNames>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let host_access = settings.network.access_control.then(HostAccess::system);
        let faults = settings.faults.clone().map(Faults::new);
        Self { settings, observer, peer_names, host_access, tls, faults }
    }

    /// Reads keys and certificates again, for the handshakes to come. True if they are in use now; if
    /// anything is wrong, that is logged, those read before stay in use, and the result is false. `None`
    /// without TLS.
    pub fn reload_tls(&self) -> Option<bool> {
        self.tls.as_ref().map(tls::Tls::reload)
    }

    /// Logs a warning if a certificate of ours expires within [`EXPIRY_WARNING`](crate::limits::EXPIRY_WARNING).
    pub fn warn_of_expiry(&self) {
        if let Some(tls) = &self.tls {
            tls.warn_of_expiry();
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &NodeSettings {
        &self.settings
    }
}
