//! Builds what serves from the settings.

use super::faults;
use super::systemd::Systemd;
use crate::advice::Advisor;
use crate::cli::Config;
use crate::commands::Commands;
use crate::data_dictionary;
use crate::error::Error;
use crate::limits::{PROGRAM_THREADS, RECOVERY_NICENESS};
use crate::observer::ProgramObserver;
use dataset::format::OutputTransferSyntax;
use receiver::faults::FaultPlan;
use receiver::net::PeerNames;
use receiver::net::tls::Tls;
use receiver::output::studies::{Studies, Timing};
use receiver::{Capacity, Node, NodeSettings, Output, Treatment, thread_builder};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use telemetry::{AuditIdentity, Telemetry};

/// The parts that serve, built from the settings.
pub(super) struct Service {
    pub(super) node: Arc<Node>,
    pub(super) commands: Arc<Commands>,
    /// `None` with `--ignore`.
    pub(super) output: Option<Arc<Output>>,
    /// `None` unless objects are sorted.
    pub(super) studies: Option<Arc<Studies>>,
    /// Commands or renaming follow when studies time out.
    pub(super) watches_studies: bool,
    pub(super) grace_period: Duration,
    /// Audit messages and traces; `None` for neither.
    pub(super) telemetry: Option<Arc<Telemetry>>,
    /// `--inetd`: a single connection.
    pub(super) is_single: bool,
}

impl Service {
    /// Reads the negotiation profile and the data dictionary, opens the output directory, probes its file
    /// system, and reads keys and certificates.
    ///
    /// # Errors
    /// The profile cannot be used; there is no dictionary; the output directory is missing, takes no
    /// files, or cannot do what the options need; TLS cannot be set up; a command cannot be used.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let policy = config.negotiation.policy()?;
        let path = std::env::var_os(data_dictionary::PATH_VARIABLE);
        let shared = data_dictionary::SHARED.map(Path::new);
        let dictionary = Arc::new(data_dictionary::load(path.as_deref(), &shared)?);
        let settings = &config.commands;
        let watches_studies = watches_studies(config);
        let timing = Timing {
            awaited: settings.at_end_of_study(),
            timeout: settings.end_of_study_timeout,
            keeps_files: settings.rename_on_end_of_study,
        };
        let sorting = config.output.sorting.clone().filter(|_| !config.ignore);
        let studies = sorting.map(|sorting| Arc::new(Studies::new(sorting, timing)));
        let output = if config.ignore {
            Output::exists(&config.output.directory)?;
            None
        } else {
            let renames = settings.rename_on_end_of_study;
            let (output, studies) = (config.output.clone(), studies.clone());
            Some(Arc::new(Output::open_with(output, dictionary, studies, renames)?))
        };
        // Before the commands, whose first thread would be there while a password is asked for.
        let tls = config.tls.as_ref().map(Tls::new).transpose().map_err(receiver::Error::Tls)?;
        let settings = node_settings(config);
        let peer_names = Arc::new(PeerNames::new(!config.network.disable_host_lookup));
        let storage = output.as_ref().map(|output| Arc::clone(output.storage()));
        let names = Arc::clone(&peer_names);
        let commands = Commands::new(&config.commands, &config.output, storage, names)?;
        let commands = Arc::new(commands);
        let telemetry = telemetry(config)?;
        let treatment = Treatment::with_policy(policy, output.clone());
        let observer = ProgramObserver {
            treatment: Arc::new(treatment),
            commands: Arc::clone(&commands),
            telemetry: telemetry.clone(),
            advisor: Advisor {
                negotiation: config.negotiation.clone(),
                rewrites: config.output.format.transfer_syntax != OutputTransferSyntax::AsReceived,
            },
        };
        let faults = faults::plan(config);
        let settings = NodeSettings { names_wanted: commands.want_host(), faults, ..settings };
        let node = Node::with_tls(settings, tls, peer_names, Arc::new(observer));
        node.warn_of_expiry();
        Ok(Self {
            node: Arc::new(node),
            commands,
            output,
            studies,
            watches_studies,
            grace_period: config.grace_period,
            telemetry,
            is_single: config.inetd,
        })
    }

    /// Processes temporary files left by a crash.
    pub(super) fn recover(&self) {
        if let Some(output) = &self.output {
            // For a single connection, without a scan of all files.
            output.recover(!self.is_single);
        }
    }

    /// Does so in a thread beside the first associations.
    pub(super) fn recover_in_background(self: &Arc<Self>) {
        let recovering = Arc::clone(self);
        let recover = move || {
            platform::lower_thread_priority(RECOVERY_NICENESS);
            if let Some(output) = &recovering.output {
                output.warn_of_damage();
            }
            recovering.recover();
        };
        if let Err(error) = thread_builder().spawn(recover) {
            tracing::warn!(
                "cannot process temporary files of an earlier run until the next start: {error}"
            );
        }
    }

    /// Starts the thread that runs the commands of studies that time out, if there are any.
    pub(super) fn watch_studies(self: &Arc<Self>) -> io::Result<Option<JoinHandle<()>>> {
        if !self.watches_studies {
            return Ok(None);
        }
        let service = Arc::clone(self);
        let watch = move || {
            let Some(studies) = &service.studies else { return };
            while let Some(ended) = studies.wait_for_time_out() {
                service.commands.after_studies(ended);
            }
        };
        thread_builder().spawn(watch).map(Some)
    }
}

/// How many associations may be served at a time.
pub(super) fn capacity(config: &Config) -> Result<Capacity, Error> {
    let commands = &config.commands;
    let runs_commands = commands.on_reception.is_some() || commands.at_end_of_study();
    let optional = [
        runs_commands,
        watches_studies(config),
        // For certificates that expire.
        config.tls.is_some(),
        Systemd::wants_thread(),
    ];
    let threads = PROGRAM_THREADS + optional.into_iter().filter(|&wanted| wanted).count();
    let threads = threads + Telemetry::threads(config.audit.as_ref(), config.traces.as_ref());
    let output = (!config.ignore).then_some(&config.output);
    Ok(Capacity::find(&node_settings(config), output, threads)?)
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

/// True if commands or renaming follow when studies time out.
fn watches_studies(config: &Config) -> bool {
    config.commands.at_end_of_study() && config.commands.end_of_study_timeout.is_some()
}
