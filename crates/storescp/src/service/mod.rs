//! The program while it serves: from the settings to the end.
//!
//! ```text
//!   Config ──► Output, Studies, Commands ──► Treatment ──► Observer ──► Node ──► Server
//!   SIGHUP ──► log files and certificates again        SIGTERM ──► drain, then commands
//! ```

use crate::cli::Config;
use crate::commands::Commands;
use crate::data_dictionary;
use crate::error::Error;
use crate::limits::{COMMAND_GRACE, PROGRAM_THREADS};
use crate::logging;
use crate::observer::ProgramObserver;
use platform::sync::Instant;
use receiver::net::PeerNames;
use receiver::store::studies::{Studies, Timing};
use receiver::{
    Capacity, Drained, Handle, Node, NodeSettings, Output, Server, SingleConnection, Treatment,
    thread_builder,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// All that was made of the settings.
struct Service {
    node: Arc<Node>,
    commands: Arc<Commands>,
    /// `None` with `--ignore`.
    output: Option<Arc<Output>>,
    /// If objects are sorted.
    studies: Option<Arc<Studies>>,
    /// If something happens when studies time out.
    watches_studies: bool,
    grace_period: Duration,
    /// `--inetd`: there is one connection only.
    is_single: bool,
}

/// Listens, and serves until SIGTERM or SIGINT; then lets what is in flight finish within the grace period.
/// A second signal cuts that short.
///
/// # Errors
/// What makes the start impossible; [`Error::CutShort`] after a second signal.
pub(crate) fn serve(config: &Config) -> Result<(), Error> {
    let capacity = capacity(config)?;
    let hang_ups = hang_ups(config).map_err(Error::Signals)?;
    let service = Arc::new(Service::new(config)?);
    let server = Server::bind(Arc::clone(&service.node), capacity)?;
    let ended_by_signal = receive_signals().map_err(Error::Signals)?;
    reread_on(hang_ups, &service.node).map_err(Error::Signals)?;
    let watch = service.watch_studies().map_err(Error::Threads)?;
    // Before somebody is served: where there is no thread for signals, nothing is to begin.
    let (told, handle) = mpsc::channel::<Handle>();
    let signals = watch_signals(ended_by_signal, handle, &service).map_err(Error::Threads)?;
    let handle = server.start()?;
    let _ = told.send(handle.clone());
    service.recover_in_background();
    let _ = signals.recv();
    handle.stop_accepting();
    service.drain(&handle, watch)
}

/// Serves one connection that is there already, with `--inetd`. A signal ends it as it ends a server.
///
/// # Errors
/// What makes the start impossible; [`Error::CutShort`] after a second signal.
pub(crate) fn serve_one(config: &Config, stream: TcpStream) -> Result<(), Error> {
    let hang_ups = hang_ups(config).map_err(Error::Signals)?;
    let service = Arc::new(Service::new(config)?);
    let ended_by_signal = receive_signals().map_err(Error::Signals)?;
    reread_on(hang_ups, &service.node).map_err(Error::Signals)?;
    let connection = SingleConnection::new(Arc::clone(&service.node), stream)?;
    let handle = connection.handle();
    let (told, handles) = mpsc::channel();
    let _ = told.send(handle.clone());
    let signals = watch_signals(ended_by_signal, handles, &service).map_err(Error::Threads)?;
    // The association may be held up by anything, so it has a thread that nobody waits for.
    let (told, ends) = mpsc::channel();
    let (serving, signalled) = (Arc::clone(&service), told.clone());
    let serve = move || {
        if connection.serve() {
            let deadline = Instant::now() + serving.grace_period;
            if !serving.finish_commands(None, deadline) {
                // Whoever waits for signals tells that it was cut short.
                return;
            }
            // The peer has not had to wait for it.
            serving.recover();
            serving.leave();
            let _ = told.send(Ok(()));
        }
    };
    let watch = move || {
        let _ = signals.recv();
        let _ = signalled.send(service.drain(&handle, None));
    };
    let threads = thread_builder().spawn(watch).and_then(|_| thread_builder().spawn(serve));
    threads.map_err(Error::Threads)?;
    // Whichever comes first.
    ends.recv().unwrap_or(Ok(()))
}

impl Service {
    /// Reads the negotiation profile and the data dictionary, opens the output directory and tries out
    /// what its file system can do, reads the keys and certificates.
    ///
    /// # Errors
    /// The profile cannot be used; there is no dictionary; the output directory is missing, takes no
    /// files, or cannot do what the options need; TLS cannot be set up; a command cannot be used.
    fn new(config: &Config) -> Result<Self, Error> {
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
            Some(Arc::new(Output::open(output, dictionary, studies, renames)?))
        };
        let settings = node_settings(config);
        let peer_names = Arc::new(PeerNames::new(!config.network.disable_host_lookup));
        let storage = output.as_ref().map(|output| Arc::clone(output.storage()));
        let names = Arc::clone(&peer_names);
        let commands = Commands::new(&config.commands, &config.output, storage, names)?;
        let commands = Arc::new(commands);
        let treatment = Treatment { policy, output: output.clone(), faults: config.faults };
        let observer =
            ProgramObserver { treatment: Arc::new(treatment), commands: Arc::clone(&commands) };
        let settings = NodeSettings { names_wanted: commands.want_host(), ..settings };
        let node = Node::new(settings, peer_names, Arc::new(observer))?;
        Ok(Self {
            node: Arc::new(node),
            commands,
            output,
            studies,
            watches_studies,
            grace_period: config.limits.grace_period,
            is_single: config.network.inetd,
        })
    }

    /// Deals with the temporary files that a crash left.
    fn recover(&self) {
        if let Some(output) = &self.output {
            // For one connection, nothing is to cost as much as there are files.
            output.storage().recover(!self.is_single);
        }
    }

    /// The same beside the first associations.
    fn recover_in_background(self: &Arc<Self>) {
        let recovering = Arc::clone(self);
        if let Err(error) = thread_builder().spawn(move || recovering.recover()) {
            tracing::warn!("temporary files of an earlier run stay until the next start: {error}");
        }
    }

    /// The receiver ends: nothing of its own is to stay in the output directory.
    fn leave(&self) {
        if let Some(output) = &self.output {
            output.storage().leave();
        }
    }

    /// Ends studies that have timed out, in a thread of its own, where something happens then.
    fn watch_studies(self: &Arc<Self>) -> io::Result<Option<JoinHandle<()>>> {
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

    /// Lets what is in flight finish within the grace period, or until another signal comes.
    fn drain(&self, handle: &Handle, watch: Option<JoinHandle<()>>) -> Result<(), Error> {
        tracing::info!("ending: no new associations, finishing what is in flight");
        self.commands.stop_waiting();
        let deadline = Instant::now() + self.grace_period;
        let drained = handle.drain(self.grace_period);
        let all_done = self.finish_commands(watch, deadline);
        self.leave();
        match drained {
            Drained { cut_off, .. } if !all_done => Err(Error::CutShort { cut_off }),
            Drained { cut_off, cut_short: true } => Err(Error::CutShort { cut_off }),
            Drained { cut_off: 0, .. } => Ok(()),
            Drained { cut_off, .. } => {
                tracing::warn!("grace period over, {cut_off} associations were cut off");
                Ok(())
            }
        }
    }

    /// Ends the studies that are open and does what waits to be done, until `deadline`, or for
    /// [`COMMAND_GRACE`] if that is near. False if another signal cut it short.
    fn finish_commands(&self, watch: Option<JoinHandle<()>>, deadline: Instant) -> bool {
        if let Some(studies) = &self.studies {
            let (ended, open) = studies.close();
            self.commands.after_studies(ended);
            if open > 0 {
                tracing::warn!(
                    "{open} studies have not timed out: nothing is done at their end, unless objects of \
                     them come after the next start"
                );
            }
        }
        // It may have studies in its hands that have timed out.
        if let Some(watch) = watch {
            let _ = watch.join();
        }
        let least = COMMAND_GRACE.min(self.grace_period);
        self.commands.finish(deadline.max(Instant::now() + least))
    }
}

/// How many associations may be served at a time.
fn capacity(config: &Config) -> Result<Capacity, Error> {
    let commands = &config.commands;
    let runs_commands = commands.on_reception.is_some() || commands.at_end_of_study();
    let threads =
        PROGRAM_THREADS + usize::from(runs_commands) + usize::from(watches_studies(config));
    let output = (!config.ignore).then_some(&config.output);
    Ok(Capacity::find(&node_settings(config), output, threads)?)
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
    }
}

