//! What protects the control plane, and can change while it serves: who may use it, and its key and certificate.

use super::tls::TlsAcceptor;
use crate::error::Error;
use crate::settings::ControlSettings;
use arc_swap::ArcSwap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// Who may use the control plane, and how it encrypts. All of it changes in one step ([`Protection::replace`]):
/// connections to come are encrypted by the new certificate, and requests to come, those of connections that are
/// open too, are judged by the new tokens, users and names. Where it listens does not change.
pub struct Protection {
    /// Where it listens, whatever later settings say.
    listen: Vec<SocketAddr>,
    current: ArcSwap<InForce>,
}

/// What is in force for a new connection, or for a request.
pub(crate) struct InForce {
    pub(crate) settings: ControlSettings,
    /// `None` for plain HTTP.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// What was read and checked, and is not in force yet: see [`Protection::read_again`].
pub struct ReadProtection(InForce);

impl Protection {
    /// Checks the settings, and reads key and certificate if they name some. Opens no address.
    ///
    /// # Errors
    /// Those of [`ControlSettings::check`], and [`Error::Tls`].
    pub fn new(settings: &ControlSettings) -> Result<Self, Error> {
        let current = ArcSwap::from_pointee(InForce::read(settings)?);
        Ok(Self { listen: settings.listen.clone(), current })
    }

    /// Checks `other`, or those in force where it is `None`, and reads key and certificate again. Nothing changes
    /// before [`Protection::replace`].
    ///
    /// # Errors
    /// As [`Protection::new`]; [`Error::StillUnprotected`] if the addresses that are listened on need more
    /// protection than the settings give, although those that the settings name do not.
    pub fn read_again(&self, other: Option<&ControlSettings>) -> Result<ReadProtection, Error> {
        let current = self.in_force();
        let settings = other.unwrap_or(&current.settings);
        let read = InForce::read(settings)?;
        let here = ControlSettings { listen: self.listen.clone(), ..settings.clone() };
        match here.check() {
            Ok(()) => Ok(ReadProtection(read)),
            Err(Error::Unprotected { address, tls, log_in }) => {
                Err(Error::StillUnprotected { address, tls, log_in })
            }
            Err(error) => Err(error),
        }
    }

    /// Puts in force what was read, and says what that is: a certificate, which was read again even if it is the
    /// same, and access, if it has changed. Weak settings are logged as warnings.
    pub fn replace(&self, read: ReadProtection) -> Vec<&'static str> {
        let next = Arc::new(read.0);
        let before = self.current.swap(Arc::clone(&next));
        let mut replaced = Vec::new();
        if next.tls.is_some() || before.tls.is_some() {
            replaced.push("HTTP certificate");
        }
        if next.access() != before.access() {
            replaced.push("HTTP access");
            self.warn();
        }
        replaced
    }

    /// The settings in force, with the addresses that are listened on.
    #[must_use]
    pub fn settings(&self) -> ControlSettings {
        let in_force = self.in_force();
        ControlSettings { listen: self.listen.clone(), ..in_force.settings.clone() }
    }

    /// Of the certificates that are sent to clients, the one that expires first: its file, and when. `None` for
    /// plain HTTP.
    #[must_use]
    pub fn first_expiry(&self) -> Option<(PathBuf, SystemTime)> {
        self.in_force().tls.as_ref().map(|tls| tls.expiry().first())
    }

    /// Logs a warning if a certificate of the control plane expires within
    /// [`EXPIRY_WARNING`](receiver::limits::EXPIRY_WARNING).
    pub fn warn_of_expiry(&self) {
        let in_force = self.in_force();
        let expiry = in_force.tls.as_ref().map(TlsAcceptor::expiry);
        if let Some(text) = expiry.and_then(|it| it.warning("clients", SystemTime::now())) {
            tracing::warn!("HTTP: {text}");
        }
    }

    /// What is in force now.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.current.load_full()
    }

    /// Where the control plane listens; port 0 is any.
    pub(crate) fn listen(&self) -> &[SocketAddr] {
        &self.listen
    }

    /// Logs what lets others in.
    pub(crate) fn warn(&self) {
        let is_exposed = self.listen.iter().any(|address| !address.ip().is_loopback());
        if self.in_force().settings.insecure && is_exposed {
            tracing::warn!(
                "HTTP: insecure = true, so other machines use the control plane unprotected"
            );
        }
    }
}

impl InForce {
    fn read(settings: &ControlSettings) -> Result<Self, Error> {
        settings.check()?;
        let tls = settings.tls.as_ref().map(TlsAcceptor::new).transpose()?;
        Ok(Self { settings: settings.clone(), tls })
    }

    /// The settings without address and certificate.
    fn access(&self) -> ControlSettings {
        ControlSettings { listen: Vec::new(), tls: None, ..self.settings.clone() }
    }
}
