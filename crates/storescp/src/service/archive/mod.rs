//! Runs the catalogue and the outbox beside the receiver: takes in what is stored, and delivers what is owed.
//!
//! ```text
//!   observer ──► Cataloguer ──► Catalog ◄── Outbox ──► destinations
//!                    ▲             ▲
//!   intents of a crash             └── EndOfStudy, Digests
//! ```

mod arrivals;
mod events;
mod listener;
mod routing;
mod spool;
mod status;

use crate::cli::Config;
use crate::commands::{self, FindCommands};
use crate::error::Error;
use crate::generation::{Deliveries, Generation, Sender, command_destinations};
use crate::limits::{
    DESTINATION_BYTES, EVENTS_OWED, OUTBOX_THREADS, SESSION_BYTES, SESSION_DESCRIPTORS,
};
use ::archive::{
    Availability, CatalogSettings, Cataloguer, Clock, Counters, Digests, EndOfStudy, Happening,
    Keep, Parts, Place, Policy, Route, SteadyClock, SystemClock, Upkeep, UpkeepParts,
    UpkeepSettings,
};
use arc_swap::ArcSwap;
use catalog::Catalog;
use dataset::Dictionary;
use delivery::Outbox;
use listener::ProgramListener;
use platform::sync::Instant;
use receiver::{
    Accepted, ProgramNeeds, Refusal, Refused, Rejection, StoredObject, Summary, Treatment,
};
use routing::GenerationRouting;
use spool::Spools;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use telemetry::Telemetry;

/// The catalogue and the outbox, while the program serves.
pub(super) struct Archive {
    parts: Parts,
    cataloguer: Arc<Cataloguer>,
    end_of_study: EndOfStudy,
    upkeep: Upkeep,
    outbox: Arc<Outbox>,
    /// Who is told of refusals.
    refusals: ArcSwap<Vec<String>>,
    /// The deliveries of associations in progress, by their numbers.
    associations: Mutex<HashMap<u64, Arc<Deliveries>>>,
    /// Tells apart the events of this run.
    run: String,
    events: AtomicU64,
    /// Whether the latest event left out a destination.
    leaves_out_events: AtomicBool,
    /// Held as long as no other receiver uses the catalogue.
    _alone: Option<File>,
}

impl Archive {
    /// Opens the catalogue and starts everything that works with it; `None` without a catalogue.
    ///
    /// # Errors
    /// The catalogue cannot be used, and that will not change by waiting; a destination cannot be used; there is no
    /// thread to be had.
    pub(super) fn start(
        config: &Config,
        generation: &Arc<ArcSwap<Generation>>,
        telemetry: Option<Arc<Telemetry>>,
    ) -> Result<Option<Arc<Self>>, Error> {
        let Some(settings) = &config.catalog else { return Ok(None) };
        let directory = &config.output.directory;
        let file = settings.url.file(directory);
        let listener = Arc::new(ProgramListener::new(telemetry, Arc::clone(generation)));
        let url = settings.url.connection(directory).map_err(Error::Catalog)?;
        let routing = Arc::new(GenerationRouting::new(Arc::clone(generation)));
        let settings = &CatalogSettings { quiet: quiet(config, settings), ..settings.clone() };
        let parts = parts(settings, url, file.clone(), listener.clone(), routing)?;
        let cataloguer = Arc::new(Cataloguer::start(parts.clone())?);
        let run = run_name();
        let alone = file.as_deref().and_then(alone);
        let outbox = Outbox::start(delivery::Parts {
            catalog: Arc::clone(&parts.catalog),
            spool: Arc::new(Spools::new(Arc::clone(&cataloguer))),
            owner: run.clone(),
            source: delivery::event_source(directory),
            alone: alone.is_some(),
            build: build(generation, &parts.catalog),
            settings: generation.load().config.destinations.clone(),
        });
        let outbox = Arc::new(outbox.map_err(Error::Delivery)?);
        listener.set_outbox(&outbox);
        let upkeep = upkeep(&parts, &cataloguer)?;
        let archive = Arc::new(Self {
            end_of_study: EndOfStudy::start(&parts, &cataloguer)?,
            parts,
            cataloguer,
            upkeep,
            outbox,
            refusals: ArcSwap::default(),
            associations: Mutex::default(),
            run,
            events: AtomicU64::new(0),
            leaves_out_events: AtomicBool::new(false),
            _alone: alone,
        });
        archive.follow(&generation.load());
        tell_of_use(settings, &generation.load().config);
        Ok(Some(archive))
    }

