//! The connections that are being served, and how many may be.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::limits::{CUT_OFF_TIMEOUT, LONE_REJECTION_TIMEOUT, REJECTIONS_AT_ONCE};
use platform::sync::atomic::{AtomicBool, Ordering};
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Shutdown, TcpStream};
use std::time::Duration;

/// Admits connections up to a number, and ends them when the server ends.
#[derive(Debug)]
pub(super) struct Registry {
    max_associations: usize,
    max_associations_per_host: Option<usize>,
    large_buffers: usize,
    draining: AtomicBool,
    /// What is in flight is to be waited for no longer.
    cut_short: AtomicBool,
    connections: Mutex<Connections>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Connections {
    last_number: u64,
    /// All that are being served, those past the admitted number too.
    open: HashMap<u64, Arc<Connection>>,
    admitted: usize,
    /// Those admitted of each address, where that is limited.
    admitted_of_host: HashMap<IpAddr, usize>,
}

/// A connection as others than its own thread see it.
#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    since: Instant,
    /// A message is being received or answered.
    busy: AtomicBool,
    /// It is there only to be rejected.
    is_rejected: AtomicBool,
    /// The A-ASSOCIATE-RJ was sent.
    is_rejection_sent: AtomicBool,
    /// It was cut off to make room.
    is_cut_off: AtomicBool,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is served, or told that it is past a limit: see [`Slot::past_limit`].
    Slot(Slot),
    /// Even the connections being rejected are too many.
    Full,
    /// The server is ending and takes no more.
    Ending,
}

/// How a drain ([`Handle::drain`](crate::Handle::drain)) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that had to be cut off.
    pub cut_off: usize,
    /// Whether the wait for them was cut short.
    pub cut_short: bool,
}

/// Why a connection's association is to be rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PastLimit {
    /// As many associations as the server serves, this number, are being served.
    Associations(usize),
    /// So are as many as it serves of one address, this number.
    AssociationsOfHost(usize),
    /// The system refuses another thread, so that there is only the one that accepts connections.
    Threads,
}

/// The slot that a connection takes among those being served; dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot {
    registry: Arc<Registry>,
    number: u64,
    peer: IpAddr,
    past_limit: Option<PastLimit>,
    connection: Arc<Connection>,
}

