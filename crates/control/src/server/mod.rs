//! The server: from listening sockets to routes, with a bound on everything that clients can take.
//!
//! ```text
//!   listener ──► accepting ──► connections ──► TLS ──► hyper ──► bounds ──► access ──► routes
//!                              one makes room           head      time, body
//!                              for another              in time   requests at once
//! ```

mod accepting;
mod answers;
mod bounds;
mod connections;
mod serving;

use crate::access::{Access, Protection};
use crate::error::Error;
use crate::limits::{
    BLOCKING_THREADS, DESCRIPTOR_SHARE, LEAST_CONNECTIONS, MAX_CONNECTIONS, NICENESS,
    OWN_DESCRIPTORS, STOP_TIMEOUT, THREAD_STACK_BYTES, WORKER_THREADS,
};
use crate::monitor::Monitor;
use crate::program::Program;
use crate::state::State;
use accepting::Listening;
use connections::Connections;
use rustix::process::{Resource, getrlimit};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Opens the addresses of the protection's settings, and serves from now on, in threads of its own, until
/// [`ControlHandle::stop`] or until the handle is dropped.
///
/// Memory: [`limits::MEMORY_BYTES`](crate::limits::MEMORY_BYTES) at most; descriptors: [`descriptors`].
///
/// # Errors
/// [`Error::Listen`], [`Error::Threads`]. Nothing stays open.
pub fn start(
    protection: &Arc<Protection>,
    monitor: Arc<Monitor>,
    program: Arc<dyn Program>,
) -> Result<ControlHandle, Error> {
    let listeners = protection.listen().iter().map(bind).collect::<Result<Vec<_>, _>>()?;
    let access = Arc::new(Access::new(protection, Arc::clone(&program)));
    let app = bounds::around(State::new(monitor, program), access);
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_stack_size(THREAD_STACK_BYTES)
        .thread_name("control")
        .on_thread_start(|| platform::lower_thread_priority(NICENESS))
        .enable_io()
        .enable_time()
        .build()
        .map_err(Error::Threads)?;
    let connections = Arc::new(Connections::new(max_connections()));
    let scheme = if protection.in_force().tls.is_some() { "https" } else { "http" };
    let (mut addresses, mut accepting) = (Vec::new(), Vec::new());
    for (address, listener) in listeners {
        let listening = Listening {
            address,
            connections: Arc::clone(&connections),
            app: app.clone(),
            protection: Arc::clone(protection),
        };
        let unusable = |source| Error::Listen { address, source };
        let _entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(unusable)?;
        addresses.push(address);
        accepting.push(runtime.spawn(listening.accept(listener)));
    }
    for address in &addresses {
        tracing::info!("HTTP on {scheme}://{address}");
    }
    protection.warn();
    Ok(ControlHandle { addresses, connections, accepting, runtime: Some(runtime) })
}

/// A control plane that serves; dropping it ends it.
#[derive(Debug)]
pub struct ControlHandle {
    addresses: Vec<SocketAddr>,
    connections: Arc<Connections>,
    accepting: Vec<JoinHandle<()>>,
    /// There until it is stopped.
    runtime: Option<Runtime>,
}

impl ControlHandle {
    /// The addresses that are listened on, in the order of the settings; they tell the port where the settings say 0.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Closes the addresses, waits up to [`STOP_TIMEOUT`](crate::limits::STOP_TIMEOUT) for requests in progress, and
    /// ends all connections. Questions to the program that hang are left alone.
    pub fn stop(&mut self) {
        const STEP: Duration = Duration::from_millis(10);

        let Some(runtime) = self.runtime.take() else { return };
        self.accepting.iter().for_each(JoinHandle::abort);
        let deadline = Instant::now() + STOP_TIMEOUT;
        let is_busy = || {
            // A listener closes with its task.
            let is_open = self.accepting.iter().any(|task| !task.is_finished());
            is_open || self.connections.are_working()
        };
        while is_busy() && Instant::now() < deadline {
            std::thread::sleep(STEP);
        }
        runtime.shutdown_background();
    }
}

impl Drop for ControlHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How many descriptors the control plane takes at most, of those that the process may have.
#[must_use]
pub fn descriptors() -> usize {
    max_connections() + OWN_DESCRIPTORS
}

/// [`MAX_CONNECTIONS`], or fewer where the process may have few descriptors.
fn max_connections() -> usize {
    // The receiver raises the limit as far as it may.
    let limit = getrlimit(Resource::Nofile).maximum;
    let limit = limit.and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
    (limit / DESCRIPTOR_SHARE).clamp(LEAST_CONNECTIONS, MAX_CONNECTIONS)
}

fn bind(address: &SocketAddr) -> Result<(SocketAddr, TcpListener), Error> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok((listener.local_addr()?, listener))
    };
    open().map_err(|source| Error::Listen { address: *address, source })
}

#[cfg(test)]
mod tests;