    /// Adds the threads, descriptors and memory that a catalogue and destinations take.
    pub(super) fn add_needs(config: &Config, needs: &mut ProgramNeeds) {
        let commands = command_destinations(config, &config.rules);
        let destinations = || config.destinations.iter().chain(&commands);
        let sessions: usize = destinations().map(|it| it.concurrency).sum();
        needs.intents = true;
        needs.threads += ::archive::limits::THREADS + OUTBOX_THREADS + sessions;
        needs.descriptors += ::archive::limits::DESCRIPTORS + sessions * SESSION_DESCRIPTORS;
        needs.memory_bytes += ::archive::limits::MEMORY_BYTES
            + destinations().count() * DESTINATION_BYTES
            + sessions * SESSION_BYTES;
    }

    /// Other settings are in place.
    pub(super) fn follow(&self, generation: &Generation) {
        let config = &generation.config;
        if let Some(settings) = &config.catalog {
            self.cataloguer.set_quiet(quiet(config, settings));
        }
        self.refusals.store(Arc::new(events::refusal_destinations(&config.destinations)));
        let upkeep = upkeep_settings(generation);
        for place in &upkeep.places {
            self.cataloguer.add_place(place.clone());
        }
        self.upkeep.follow(upkeep);
        // Those that are in place stay so if one cannot be built, which was tried out before.
        if let Err(error) = self.outbox.replace(config.destinations.clone()) {
            tracing::error!("{error}: the destinations stay as they were");
        }
        self.tell_of_unknown(config);
    }

    /// Destinations that the settings do not have any more may be owed something.
    fn tell_of_unknown(&self, config: &Config) {
        // While the catalogue is unavailable, its own lines say enough.
        let counts = self.parts.catalog.counts(&[]).unwrap_or_default();
        for count in counts {
            let is_known = config.destinations.iter().any(|it| it.name == count.destination);
            let owed = count.waiting + count.parked;
            if !is_known && owed > 0 {
                tracing::warn!(
                    "{owed} deliveries are owed to the destination {:?}, which the settings do not have: they wait \
                     until it is back, or until they are dropped (storescp outbox)",
                    count.destination
                );
            }
        }
    }

    /// The catalogue.
    pub(super) fn catalog(&self) -> &Arc<dyn Catalog> {
        &self.parts.catalog
    }

    /// What has happened to the catalogue since the start, how many objects wait for it, and whether it can be used.
    pub(super) fn counters(&self) -> (&Counters, usize, bool) {
        let Parts { counters, availability, .. } = &self.parts;
        (counters, self.cataloguer.waiting(), availability.is_available())
    }

    /// What delivers.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Refuses an association if too much waits for one of its destinations.
    pub(super) fn admit(&self, treatment: &Treatment) -> Result<(), Refusal> {
        let Some(deliveries) = deliveries(treatment) else { return Ok(()) };
        match deliveries.refusing().find(|name| self.outbox.is_over_bounds(name)) {
            None => Ok(()),
            Some(name) => Err(Refusal {
                rejection: Rejection::LOCAL_LIMIT_EXCEEDED,
                reason: format!("too much waits for the destination {name:?} (its bounds)"),
            }),
        }
    }

    /// An association has begun.
    pub(super) fn association_accepted(&self, accepted: &Accepted<'_>) {
        if let Some(deliveries) = deliveries(accepted.treatment) {
            let mut associations = self.associations();
            associations.insert(accepted.peer.association, Arc::clone(deliveries));
        }
    }

