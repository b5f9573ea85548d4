//! What the outbox and the audit trail are told of the catalogue.

use crate::generation::Generation;
use ::archive::{Differences, Listener, Removed};
use arc_swap::ArcSwap;
use catalog::EndedStudy;
use delivery::{On, Outbox};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, OnceLock, Weak};
use telemetry::{RemovedObject, Telemetry};

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
        for study in ended {
            let (uid, objects) = (shown(&study.study_instance_uid), study.objects);
            tracing::info!("study {uid} has ended (epoch {}); objects: {objects}", study.epoch);
        }
        let generation = self.generation.load();
        let of_studies = generation.config.destinations.iter();
        self.wake(of_studies.filter(|it| it.on.contains(&On::Study)).map(|it| it.name.as_str()));
    }

    fn removed(&self, removed: &[Removed]) {
        if let Some(audit) = self.telemetry.as_ref().and_then(|telemetry| telemetry.audit()) {
            let objects = removed.iter().map(|it| RemovedObject {
                study: it.object.attributes.study_instance_uid.as_deref(),
                sop_class: &it.object.sop_class,
                sop_instance: &it.object.sop_instance,
            });
            let reason = removed.first().map_or("", |it| it.reason);
            audit.objects_removed(objects, reason);
        }
    }

    fn verified(&self, directory: &Path, found: &Differences) {
        let audit = self.telemetry.as_ref().and_then(|telemetry| telemetry.audit());
        let Some(audit) = audit else { return };
        let Differences { files, unknown_files, missing_files, changed_files, unreadable_files } =
            found;
        let text = format!(
            "verified {files} files: {unknown_files} are not in the catalogue, {missing_files} are missing, \
             {changed_files} have changed, {unreadable_files} cannot be read"
        );
        audit.files_verified(directory, &text, !found.is_clean());
    }
}

/// A UID from a data set, for the log: with characters other than digits and dots it may be anything, a name too.
fn shown(uid: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if uid.len() <= 64 && uid.bytes().all(is_plain) { uid } else { "of a UID that is none" }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_uid_that_is_a_name_is_not_shown() {
        assert_eq!(shown("1.2.840.10008"), "1.2.840.10008");
        for other in ["Doe^Jane", "1.2\n3", &"1".repeat(65)] {
            assert_eq!(shown(other), "of a UID that is none");
        }
    }
}
