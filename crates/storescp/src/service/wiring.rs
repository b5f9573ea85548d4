//! Builds what serves from the settings.

use super::archive::Archive;
use super::faults;
use super::observer::ProgramObserver;
use super::systemd::Systemd;
use crate::cli::Config;
use crate::commands::CommandPool;
use crate::error::Error;
use crate::generation::{Generation, Shared, bucket, build};
use crate::limits::{PROGRAM_THREADS, RECOVERY_NICENESS};
use crate::rules::{Decision, Rule, TreatmentSettings};
use arc_swap::ArcSwap;
use control::{Monitor, Protection};
use receiver::faults::FaultPlan;
use receiver::net::PeerNames;
use receiver::net::tls::Tls;
use receiver::{Capacity, Node, NodeSettings, OutputSettings, ProgramNeeds, thread_builder};
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use telemetry::{AuditIdentity, Telemetry};

/// The parts that serve, built from the settings.
pub(super) struct Service {
    pub(super) node: Arc<Node>,
    /// `None` without a control plane.
    pub(super) monitor: Option<Arc<Monitor>>,
    /// Who may use the control plane; `None` without one.
    pub(super) protection: Option<Arc<Protection>>,
    /// The settings that are in effect.
    pub(super) generation: Arc<ArcSwap<Generation>>,
    /// What the generations share.
    pub(super) shared: Shared,
    /// What the command line alone says, for a reload.
    pub(super) command_line: Config,
    /// The settings of the start, without the rules.
    pub(super) started: Config,
    /// Held while settings are reloaded.
    pub(super) reloading: Mutex<()>,
    /// Audit messages and traces; `None` for neither.
    pub(super) telemetry: Option<Arc<Telemetry>>,
    /// The catalogue and the outbox; `None` without a catalogue.
    pub(super) archive: Option<Arc<Archive>>,
    /// A signal has come: no more connections are accepted, and the program will end.
    pub(super) is_draining: AtomicBool,
    /// `--inetd`: a single connection.
    pub(super) is_single: bool,
}

impl Service {
    /// Reads negotiation profiles and the data dictionary, opens output directories, probes their file systems, and
    /// reads keys and certificates. `config` is what `command_line` says with the settings file that it names.
    ///
    /// # Errors
    /// A profile cannot be used; there is no dictionary; an output directory is missing, takes no
    /// files, or cannot do what the settings need; TLS cannot be set up, of the control plane neither; a command
    /// cannot be used.
    pub(super) fn new(
        config: &Config,
        command_line: &Config,
        monitor: Option<Arc<Monitor>>,
    ) -> Result<Self, Error> {
        let peer_names = Arc::new(PeerNames::new(!config.network.disable_host_lookup));
        let pool = Arc::new(CommandPool::new(Arc::clone(&peer_names)));
        let shared = Shared::new(config, Arc::clone(&pool));
        let first = build(config.clone(), 1, &shared).map_err(first_fault)?;
        // Before the thread of commands, which would be there while a password is asked for.
        let tls = config.tls.as_ref().map(Tls::new).transpose().map_err(receiver::Error::Tls)?;
        let http = config.http.as_ref().filter(|_| monitor.is_some());
        let protection = http.map(Protection::new).transpose().map_err(Error::Control)?;
        if run_commands(config) {
            pool.start(config.commands.max_commands)?;
        }
        let settings = NodeSettings {
            names_wanted: first.wants_host(),
            faults: faults::plan(config),
            ..node_settings(config)
        };
        let telemetry = telemetry(config)?;
        if let Some(monitor) = &monitor {
            monitor.set_titles(first.calling_titles());
        }
        let generation = Arc::new(ArcSwap::from_pointee(first));
        let archive = Archive::start(config, &generation, telemetry.clone())?;
        let observer = ProgramObserver {
            generation: Arc::clone(&generation),
            peer_names: Arc::clone(&peer_names),
            monitor: monitor.clone(),
            telemetry: telemetry.clone(),
            archive: archive.clone(),
        };
        let node = Node::with_tls(settings, tls, peer_names, Arc::new(observer));
        let service = Self {
            node: Arc::new(node),
            monitor,
            protection: protection.map(Arc::new),
            generation,
            shared,
            command_line: command_line.clone(),
            started: Config { rules: Vec::new(), ..config.clone() },
            reloading: Mutex::default(),
            telemetry,
            archive,
            is_draining: AtomicBool::new(false),
            is_single: config.inetd,
        };
        service.warn_of_expiry();
        Ok(service)
    }

