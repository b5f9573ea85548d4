//! The face of the receiver: listen, serve, drain.

use super::association;
use super::capacity::Capacity;
use super::registry::{Admission, Drained, Registry, Slot};
use super::workers::Workers;
use crate::error::Error;
use crate::limits::{LISTEN_BACKLOG, PULSE_PATIENCE, PULSE_STEP, THREAD_STACK_BYTES};
use crate::net::{Network, inherited};
use crate::node::Node;
use platform::sync::Arc;
use rustix::net::{AddressFamily as Family, SocketFlags, SocketType, sockopt};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// A receiver that listens and has not begun to serve. Dropping it closes the port.
pub struct Server {
    listeners: Listeners,
    node: Arc<Node>,
    registry: Arc<Registry>,
}

impl Server {
    /// Opens the port, or the addresses, of the node's settings. Up to [`LISTEN_BACKLOG`] connections wait in the kernel until
    /// [`Server::start`].
    ///
    /// # Errors
    /// [`Error::Listen`], [`Error::Privileges`]; nothing stays open.
    pub fn bind(node: Arc<Node>, capacity: Capacity) -> Result<Self, Error> {
        let listeners = listen_on_all(&node.settings.network)?;
        Ok(Self::new(Listeners::Own(listeners), node, capacity))
    }

    /// Listens on the sockets that were passed to the process (systemd, `LISTEN_FDS`), which are looked for
    /// once only; where there are none, as [`Server::bind`].
    ///
    /// # Errors
    /// [`Error::PassedSocket`], and those of [`Server::bind`].
    pub fn inherit_or_bind(node: Arc<Node>, capacity: Capacity) -> Result<Self, Error> {
        let passed = inherited::listeners().map_err(Error::PassedSocket)?;
        if passed.is_empty() {
            return Self::bind(node, capacity);
        }
        for listener in &passed {
            if let Ok(address) = listener.local_addr() {
                tracing::info!("listening on {address} (socket passed to this process)");
            }
        }
        Ok(Self::new(Listeners::Passed(passed), node, capacity))
    }

    fn new(listeners: Listeners, node: Arc<Node>, capacity: Capacity) -> Self {
        capacity.log();
        let per_host = node.settings.limits.max_associations_per_host;
        let registry = Registry::new(capacity.max_associations(), per_host);
        let registry = Arc::new(registry.with_large_buffers(capacity.large_buffers()));
        Self { listeners, node, registry }
    }

    /// The address that is listened on, the first of several. Tells the port where the settings say 0.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        match &self.listeners {
            Listeners::Own(listeners) | Listeners::Passed(listeners) => listeners[0].local_addr(),
        }
    }

    /// All addresses that are listened on.
    ///
    /// # Errors
    /// Whatever the operating system says.
    pub fn local_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let (Listeners::Own(listeners) | Listeners::Passed(listeners)) = &self.listeners;
        listeners.iter().map(TcpListener::local_addr).collect()
    }

    /// Serves from now on, in threads of its own: one for each connection, and one that waits for the next.
    ///
    /// # Errors
    /// [`Error::Threads`] if no thread could be started.
    pub fn start(self) -> Result<Handle, Error> {
        let Self { listeners, node, registry } = self;
        let workers = listeners.serve(&node, &registry).map_err(Error::Threads)?;
        Ok(Handle { workers, registry })
    }
}

/// What [`Handle::is_accepting`] saw when it was last asked.
#[derive(Debug, Default)]
pub struct Pulse(Vec<u64>);

/// What ends a receiver that serves, from any thread. Where all of these are dropped, it goes on serving.
#[derive(Clone)]
pub struct Handle {
    workers: Vec<Arc<Workers>>,
    registry: Arc<Registry>,
}

impl Handle {
    /// Accepts no more connections; those that are being served go on. Returns at once. Listening sockets that
    /// were passed to the process stay as they are, with the connections in their queues.
    pub fn stop_accepting(&self) {
        for workers in &self.workers {
            workers.stop_accepting();
        }
    }

    /// Whether connections are being accepted: since `pulse` was last asked about, a thread has come back from
    /// accepting, or one waits and there is no connection for it. Where neither is so, it looks again for
    /// [`PULSE_PATIENCE`], since a connection may have come this moment. For watchdogs.
    #[must_use]
    pub fn is_accepting(&self, pulse: &mut Pulse) -> bool {
        pulse.0.resize(self.workers.len(), 0);
        self.workers.iter().zip(&mut pulse.0).all(|(workers, last)| {
            let mut looks = PULSE_PATIENCE.as_millis() / PULSE_STEP.as_millis();
            loop {
                let rounds = workers.rounds();
                if std::mem::replace(last, rounds) != rounds || workers.is_idle() {
                    return true;
                }
                if looks == 0 {
                    return false;
                }
                looks -= 1;
                std::thread::sleep(PULSE_STEP);
            }
        })
    }

