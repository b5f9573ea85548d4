//! The connections that are being served, and how many may be.

use crate::limits::REJECTIONS_AT_ONCE;
use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Admits connections up to a number, and ends them when the server ends.
#[derive(Debug)]
pub struct Registry {
    max_associations: usize,
    draining: AtomicBool,
    connections: Mutex<Connections>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    next_number: u64,
    /// All that are being served, those past the admitted number too.
    open: HashMap<u64, Arc<Connection>>,
    admitted: usize,
}

/// A connection as others than its own thread see it.
#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    /// A message is being received or answered.
    busy: AtomicBool,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub enum Admission {
    /// It is served.
    Admitted(Place),
    /// The number is reached: its association is to be rejected, and it is told so.
    PastLimit(Place),
    /// Even those that are being told so are too many.
    Full,
    /// The server is ending and takes no more.
    Ending,
}

/// A connection's place among those being served; dropping it frees the place.
#[derive(Debug)]
pub struct Place {
    registry: Arc<Registry>,
    number: u64,
    admitted: bool,
    connection: Arc<Connection>,
}

impl Registry {
    /// A registry that admits `max_associations` at a time.
    #[must_use]
    pub fn new(max_associations: usize) -> Self {
        Self {
            max_associations,
            draining: AtomicBool::new(false),
            connections: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Finds a place for a new connection.
    pub fn admit(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Admission {
        let mut connections = self.lock();
        // Set before `drain` takes the lock: it sees every connection that is admitted here.
        if self.draining.load(Ordering::SeqCst) {
            return Admission::Ending;
        }
        let admitted = connections.admitted < self.max_associations;
        if !admitted && connections.open.len() - connections.admitted >= REJECTIONS_AT_ONCE {
            return Admission::Full;
        }
        let connection =
            Arc::new(Connection { stream: Arc::clone(stream), busy: AtomicBool::new(false) });
        let number = connections.next_number;
        connections.next_number += 1;
        connections.admitted += usize::from(admitted);
        connections.open.insert(number, Arc::clone(&connection));
        drop(connections);
        let place = Place { registry: Arc::clone(self), number, admitted, connection };
        if admitted { Admission::Admitted(place) } else { Admission::PastLimit(place) }
    }

    /// Lets what is in flight finish: connections without a message under way see their end of
    /// stream now, the others when their message is answered. Returns when all have ended, at the
    /// latest after `grace`; then those that are left are cut off, and the number of them returned.
    pub fn drain(&self, grace: Duration) -> usize {
        self.draining.store(true, Ordering::SeqCst);
        let mut connections = self.lock();
        for connection in connections.open.values() {
            if !connection.busy.load(Ordering::SeqCst) {
                let _ = connection.stream.shutdown(Shutdown::Read);
            }
        }
        let deadline = Instant::now() + grace;
        while !connections.open.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(connections, left);
            connections = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        for connection in connections.open.values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        connections.open.len()
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Notes whether a message is under way, so that the end of the server waits for it.
    pub fn set_busy(&self, busy: bool) {
        self.connection.busy.store(busy, Ordering::SeqCst);
    }

    /// Whether the server is ending: after the message under way, the association ends too.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.registry.draining.load(Ordering::SeqCst)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        connections.open.remove(&self.number);
        connections.admitted -= usize::from(self.admitted);
        drop(connections);
        self.registry.ended.notify_all();
    }
}
