//! The threads that accept connections and serve them.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use super::association;
use super::registry::{Admission, Registry, Slot};
use crate::limits::{
    ACCEPT_BACKOFF, MAX_WAITING_THREADS, REJECTIONS_AT_ONCE, SLOT_ATTEMPTS, SLOT_BACKOFF,
    THREAD_STACK_BYTES,
};
use crate::node::Node;
use crate::observer::{ConnectionRefusal, Refused};
use platform::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use platform::sync::{Arc, rustix, thread};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Threads that wait for a connection, serve it, and wait again.
///
/// Connections are not handed over: the thread that the kernel wakes has one. At least one thread
/// waits as long as the server runs, since the last one that stops waiting starts another first;
/// at most [`MAX_WAITING_THREADS`] wait, and those past that number end. So associations that
/// follow each other cost no thread each, and none waits for another. Where the system refuses another
/// thread, silent peers that are only to be rejected make room; where there are none, the last thread that
/// waits rejects the association itself, in words, and waits again.
pub(super) struct Workers {
    listener: TcpListener,
    node: Arc<Node>,
    registry: Arc<Registry>,
    /// How many threads are waiting for a connection.
    waiting: AtomicUsize,
    /// How often a thread came back from accepting, with a connection or an error.
    rounds: AtomicU64,
    /// No connection is served any more.
    ending: AtomicBool,
    /// For a listener that others hold too, so that it has to go on listening when we end: what each
    /// thread waits for beside a connection, and what makes it readable.
    ended: Option<(UnixStream, UnixStream)>,
}

impl Workers {
    /// Starts serving what comes in on `listener`.
    ///
    /// # Errors
    /// There is no thread to be had; nothing is served.
    pub(super) fn start(
        listener: TcpListener,
        node: Arc<Node>,
        registry: Arc<Registry>,
    ) -> io::Result<Arc<Self>> {
        Self::begin(listener, None, node, registry)
    }

