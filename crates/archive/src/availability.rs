//! Whether the catalogue can be used, said once when that changes.

use crate::limits::REPLACE_INTERVAL;
use crate::schedule::Clock;
use catalog::Error;
use platform::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use platform::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::path::PathBuf;
use std::time::Duration;

/// Whether the catalogue can be used. Shared by all who use it in this crate.
pub struct Availability {
    clock: Arc<dyn Clock>,
    /// Sets a damaged catalogue aside, so that the next call makes it anew.
    set_aside: Box<SetAside>,
    /// Since when it cannot be used.
    since: Mutex<Option<Duration>>,
    is_available: AtomicBool,
    made_anew: AtomicU64,
    /// When it was set aside last.
    replaced: Mutex<Option<Duration>>,
}

/// Moves the file of a damaged catalogue away, and returns where it is now; `None` if it was gone.
pub type SetAside = dyn Fn() -> Result<Option<PathBuf>, Error> + Send + Sync;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The same may succeed later.
    Later,
    /// It will not: the request is wrong.
    Never,
}

impl Availability {
    /// It can be used as far as is known.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, set_aside: Box<SetAside>) -> Self {
        Self {
            clock,
            set_aside,
            since: Mutex::default(),
            is_available: AtomicBool::new(true),
            made_anew: AtomicU64::new(0),
            replaced: Mutex::default(),
        }
    }

    /// Whether the last call succeeded.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Acquire)
    }

    /// How often a damaged catalogue was set aside: what was taken in before is not in the one that is there now.
    #[must_use]
    pub fn made_anew(&self) -> u64 {
        self.made_anew.load(Ordering::Acquire)
    }

    /// A call succeeded.
    pub(crate) fn succeeded(&self) {
        if self.is_available() {
            return;
        }
        let mut since = self.since();
        self.is_available.store(true, Ordering::Release);
        if let Some(since) = since.take() {
            let seconds = self.clock.passed().saturating_sub(since).as_secs_f64();
            tracing::info!(
                "the catalogue is available again after {seconds:.1} s: taking in what came meanwhile"
            );
        }
    }

    /// A call failed. Says so when that is new; sets a damaged catalogue aside.
    pub(crate) fn failed(&self, error: &Error) -> Failure {
        match error {
            Error::Statement(_) => return Failure::Never,
            Error::Damaged { .. } => self.replace(error),
            _ => {}
        }
        let mut since = self.since();
        if since.is_none() {
            *since = Some(self.clock.passed());
            tracing::warn!(
                "{error}; objects are received and kept as before, and will be taken in when it is available again"
            );
        }
        self.is_available.store(false, Ordering::Release);
        Failure::Later
    }

    fn replace(&self, error: &Error) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.passed();
        // Others may have found the same before, and know it only now: what was made anew since is not set aside.
        if replaced.is_some_and(|last| now.saturating_sub(last) < REPLACE_INTERVAL) {
            return;
        }
        match (self.set_aside)() {
            Ok(path) => {
                *replaced = Some(now);
                self.made_anew.fetch_add(1, Ordering::AcqRel);
                let kept = path.map(|path| format!(": it was set aside as {}", path.display()));
                let kept = kept.unwrap_or_default();
                tracing::error!(
                    "{error}{kept}; a new one is made and rebuilt from the files, and what was still owed is delivered again"
                );
            }
            Err(failure) if self.is_available() => {
                tracing::error!("{error}, and it cannot be set aside: {failure}");
            }
            Err(_) => {}
        }
    }

    fn since(&self) -> MutexGuard<'_, Option<Duration>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
