//! Takes in what was stored, while it is in memory; and after a crash, or while the catalogue was unavailable, from its
//! intents.
//!
//! ```text
//!   stored() ──► Queue ──► Drain: every 20 ms or 256 objects one transaction ──► durable: intents settled
//!                  └── full while the catalogue is unavailable: let go ──► Recovery: reads pending intents
//! ```
//!
//! The intent on disk is the truth: it is settled only after a durable transaction with its object. So nothing that goes
//! wrong here loses one.

mod drain;
mod queue;
mod recovery;
mod routing;

pub use routing::{Destinations, Route, Routing};

use crate::Error;
use crate::availability::Availability;
use crate::files::{Place, PlaceInUse};
use crate::limits::BACKGROUND_NICENESS;
use crate::report::{Counters, Listener};
use crate::schedule::{SteadyClock, Worker};
use crate::upkeep::Digests;
use catalog::{Catalog, EndedAssociation, NewEvent, ObjectAttributes, ReceivedObject, Refusal};
use dataset::Dictionary;
use drain::Drain;
use platform::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use platform::sync::{Arc, Instant, Mutex, PoisonError};
use queue::Queue;
use recovery::Recovery;
use std::time::{Duration, SystemTime};
use storage::{IntentName, Intents};

/// An object that was stored just now.
#[derive(Clone)]
pub struct Arrival {
    /// What is known of it.
    pub object: ReceivedObject,
    /// Its intent, which is settled once the object is in the catalogue.
    pub intent: Option<(Arc<dyn Intents>, IntentName)>,
    /// The destinations that get it, by name.
    pub destinations: Vec<String>,
    /// The destinations that are told when its study has ended, by name.
    pub study_destinations: Vec<String>,
}

/// Something that happened and is about no object that was stored, and no study.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Happening {
    /// An association that has ended.
    pub association: Option<EndedAssociation>,
    /// A refusal.
    pub refusal: Option<Refusal>,
    /// The event, if anybody is to be told.
    pub event: Option<NewEvent>,
}

impl Arrival {
    /// About how many bytes of memory it takes.
    fn weight(&self) -> usize {
        let ReceivedObject { key, file, calling, called, peer, attributes, .. } = &self.object;
        let texts = [key, calling, called, peer].map(String::len).iter().sum::<usize>();
        let file = file.as_ref().map_or(0, String::len);
        let names = self.destinations.iter().chain(&self.study_destinations);
        let names = names.map(|name| name.len() + size_of::<String>()).sum::<usize>();
        size_of::<Self>() + 256 + texts + file + names + weight_of(attributes)
    }
}

fn weight_of(attributes: &ObjectAttributes) -> usize {
    let ObjectAttributes {
        patient_name,
        patient_id,
        study_description,
        series_description,
        referring_physician_name,
        institution_name,
        ..
    } = attributes;
    let long = [
        patient_name,
        patient_id,
        study_description,
        series_description,
        referring_physician_name,
        institution_name,
    ];
    // The others are short, or as long as these only if somebody means mischief.
    512 + long.into_iter().flatten().map(|text| 2 * text.len()).sum::<usize>()
}

/// What a [`Cataloguer`] and the [end of studies](crate::EndOfStudy) work with.
#[derive(Clone)]
pub struct Parts {
    /// Where objects are taken in.
    pub catalog: Arc<dyn Catalog>,
    /// Whether it can be used.
    pub availability: Arc<Availability>,
    /// The time by which studies end.
    pub clock: Arc<SteadyClock>,
    /// Where objects go that are known by their intents alone.
    pub routing: Arc<dyn Routing>,
    /// Is told of what is owed.
    pub listener: Arc<dyn Listener>,
    /// What has happened.
    pub counters: Arc<Counters>,
    /// Takes digests of what was taken in; `None` to take none.
    pub digests: Option<Arc<Digests>>,
    /// For reading files.
    pub dictionary: Arc<Dictionary>,
    /// Time without objects after which a study has ended.
    pub quiet: Duration,
}

/// Takes in what was stored. Holds what waits, within [`limits`](crate::limits), and two threads.
pub struct Cataloguer {
    shared: Arc<Shared>,
    drain: Mutex<Worker>,
    recovery: Mutex<Worker>,
    is_settled: Arc<AtomicBool>,
}

/// What the threads share.
pub(crate) struct Shared {
    queue: Queue,
    places: Mutex<Vec<Arc<PlaceInUse>>>,
    catalog: Arc<dyn Catalog>,
    availability: Arc<Availability>,
    clock: Arc<SteadyClock>,
    routing: Arc<dyn Routing>,
    listener: Arc<dyn Listener>,
    counters: Arc<Counters>,
    digests: Option<Arc<Digests>>,
    dictionary: Arc<Dictionary>,
    quiet_millis: AtomicU64,
    /// Intents are pending that memory does not tell of.
    is_behind: AtomicBool,
    /// What was in the spool when the program was killed is to be looked through.
    spool_unknown: AtomicBool,
}