    /// An object was stored. Waits while the catalogue is slower than reception.
    pub(super) fn stored(&self, object: &StoredObject<'_>) {
        if let Some(arrival) =
            deliveries(object.treatment).and_then(|it| arrivals::arrival(object, it))
        {
            self.cataloguer.stored(arrival);
        }
    }

    /// An association has ended.
    pub(super) fn association_ended(&self, summary: &Summary) {
        let deliveries = self.associations().remove(&summary.peer.association);
        let key = self.event_key();
        self.happened(events::association_ended(summary, deliveries.as_deref(), key));
    }

    /// Somebody, or something, was refused.
    pub(super) fn refused(&self, refused: &Refused<'_>) {
        let destinations = self.refusals.load();
        if let Some(happening) = events::refused(refused, &destinations, || self.event_key()) {
            self.happened(happening);
        }
    }

    /// Has it taken in, with its event for those for whom not too many events wait.
    fn happened(&self, mut happening: Happening) {
        let is_event = happening.event.is_some();
        let left_out =
            events::leave_out(&mut happening, |name| self.outbox.waiting(name) < EVENTS_OWED);
        self.parts.counters.dropped_events.add(left_out.len() as u64);
        if is_event {
            let was_left_out = self.leaves_out_events.swap(!left_out.is_empty(), Ordering::Relaxed);
            if !left_out.is_empty() && !was_left_out {
                tracing::warn!(
                    "destination {}: no ends of associations and refusals are told while {EVENTS_OWED} deliveries wait",
                    left_out.join(", ")
                );
            }
        }
        self.cataloguer.happened(happening);
    }

    /// The program ends, and no association is served any more: takes in what waits, and lets deliveries that are under
    /// way come to their end, until `deadline`. What is left is done by the next run.
    pub(super) fn finish(&self, deadline: Instant) {
        self.upkeep.finish(deadline);
        self.end_of_study.finish(deadline);
        self.cataloguer.finish(deadline);
        if let Some(digests) = &self.parts.digests {
            digests.finish(deadline);
        }
        let stopped = self.outbox.stop(deadline.saturating_duration_since(Instant::now()));
        if stopped.hanging > 0 {
            delivery::kill_programs();
            tracing::warn!(
                "{} deliveries did not come to their end in time: they are repeated after the next start",
                stopped.hanging
            );
        }
    }

