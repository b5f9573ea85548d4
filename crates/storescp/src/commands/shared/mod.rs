//! What the commands of all treatments share: their processes, names of peers, and counts.

pub(super) mod children;

use crate::limits::FAILURE_LOG_INTERVAL;
use control::CommandCounts;
use platform::sync::Instant;
use receiver::net::PeerNames;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What the commands of all treatments share.
pub(super) struct Shared {
    pub(super) peer_names: Arc<PeerNames>,
    /// When the log last said that commands cannot be run.
    failure_logged: Mutex<Option<Instant>>,
    /// Jobs that were brought, that run, and that have ended.
    brought: AtomicU64,
    running: AtomicU64,
    ended: AtomicU64,
    failed: AtomicU64,
}

impl Shared {
    pub(super) fn new(peer_names: Arc<PeerNames>) -> Self {
        let [brought, running, ended, failed] = std::array::from_fn(|_| AtomicU64::new(0));
        let failure_logged = Mutex::default();
        Self { peer_names, failure_logged, brought, running, ended, failed }
    }

    /// A job was brought to be run.
    pub(super) fn count_brought(&self) {
        self.brought.fetch_add(1, Ordering::Relaxed);
    }

    /// A job begins to run.
    pub(super) fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running { shared: self, is_retried: false }
    }

    /// A command could not be started, or ended with a code other than 0.
    pub(super) fn count_failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many jobs wait, run and have ended. Waits for no lock.
    pub(super) fn counts(&self) -> CommandCounts {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        // In this order, so that none is counted as waiting that has ended.
        let (ended, running) = (load(&self.ended), load(&self.running));
        let waiting = load(&self.brought).saturating_sub(ended + running);
        CommandCounts { waiting, running, ended, failed: load(&self.failed) }
    }

    /// Logs a failure that may be frequent, at most once in [`FAILURE_LOG_INTERVAL`].
    pub(super) fn log_now_and_then(&self, what: &str, error: &io::Error) {
        let mut told = self.failure_logged.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= FAILURE_LOG_INTERVAL) {
            *told = Some(Instant::now());
            drop(told);
            tracing::error!("{what}: {error}");
        }
    }
}

/// A job that runs, until its end or its panic.
pub(super) struct Running<'s> {
    shared: &'s Shared,
    /// It has not ended, but is to be run again.
    pub(super) is_retried: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.shared.running.fetch_sub(1, Ordering::Relaxed);
        if !self.is_retried {
            self.shared.ended.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_counted_where_it_is() {
        let shared = Shared::new(Arc::new(PeerNames::new(false)));
        let counts = |waiting, running, ended, failed| {
            assert_eq!(shared.counts(), CommandCounts { waiting, running, ended, failed });
        };
        shared.count_brought();
        shared.count_brought();
        counts(2, 0, 0, 0);
        let mut retried = shared.begin();
        counts(1, 1, 0, 0);
        retried.is_retried = true;
        drop(retried);
        counts(2, 0, 0, 0);
        let running = shared.begin();
        shared.count_failure();
        drop(running);
        counts(1, 0, 1, 1);
    }
}
