//! What waits to be sent: a bounded queue, and the thread that sends.
//!
//! Whoever hands something over never waits. Beyond the bound of the queue it is dropped and counted, and the thread
//! tells so once a minute. While sending fails, it is tried again with growing pauses.

use crate::error::Error;
use crate::limits::{COMPLAINT_INTERVAL, FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY, SENDER_NICENESS};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What sends. Called by the one thread of an [`Outbox`].
pub(crate) trait Deliver: Send + 'static {
    type Item: Send + 'static;

    /// Sends items, from the first on. Returns how many are sent, and why it is not all of them.
    fn deliver(&mut self, items: &[Self::Item]) -> (usize, Result<(), Failure>);
}

/// Why an item is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It may be possible later.
    Later(String),
    /// This item can never be sent.
    Never(String),
    /// None of these items can ever be sent.
    NeverAny(String),
}

/// What the items of an outbox are, and how many go together.
#[derive(Debug, Clone)]
pub(crate) struct OutboxSettings {
    /// What the items are called in the log, in the plural.
    pub(crate) items: &'static str,
    /// Where they go, for the log.
    pub(crate) destination: String,
    /// Bytes that may wait.
    pub(crate) bytes_waiting: usize,
    /// Items that are sent together at most.
    pub(crate) batch: usize,
    /// How long the first of them waits for others.
    pub(crate) linger: Duration,
}

/// A bounded queue with a thread that sends. Holds what waits, and next to nothing while nothing waits.
pub(crate) struct Outbox<T> {
    settings: OutboxSettings,
    state: Mutex<State<T>>,
    /// There is something to do for the thread, or the end has come.
    work: Condvar,
    /// Something was sent, or dropped.
    progress: Condvar,
}

struct State<T> {
    waiting: VecDeque<(T, usize)>,
    /// Of the items that wait and of those that are being sent.
    bytes: usize,
    /// Items that are being sent.
    sending: usize,
    /// Dropped items that the log has not told of.
    untold: u64,
    /// Dropped items of all time.
    dropped: u64,
    /// The program ends: nothing waits for anything any more.
    is_ending: bool,
}

