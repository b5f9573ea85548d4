//! The outbox's engine: real threads around the state machine of each destination.
//!
//! ```text
//!   wake ──► feeder ──lease──► catalogue
//!              │ leased                 ▲ settle, make durable
//!              ▼                        │
//!           Running (machine) ──► settler ──► spool: released
//!              ▲ next   │ told
//!              └ sessions' threads: started when there is something to deliver, ended when there is not
//! ```
//!
//! Two threads, and those of the sessions. In memory are at most [`OUTSTANDING`](crate::limits::OUTSTANDING) deliveries
//! of each destination, however many wait in the catalogue.

mod clock;
mod feeder;
mod house;
mod registry;
mod report;
mod running;
mod session;
mod settler;
mod shared;
mod spool;
#[cfg(test)]
mod tests;
mod texts;

pub use report::{BreakerReport, DestinationReport, FailureClass, Histogram};
pub use spool::Spool;

use crate::{Destination, DestinationKind, DestinationSettings, Error, TlsClientSettings};
use catalog::{Catalog, DeliveryId};
use feeder::Feeder;
use registry::Registry;
use running::Running;
use shared::Shared;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Makes a destination from its settings, as [`crate::build`] does.
pub type Build = dyn Fn(&DestinationSettings) -> Result<Arc<dyn Destination>, Error> + Send + Sync;

/// What the outbox is made of.
pub struct Parts {
    /// Where what is owed is written.
    pub catalog: Arc<dyn Catalog>,
    /// Where the bytes are.
    pub spool: Arc<dyn Spool>,
    /// The name of this run of the program, which no other run has or had.
    pub owner: String,
    /// Which receiver it is, for events: [`event_source`](crate::event_source) of its output directory.
    pub source: Arc<str>,
    /// No other receiver uses the catalogue: what an earlier run had leased is given back at once. Otherwise, its leases
    /// run out.
    pub alone: bool,
    /// Makes destinations: [`crate::build`].
    pub build: Arc<Build>,
    /// The destinations.
    pub settings: Vec<DestinationSettings>,
}

/// What was left when the outbox stopped; nothing is lost: it is delivered, or delivered again, by the next run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stopped {
    /// Sessions that had not ended by the deadline.
    pub hanging: usize,
    /// Not everything that was delivered could be settled.
    pub unsettled: bool,
}

/// Delivers what is owed, until it is stopped. Any thread may call any method at any time.
pub struct Outbox {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    build: Arc<Build>,
    /// One replaces destinations at a time.
    replacing: Mutex<()>,
    threads: Mutex<Option<[JoinHandle<()>; 2]>>,
}

impl Outbox {
    /// Starts to deliver. Does not wait for the catalogue.
    ///
    /// # Errors
    /// Those of `build`, and [`Error::Thread`]. Nothing runs then.
    pub fn start(parts: Parts) -> Result<Self, Error> {
        let Parts { catalog, spool, owner, source, alone, build, settings } = parts;
        let shared = Arc::new(Shared::new(catalog, spool, (owner, source)));
        let outbox = Self {
            shared: Arc::clone(&shared),
            registry: Arc::default(),
            build,
            replacing: Mutex::new(()),
            threads: Mutex::new(None),
        };
        outbox.replace(settings)?;
        let feeder = Feeder::new(Arc::clone(&shared), Arc::clone(&outbox.registry), alone);
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        let settler = {
            let shared = Arc::clone(&shared);
            named("outbox-settler").spawn(move || settler::run(&shared)).map_err(Error::Thread)?
        };
        let feeder = named("outbox").spawn(move || feeder.run()).map_err(|error| {
            shared.settler.end();
            Error::Thread(error)
        })?;
        *outbox.threads.lock().unwrap_or_else(PoisonError::into_inner) = Some([feeder, settler]);
        Ok(outbox)
    }

    /// Puts other destinations in place, all or none. Deliveries that are under way come to their end as they began. A
    /// destination that is not among them stops: what it is owed waits until it is back.
    ///
    /// # Errors
    /// Those of building a destination. Nothing changes then.
    pub fn replace(&self, settings: Vec<DestinationSettings>) -> Result<(), Error> {
        let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.registry.list();
        // Whatever fails does so before anything is changed.
        let mut changes = Vec::new();
        for one in settings {
            let old = before.iter().find(|it| it.name == one.name).cloned();
            changes.push(match old {
                Some(old) if is_same(&old.settings(), &one) => Change::Settings(old, one),
                Some(old) => Change::Destination(old, (self.build)(&one)?, one),
                None => {
                    let destination = (self.build)(&one)?;
                    let running = Running::new(one, destination, Arc::clone(&self.shared));
                    Change::New(Arc::new(running))
                }
            });
        }
        let after: Vec<Arc<Running>> = changes.into_iter().map(Change::make).collect();
        let removed = before.iter().filter(|it| !after.iter().any(|one| Arc::ptr_eq(it, one)));
        removed.for_each(Running::end);
        self.registry.replace(after);
        self.shared.feeder.wake();
        Ok(())
    }

