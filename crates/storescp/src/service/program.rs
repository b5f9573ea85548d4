//! What the control plane asks of the program.

use super::reload::Cause;
use super::wiring::Service;
use crate::cli;
use crate::error::Error;
use control::{
    AccessEvent, AccessOutcome, CertificateStatus, CommandCounts, ControlHandle, ControlSettings,
    Directory, Monitor, OpenStudy, Program, ReloadFailure, Reloaded, Status,
};
use receiver::{Capacity, Handle, MinFree, OutputSettings, Pulse};
use rustix::fs::{Access, StatVfs};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::SystemTime;
use telemetry::{Login, LoginOutcome};

/// The program, for the control plane.
struct ServingProgram {
    service: Arc<Service>,
    started: SystemTime,
    listening: Vec<SocketAddr>,
    capacity: usize,
    /// Once connections are accepted.
    handle: OnceLock<Handle>,
    pulse: Mutex<Pulse>,
}

/// The control plane; dropping it ends it.
pub(super) struct Control {
    program: Arc<ServingProgram>,
    _handle: ControlHandle,
}

impl Control {
    /// Opens the addresses of the control plane and serves them, before the receiver accepts connections.
    ///
    /// # Errors
    /// [`Error::Control`]: an address cannot be used, or a file of its settings.
    pub(super) fn start(
        settings: &ControlSettings,
        monitor: Arc<Monitor>,
        service: &Arc<Service>,
        listening: Vec<SocketAddr>,
        capacity: Capacity,
    ) -> Result<Self, Error> {
        let capacity = capacity.max_associations();
        let program = Arc::new(ServingProgram::new(Arc::clone(service), listening, capacity));
        let asked: Arc<dyn Program> = program.clone();
        let handle = control::start(settings.clone(), monitor, asked).map_err(Error::Control)?;
        Ok(Self { program, _handle: handle })
    }

    /// From now on the receiver accepts connections.
    pub(super) fn serves(&self, handle: Handle) {
        let _ = self.program.handle.set(handle);
    }
}

impl ServingProgram {
    /// Before connections are accepted.
    fn new(service: Arc<Service>, listening: Vec<SocketAddr>, capacity: usize) -> Self {
        let (started, handle, pulse) = (SystemTime::now(), OnceLock::new(), Mutex::default());
        Self { service, started, listening, capacity, handle, pulse }
    }

    fn is_draining(&self) -> bool {
        self.service.is_draining.load(Ordering::Relaxed)
    }

    /// The directories of the settings in effect, each once, as it is now.
    fn directories(&self) -> Vec<Directory> {
        let generation = self.service.generation.load();
        let mut found: BTreeMap<&Path, Directory> = BTreeMap::new();
        let outputs = generation.treatments().filter_map(|treatment| treatment.output.as_ref());
        for output in outputs.map(|output| output.settings()) {
            let directory =
                found.entry(&output.directory).or_insert_with(|| look_at(&output.directory));
            let least = min_free(output, directory.total_bytes);
            directory.min_free_bytes = directory.min_free_bytes.max(least);
        }
        found.into_values().collect()
    }
}

impl Program for ServingProgram {
    fn status(&self) -> Status {
        let generation = self.service.generation.load_full();
        Status {
            version: cli::version(),
            started: self.started,
            generation: generation.number,
            settings_since: generation.since,
            settings_file: generation.config.settings_file.clone(),
            listening: self.listening.clone(),
            connections: self.handle.get().map_or(0, Handle::connections),
            capacity: self.capacity,
            is_draining: self.is_draining(),
            directories: self.directories(),
        }
    }

    fn settings(&self) -> serde_json::Value {
        self.service.generation.load().to_json()
    }

    fn reload(&self) -> Result<Reloaded, ReloadFailure> {
        self.service.reload(Cause::Api)
    }

    fn open_studies(&self, most: usize) -> Vec<OpenStudy> {
        let folders = self.service.shared.outputs.open_studies(most);
        folders.into_iter().map(|folder| OpenStudy { folder }).collect()
    }

