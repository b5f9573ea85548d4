//! What is done in the background, behind everything else: digests, rebuilding a catalogue from files, verification,
//! retention, and forgetting what is long past.
//!
//! One thread does one thing after the other, so that the disk has one reader at most beside reception.

mod believed_clock;
mod digests;
mod marks;
mod rebuild;
mod retention;
mod scan;
mod verification;

pub use digests::Digests;
pub use rebuild::{Rebuild, Rebuilt};
pub use retention::Policy;
pub use verification::{Difference, DifferenceKind, Verify};

use crate::Error;
use crate::availability::Availability;
use crate::files::Place;
use crate::limits::{
    BACKGROUND_NICENESS, BEHIND_PAUSE, FORGET_INTERVAL, HISTORY_ROWS, HISTORY_TIME,
    NAMED_DIFFERENCES, UPKEEP_INTERVAL,
};
use crate::report::{Counters, Differences, Listener};
use crate::schedule::{SteadyClock, Stopping, Worker};
use crate::settings::{Every, Keep};
use believed_clock::BelievedClock;
use catalog::Catalog;
use dataset::Dictionary;
use marks::Marks;
use platform::sync::{Arc, Instant, Mutex, PoisonError};
use retention::Retention;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What [`Upkeep`] works with.
pub struct UpkeepParts {
    /// The catalogue.
    pub catalog: Arc<dyn Catalog>,
    /// Whether it can be used.
    pub availability: Arc<Availability>,
    /// The time.
    pub clock: Arc<SteadyClock>,
    /// Is told of what was removed, and of what verification has found.
    pub listener: Arc<dyn Listener>,
    /// What has happened.
    pub counters: Arc<Counters>,
    /// For reading files.
    pub dictionary: Arc<Dictionary>,
    /// Up to when everything that came is in the catalogue; `None` as long as that is not known.
    pub complete_until: Box<dyn Fn(SystemTime) -> Option<SystemTime> + Send + Sync>,
    /// The catalogue is another one than before: what is owed is to be found in the spool.
    pub look_through_spool: Box<dyn Fn() + Send + Sync>,
}

/// What is to be kept up, which a reload may change.
#[derive(Clone, Default)]
pub struct UpkeepSettings {
    /// The output directories.
    pub places: Vec<Place>,
    /// How long files are kept.
    pub policies: Vec<Policy>,
    /// How often files are verified.
    pub verify: Option<Every>,
    /// Bytes that verification reads in a second, at most.
    pub verify_bytes_per_second: u64,
    /// Time without objects after which a study has ended.
    pub quiet: Duration,
}

/// Does all of it, in a thread of its own.
pub struct Upkeep {
    settings: Arc<Mutex<UpkeepSettings>>,
    worker: Mutex<Worker>,
}

struct Task {
    parts: UpkeepParts,
    settings: Arc<Mutex<UpkeepSettings>>,
    /// Directories whose files were taken in.
    taken_in: BTreeSet<PathBuf>,
    /// [`Availability::made_anew`] when they were.
    made_anew: u64,
    /// The clock by which files are removed, of each directory that has such a policy.
    clocks: BTreeMap<PathBuf, BelievedClock>,
    /// When history was forgotten last.
    forgotten: Option<Duration>,
    /// Something is due once what came before is in the catalogue.
    is_waiting: bool,
}

impl Upkeep {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(parts: UpkeepParts, settings: UpkeepSettings) -> Result<Self, Error> {
        let settings = Arc::new(Mutex::new(settings));
        let mut task = Task {
            parts,
            settings: Arc::clone(&settings),
            taken_in: BTreeSet::new(),
            made_anew: 0,
            clocks: BTreeMap::new(),
            forgotten: None,
            is_waiting: false,
        };
        let worker = Worker::start("upkeep", BACKGROUND_NICENESS, move |stopping| {
            task.step(stopping);
            if task.is_waiting { BEHIND_PAUSE } else { UPKEEP_INTERVAL }
        })?;
        Ok(Self { settings, worker: Mutex::new(worker) })
    }

    /// Other settings are in place.
    pub fn follow(&self, settings: UpkeepSettings) {
        *lock(&self.settings) = settings;
        lock(&self.worker).wake();
    }

    /// The program ends. What is under way goes on at the next start.
    pub fn finish(&self, deadline: Instant) {
        lock(&self.worker).finish(deadline);
    }
}

