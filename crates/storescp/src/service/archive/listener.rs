//! What the outbox and the audit trail are told of the catalogue.

use crate::generation::Generation;
use ::archive::{Differences, Listener, Removed};
use arc_swap::ArcSwap;
use catalog::EndedStudy;
use delivery::{On, Outbox};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use telemetry::Telemetry;

/// Wakes the outbox, and tells the audit trail.
pub(super) struct ProgramListener {
    telemetry: Option<Arc<Telemetry>>,
    generation: Arc<ArcSwap<Generation>>,
    /// Once there is one.
    outbox: OnceLock<Weak<Outbox>>,
}

impl ProgramListener {
    pub(super) fn new(
        telemetry: Option<Arc<Telemetry>>,
        generation: Arc<ArcSwap<Generation>>,
    ) -> Self {
        Self { telemetry, generation, outbox: OnceLock::new() }
    }

    pub(super) fn set_outbox(&self, outbox: &Arc<Outbox>) {
        let _ = self.outbox.set(Arc::downgrade(outbox));
    }

    fn wake<'a>(&self, destinations: impl Iterator<Item = &'a str>) {
        if let Some(outbox) = self.outbox.get().and_then(Weak::upgrade) {
            destinations.for_each(|destination| outbox.wake(destination));
        }
    }
}

impl Listener for ProgramListener {
    fn owed(&self, destinations: &BTreeSet<&str>) {
        self.wake(destinations.iter().copied());
    }

    fn studies_ended(&self, ended: &[EndedStudy]) {
        tracing::info!("{} studies have ended", ended.len());
        let generation = self.generation.load();
        let of_studies = generation.config.destinations.iter();
        self.wake(of_studies.filter(|it| it.on.contains(&On::Study)).map(|it| it.name.as_str()));
    }

    fn removed(&self, removed: &[Removed]) {
        let _ = (&self.telemetry, removed);
    }

    fn verified(&self, directory: &Path, found: &Differences) {
        let _ = (directory, found);
    }
}