    /// How many associations and connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.registry.connections()
    }

    /// Lets messages under way finish within `grace_period`: an association without one is aborted at once,
    /// the others once their message is answered, and all that are left when the time is over are cut off.
    /// Returns when all have ended; those cut off have [`CUT_OFF_TIMEOUT`](crate::limits::CUT_OFF_TIMEOUT) to
    /// discard what they hold. What connects meanwhile is closed.
    #[must_use]
    pub fn drain(&self, grace_period: Duration) -> Drained {
        self.registry.drain(grace_period)
    }

    /// Ends the grace period of [`Handle::drain`] now, if it has begun; otherwise there will be none.
    pub fn cut_short(&self) {
        self.registry.cut_short();
    }
}

/// A receiver of one connection that is there already, as `inetd` starts it (see
/// [`net::inherited`](crate::net::inherited)).
pub struct SingleConnection {
    node: Arc<Node>,
    slot: Slot,
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    registry: Arc<Registry>,
}

impl SingleConnection {
    /// Takes the connection over.
    ///
    /// # Errors
    /// [`Error::NoConnection`] if it is not connected, or has ended already.
    pub fn new(node: Arc<Node>, stream: TcpStream) -> Result<Self, Error> {
        let peer = stream.peer_addr().map_err(Error::NoConnection)?;
        let stream = Arc::new(stream);
        let large_buffers = usize::from(node.tls.is_none());
        // Each connection has a process of its own, and they may share one log.
        let number = u64::from(std::process::id());
        let registry =
            Registry::new(1, None).numbered_from(number).with_large_buffers(large_buffers);
        let registry = Arc::new(registry);
        let Admission::Slot(slot) = registry.admit(&stream, peer.ip()) else {
            let why = "the new registry has no slot";
            return Err(Error::NoConnection(io::Error::other(why)));
        };
        Ok(Self { node, slot, stream, peer, registry })
    }

    /// What ends it from another thread.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { workers: Vec::new(), registry: Arc::clone(&self.registry) }
    }

    /// Serves it to its end, in this thread. True if that came by itself, and not by [`Handle::drain`].
    #[must_use]
    pub fn serve(self) -> bool {
        let Self { node, slot, stream, peer, registry: _registry } = self;
        // A panic is in the log, and has ended the association.
        let serve = AssertUnwindSafe(|| association::run(&node, &slot, stream, peer));
        let _ = catch_unwind(serve);
        !slot.is_draining()
    }
}

/// Makes threads as all of the receiver's are: with a stack of [`THREAD_STACK_BYTES`], of which only the
/// pages that it touches are taken.
pub fn thread_builder() -> std::thread::Builder {
    std::thread::Builder::new().stack_size(THREAD_STACK_BYTES)
}

/// What is listened on.
enum Listeners {
    /// Our own: they end with us. At least one.
    Own(Vec<TcpListener>),
    /// Passed to us: the program that passed them keeps listening when we end.
    Passed(Vec<TcpListener>),
}

impl Listeners {
    fn serve(self, node: &Arc<Node>, registry: &Arc<Registry>) -> io::Result<Vec<Arc<Workers>>> {
        let (node, registry) = (|| Arc::clone(node), || Arc::clone(registry));
        match self {
            Self::Own(listeners) => listeners
                .into_iter()
                .map(|listener| Workers::start(listener, node(), registry()))
                .collect(),
            Self::Passed(listeners) => listeners
                .into_iter()
                .map(|listener| Workers::start_on_inherited(listener, node(), registry()))
                .collect(),
        }
    }
}

/// Opens a socket for each address of the settings. None stays open if one cannot be opened.
fn listen_on_all(network: &Network) -> Result<Vec<TcpListener>, Error> {
    let addresses = network.listens_on();
    let is_single = addresses.len() == 1 && network.addresses.is_empty();
    let listeners = addresses.into_iter().map(|(address, is_dual)| {
        listen(address, is_dual).map_err(|error| match error {
            rustix::io::Errno::ACCESS if address.port() < 1024 => {
                Error::Privileges { port: address.port() }
            }
            error if is_single => Error::Listen(error.into()),
            error => {
                let source = io::Error::from(error);
                let text = format!("{address}: {}", platform::reason(&source));
                Error::Listen(io::Error::new(source.kind(), text))
            }
        })
    });
    listeners.collect()
}

fn listen(address: SocketAddr, is_dual: bool) -> rustix::io::Result<TcpListener> {
    let family = if address.is_ipv4() { Family::INET } else { Family::INET6 };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if family == Family::INET6 {
        sockopt::set_ipv6_v6only(&socket, !is_dual)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, LISTEN_BACKLOG)?;
    Ok(socket.into())
}