/// Whether something happens when studies time out.
fn watches_studies(config: &Config) -> bool {
    config.commands.at_end_of_study() && config.commands.end_of_study_timeout.is_some()
}

/// From here on each SIGTERM and SIGINT puts a byte into the stream returned.
fn receive_signals() -> io::Result<UnixStream> {
    let (ended_by_signal, sender) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    Ok(ended_by_signal)
}

/// Tells of the first signal. After the second one nothing is waited for any more; the thread that sees to
/// that is there from the start, when there is one to be had.
fn watch_signals(
    ended_by_signal: UnixStream,
    handle: mpsc::Receiver<Handle>,
    service: &Arc<Service>,
) -> io::Result<mpsc::Receiver<()>> {
    let (first, signals) = mpsc::channel();
    let service = Arc::clone(service);
    let watch = move || {
        let Ok(handle) = handle.recv() else { return };
        wait_for(&ended_by_signal);
        let _ = first.send(());
        wait_for(&ended_by_signal);
        handle.cut_short();
        service.commands.cut_short();
    };
    thread_builder().spawn(watch)?;
    Ok(signals)
}

/// Returns when a signal has asked for the end.
fn wait_for(mut ended_by_signal: &UnixStream) {
    while ended_by_signal
        .read(&mut [0])
        .is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
    {}
}

/// From here on SIGHUP does not end the process. `None` if it was started to ignore it (`nohup`), and
/// there is nothing to read again: then it stays ignored, by the commands that are run too.
fn hang_ups(config: &Config) -> io::Result<Option<Signals>> {
    if platform::ignores_hang_up() && config.tls.is_none() && config.log.setup.is_none() {
        return Ok(None);
    }
    Signals::new([SIGHUP]).map(Some)
}

/// Reads again, on each SIGHUP, what can change while the server runs.
fn reread_on(hang_ups: Option<Signals>, node: &Arc<Node>) -> io::Result<()> {
    let Some(mut hang_ups) = hang_ups else { return Ok(()) };
    let node = Arc::clone(node);
    let reread = move || {
        for _ in &mut hang_ups {
            reread(&node);
        }
    };
    let thread = std::thread::Builder::new().name("hang-up".to_owned());
    thread.spawn(reread).map(drop)
}

fn reread(node: &Node) {
    let mut done = Vec::new();
    let files = logging::reopen_files();
    if files > 0 {
        done.push(format!("log files were opened again: {files}"));
    }
    match node.reload_tls() {
        Some(true) => done.push("keys and certificates were read again".to_owned()),
        None if done.is_empty() => done.push("there is nothing to read again".to_owned()),
        // If it failed, that is said.
        Some(false) | None => {}
    }
    if !done.is_empty() {
        tracing::info!("SIGHUP: {}", done.join(", "));
    }
}