    /// Starts serving what comes in on a listener that others hold too: it is left as it is in the
    /// end, with all connections that nobody accepted yet.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub(super) fn start_on_inherited(
        listener: TcpListener,
        node: Arc<Node>,
        registry: Arc<Registry>,
    ) -> io::Result<Arc<Self>> {
        // Of several threads that a connection wakes, all but one get none.
        listener.set_nonblocking(true)?;
        Self::begin(listener, Some(UnixStream::pair()?), node, registry)
    }

    fn begin(
        listener: TcpListener,
        ended: Option<(UnixStream, UnixStream)>,
        node: Arc<Node>,
        registry: Arc<Registry>,
    ) -> io::Result<Arc<Self>> {
        let (waiting, rounds) = (AtomicUsize::new(0), AtomicU64::new(0));
        let ending = AtomicBool::new(false);
        let workers = Arc::new(Self { listener, node, registry, waiting, rounds, ending, ended });
        workers.add_thread()?;
        Ok(workers)
    }

    /// Accepts no more connections; those that are being served go on.
    pub(super) fn stop_accepting(&self) {
        self.ending.store(true, Ordering::SeqCst);
        match &self.ended {
            // It is never read, so it stays readable for all.
            Some((_, end)) => drop((&*end).write(&[0])),
            None => platform::stop_accepting(&self.listener, MAX_WAITING_THREADS),
        }
    }

    /// How often a thread came back from accepting so far.
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// True if a thread waits for a connection and none is there to be accepted.
    pub(super) fn is_idle(&self) -> bool {
        let mut pending = [PollFd::new(&self.listener, PollFlags::IN)];
        let is_pending = rustix::event::poll(&mut pending, Some(&Timespec::default()));
        self.waiting.load(Ordering::SeqCst) > 0 && is_pending.is_ok_and(|count| count == 0)
    }

    /// How many threads are waiting for a connection.
    #[cfg(test)]
    #[cfg(feature = "explore")]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Starts another thread, unless one waits again by now.
    fn add_thread(self: &Arc<Self>) -> io::Result<()> {
        if !self.change_waiting(|waiting| (waiting == 0).then_some(1)) {
            return Ok(());
        }
        let workers = Arc::clone(self);
        let thread =
            thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(move || workers.work());
        if thread.is_err() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        thread.map(drop)
    }

    /// As [`add_thread`](Self::add_thread); where the system refuses one, a peer that is only to be rejected
    /// may make room.
    fn add_thread_or_make_room(self: &Arc<Self>, slot: &Slot) -> io::Result<()> {
        let mut added = self.add_thread();
        if added.is_err() && slot.cut_off_another() {
            for _ in 0..SLOT_ATTEMPTS {
                thread::sleep(SLOT_BACKOFF);
                added = self.add_thread();
                if added.is_ok() {
                    break;
                }
            }
        }
        added
    }

    /// What a thread does; it is counted among those waiting when it begins.
    fn work(self: &Arc<Self>) {
        while let Some((stream, peer)) = self.accept() {
            let stream = Arc::new(stream);
            let Some(mut slot) = self.wait_for_slot(&stream, peer) else { continue };
            if self.waiting.fetch_sub(1, Ordering::SeqCst) == 1
                && let Err(error) = self.add_thread_or_make_room(&slot)
            {
                tracing::error!("cannot start a thread for the connection from {peer}: {error}");
                self.waiting.fetch_add(1, Ordering::SeqCst);
                // Meanwhile others wait in the kernel's queue, or for a thread that is done.
                slot.reject_for_want_of_threads();
                let reject = || association::run(&self.node, &slot, stream, peer);
                // A panic ends one association, not the only thread that accepts them.
                let _ = catch_unwind(AssertUnwindSafe(reject));
                continue;
            }
            association::run(&self.node, &slot, stream, peer);
            drop(slot);
            if !self
                .change_waiting(|waiting| (waiting < MAX_WAITING_THREADS).then_some(waiting + 1))
            {
                return;
            }
        }
    }

    /// Waits for a connection; `None` if this thread is to wait no longer and is not counted.
    fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        loop {
            if let Some((ended, _)) = &self.ended {
                let mut ready =
                    [PollFd::new(ended, PollFlags::IN), PollFd::new(&self.listener, PollFlags::IN)];
                // Whatever is wrong, accepting tells.
                let _ = rustix::event::poll(&mut ready, None);
                if !ready[0].revents().is_empty() {
                    return None;
                }
            }
            let accepted = self.listener.accept();
            self.rounds.fetch_add(1, Ordering::Relaxed);
            if self.ending.load(Ordering::SeqCst) {
                return None;
            }
            match accepted {
                Ok(connection) => return Some(connection),
                // The peer was gone before it was accepted, or another thread has it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::WouldBlock
                    ) => {}
                Err(error) => {
                    // One thread is enough to try again.
                    if self.change_waiting(|waiting| (waiting > 1).then(|| waiting - 1)) {
                        return None;
                    }
                    tracing::error!("cannot accept a connection, trying again: {error}");
                    thread::sleep(ACCEPT_BACKOFF);
                }
            }
        }
    }

    fn change_waiting(&self, change: impl Fn(usize) -> Option<usize>) -> bool {
        self.waiting.fetch_update(Ordering::SeqCst, Ordering::SeqCst, change).is_ok()
    }

    /// The slot of a connection; `None` if the server is ending, or there is none for it. Connections that
    /// were cut off to make room are gone in a moment, so it is asked for again a few times.
    fn wait_for_slot(&self, stream: &Arc<TcpStream>, peer: SocketAddr) -> Option<Slot> {
        for _ in 0..SLOT_ATTEMPTS {
            match self.registry.admit(stream, peer.ip()) {
                Admission::Slot(slot) => return Some(slot),
                Admission::Full => std::thread::sleep(SLOT_BACKOFF),
                Admission::Ending => return None,
            }
        }
        tracing::warn!(
            "too many connections, closing the one from {peer}: {REJECTIONS_AT_ONCE} others past the limit \
             are being rejected already"
        );
        let (cause, reason) = (ConnectionRefusal::TooMany, "too many connections");
        self.node.observer.refused(&Refused::Connection { peer, cause, reason });
        None
    }
}