    fn event_key(&self) -> String {
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.run)
    }

    fn associations(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Deliveries>>> {
        self.associations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says which catalogue and which destinations are in use.
fn tell_of_use(settings: &CatalogSettings, config: &Config) {
    let names: Vec<&str> = config.destinations.iter().map(|it| it.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    tracing::info!("catalogue {}, destinations: {names}", settings.url);
}

/// How long a study has to be quiet to end: with a command for that, as `--eostudy-timeout` says.
fn quiet(config: &Config, settings: &CatalogSettings) -> Duration {
    let command = config.commands.on_end_of_study.as_ref();
    command.and(config.commands.end_of_study_timeout).unwrap_or(settings.quiet)
}

/// Makes destinations: those of the settings, and those that run the program's commands.
fn build(
    generation: &Arc<ArcSwap<Generation>>,
    catalog: &Arc<dyn Catalog>,
) -> Arc<delivery::Build> {
    let (generation, catalog) = (Arc::clone(generation), Arc::clone(catalog));
    let find: Arc<FindCommands> =
        Arc::new(move |rule: Option<&str>| generation.load().delivered_commands(rule));
    Arc::new(move |settings: &delivery::DestinationSettings| {
        let commands = commands::destination(&settings.name, &find, &catalog);
        commands.map_or_else(|| delivery::build(settings), Ok)
    })
}

fn deliveries(treatment: &Treatment) -> Option<&Arc<Deliveries>> {
    Sender::of(treatment)?.deliveries.as_ref()
}

/// What everything works with.
fn parts(
    settings: &CatalogSettings,
    url: String,
    file: Option<PathBuf>,
    listener: Arc<ProgramListener>,
    routing: Arc<GenerationRouting>,
) -> Result<Parts, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let catalog = open(&url)?;
    let set_aside = Box::new(move || match &file {
        Some(file) if !file.exists() => Ok(None),
        _ => catalog::set_aside(&url).map(Some),
    });
    let availability = Arc::new(Availability::new(Arc::clone(&clock), set_aside));
    let counters = Arc::new(Counters::default());
    let digests =
        Digests::start(Arc::clone(&catalog), Arc::clone(&availability), Arc::clone(&counters))?;
    Ok(Parts {
        catalog,
        availability,
        clock: Arc::new(SteadyClock::new(clock)),
        routing,
        listener,
        counters,
        digests: Some(Arc::new(digests)),
        dictionary: Arc::new(Dictionary::built_in()),
        quiet: settings.quiet,
    })
}

fn upkeep(parts: &Parts, cataloguer: &Arc<Cataloguer>) -> Result<Upkeep, Error> {
    let (completed, spool) = (Arc::clone(cataloguer), Arc::clone(cataloguer));
    let parts = UpkeepParts {
        catalog: Arc::clone(&parts.catalog),
        availability: Arc::clone(&parts.availability),
        clock: Arc::clone(&parts.clock),
        listener: Arc::clone(&parts.listener),
        counters: Arc::clone(&parts.counters),
        dictionary: Arc::clone(&parts.dictionary),
        complete_until: Box::new(move |now| completed.complete_until(now)),
        look_through_spool: Box::new(move || spool.look_through_spool()),
    };
    Ok(Upkeep::start(parts, UpkeepSettings::default())?)
}

/// What is to be kept up by these settings.
fn upkeep_settings(generation: &Generation) -> UpkeepSettings {
    let mut upkeep = UpkeepSettings::default();
    if let Some(settings) = &generation.config.catalog {
        upkeep.verify = settings.verify;
        upkeep.verify_bytes_per_second = settings.verify_bytes_per_second;
        upkeep.quiet = settings.quiet;
    }
    let mut known = BTreeSet::new();
    for deliveries in generation.deliveries() {
        let directory = &deliveries.directory;
        if known.insert(directory) {
            upkeep.places.push(Place {
                directory: directory.clone(),
                storage: Arc::clone(&deliveries.storage),
                intents: Arc::clone(&deliveries.intents),
            });
        }
        if matches!(deliveries.keep, Keep::For { .. } | Keep::Percent { .. }) {
            upkeep.policies.push(Policy {
                directory: directory.clone(),
                rule: deliveries.rule().map(str::to_owned),
                keep: deliveries.keep,
            });
        }
    }
    upkeep
}

/// Opens the catalogue, or, if it cannot be reached now, so that each call tries again.
fn open(url: &str) -> Result<Arc<dyn Catalog>, Error> {
    match catalog::open(url) {
        Ok(catalog) => Ok(catalog),
        // Said, and dealt with, by the first that uses it.
        Err(catalog::Error::Unavailable(_) | catalog::Error::Damaged { .. }) => {
            catalog::open_later(url).map_err(Error::Catalog)
        }
        Err(error) => Err(Error::Catalog(error)),
    }
}

/// A lock beside the file of the catalogue; `None` if another receiver has it.
fn alone(catalog: &Path) -> Option<File> {
    let mut path = catalog.as_os_str().to_owned();
    path.push(".lock");
    let file =
        File::options().create(true).write(true).truncate(false).mode(0o600).open(path).ok()?;
    let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::flock(&file, lock).ok().map(|()| file)
}

/// A name that no other run of the program has: made from machine, process and time.
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}-{:x}", std::process::id(), since.as_nanos())
}

#[cfg(test)]
mod tests;
