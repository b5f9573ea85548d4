//! What the control plane asks of the program.

use super::reload::Cause;
use super::wiring::Service;
use crate::cli;
use crate::error::Error;
use catalog::{Catalog, DeliveryId};
use control::{
    AccessEvent, AccessOutcome, CatalogStatus, CertificateStatus, CommandCounts, ControlHandle,
    DestinationStatus, Directory, Monitor, OpenStudy, Program, Protection, ReloadFailure, Reloaded,
    Status,
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
    /// [`Error::Control`]: an address cannot be used.
    pub(super) fn start(
        protection: &Arc<Protection>,
        monitor: Arc<Monitor>,
        service: &Arc<Service>,
        listening: Vec<SocketAddr>,
        capacity: Capacity,
    ) -> Result<Self, Error> {
        let capacity = capacity.max_associations();
        let program = Arc::new(ServingProgram::new(Arc::clone(service), listening, capacity));
        let asked: Arc<dyn Program> = program.clone();
        let handle = control::start(protection, monitor, asked).map_err(Error::Control)?;
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
        let Service { generation, started, protection, .. } = &*self.service;
        let control = protection.as_ref().map(|protection| protection.settings());
        generation.load().to_json(started, control.as_ref())
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
        self.service.certificates()
    }

    fn commands(&self) -> CommandCounts {
        self.service.shared.pool.counts()
    }

    fn catalog(&self) -> Option<Arc<dyn Catalog>> {
        self.service.archive.as_ref().map(|archive| Arc::clone(archive.catalog()))
    }

    fn catalog_status(&self) -> Option<CatalogStatus> {
        self.service.archive.as_ref().map(|archive| archive.status())
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        self.service.archive.as_ref().map_or_else(Vec::new, |archive| archive.destinations())
    }

    fn retry(&self, deliveries: &[DeliveryId]) -> Result<u64, catalog::Error> {
        let Some(archive) = &self.service.archive else { return Ok(0) };
        archive.outbox().retry(deliveries).map_err(of_catalog)
    }

    fn park(&self, deliveries: &[DeliveryId], reason: &str) -> Result<u64, catalog::Error> {
        let Some(archive) = &self.service.archive else { return Ok(0) };
        archive.outbox().park(deliveries, reason).map_err(of_catalog)
    }

    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
    ) -> Result<(), catalog::Error> {
        let Some(archive) = &self.service.archive else { return Ok(()) };
        archive.outbox().drop_deliveries(deliveries, reason).map_err(of_catalog)
    }

    fn pause(&self, destination: &str, paused: bool) -> Result<(), catalog::Error> {
        let Some(archive) = &self.service.archive else { return Ok(()) };
        archive.outbox().pause(destination, paused).map_err(of_catalog)
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

/// What the outbox's changes fail with.
fn of_catalog(error: delivery::Error) -> catalog::Error {
    match error {
        delivery::Error::Catalog(error) => error,
        other => catalog::Error::Statement(other.to_string()),
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

    /// The program with this settings file, as it is before it accepts connections.
    fn program(scratch: &Scratch, settings: &str) -> ServingProgram {
        let file = scratch.0.join("storescp.toml");
        std::fs::write(&file, settings).unwrap();
        let words = ["-od", scratch.0.to_str().unwrap(), "--settings", file.to_str().unwrap()];
        let cli::Action::Run(command_line) = cli::parse(words.into_iter().map(Into::into)) else {
            panic!("a command line")
        };
        let config = crate::settings::effective(&command_line).unwrap();
        let monitor = config.http.as_ref().map(|_| Arc::new(Monitor::default()));
        let service = Arc::new(Service::new(&config, &command_line, monitor).unwrap());
        ServingProgram::new(service, vec!["127.0.0.1:104".parse().unwrap()], 7)
    }

    #[test]
    fn the_api_reloads_as_sighup_does() {
        let scratch = Scratch::new("api-reload");
        std::fs::create_dir(scratch.0.join("ct")).unwrap();
        let program = program(&scratch, "listen = 104\nmin-free = \"1 GiB\"\n");
        let before = program.status();
        assert_eq!((before.generation, before.capacity, before.connections), (1, 7, 0));
        assert_eq!(before.directories.len(), 1);
        assert_eq!(before.directories[0].min_free_bytes, Some(1 << 30));
        let file = scratch.0.join("storescp.toml");
        assert_eq!(before.settings_file.as_deref(), Some(file.as_path()));

        std::fs::write(&file, "listen = 104\n[[rule]]\ncallling = \"CT\"\nmax-pdu = 1\n").unwrap();
        let failure = program.reload().unwrap_err();
        let shown = file.display();
        assert_eq!(failure.faults.len(), 2, "{failure:?}");
        assert!(failure.faults[0].starts_with(&format!("{shown}:3:1: ")), "{failure:?}");
        assert!(failure.faults[1].starts_with(&format!("{shown}:4:11: ")), "{failure:?}");
        assert_eq!(
            program.status(),
            Status { directories: program.directories(), ..before.clone() }
        );

        let good = "listen = 105\n[[rule]]\nname = \"ct\"\ncalling = \"CT\"\ndirectory = \"ct\"\n";
        std::fs::write(&file, good).unwrap();
        let reloaded = program.reload().unwrap();
        assert_eq!(reloaded.generation, 2);
        assert_eq!(reloaded.done, ["settings generation 2 in effect (1 rule)"]);
        assert_eq!(reloaded.needs_restart, ["listen: takes effect after a restart"]);
        let after = program.status();
        assert!(after.generation == 2 && after.settings_since > before.settings_since);
        let directories: Vec<_> = after.directories.iter().map(|it| it.path.clone()).collect();
        assert_eq!(directories, [scratch.0.clone(), scratch.0.join("ct")]);
        let ct = scratch.0.join("ct");
        let rule = serde_json::json!([{ "name": "ct", "calling": ["CT"], "directory": ct }]);
        assert_eq!(program.settings()["rule"], rule);
        assert_eq!((program.open_study_count(), program.open_studies(9)), (0, Vec::new()));
        assert_eq!(program.certificates(), []);
        assert_eq!(program.commands(), CommandCounts::default());
        assert!(program.is_accepting(), "it has not begun");
    }

    /// Whoever takes a token out of the file has to see whether it is still let in.
    #[test]
    fn what_needs_a_restart_is_told_as_it_is_and_the_rest_as_it_has_become() {
        let scratch = Scratch::new("api-restart");
        let digits = "a".repeat(64);
        let token = format!("[[http.token]]\nname = \"lost\"\nsha256 = \"{digits}\"\n");
        let program = program(&scratch, &format!("listen = 104\nmax-pdu = 8192\n{token}"));
        let before = program.settings();
        let other = "listen = 105\nmax-pdu = 4096\n[http]\nlisten = 1\nopen-health = true\n[audit]\n\
                     destination = \"file:/a\"\n";
        let write = |text| std::fs::write(scratch.0.join("storescp.toml"), text).unwrap();
        write(other);
        assert_eq!(program.reload().unwrap().needs_restart.len(), 3);
        let after = program.settings();
        assert_eq!((&before["max-pdu"], &after["max-pdu"]), (&8192.into(), &4096.into()));
        for key in ["listen", "audit"] {
            assert_eq!(before.get(key), after.get(key), "{key}");
        }
        let (http, http_after) = (&before["http"], &after["http"]);
        assert_eq!(http["listen"], http_after["listen"]);
        assert_eq!(http["token"], serde_json::json!([{ "name": "lost" }]));
        assert_eq!(http_after["token"], serde_json::json!([]));
        assert_eq!(http_after["open-health"], true);
        // Without [http] it goes on as it is, until a restart.
        write("listen = 104\n");
        assert_eq!(
            program.reload().unwrap().needs_restart,
            ["[http] on or off: takes effect after a restart"]
        );
        assert_eq!(program.settings()["http"], *http_after);
    }

    /// A command that was asked for anew has its thread, and is counted.
    #[test]
    fn a_reload_that_is_the_same_changes_the_generation_alone() {
        let scratch = Scratch::new("api-same");
        let settings = "listen = 104\nsort = \"study-uid\"\ncommands.on-end-of-study = \"true\"\n";
        let program = program(&scratch, settings);
        let outputs = || {
            let generation = program.service.generation.load();
            let output = generation.treatments().next().unwrap().output.clone().unwrap();
            Arc::as_ptr(&output)
        };
        let before = (program.settings(), outputs());
        assert_eq!(program.reload().unwrap().generation, 2);
        assert_eq!((program.settings(), outputs()), before);
    }

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