impl Task {
    fn step(&mut self, stopping: &Stopping) {
        let settings = lock(&self.settings).clone();
        self.is_waiting = false;
        let steps = [Self::rebuild, Self::retain, Self::verify, Self::forget];
        for step in steps {
            if stopping.is_set() {
                return;
            }
            match step(self, &settings, stopping) {
                Ok(()) => {}
                Err(Error::Catalog(error)) => {
                    self.parts.availability.failed(&error);
                    return;
                }
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    fn complete_until(&self) -> Option<SystemTime> {
        let now = self.parts.clock.time().now;
        // All that came, not a part of it.
        (self.parts.complete_until)(now).filter(|&until| until == now)
    }

    /// Takes in the files of directories that were never taken into this catalogue, or into one that is gone.
    fn rebuild(&mut self, settings: &UpkeepSettings, stopping: &Stopping) -> Result<(), Error> {
        let parts = &self.parts;
        let made_anew = parts.availability.made_anew();
        if made_anew != self.made_anew {
            self.taken_in.clear();
        }
        if settings.places.iter().all(|place| self.taken_in.contains(&place.directory)) {
            return Ok(());
        }
        let identity = parts.catalog.identity()?;
        for place in &settings.places {
            let marks = Marks::of(&place.directory);
            if marks.is_taken_in(&identity) {
                self.taken_in.insert(place.directory.clone());
                continue;
            }
            if self.complete_until().is_none() {
                // Recovery and the queue come first: what they have is told better by them.
                self.is_waiting = true;
                return Ok(());
            }
            (parts.look_through_spool)();
            let directory = place.directory.display();
            let rebuild = Rebuild {
                catalog: parts.catalog.as_ref(),
                availability: Some(&parts.availability),
                directory: &place.directory,
                dictionary: Arc::clone(&parts.dictionary),
                until: Some(parts.clock.clock().wall()),
                now: &|| parts.clock.time().now,
                quiet: settings.quiet,
                pause: &|time| stopping.pause_or_stop(time),
            };
            let rebuilt = rebuild.run(&mut |rebuilt| {
                tracing::info!("taking {directory} into the catalogue: {rebuilt}");
            })?;
            if !rebuilt.is_complete {
                return Ok(());
            }
            if rebuilt.files > 0 {
                tracing::info!("{directory} was taken into the catalogue: {rebuilt}");
            }
            marks.set_taken_in(&identity);
            self.taken_in.insert(place.directory.clone());
        }
        self.made_anew = made_anew;
        Ok(())
    }

    fn retain(&mut self, settings: &UpkeepSettings, stopping: &Stopping) -> Result<(), Error> {
        let parts = &self.parts;
        let (now, passed) = (parts.clock.clock().wall(), parts.clock.clock().passed());
        let retention = Retention {
            catalog: parts.catalog.as_ref(),
            counters: &parts.counters,
            listener: parts.listener.as_ref(),
            now,
            used: &retention::used,
            is_ending: &|| stopping.is_set(),
        };
        for policy in &settings.policies {
            let place = settings.places.iter().find(|it| it.directory == policy.directory);
            let Some(place) = place else { continue };
            if let Keep::For { .. } = policy.keep {
                let marks = Marks::of(&place.directory);
                let begin = || BelievedClock::begin(&marks, now, passed);
                let clock = self.clocks.entry(place.directory.clone()).or_insert_with(begin);
                if !clock.is_believed(&marks, now, passed) {
                    continue;
                }
            }
            retention.apply(place, policy)?;
        }
        Ok(())
    }

    fn verify(&mut self, settings: &UpkeepSettings, stopping: &Stopping) -> Result<(), Error> {
        let Some(every) = settings.verify else { return Ok(()) };
        let parts = &self.parts;
        for place in &settings.places {
            let marks = Marks::of(&place.directory);
            let now = parts.clock.clock().wall();
            if !marks.is_verification_due(every, now) || self.complete_until().is_none() {
                continue;
            }
            let directory = place.directory.display();
            tracing::info!("verifying the files of {directory}");
            let verify = Verify {
                catalog: parts.catalog.as_ref(),
                directory: &place.directory,
                dictionary: Arc::clone(&parts.dictionary),
                digests: true,
                bytes_per_second: Some(settings.verify_bytes_per_second),
                until: Some(now),
                counters: &parts.counters,
                pause: &|time| stopping.pause_or_stop(time),
            };
            let mut named = 0;
            let (found, is_complete) = verify.run(&mut |difference| {
                named += 1;
                if named <= NAMED_DIFFERENCES {
                    tell(difference);
                }
            })?;
            if !is_complete {
                return Ok(());
            }
            marks.set_verified(now);
            tell_result(&directory, &found);
            parts.listener.verified(&place.directory, &found);
        }
        Ok(())
    }

    /// Forgets associations and refusals of long ago.
    fn forget(&mut self, _: &UpkeepSettings, stopping: &Stopping) -> Result<(), Error> {
        let passed = self.parts.clock.clock().passed();
        if self.forgotten.is_some_and(|last| passed.saturating_sub(last) < FORGET_INTERVAL) {
            return Ok(());
        }
        let before = self.parts.clock.clock().wall().checked_sub(HISTORY_TIME);
        if let Some(before) = before {
            while !stopping.is_set()
                && self.parts.catalog.forget_history(before, HISTORY_ROWS)? >= HISTORY_ROWS as u64
            {
            }
        }
        self.forgotten = Some(passed);
        Ok(())
    }
}

/// Without the path, which may name a patient.
fn tell(difference: &Difference) {
    let words = difference.kind.words();
    match &difference.sop_instance {
        Some(uid) => tracing::warn!("verification: the object {uid}: {words}"),
        None => tracing::warn!("verification: a file {words} (storescp catalog verify names it)"),
    }
}

fn tell_result(directory: &std::path::Display<'_>, found: &Differences) {
    let Differences { files, unknown_files, missing_files, changed_files, unreadable_files } =
        found;
    if found.is_clean() {
        tracing::info!(
            "verified {files} files of {directory}: the catalogue has them all, unchanged"
        );
    } else {
        tracing::error!(
            "verified {files} files of {directory}: {unknown_files} are not in the catalogue, {missing_files} are missing, \
             {changed_files} have changed, {unreadable_files} cannot be read; storescp catalog verify names them all"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> platform::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