    /// Something was written to the catalogue for this destination.
    pub fn wake(&self, destination: &str) {
        if let Some(running) = self.registry.find(destination) {
            running.wake();
            self.shared.feeder.wake();
        }
    }

    /// Whether associations whose rule names this destination are to be rejected, since too much waits for it. Costs a
    /// look at an atomic, once found by name.
    #[must_use]
    pub fn is_over_bounds(&self, destination: &str) -> bool {
        self.registry.find(destination).is_some_and(|it| it.is_over_bounds())
    }

    /// How many deliveries wait for the destination, as far as is known: that is a little behind.
    #[must_use]
    pub fn waiting(&self, destination: &str) -> u64 {
        self.registry.find(destination).map_or(0, |it| it.waiting().0)
    }

    /// All destinations, in the order of the settings, then those that the settings do not have and that something is
    /// owed to.
    #[must_use]
    pub fn reports(&self) -> Vec<DestinationReport> {
        let known = self.registry.list().into_iter().map(|it| it.report());
        let unknown = self.shared.unknown();
        known.chain(unknown.iter().map(DestinationReport::unknown)).collect()
    }

    /// Pauses a destination, or resumes it.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn pause(&self, destination: &str, paused: bool) -> Result<(), Error> {
        self.shared.catalog.pause(destination, paused)?;
        if let Some(running) = self.registry.find(destination) {
            running.set_paused(paused);
            running.tidy();
            self.shared.feeder.wake();
        }
        Ok(())
    }

    /// Lets parked, waiting or dropped deliveries be tried now, also at a destination that is left alone for now. Returns
    /// how many there were.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn retry(&self, deliveries: &[DeliveryId]) -> Result<u64, Error> {
        let count = self.shared.catalog.retry(deliveries, self.shared.clock.now().wall)?;
        for running in self.registry.list() {
            running.try_now();
        }
        self.shared.feeder.wake();
        Ok(count)
    }

    /// Parks deliveries that wait. Returns how many there were.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn park(&self, deliveries: &[DeliveryId], reason: &str) -> Result<u64, Error> {
        let now = self.shared.clock.now().wall;
        Ok(self.shared.catalog.park(deliveries, &texts::clean(reason), now)?)
    }

    /// Gives up deliveries that wait or are parked; their spooled bytes go.
    ///
    /// # Errors
    /// Those of the catalogue.
    pub fn drop_deliveries(&self, deliveries: &[DeliveryId], reason: &str) -> Result<(), Error> {
        let now = self.shared.clock.now().wall;
        let reason = texts::clean(reason);
        let spooled = self.shared.catalog.drop_deliveries(deliveries, &reason, now)?;
        self.shared.settler.release(spooled);
        Ok(())
    }

    /// Stops: leases no more, lets the sessions come to their end, gives back what they did not begin, and settles the
    /// rest; within `deadline`. What is left then is in the answer.
    pub fn stop(&self, deadline: Duration) -> Stopped {
        let now = self.shared.clock.elapsed();
        // A session that hangs leaves time to settle what the others did.
        let (until, sessions_until) = (now + deadline, now + deadline * 3 / 4);
        self.shared.feeder.end();
        let running = self.registry.list();
        running.iter().for_each(Running::end);
        let hanging = running.iter().map(|it| it.wait_for_threads(sessions_until)).sum();
        // The feeder may have leased while the sessions ended: a statement is not interrupted.
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some([feeder, settler]) = threads else { return Stopped::default() };
        while !feeder.is_finished() && self.shared.clock.elapsed() < until {
            thread::sleep(Duration::from_millis(1));
        }
        running.iter().for_each(Running::end);
        self.shared.settler.end();
        let unsettled = !self.shared.settler.wait_for_end(until, &self.shared.clock);
        if !unsettled {
            let _ = settler.join();
        }
        Stopped { hanging, unsettled }
    }
}

/// What becomes of a destination when others are put in place.
enum Change {
    /// It is new.
    New(Arc<Running>),
    /// It goes on with other settings.
    Settings(Arc<Running>, DestinationSettings),
    /// Its next sessions are those of another one.
    Destination(Arc<Running>, Arc<dyn Destination>, DestinationSettings),
}

impl Change {
    fn make(self) -> Arc<Running> {
        match self {
            Self::New(running) => running,
            Self::Settings(running, settings) => {
                running.replace(settings, None);
                running
            }
            Self::Destination(running, destination, settings) => {
                running.replace(settings, Some(destination));
                running
            }
        }
    }
}

/// Whether the destination that was built goes on: not if certificates may have changed that it has read.
fn is_same(old: &DestinationSettings, new: &DestinationSettings) -> bool {
    let reads_files = match &new.kind {
        DestinationKind::Webhook(kind) => kind.http.tls != TlsClientSettings::default(),
        DestinationKind::Dicom(kind) => kind.tls.is_some(),
        DestinationKind::Exec(_) | DestinationKind::Worker(_) | DestinationKind::Folder(_) => false,
    };
    old.kind == new.kind && old.concurrency == new.concurrency && !reads_files
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}