impl<T: Send + 'static> Outbox<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub(crate) fn start<D: Deliver<Item = T>>(
        settings: OutboxSettings,
        deliver: D,
    ) -> Result<Arc<Self>, Error> {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            sending: 0,
            untold: 0,
            dropped: 0,
            is_ending: false,
        };
        let (work, progress) = (Condvar::new(), Condvar::new());
        let outbox = Arc::new(Self { settings, state: Mutex::new(state), work, progress });
        let sender = Arc::clone(&outbox);
        let send = move || {
            platform::lower_thread_priority(SENDER_NICENESS);
            sender.send_all(deliver);
        };
        receiver::thread_builder().spawn(send).map_err(Error::Thread)?;
        Ok(outbox)
    }

    /// Hands an item over that takes so many bytes, or drops it if there is no room. Never waits for anything but
    /// for others that hand something over.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        let mut state = self.lock();
        if state.bytes + bytes > self.settings.bytes_waiting {
            state.untold += 1;
            state.dropped += 1;
            return;
        }
        state.bytes += bytes;
        state.waiting.push_back((item, bytes));
        drop(state);
        self.work.notify_one();
    }

    /// Items that were dropped since the start.
    pub(crate) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Sends what waits without delay, until `deadline`. Returns how many items were not sent.
    pub(crate) fn finish(&self, deadline: Instant) -> u64 {
        let mut state = self.lock();
        state.is_ending = true;
        self.work.notify_all();
        while !state.waiting.is_empty() || state.sending > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.progress.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        (state.waiting.len() + state.sending) as u64 + state.untold
    }

    /// What the thread does, as long as the program runs.
    fn send_all<D: Deliver<Item = T>>(&self, mut deliver: D) {
        let mut trouble = Trouble::default();
        loop {
            let (mut items, mut sizes) = self.next_batch(&mut trouble);
            while !items.is_empty() {
                let (sent, result) = deliver.deliver(&items);
                items.drain(..sent);
                self.done(sizes.drain(..sent).sum(), sent);
                if sent > 0 {
                    trouble.over(&self.settings);
                }
                match result {
                    Ok(()) => {}
                    Err(Failure::Never(why)) => {
                        let one = items.len().min(1);
                        items.drain(..one);
                        self.drop_these(sizes.drain(..one).sum(), one);
                        trouble.tell(&self.settings, &why, items.len());
                    }
                    Err(Failure::NeverAny(why)) => {
                        self.drop_these(sizes.drain(..).sum(), items.len());
                        items.clear();
                        trouble.tell(&self.settings, &why, self.lock().waiting.len());
                    }
                    Err(Failure::Later(why)) => {
                        let waiting = items.len() + self.lock().waiting.len();
                        trouble.tell(&self.settings, &why, waiting);
                        self.pause(trouble.delay());
                    }
                }
                self.tell_dropped(&mut trouble);
            }
        }
    }

    /// Waits for items, and for others to go with them.
    fn next_batch(&self, trouble: &mut Trouble) -> (Vec<T>, Vec<usize>) {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.untold > 0 {
                // What was dropped is told even if nothing more comes.
                drop(state);
                self.tell_dropped(trouble);
                state = self.lock();
                let woken = self.work.wait_timeout(state, COMPLAINT_INTERVAL);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        let deadline = Instant::now() + self.settings.linger;
        while state.waiting.len() < self.settings.batch && !state.is_ending {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.work.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        let count = state.waiting.len().min(self.settings.batch);
        state.sending = count;
        let batch = state.waiting.drain(..count).unzip();
        if state.waiting.is_empty() {
            state.waiting.shrink_to(self.settings.batch);
        }
        batch
    }

    fn done(&self, bytes: usize, count: usize) {
        let mut state = self.lock();
        state.bytes -= bytes;
        state.sending -= count;
        drop(state);
        self.progress.notify_all();
    }

    fn drop_these(&self, bytes: usize, count: usize) {
        let mut state = self.lock();
        state.untold += count as u64;
        state.dropped += count as u64;
        drop(state);
        self.done(bytes, count);
    }

    /// Waits before sending is tried again; a moment only, if the program ends.
    fn pause(&self, delay: Duration) {
        let end = Instant::now() + delay;
        let mut state = self.lock();
        loop {
            let limit = if state.is_ending { delay.min(FIRST_RETRY_DELAY) } else { delay };
            let end = end - (delay - limit);
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.work.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells how many items were dropped, once a minute at most.
    fn tell_dropped(&self, trouble: &mut Trouble) {
        let mut state = self.lock();
        if state.untold == 0 || !trouble.may_tell_of_drops() {
            return;
        }
        let dropped = std::mem::take(&mut state.untold);
        drop(state);
        let OutboxSettings { items, destination, bytes_waiting, .. } = &self.settings;
        tracing::warn!(
            "{dropped} {items} for {destination} were dropped: {bytes_waiting} bytes are waiting to be sent, or \
             they could not be sent at all"
        );
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What the log is told of failures, and how long to wait after them.
#[derive(Debug, Default)]
struct Trouble {
    /// Since when nothing can be sent.
    since: Option<Instant>,
    failures: u32,
    told: Option<Instant>,
    /// This trouble was told.
    is_told: bool,
    told_of_drops: Option<Instant>,
}

impl Trouble {
    fn tell(&mut self, settings: &OutboxSettings, why: &str, waiting: usize) {
        let now = Instant::now();
        self.since.get_or_insert(now);
        self.failures += 1;
        if self.told.is_some_and(|told| now - told < COMPLAINT_INTERVAL) {
            return;
        }
        (self.told, self.is_told) = (Some(now), true);
        let OutboxSettings { items, destination, .. } = settings;
        tracing::warn!("cannot send {items} to {destination}: {why}; {waiting} wait");
    }

    /// Something was sent.
    fn over(&mut self, settings: &OutboxSettings) {
        let Some(since) = self.since.take() else { return };
        self.failures = 0;
        if !std::mem::take(&mut self.is_told) {
            return;
        }
        let OutboxSettings { items, destination, .. } = settings;
        let seconds = since.elapsed().as_secs();
        tracing::warn!("{items} are sent to {destination} again, after {seconds} s");
    }

    /// How long to wait after so many failures in a row.
    fn delay(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        let delay = FIRST_RETRY_DELAY.saturating_mul(1 << doublings).min(LONGEST_RETRY_DELAY);
        let mut random = [0];
        // Without a random number, several senders may come at the same time.
        let _ = openssl::rand::rand_bytes(&mut random);
        delay - delay.mul_f64(f64::from(random[0]) / 512.0)
    }

    fn may_tell_of_drops(&mut self) -> bool {
        let now = Instant::now();
        let may = self.told_of_drops.is_none_or(|told| now - told >= COMPLAINT_INTERVAL);
        if may {
            self.told_of_drops = Some(now);
        }
        may
    }
}

#[cfg(test)]
mod tests;
