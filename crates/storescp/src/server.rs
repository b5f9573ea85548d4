//! The server: listen, admit, drain.

use crate::association;
use crate::cli::{AddressFamily, Config};
use crate::error::Error;
use crate::inetd;
use crate::limits::{
    COMMAND_GRACE, LISTEN_BACKLOG, RESERVED_DESCRIPTORS, RESERVED_THREADS, THREAD_STACK_BYTES,
    TLS_PEAK_BYTES,
};
use crate::platform;
use crate::registry::{Admission, Drained, Registry};
use crate::shared::Shared;
use crate::workers::Workers;
use rustix::net::{AddressFamily as Family, SocketFlags, SocketType, sockopt};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// A server that listens and has not begun to serve.
pub struct Server {
    listeners: Listeners,
    /// Readable once SIGTERM or SIGINT has come, or, without TLS, SIGHUP.
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
        let max_associations = admissible_associations(config.limits.max_associations)?;
        let max_associations_per_host = config.limits.max_associations_per_host;
        let shared = Arc::new(Shared::new(config)?);
        let listeners = Listeners::open(&shared.config)?;
        let ended_by_signal = receive_signals(hang_up_ends(&shared)).map_err(Error::Signals)?;
        log_memory(max_associations, shared.tls.is_some());
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
        let workers = listeners.serve(&shared, &registry).map_err(Error::Threads)?;
        recover_storage(&shared);
        wait_for(&ended_by_signal);
        for workers in workers {
            workers.stop_accepting();
        }
        drain(&shared, &registry, watch, ended_by_signal)
    }
}

/// Serves one connection that is there already, with `--inetd`. A signal ends it as it ends a server.
///
/// # Errors
/// What makes the start impossible; [`Error::CutShort`] after a second signal.
pub fn serve_one(config: Config, stream: TcpStream) -> Result<(), Error> {
    let shared = Arc::new(Shared::new(config)?);
    let ended_by_signal = receive_signals(hang_up_ends(&shared)).map_err(Error::Signals)?;
    let peer = stream.peer_addr().map_err(Error::NoConnection)?;
    let stream = Arc::new(stream);
    let registry = Arc::new(Registry::new(1, None));
    let Admission::Place(place) = registry.admit(&stream, peer.ip()) else { return Ok(()) };
    let ending = Arc::clone(&shared);
    let signalled = std::thread::Builder::new().spawn(move || {
        wait_for(&ended_by_signal);
        drain(&ending, &registry, None, ended_by_signal)
    });
    let signalled = signalled.map_err(Error::Threads)?;
    association::run(&shared, &place, stream, peer);
    let by_signal = place.is_draining();
    drop(place);
    if by_signal {
        return signalled.join().unwrap_or(Ok(()));
    }
    finish_events(&shared, None, Instant::now() + shared.config.limits.grace_period);
    // The peer has not had to wait for it.
    shared.recover_storage();
    shared.leave_storage();
    Ok(())
}

/// Lets what is in flight finish within the grace period, or until another signal comes.
fn drain(
    shared: &Arc<Shared>,
    registry: &Arc<Registry>,
    watch: Option<JoinHandle<()>>,
    ended_by_signal: UnixStream,
) -> Result<(), Error> {
    tracing::info!("ending: no new associations, finishing what is in flight");
    let impatient = (Arc::clone(registry), Arc::clone(shared));
    let second_signal = std::thread::Builder::new().spawn(move || {
        wait_for(&ended_by_signal);
        impatient.0.cut_short();
        impatient.1.events.cut_short();
    });
    if let Err(error) = second_signal {
        tracing::warn!("a second signal will do nothing: {error}");
    }
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

/// Ends the studies that are open and does what waits to be done, until `deadline`, or for
/// [`COMMAND_GRACE`] if that is near. False if another signal cut it short.
fn finish_events(shared: &Shared, watch: Option<JoinHandle<()>>, deadline: Instant) -> bool {
    if let Some(studies) = &shared.studies {
        shared.events.after_studies(studies.close());
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
    let events = &shared.config.events;
    if !events.at_end_of_study() || events.end_of_study_timeout.is_none() {
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

/// Without TLS, SIGHUP has nothing to have read again.
fn hang_up_ends(shared: &Shared) -> bool {
    shared.tls.is_none() && !platform::ignores_hang_up()
}

/// From here on each SIGTERM and SIGINT puts a byte into the stream returned, and with
/// `hang_up_ends` the first SIGHUP: the end of a terminal may bring it twice.
fn receive_signals(hang_up_ends: bool) -> io::Result<UnixStream> {
    let (ended_by_signal, sender) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    if hang_up_ends {
        let mut hang_ups = Signals::new([SIGHUP])?;
        let wait = move || {
            if hang_ups.forever().next().is_some() {
                // Without a reader, the server is ending already.
                let _ = (&sender).write_all(&[0]);
            }
        };
        std::thread::Builder::new().name("hang-up".to_owned()).spawn(wait)?;
    }
    Ok(ended_by_signal)
}

/// How many associations may be served at a time: what was asked for, or what the process's limits
/// on descriptors (raised as far as is allowed) and threads give.
///
/// Each association holds one descriptor, and one more while it stores. The default keeps a third
/// as many for files as there are associations: should more than that store at once, those find no
/// descriptor and are answered A700H.
fn admissible_associations(asked: Option<usize>) -> Result<usize, Error> {
    let descriptors = raise_descriptor_limit().saturating_sub(RESERVED_DESCRIPTORS);
    let threads = platform::thread_limit().unwrap_or(usize::MAX).saturating_sub(RESERVED_THREADS);
    match asked {
        Some(asked) if asked > descriptors.min(threads) => {
            Err(Error::TooManyAssociations { asked, allowed: descriptors.min(threads) })
        }
        Some(asked) => Ok(asked),
        None => Ok((descriptors / 4 * 3).min(threads).max(1)),
    }
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
fn log_memory(max_associations: usize, has_tls: bool) {
    let each = crate::limits::RECEIVE_BUFFER_BYTES
        + crate::limits::WRITE_BLOCK_BYTES
        + if has_tls { TLS_PEAK_BYTES } else { 0 }
        + THREAD_STACK_BYTES
        + proto::limits::PEAK_BYTES;
    tracing::debug!(
        "at most {max_associations} associations at a time, each of at most {} KiB: {} MiB",
        each / 1024,
        max_associations.saturating_mul(each) / (1024 * 1024)
    );
}
