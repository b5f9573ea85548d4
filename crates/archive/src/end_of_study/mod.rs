//! Ends studies once they have been quiet, over all associations, for as long as the settings say.
//!
//! The catalogue knows when each study ends, so a restart forgets none, and each epoch of a study ends once. The times are
//! those of the [`SteadyClock`]: a wall clock that is set ends none early or late.

use crate::Error;
use crate::availability::Availability;
use crate::cataloguer::{Cataloguer, Parts, Shared};
use crate::limits::{ENDED_STUDIES, STUDY_INTERVAL};
use crate::report::{Counters, Listener};
use crate::schedule::{SteadyClock, Worker};
use catalog::Catalog;
use platform::sync::{Arc, Instant, Mutex, PoisonError};
use std::time::Duration;

/// Ends studies, in a thread of its own.
pub struct EndOfStudy(Mutex<Worker>);

/// What the thread works with.
struct Ending {
    catalog: Arc<dyn Catalog>,
    availability: Arc<Availability>,
    clock: Arc<SteadyClock>,
    listener: Arc<dyn Listener>,
    counters: Arc<Counters>,
    cataloguer: Arc<Shared>,
}

impl EndOfStudy {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(parts: &Parts, cataloguer: &Cataloguer) -> Result<Self, Error> {
        let ending = Ending {
            catalog: Arc::clone(&parts.catalog),
            availability: Arc::clone(&parts.availability),
            clock: Arc::clone(&parts.clock),
            listener: Arc::clone(&parts.listener),
            counters: Arc::clone(&parts.counters),
            cataloguer: Arc::clone(cataloguer.shared()),
        };
        let worker = Worker::start("end-of-study", 0, move |_| ending.step())?;
        Ok(Self(Mutex::new(worker)))
    }

    /// The program ends: studies that are open end after the next start.
    pub fn finish(&self, deadline: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).finish(deadline);
    }
}

/// As long as not everything that came before is in the catalogue.
const BEHIND_PAUSE: Duration = Duration::from_millis(200);

/// The shortest pause.
const LEAST_PAUSE: Duration = Duration::from_millis(20);

impl Ending {
    /// Ends what is due. Returns how long to pause.
    fn step(&self) -> Duration {
        match self.end_studies() {
            Ok(pause) => pause,
            Err(error) => {
                self.availability.failed(&error);
                STUDY_INTERVAL
            }
        }
    }

    fn end_studies(&self) -> Result<Duration, catalog::Error> {
        self.follow_clock()?;
        // What came before a study's end and is not in yet belongs to it.
        let now = self.clock.time().now;
        let Some(now) = self.cataloguer.complete_until(now) else { return Ok(BEHIND_PAUSE) };
        loop {
            let time = self.clock.time();
            let ended = self.catalog.end_studies(now, ENDED_STUDIES)?;
            drop(time);
            if !ended.is_empty() {
                self.counters.ended_studies.add(ended.len() as u64);
                self.listener.studies_ended(&ended);
            }
            if ended.len() < ENDED_STUDIES {
                break;
            }
        }
        let next = self.catalog.next_end_of_study()?;
        self.availability.succeeded();
        let left = next.map(|next| next.duration_since(now).unwrap_or_default());
        Ok(left.map_or(STUDY_INTERVAL, |left| left.clamp(LEAST_PAUSE, STUDY_INTERVAL)))
    }

    fn follow_clock(&self) -> Result<(), catalog::Error> {
        let shift = |jump: crate::schedule::Jump| {
            self.catalog.shift_ends_of_studies(jump.by, jump.forwards)
        };
        if let Some(jump) = self.clock.adjust(shift)? {
            let (seconds, sign) = (jump.by.as_secs_f64(), if jump.forwards { '+' } else { '-' });
            tracing::warn!(
                "the clock was set by {sign}{seconds:.1} s: the ends of open studies were moved along"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
