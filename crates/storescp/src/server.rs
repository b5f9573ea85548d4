//! The server: listen, admit, drain.

use crate::association;
use crate::cli::{AddressFamily, Config};
use crate::error::Error;
use crate::inetd;
use crate::limits::{
    COMMAND_GRACE, LEAST_THREADS, LISTEN_BACKLOG, RESERVED_DESCRIPTORS, RESERVED_THREADS,
    THREAD_STACK_BYTES,
};
use crate::logging;
use crate::memory;
use crate::platform;
use crate::registry::{Admission, Drained, Registry};
use crate::shared::Shared;
use crate::sync::Instant;
use crate::workers::Workers;
use rustix::net::{AddressFamily as Family, SocketFlags, SocketType, sockopt};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// A server that listens and has not begun to serve.
pub struct Server {
    listeners: Listeners,
    /// Readable once SIGTERM or SIGINT has come.
    ended_by_signal: UnixStream,
    shared: Arc<Shared>,
    registry: Arc<Registry>,
}

impl Server {
    /// Opens the output directory and the port. Nothing is served before [`Server::run`].
    ///
    /// # Errors
    /// What makes the start impossible; nothing stays open.
    pub fn start(config: Config) -> Result<Self, Error> {
        let association_bytes = memory::of_association(&config);
        let max_associations = admissible_associations(&config, association_bytes)?;
        let max_associations_per_host = config.limits.max_associations_per_host;
        let hang_ups = hang_ups(&config).map_err(Error::Signals)?;
        let shared = Arc::new(Shared::new(config)?);
        let listeners = Listeners::open(&shared.config)?;
        let ended_by_signal = receive_signals().map_err(Error::Signals)?;
        reread_on(hang_ups, &shared).map_err(Error::Signals)?;
        log_memory(max_associations, association_bytes);
        let registry = Registry::new(max_associations, max_associations_per_host);
        Ok(Self { listeners, ended_by_signal, shared, registry: Arc::new(registry) })
    }

    /// Serves until SIGTERM or SIGINT, then lets what is in flight finish within the grace period.
    /// A second signal cuts that short.
    ///
    /// # Errors
    /// [`Error::Threads`] if there is not one thread to serve with, [`Error::CutShort`] after a
    /// second signal.
    pub fn run(self) -> Result<(), Error> {
        let Self { listeners, ended_by_signal, shared, registry } = self;
        let watch = watch_studies(&shared).map_err(Error::Threads)?;
        let signals = watch_signals(ended_by_signal, &shared, &registry).map_err(Error::Threads)?;
        let workers = listeners.serve(&shared, &registry).map_err(Error::Threads)?;
        recover_storage(&shared);
        let _ = signals.recv();
        for workers in workers {
            workers.stop_accepting();
        }
        drain(&shared, &registry, watch)
    }
}

/// Serves one connection that is there already, with `--inetd`. A signal ends it as it ends a server.
///
/// # Errors
/// What makes the start impossible; [`Error::CutShort`] after a second signal.
pub fn serve_one(config: Config, stream: TcpStream) -> Result<(), Error> {
    let hang_ups = hang_ups(&config).map_err(Error::Signals)?;
    let shared = Arc::new(Shared::new(config)?);
    let ended_by_signal = receive_signals().map_err(Error::Signals)?;
    reread_on(hang_ups, &shared).map_err(Error::Signals)?;
    let peer = stream.peer_addr().map_err(Error::NoConnection)?;
    let stream = Arc::new(stream);
    let registry = Arc::new(Registry::new(1, None));
    let Admission::Place(place) = registry.admit(&stream, peer.ip()) else { return Ok(()) };
    let signals = watch_signals(ended_by_signal, &shared, &registry).map_err(Error::Threads)?;
    // The association may be held up by anything, so it has a thread that nobody waits for.
    let (told, ends) = mpsc::channel();
    let (serving, signalled) = (Arc::clone(&shared), told.clone());
    let serve = move || {
        // A panic is in the log, and has ended the association.
        let serve = AssertUnwindSafe(|| association::run(&serving, &place, stream, peer));
        let _ = catch_unwind(serve);
        let by_signal = place.is_draining();
        drop(place);
        if !by_signal {
            let deadline = Instant::now() + serving.config.limits.grace_period;
            if !finish_events(&serving, None, deadline) {
                // Whoever waits for signals tells that it was cut short.
                return;
            }
            // The peer has not had to wait for it.
            serving.recover_storage();
            serving.leave_storage();
            let _ = told.send(Ok(()));
        }
    };
    let watch = move || {
        let _ = signals.recv();
        let _ = signalled.send(drain(&shared, &registry, None));
    };
    let thread = || std::thread::Builder::new().stack_size(THREAD_STACK_BYTES);
    thread().spawn(watch).and_then(|_| thread().spawn(serve)).map_err(Error::Threads)?;
    // Whichever comes first.
    ends.recv().unwrap_or(Ok(()))
}