    fn open_study_count(&self) -> usize {
        self.service.shared.outputs.open_study_count()
    }

    fn certificates(&self) -> Vec<CertificateStatus> {
        let first = self.service.node.first_expiry();
        first.into_iter().map(|(file, expires)| CertificateStatus { file, expires }).collect()
    }

    fn commands(&self) -> CommandCounts {
        self.service.shared.pool.counts()
    }

    fn access(&self, event: &AccessEvent<'_>) {
        let audit = self.service.telemetry.as_ref().and_then(|telemetry| telemetry.audit());
        let Some(audit) = audit else { return };
        audit.login(&Login {
            user: event.name.unwrap_or("unknown token").to_owned(),
            address: event.peer.ip(),
            outcome: match event.outcome {
                AccessOutcome::Granted(_) => LoginOutcome::Granted,
                AccessOutcome::Refused => LoginOutcome::Refused,
                AccessOutcome::Blocked => LoginOutcome::Blocked,
            },
        });
    }

    fn is_accepting(&self) -> bool {
        let Some(handle) = self.handle.get() else { return true };
        let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_draining() || handle.is_accepting(&mut pulse) || self.is_draining()
    }
}

/// Looks at a directory by its path, and opens nothing: a file system with errors can still be unmounted.
fn look_at(path: &Path) -> Directory {
    let space: Result<StatVfs, _> = rustix::fs::statvfs(path);
    let writable = || rustix::fs::access(path, Access::WRITE_OK | Access::EXEC_OK);
    let trouble = match &space {
        Err(error) => Some(format!("cannot be looked at: {}", platform::reason(&(*error).into()))),
        Ok(_) if !path.is_dir() => Some("it is not a directory".to_owned()),
        Ok(_) => writable()
            .err()
            .map(|error| format!("takes no files: {}", platform::reason(&error.into()))),
    };
    let bytes = |blocks: fn(&StatVfs) -> u64| {
        space.as_ref().ok().map(|it| blocks(it).saturating_mul(it.f_frsize))
    };
    Directory {
        path: path.to_owned(),
        free_bytes: bytes(|it| it.f_bavail),
        total_bytes: bytes(|it| it.f_blocks),
        min_free_bytes: None,
        trouble,
    }
}

fn min_free(output: &OutputSettings, total_bytes: Option<u64>) -> Option<u64> {
    match output.min_free? {
        MinFree::Bytes(bytes) => Some(bytes),
        MinFree::Percent(percent) => Some((total_bytes? / 100).saturating_mul(percent.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::testing::Scratch;

    #[test]
    fn directories_are_looked_at_without_being_opened() {
        let scratch = Scratch::new("look-at");
        let found = look_at(&scratch.0);
        assert_eq!(found.trouble, None);
        assert!(found.total_bytes > Some(0) && found.free_bytes <= found.total_bytes);
        let missing = look_at(&scratch.0.join("missing"));
        assert_eq!((missing.free_bytes, missing.total_bytes), (None, None));
        assert!(missing.trouble.is_some_and(|it| it.starts_with("cannot be looked at: ")));
        std::fs::write(scratch.0.join("file"), "").unwrap();
        let file = look_at(&scratch.0.join("file"));
        assert_eq!(file.trouble.as_deref(), Some("it is not a directory"));
    }

    #[test]
    fn the_space_that_must_remain_is_told_in_bytes() {
        let output = |min_free| OutputSettings { min_free, ..OutputSettings::new("/data".into()) };
        assert_eq!(min_free(&output(None), Some(1000)), None);
        assert_eq!(min_free(&output(Some(MinFree::Bytes(7))), None), Some(7));
        assert_eq!(min_free(&output(Some(MinFree::Percent(5))), Some(1000)), Some(50));
        assert_eq!(min_free(&output(Some(MinFree::Percent(5))), None), None);
    }
}
