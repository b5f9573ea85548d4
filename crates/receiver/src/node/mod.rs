//! What all associations share: settings, keys and certificates, names of peers, the observer.

pub mod faults;
mod settings;

pub use settings::{Limits, NodeSettings, Timeouts};

use crate::error::Error;
use crate::net::{HostAccess, PeerNames, tls};
use crate::observer::Observer;
use faults::Faults;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// What all associations share. Nothing in it changes once the receiver runs, but for keys and certificates
/// that are read again ([`Node::read_tls_files`]). What differs from sender to sender is the
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

    /// Reads keys and certificates again, those of other settings if there are any, and checks them; `None` without
    /// TLS. Nothing changes before [`Node::replace_tls`]. Whether there is TLS, and its random seed, cannot change.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read_tls_files(
        &self,
        other: Option<&tls::TlsSettings>,
    ) -> Result<Option<tls::ReadFiles>, tls::Error> {
        self.tls.as_ref().map(|tls| tls.read_again(other)).transpose()
    }

    /// Puts keys and certificates in place that were read again, for the handshakes to come. Without TLS, nothing
    /// happens.
    pub fn replace_tls(&self, files: tls::ReadFiles) {
        if let Some(tls) = &self.tls {
            tls.replace(files);
        }
    }

    /// Of our certificates, the one that expires first: its file, and when. `None` without TLS.
    #[must_use]
    pub fn first_expiry(&self) -> Option<(PathBuf, SystemTime)> {
        self.tls.as_ref().map(tls::Tls::expiry)
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