/// Lets what is in flight finish within the grace period, or until another signal comes.
fn drain(
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
    watch: Option<JoinHandle<()>>,
) -> Result<(), Error> {
    tracing::info!("ending: no new associations, finishing what is in flight");
    shared.events.stop_waiting();
    let grace_period = shared.config.limits.grace_period;
    let deadline = Instant::now() + grace_period;
    let drained = registry.drain(grace_period);
    let all_done = finish_events(shared, watch, deadline);
    shared.leave_storage();
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

/// Tells of the first signal. After the second one nothing is waited for any more; the thread that sees to
/// that is there from the start, when there is one to be had.
fn watch_signals(
    ended_by_signal: UnixStream,
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
) -> io::Result<mpsc::Receiver<()>> {
    let (first, signals) = mpsc::channel();
    let (shared, registry) = (Arc::clone(shared), Arc::clone(registry));
    let watch = move || {
        wait_for(&ended_by_signal);
        let _ = first.send(());
        wait_for(&ended_by_signal);
        registry.cut_short();
        shared.events.cut_short();
    };
    std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(watch)?;
    Ok(signals)
}

/// Ends the studies that are open and does what waits to be done, until `deadline`, or for
/// [`COMMAND_GRACE`] if that is near. False if another signal cut it short.
fn finish_events(shared: &Shared, watch: Option<JoinHandle<()>>, deadline: Instant) -> bool {
    if let Some(studies) = &shared.studies {
        let (ended, open) = studies.close();
        shared.events.after_studies(ended);
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
    let least = COMMAND_GRACE.min(shared.config.limits.grace_period);
    shared.events.finish(deadline.max(Instant::now() + least))
}

/// Ends studies that have timed out, in a thread of its own, where something happens then.
fn watch_studies(shared: &Arc<Shared>) -> io::Result<Option<JoinHandle<()>>> {
    if !watches_studies(&shared.config) {
        return Ok(None);
    }
    let shared = Arc::clone(shared);
    let watch = move || {
        let Some(studies) = &shared.studies else { return };
        while let Some(ended) = studies.wait_for_time_out() {
            shared.events.after_studies(ended);
        }
    };
    std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(watch).map(Some)
}

/// Whether something happens when studies time out.
fn watches_studies(config: &Config) -> bool {
    config.events.at_end_of_study() && config.events.end_of_study_timeout.is_some()
}

/// Deals with the temporary files that a crash left, beside the first associations.
fn recover_storage(shared: &Arc<Shared>) {
    let recovering = Arc::clone(shared);
    let recover = move || recovering.recover_storage();
    let started = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(recover);
    if let Err(error) = started {
        tracing::warn!("temporary files of an earlier run stay until the next start: {error}");
    }
}

/// What is listened on.
enum Listeners {
    /// Our own: it ends with us.
    Own(TcpListener),
    /// Passed to us: whoever passed them goes on listening when we end.
    Passed(Vec<TcpListener>),
}

impl Listeners {
    /// What was passed to the process, or the port of the command line.
    fn open(config: &Config) -> Result<Self, Error> {
        let passed = inetd::passed_listeners()?;
        if passed.is_empty() {
            return Ok(Self::Own(listen(config)?));
        }
        for listener in &passed {
            if let Ok(address) = listener.local_addr() {
                tracing::info!("listening on {address}, as passed to this process");
            }
        }
        Ok(Self::Passed(passed))
    }

    fn serve(
        self,
        shared: &Arc<Shared>,
        registry: &Arc<Registry>,
    ) -> io::Result<Vec<Arc<Workers>>> {
        let (shared, registry) = (|| Arc::clone(shared), || Arc::clone(registry));
        match self {
            Self::Own(listener) => Ok(vec![Workers::start(listener, shared(), registry())?]),
            Self::Passed(listeners) => listeners
                .into_iter()
                .map(|listener| Workers::start_on_shared(listener, shared(), registry()))
                .collect(),
        }
    }
}

/// Returns when a signal has asked for the end.
fn wait_for(mut ended_by_signal: &UnixStream) {
    while ended_by_signal
        .read(&mut [0])
        .is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
    {}
}

fn listen(config: &Config) -> Result<TcpListener, Error> {
    let port = config.network.port;
    let (family, address) = match config.network.address_family {
        AddressFamily::Ipv4 => (Family::INET, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        AddressFamily::Ipv6 | AddressFamily::Both => {
            (Family::INET6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
        }
    };
    let bound = || -> rustix::io::Result<TcpListener> {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if family == Family::INET6 {
            let only = config.network.address_family == AddressFamily::Ipv6;
            sockopt::set_ipv6_v6only(&socket, only)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, LISTEN_BACKLOG)?;
        Ok(socket.into())
    };
    bound().map_err(|error| match error {
        rustix::io::Errno::ACCESS if port < 1024 => Error::Privileges { port },
        error => Error::Listen(error.into()),
    })
}

/// From here on each SIGTERM and SIGINT puts a byte into the stream returned.
fn receive_signals() -> io::Result<UnixStream> {
    let (ended_by_signal, sender) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    Ok(ended_by_signal)
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
fn reread_on(hang_ups: Option<Signals>, shared: &Arc<Shared>) -> io::Result<()> {
    let Some(mut hang_ups) = hang_ups else { return Ok(()) };
    let shared = Arc::clone(shared);
    let reread = move || {
        for _ in &mut hang_ups {
            reread(&shared);
        }
    };
    let thread = std::thread::Builder::new().name("hang-up".to_owned());
    thread.spawn(reread).map(drop)
}

fn reread(shared: &Shared) {
    let mut done = Vec::new();
    let files = logging::reopen_files();
    if files > 0 {
        done.push(format!("log files were opened again: {files}"));
    }
    match shared.tls.as_ref().map(|tls| tls.reload()) {
        Some(true) => done.push("keys and certificates were read again".to_owned()),
        None if done.is_empty() => done.push("there is nothing to read again".to_owned()),
        // If it failed, that is said.
        Some(false) | None => {}
    }
    if !done.is_empty() {
        tracing::info!("SIGHUP: {}", done.join(", "));
    }
}

/// How many associations may be served at a time: what was asked for, or what the process's limits
/// on descriptors (raised as far as is allowed), threads and memory leave.
///
/// Each association holds one descriptor, and one more while it stores. The default keeps a third
/// as many for files as there are associations: should more than that store at once, those find no
/// descriptor and are answered A700H.
fn admissible_associations(config: &Config, association_bytes: usize) -> Result<usize, Error> {
    let descriptors = raise_descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS);
    let threads = platform::threads_left().unwrap_or(usize::MAX);
    let needed = least_threads(config);
    if threads < needed {
        let what = format!("the system leaves {threads} threads, and {needed} are needed");
        return Err(Error::Threads(io::Error::other(what)));
    }
    let threads = threads - RESERVED_THREADS.min(threads / 2);
    let memory = platform::memory_left().unwrap_or(usize::MAX) / association_bytes;
    let others = threads.min(memory);
    match config.limits.max_associations {
        Some(asked) if asked > descriptors.min(others) => {
            Err(Error::TooManyAssociations { asked, allowed: descriptors.min(others) })
        }
        Some(asked) => Ok(asked),
        None => Ok((descriptors / 4 * 3).min(others).max(1)),
    }
}

/// How many threads it takes to serve one association.
fn least_threads(config: &Config) -> usize {
    let runs_commands = config.events.on_reception.is_some() || config.events.at_end_of_study();
    LEAST_THREADS + usize::from(runs_commands) + usize::from(watches_studies(config))
}

fn raise_descriptor_limit() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        limit.current = before;
    }
    limit.current.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX))
}

/// Says what the worst case may take.
fn log_memory(max_associations: usize, association_bytes: usize) {
    tracing::debug!(
        "at most {max_associations} associations at a time, each of at most {} KiB: {} MiB",
        association_bytes / 1024,
        max_associations.saturating_mul(association_bytes) / (1024 * 1024)
    );
}