    /// How long messages in progress may go on after a signal.
    pub(super) fn grace_period(&self) -> Duration {
        self.generation.load().config.grace_period
    }

    /// Runs the commands that earlier runs have left, and ends the studies that were open then.
    pub(super) fn resume_commands(&self) {
        self.generation.load().resume_commands(&self.shared);
    }

    /// Starts the threads that run the commands of studies that time out, where there are any.
    ///
    /// # Errors
    /// [`Error::Threads`] if there is no thread to be had.
    pub(super) fn watch_studies(&self) -> Result<(), Error> {
        self.shared.outputs.watch_studies()
    }

    /// Processes temporary files left by a crash.
    pub(super) fn recover(&self) {
        // For a single connection, without a scan of all files.
        self.shared.outputs.recover(!self.is_single);
    }

    /// Does so in a thread beside the first associations.
    pub(super) fn recover_in_background(self: &Arc<Self>) {
        if !self.shared.outputs.need_recovery() {
            return;
        }
        let recovering = Arc::clone(self);
        let recover = move || {
            platform::lower_thread_priority(RECOVERY_NICENESS);
            recovering.recover();
        };
        if let Err(error) = thread_builder().spawn(recover) {
            tracing::warn!(
                "cannot process temporary files of an earlier run until the next start: {error}"
            );
        }
    }
}

/// At the start, the first one is told.
fn first_fault(faults: Vec<Error>) -> Error {
    let none = || Error::Threads(std::io::Error::other("the settings cannot be used"));
    faults.into_iter().next().unwrap_or_else(none)
}

/// How many associations may be served at a time.
pub(super) fn capacity(config: &Config) -> Result<Capacity, Error> {
    let all = treatments(config);
    // As many as there are outputs at most: equal ones are one.
    let watching = all.iter().filter(|it| it.commands.watches_studies());
    let watches = watching.map(|it| bucket(&(&it.output, &it.commands)));
    let watches = watches.collect::<HashSet<u64>>().len();
    let optional = [
        run_commands(config),
        // For certificates that expire.
        certificates_may_expire(config),
        Systemd::wants_thread(),
    ];
    let optional = optional.into_iter().filter(|&wanted| wanted).count();
    let stored = all.iter().filter(|it| !it.ignore);
    let outputs: Vec<&OutputSettings> = stored.map(|it| &it.output).collect();
    let mut needs =
        ProgramNeeds { threads: PROGRAM_THREADS + optional + watches, ..ProgramNeeds::default() };
    needs.threads += Telemetry::threads(config.audit.as_ref(), config.traces.as_ref());
    if config.catalog.is_some() {
        Archive::add_needs(config, &mut needs);
    }
    if config.http.is_some() {
        needs.threads += control::limits::THREADS;
        needs.descriptors += control::descriptors();
        needs.memory_bytes += control::limits::MEMORY_BYTES;
    }
    Ok(Capacity::find(&node_settings(config), &outputs, needs)?)
}

/// Whether there are certificates, or a reload may bring some: for HTTP, only a settings file names them.
pub(super) fn certificates_may_expire(config: &Config) -> bool {
    config.tls.is_some() || (config.http.is_some() && config.settings_file.is_some())
}

/// Whether any treatment has commands or renames files.
pub(super) fn run_commands(config: &Config) -> bool {
    treatments(config).iter().any(|it| it.commands.do_something())
}

/// How senders are treated: those that no rule names, then those of each rule that refuses none.
fn treatments(config: &Config) -> Vec<TreatmentSettings> {
    let of_rule = |rule: &Rule| match &rule.decision {
        Decision::Accept(settings) => Some(settings.as_ref().clone()),
        Decision::Refuse(_) => None,
    };
    std::iter::once(config.treatment()).chain(config.rules.iter().filter_map(of_rule)).collect()
}

fn telemetry(config: &Config) -> Result<Option<Arc<Telemetry>>, Error> {
    let identity = AuditIdentity {
        program: "storescp".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ae_title: config.negotiation.ae_title.clone(),
    };
    Ok(Telemetry::start(config.audit.as_ref(), config.traces.as_ref(), identity)?)
}

fn node_settings(config: &Config) -> NodeSettings {
    NodeSettings {
        identity: config.negotiation.identity(),
        network: config.network.clone(),
        timeouts: config.timeouts,
        limits: config.limits,
        tls: config.tls.clone(),
        names_wanted: false,
        verbose_presentation_contexts: config.log.verbose_presentation_contexts,
        // The seed does not matter to the capacity.
        faults: (!config.faults.is_empty()).then(FaultPlan::default),
    }
}
