//! The association that a session keeps.

use super::contexts::{Need, RecentNeeds};
use crate::Stop;
use crate::limits::{DICOM_RELEASE, DICOM_STOP};
use requestor::{Error, Interrupt, Requestor, Settings};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Another AE, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Peer {
    /// The name of the destination, for the log.
    pub(super) destination: String,
    /// `host:port`.
    pub(super) address: String,
    pub(super) settings: Settings,
    /// How long an association is kept open with nothing to send.
    pub(super) linger: Duration,
}

/// An association that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) requestor: Requestor,
    /// What was proposed: anything else needs another association.
    proposed: Vec<Need>,
    /// It was there before this lot of objects came.
    pub(super) is_kept: bool,
    /// The peer has answered since this lot of objects came; before, it may have been about to end the association.
    pub(super) is_answering: bool,
}

impl Peer {
    /// Opens an association for these objects, as many of them as it has room for, the first in any case.
    ///
    /// # Errors
    /// Those of [`Requestor::associate`].
    pub(super) fn associate(
        &self,
        recent: &RecentNeeds,
        upcoming: impl Iterator<Item = Need>,
        stop: &Stop,
    ) -> Result<Open, Error> {
        let (contexts, proposed) = recent.proposal(upcoming);
        let settings = Settings { interrupt: Some(interrupt(stop)), ..self.settings.clone() };
        let requestor = Requestor::associate(self.address.as_str(), &settings, &contexts)?;
        tracing::debug!(
            "destination '{}': association opened, {} of {} presentation contexts accepted, {} operations at a time",
            self.destination,
            requestor.contexts().len(),
            contexts.len(),
            requestor.window(),
        );
        Ok(Open { requestor, proposed, is_kept: false, is_answering: false })
    }
}

impl Open {
    /// Whether it was opened with what this object needs.
    pub(super) fn has_proposed(&self, need: Need) -> bool {
        self.proposed.contains(&need)
    }

    /// Prepares it for the next lot of objects: false if the peer has ended it.
    pub(super) fn is_usable(&mut self, stop: &Stop) -> bool {
        self.is_kept = true;
        self.is_answering = false;
        self.requestor.set_interrupt(interrupt(stop));
        self.requestor.is_alive()
    }

    /// Ends it.
    pub(super) fn release(self, destination: &str) {
        match self.requestor.release_within(DICOM_RELEASE) {
            Ok(()) => tracing::debug!("destination '{destination}': association released"),
            Err(error) => tracing::debug!("destination '{destination}': no release: {error}"),
        }
    }
}

/// Waiting goes on for [`DICOM_STOP`] after the stop, so that what is under way can be settled.
fn interrupt(stop: &Stop) -> Interrupt {
    let stop = stop.clone();
    let since = OnceLock::new();
    Interrupt::when(move || {
        stop.is_set() && since.get_or_init(Instant::now).elapsed() >= DICOM_STOP
    })
}