impl Cataloguer {
    /// Starts its threads.
    ///
    /// # Errors
    /// [`Error::Thread`].
    pub fn start(parts: Parts) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(parts));
        let is_settled = Arc::new(AtomicBool::new(false));
        let mut drain = Drain::new(Arc::clone(&shared));
        let settled = Arc::clone(&is_settled);
        let mut is_whole = true;
        let draining = Worker::start("catalogue", 0, move |_| {
            if !std::mem::replace(&mut is_whole, false) {
                drain.begin_anew();
            }
            let pause = drain.step();
            settled.store(drain.is_idle(), Ordering::Release);
            is_whole = true;
            pause
        })?;
        let mut recovery = Recovery::new(Arc::clone(&shared));
        let recovering = Worker::start("recovery", BACKGROUND_NICENESS, move |stopping| {
            recovery.step(&|| stopping.is_set())
        })?;
        Ok(Self {
            shared,
            drain: Mutex::new(draining),
            recovery: Mutex::new(recovering),
            is_settled,
        })
    }

    /// Objects come into this output directory: takes in what an earlier run left there, in the background. Those that are
    /// known already change nothing.
    pub fn add_place(&self, place: Place) {
        if self.shared.add_place(place) {
            self.shared.request_recovery();
            lock(&self.recovery).wake();
        }
    }

    /// An object was stored. Waits while too many wait, if the catalogue is available.
    pub fn stored(&self, arrival: Arrival) {
        let now = self.shared.clock.time().now;
        self.shared.queue.push(arrival, now);
    }

    /// Something happened that is about no object and no study. Never waits.
    pub fn happened(&self, happening: Happening) {
        self.shared.queue.push_happening(happening);
    }

    /// Has pending intents looked for again, as at a start.
    pub fn look_for_pending(&self) {
        self.shared.request_recovery();
        lock(&self.recovery).wake();
    }

    /// The catalogue is another one, or may be: what is in the spool and not known to it is taken in anew.
    pub fn look_through_spool(&self) {
        self.shared.look_through_spool();
        lock(&self.recovery).wake();
    }

    /// From now on, studies end after this time without objects.
    pub fn set_quiet(&self, quiet: Duration) {
        self.shared.set_quiet(quiet);
    }

    /// The intents of an output directory that objects have come into.
    #[must_use]
    pub fn intents(&self, directory: &std::path::Path) -> Option<Arc<dyn Intents>> {
        self.shared.place(directory).map(|place| Arc::clone(&place.place.intents))
    }

    /// Objects that wait to be taken in.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// Whether intents are pending that are not known in memory: since a crash, or since the catalogue was unavailable.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.shared.is_behind()
    }

    /// Up to when everything that came is in the catalogue; `None` as long as that is not known.
    #[must_use]
    pub fn complete_until(&self, now: SystemTime) -> Option<SystemTime> {
        self.shared.complete_until(now)
    }

    /// What the end of studies has to know.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The program ends: nobody waits any more. Takes in what waits and makes it durable, until `deadline`. What is not in
    /// by then is taken in at the next start.
    pub fn finish(&self, deadline: Instant) {
        self.shared.queue.end();
        while !self.is_settled.load(Ordering::Acquire) && Instant::now() < deadline {
            if !self.shared.availability.is_available() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let left = self.shared.queue.len();
        if left > 0 {
            tracing::warn!(
                "{left} objects are not in the catalogue yet; they are taken in at the next start"
            );
        }
        let drained = lock(&self.drain).finish(deadline);
        let recovered = lock(&self.recovery).finish(deadline);
        let is_clean = drained && recovered && !self.is_behind() && left == 0;
        for place in self.shared.places() {
            place.leave(is_clean && !self.shared.spool_unknown.load(Ordering::Acquire));
        }
    }
}

impl Shared {
    fn new(parts: Parts) -> Self {
        let quiet = u64::try_from(parts.quiet.as_millis()).unwrap_or(u64::MAX);
        Self {
            queue: Queue::new(Arc::clone(&parts.counters)),
            places: Mutex::default(),
            catalog: parts.catalog,
            availability: parts.availability,
            clock: parts.clock,
            routing: parts.routing,
            listener: parts.listener,
            counters: parts.counters,
            digests: parts.digests,
            dictionary: parts.dictionary,
            quiet_millis: AtomicU64::new(quiet),
            is_behind: AtomicBool::new(false),
            spool_unknown: AtomicBool::new(false),
        }
    }

    /// True if it was not known.
    fn add_place(&self, place: Place) -> bool {
        let mut places = lock(&self.places);
        if places.iter().any(|known| known.place.directory == place.directory) {
            return false;
        }
        let (place, was_clean) = PlaceInUse::enter(place);
        if !was_clean {
            self.spool_unknown.store(true, Ordering::Release);
        }
        places.push(Arc::new(place));
        true
    }

    fn places(&self) -> Vec<Arc<PlaceInUse>> {
        lock(&self.places).clone()
    }

    fn place(&self, directory: &std::path::Path) -> Option<Arc<PlaceInUse>> {
        lock(&self.places).iter().find(|it| it.place.directory == directory).cloned()
    }

    fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_millis.load(Ordering::Relaxed))
    }

    fn set_quiet(&self, quiet: Duration) {
        let millis = u64::try_from(quiet.as_millis()).unwrap_or(u64::MAX);
        self.quiet_millis.store(millis, Ordering::Relaxed);
    }

    fn passed(&self) -> Duration {
        self.clock.clock().passed()
    }

    /// The next step of recovery looks through the spool.
    fn look_through_spool(&self) {
        self.spool_unknown.store(true, Ordering::Release);
    }

    /// The next step of recovery lists all pending intents.
    fn request_recovery(&self) {
        self.is_behind.store(true, Ordering::Release);
    }

    fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// Up to when everything that came is in the catalogue; `None` if that is not known.
    pub(crate) fn complete_until(&self, now: SystemTime) -> Option<SystemTime> {
        if self.is_behind() {
            return None;
        }
        Some(self.queue.watermark().map_or(now, |oldest| oldest.min(now)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> platform::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