impl Registry {
    /// A registry that admits `max_associations` at a time, and so many of one address.
    #[must_use]
    pub(super) fn new(max_associations: usize, max_associations_per_host: Option<usize>) -> Self {
        Self {
            max_associations,
            max_associations_per_host,
            large_buffers: 0,
            draining: AtomicBool::new(false),
            cut_short: AtomicBool::new(false),
            connections: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// The same, but connections are numbered from `first` on, not from 1.
    #[must_use]
    pub(super) fn numbered_from(self, first: u64) -> Self {
        self.lock().last_number = first.saturating_sub(1);
        self
    }

    /// With so many large receive buffers at a time, of all associations together; otherwise none.
    #[must_use]
    pub(super) fn with_large_buffers(self, large_buffers: usize) -> Self {
        Self { large_buffers, ..self }
    }

    /// Gives a slot to a new connection from this address, if it may have one.
    pub(super) fn admit(self: &Arc<Self>, stream: &Arc<TcpStream>, peer: IpAddr) -> Admission {
        let peer = peer.to_canonical();
        let mut connections = self.lock();
        // Set before `drain` takes the lock: it sees every connection that is admitted here.
        if self.draining.load(Ordering::SeqCst) {
            return Admission::Ending;
        }
        let past_limit = self.past_limit(&connections, peer);
        if past_limit.is_some() && !connections.make_room_for_rejection() {
            return Admission::Full;
        }
        let connection = Arc::new(Connection {
            stream: Arc::clone(stream),
            since: Instant::now(),
            busy: AtomicBool::new(false),
            is_rejected: AtomicBool::new(past_limit.is_some()),
            is_rejection_sent: AtomicBool::new(false),
            is_cut_off: AtomicBool::new(false),
        });
        connections.last_number += 1;
        let number = connections.last_number;
        if past_limit.is_none() {
            connections.admit(peer, self.max_associations_per_host.is_some());
        }
        connections.open.insert(number, Arc::clone(&connection));
        drop(connections);
        let registry = Arc::clone(self);
        Admission::Slot(Slot { registry, number, peer, past_limit, connection })
    }

    /// How many connections are being served, those that are to be rejected too.
    pub(super) fn connections(&self) -> usize {
        self.lock().open.len()
    }

    fn past_limit(&self, connections: &Connections, peer: IpAddr) -> Option<PastLimit> {
        if connections.admitted >= self.max_associations {
            return Some(PastLimit::Associations(self.max_associations));
        }
        let of_host = connections.admitted_of_host.get(&peer).copied().unwrap_or(0);
        let limit = self.max_associations_per_host.filter(|&most| of_host >= most)?;
        Some(PastLimit::AssociationsOfHost(limit))
    }

    /// Lets what is in flight finish: connections without a message under way see their end of
    /// stream now, the others when their message is answered. Returns when all have ended. Those
    /// that are left after `grace`, or when [`Registry::cut_short`] is called, are cut off, and have
    /// [`CUT_OFF_TIMEOUT`] to discard what they hold.
    pub(super) fn drain(&self, grace: Duration) -> Drained {
        self.draining.store(true, Ordering::SeqCst);
        let mut connections = self.lock();
        for connection in connections.open.values() {
            if !connection.busy.load(Ordering::SeqCst) {
                let _ = connection.stream.shutdown(Shutdown::Read);
            }
        }
        let cut_short = || self.cut_short.load(Ordering::SeqCst);
        connections = self.wait(connections, grace, cut_short);
        let cut_off = connections.open.len();
        for connection in connections.open.values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        drop(self.wait(connections, CUT_OFF_TIMEOUT, || false));
        Drained { cut_off, cut_short: cut_short() }
    }

    /// Ends the grace period of [`Registry::drain`], if it has begun, now.
    pub(super) fn cut_short(&self) {
        self.cut_short.store(true, Ordering::SeqCst);
        drop(self.lock());
        self.ended.notify_all();
    }

    /// Waits until no connection is open, for at most `limit` and until `enough`.
    fn wait<'a>(
        &self,
        connections: MutexGuard<'a, Connections>,
        limit: Duration,
        enough: impl Fn() -> bool,
    ) -> MutexGuard<'a, Connections> {
        let go_on = |connections: &mut Connections| !connections.open.is_empty() && !enough();
        let waited = self.ended.wait_timeout_while(connections, limit, go_on);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    fn admit(&mut self, peer: IpAddr, count_by_host: bool) {
        self.admitted += 1;
        if count_by_host {
            *self.admitted_of_host.entry(peer).or_default() += 1;
        }
    }

    /// Sees to it that one more connection can be told that it is rejected: cuts off the one that has been
    /// there longest, of those that were told already if there are any. A peer that sends its request at
    /// once is answered at once, so it is never that one for long. False if there are too many all the
    /// same.
    fn make_room_for_rejection(&self) -> bool {
        let rejected = self.open.len() - self.admitted;
        if rejected < REJECTIONS_AT_ONCE / 2 {
            return true;
        }
        // Half of them are cut off already, and about to go.
        if rejected >= REJECTIONS_AT_ONCE {
            return false;
        }
        let longest = self.longest_rejected(|_, _| true);
        if let Some(connection) = longest {
            connection.cut_off();
        }
        true
    }

    /// Of those that are there only to be rejected and may be cut off, the one that has been there longest; one
    /// that was told already, if there are any.
    fn longest_rejected(&self, may: impl Fn(u64, &Connection) -> bool) -> Option<&Connection> {
        let is = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let waiting = self.open.iter().filter(|(number, connection)| {
            is(&connection.is_rejected) && !is(&connection.is_cut_off) && may(**number, connection)
        });
        let longest = waiting
            .min_by_key(|(number, connection)| (!is(&connection.is_rejection_sent), **number));
        longest.map(|(_, connection)| &**connection)
    }

    /// One that was admitted counts no more.
    fn release(&mut self, peer: IpAddr) {
        self.admitted -= 1;
        if let Entry::Occupied(mut count) = self.admitted_of_host.entry(peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl Connection {
    fn cut_off(&self) {
        self.is_cut_off.store(true, Ordering::SeqCst);
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Slot {
    /// The number of the connection, for the log: no two of a receiver have the same.
    #[must_use]
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many receive buffers of all associations together may be large.
    pub(super) fn large_buffers(&self) -> usize {
        self.registry.large_buffers
    }

    /// Why the association on this connection is to be rejected, if it is.
    #[must_use]
    pub(super) fn past_limit(&self) -> Option<PastLimit> {
        self.past_limit
    }

    /// The association is to be rejected, since there is no thread to serve it. Its slot counts no more among
    /// those admitted.
    pub(super) fn reject_for_want_of_threads(&mut self) {
        if self.past_limit.replace(PastLimit::Threads).is_none() {
            self.registry.lock().release(self.peer);
        }
        self.connection.is_rejected.store(true, Ordering::SeqCst);
    }

    /// Cuts off another connection that is there only to be rejected, so that its thread is free in a moment:
    /// one that was told, or has said nothing for [`LONE_REJECTION_TIMEOUT`]. False if there is none.
    #[must_use]
    pub(super) fn cut_off_another(&self) -> bool {
        let connections = self.registry.lock();
        let another = connections.longest_rejected(|number, connection| {
            number != self.number
                && (connection.is_rejection_sent.load(Ordering::SeqCst)
                    || connection.since.elapsed() >= LONE_REJECTION_TIMEOUT)
        });
        another.inspect(|connection| connection.cut_off()).is_some()
    }

    /// Notes whether a message is under way, so that the end of the server waits for it.
    pub(super) fn set_busy(&self, busy: bool) {
        self.connection.busy.store(busy, Ordering::SeqCst);
    }

    /// Notes that the A-ASSOCIATE-RJ was sent.
    pub(super) fn set_rejection_sent(&self) {
        self.connection.is_rejection_sent.store(true, Ordering::SeqCst);
    }

    /// Whether the server is ending: after the message under way, the association ends too.
    #[must_use]
    pub(super) fn is_draining(&self) -> bool {
        self.registry.draining.load(Ordering::SeqCst)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut connections = self.registry.lock();
        connections.open.remove(&self.number);
        if self.past_limit.is_none() {
            connections.release(self.peer);
        }
        drop(connections);
        self.registry.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn registry(most: usize, of_host: Option<usize>) -> (Arc<Registry>, Arc<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(Registry::new(most, of_host)), Arc::new(stream))
    }

    fn slot(registry: &Arc<Registry>, stream: &Arc<TcpStream>, peer: &str) -> Slot {
        match registry.admit(stream, peer.parse().unwrap()) {
            Admission::Slot(slot) => slot,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_address_has_its_own_number() {
        let (registry, stream) = registry(3, Some(1));
        let first = slot(&registry, &stream, "10.0.0.1");
        assert_eq!(first.past_limit(), None);
        let mapped = slot(&registry, &stream, "::ffff:10.0.0.1");
        assert_eq!(mapped.past_limit(), Some(PastLimit::AssociationsOfHost(1)), "the same address");
        let other = slot(&registry, &stream, "10.0.0.2");
        assert_eq!(other.past_limit(), None);
        drop((first, mapped));
        assert_eq!(slot(&registry, &stream, "10.0.0.1").past_limit(), None);
        assert_eq!(registry.lock().admitted_of_host.len(), 1, "none is kept that is not open");
        drop(other);
    }

    #[test]
    fn those_past_the_limit_are_limited_too_and_take_no_place() {
        let (registry, stream) = registry(1, None);
        let admitted = slot(&registry, &stream, "10.0.0.1");
        let refused: Vec<Slot> = (0..REJECTIONS_AT_ONCE)
            .map(|_| slot(&registry, &stream, "10.0.0.1"))
            .inspect(|slot| assert_eq!(slot.past_limit(), Some(PastLimit::Associations(1))))
            .collect();
        assert!(matches!(registry.admit(&stream, admitted.peer), Admission::Full));
        drop((admitted, refused));
        assert_eq!(slot(&registry, &stream, "10.0.0.1").past_limit(), None);
    }

    #[test]
    fn whoever_waits_longest_makes_room_for_whoever_is_to_be_rejected_next() {
        let (registry, stream) = registry(1, None);
        let mut admitted = slot(&registry, &stream, "10.0.0.1");
        let reject = || slot(&registry, &stream, "10.0.0.2");
        let rejected: Vec<Slot> = (0..REJECTIONS_AT_ONCE / 2).map(|_| reject()).collect();
        rejected[3].set_rejection_sent();
        let cut_off = || {
            let is_cut_off = |slot: &Slot| slot.connection.is_cut_off.load(Ordering::SeqCst);
            rejected.iter().map(is_cut_off).enumerate().filter(|it| it.1).map(|it| it.0).collect()
        };
        let mut more = Vec::new();
        for expected in [vec![3], vec![0, 3], vec![0, 1, 3]] {
            more.push(reject());
            let found: Vec<usize> = cut_off();
            assert_eq!(found, expected);
        }
        drop((rejected, more));
        assert_eq!(reject().past_limit(), Some(PastLimit::Associations(1)));
        admitted.reject_for_want_of_threads();
        assert_eq!(admitted.past_limit(), Some(PastLimit::Threads));
        assert_eq!(reject().past_limit(), None, "its slot is free");
        drop(admitted);
        assert_eq!(registry.lock().admitted, 0);
    }

    #[test]
    fn whoever_was_told_or_is_silent_makes_room_for_a_thread() {
        let (registry, stream) = registry(1, None);
        let admitted = slot(&registry, &stream, "10.0.0.1");
        let rejected = [(); 3].map(|()| slot(&registry, &stream, "10.0.0.2"));
        let is_cut_off =
            || rejected.each_ref().map(|slot| slot.connection.is_cut_off.load(Ordering::SeqCst));
        assert!(!admitted.cut_off_another(), "their requests may be on the way");
        rejected[1].set_rejection_sent();
        assert!(admitted.cut_off_another() && !admitted.cut_off_another());
        assert_eq!(is_cut_off(), [false, true, false]);
        std::thread::sleep(LONE_REJECTION_TIMEOUT);
        assert!(rejected[0].cut_off_another(), "another than itself");
        assert_eq!(is_cut_off(), [false, true, true]);
        assert!(admitted.cut_off_another() && !admitted.cut_off_another());
        assert_eq!(is_cut_off(), [true; 3]);
    }

    #[test]
    fn a_server_that_ends_admits_nobody() {
        let (registry, stream) = registry(1, None);
        assert_eq!(registry.drain(Duration::ZERO).cut_off, 0);
        let peer = "10.0.0.1".parse().unwrap();
        assert!(matches!(registry.admit(&stream, peer), Admission::Ending));
    }
}
