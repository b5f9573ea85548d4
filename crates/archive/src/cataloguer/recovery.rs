//! Takes in what is pending and memory does not tell of: what it would have told is read from the file and from the name of
//! the intent.

use super::{Arrival, Shared};
use crate::attributes::{Values, read_file};
use crate::availability::Failure;
use crate::files::PlaceInUse;
use crate::limits::{
    FIRST_PAUSE, LONGEST_PAUSE, RECOVERED_INTENTS, SPOOL_DELAY, UNREADABLE_INTENTS,
};
use catalog::limits::BATCH_OBJECTS;
use catalog::{ObjectAttributes, ReceivedObject};
use platform::sync::Arc;
use platform::sync::atomic::Ordering;
use std::collections::{BinaryHeap, HashSet};
use std::io;
use std::time::{Duration, SystemTime};
use storage::{Envelope, IntentName, PendingIntent};

/// What the thread of recovery knows from one step to the next.
pub(super) struct Recovery {
    shared: Arc<Shared>,
    /// Intents that were in progress when they were listed: the queue has them, or a later listing finds them.
    in_progress: HashSet<IntentName>,
    /// Intents that cannot be taken in, and are not tried again.
    failed: HashSet<IntentName>,
    /// Objects that no destination takes, and that have no other name than their intents.
    untaken: u64,
    /// The catalogue as it was when the spool was known.
    made_anew: u64,
    /// The spool was looked through in this run.
    has_looked_through: bool,
    pause: Duration,
}

/// Why recovery cannot go on.
enum Stopped {
    /// The program ends.
    Ending,
    /// Tried again later.
    Later,
}

/// An intent to be taken in. The oldest is the greatest, so that a heap has the youngest of those that fit on top.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    received: SystemTime,
    association: u64,
    sequence: u32,
    name: IntentName,
    file: Option<String>,
}

/// What an intent leads to.
enum Read {
    Object(Box<Arrival>),
    /// Its link is gone: somebody else has settled it.
    Settled,
    /// No destination takes the object, and it has no other name.
    Untaken,
}

/// Steps without anything to do.
const REST: Duration = Duration::from_secs(3600);

/// After which it is looked again for what was in progress.
const IN_PROGRESS_PAUSE: Duration = Duration::from_secs(2);

impl Recovery {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (in_progress, failed) = (HashSet::new(), HashSet::new());
        let (untaken, made_anew, has_looked_through, pause) = (0, 0, false, FIRST_PAUSE);
        Self { shared, in_progress, failed, untaken, made_anew, has_looked_through, pause }
    }

    /// Takes in everything that is pending, if that was asked for. Returns how long to pause.
    pub(super) fn step(&mut self, is_ending: &dyn Fn() -> bool) -> Duration {
        let made_anew = self.shared.availability.made_anew();
        if self.made_anew != made_anew {
            self.made_anew = made_anew;
            self.shared.look_through_spool();
            self.shared.request_recovery();
        }
        if !self.has_looked_through && self.shared.passed() >= SPOOL_DELAY {
            self.shared.look_through_spool();
        }
        let is_known = !self.shared.spool_unknown.load(Ordering::Acquire);
        if !self.shared.is_behind() && self.in_progress.is_empty() && is_known {
            // Woken by nobody, it finds out itself when something was asked for.
            return if is_ending() { REST } else { IN_PROGRESS_PAUSE };
        }
        match self.recover(is_ending) {
            Ok(()) => {
                self.pause = FIRST_PAUSE;
                IN_PROGRESS_PAUSE
            }
            Err(Stopped::Ending) => REST,
            Err(Stopped::Later) => {
                let pause = self.pause;
                self.pause = (pause * 2).min(LONGEST_PAUSE);
                pause
            }
        }
    }

    fn recover(&mut self, is_ending: &dyn Fn() -> bool) -> Result<(), Stopped> {
        let is_full = self.shared.is_behind.swap(false, Ordering::AcqRel);
        let recovered = self.recover_places(is_full, is_ending);
        let untaken = std::mem::take(&mut self.untaken);
        if untaken > 0 {
            self.shared.counters.refused.add(untaken);
            tracing::error!(
                "{untaken} objects that were to be kept until they are delivered are taken by no destination of the settings: \
                 add one that takes them; until then they stay in .storescp, and each start tries them again"
            );
        }
        if recovered.is_err() && is_full {
            self.shared.request_recovery();
        }
        recovered
    }

    fn recover_places(
        &mut self,
        is_full: bool,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<(), Stopped> {
        let places = self.shared.places();
        let still = std::mem::take(&mut self.in_progress);
        let mut taken_in = 0;
        for place in &places {
            taken_in += self.recover_place(place, is_full, &still, is_ending)?;
        }
        if taken_in > 0 {
            tracing::info!(
                "{taken_in} objects were taken into the catalogue that had been stored before without it"
            );
        }
        if self.shared.spool_unknown.load(Ordering::Acquire) {
            for place in &places {
                self.look_through_spool(place, is_ending)?;
            }
            self.shared.spool_unknown.store(false, Ordering::Release);
            self.has_looked_through = true;
        }
        Ok(())
    }

    /// Takes in what is pending in a place, the oldest first. If not `is_full`, only what was in progress the last time.
    fn recover_place(
        &mut self,
        place: &Arc<PlaceInUse>,
        is_full: bool,
        still: &HashSet<IntentName>,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<u64, Stopped> {
        let mut taken_in = 0;
        let mut last = None;
        loop {
            let found = self.oldest_pending(place, is_full, still, last.as_ref());
            let found = found.map_err(|error| {
                let directory = place.place.directory.display();
                let reason = platform::reason(&error);
                tracing::error!("cannot list pending intents of {directory}: {reason}");
                Stopped::Later
            })?;
            let is_all = found.len() < RECOVERED_INTENTS;
            for chunk in found.chunks(BATCH_OBJECTS) {
                if is_ending() {
                    return Err(Stopped::Ending);
                }
                taken_in += self.take_in(place, chunk)?;
            }
            if is_all {
                return Ok(taken_in);
            }
            // What stays, for whatever reason, is not met again.
            last = found.into_iter().next_back();
        }
    }

    fn oldest_pending(
        &mut self,
        place: &PlaceInUse,
        is_full: bool,
        still: &HashSet<IntentName>,
        last: Option<&Found>,
    ) -> io::Result<Vec<Found>> {
        let mut oldest = BinaryHeap::new();
        let (in_progress, failed) = (&mut self.in_progress, &mut self.failed);
        place.place.intents.pending(&mut |pending| {
            let PendingIntent { name, is_in_progress, file } = pending;
            if failed.contains(&name) || !(is_full || still.contains(&name)) {
                return true;
            }
            if is_in_progress {
                if in_progress.len() < RECOVERED_INTENTS {
                    in_progress.insert(name);
                }
                return true;
            }
            let Some(envelope) = Envelope::parse(&name) else {
                tracing::warn!("the intent {name} is of another version of this program: it stays");
                fail(failed, name);
                return true;
            };
            let Envelope { received, association, sequence, .. } = envelope;
            let found = Found { received, association, sequence, name, file };
            if last.is_some_and(|last| found <= *last) {
                return true;
            }
            oldest.push(found);
            if oldest.len() > RECOVERED_INTENTS {
                oldest.pop();
            }
            true
        })?;
        Ok(oldest.into_sorted_vec())
    }

    /// Takes in these, durably, and settles their intents.
    fn take_in(&mut self, place: &Arc<PlaceInUse>, found: &[Found]) -> Result<u64, Stopped> {
        let now = self.shared.clock.time().now;
        let mut arrivals = Vec::with_capacity(found.len());
        for Found { name, file, .. } in found {
            match self.read(place, name, file.clone()) {
                Ok(Read::Object(arrival)) => arrivals.push((*arrival, now)),
                Ok(Read::Settled) => {}
                Ok(Read::Untaken) => {
                    self.untaken += 1;
                    fail(&mut self.failed, name.clone());
                }
                Err(error) => {
                    self.shared.counters.refused.add(1);
                    let reason = platform::reason(&error);
                    tracing::error!(
                        "the object with the intent {name} cannot be taken in: {reason}; its intent stays, and is tried again at \
                         the next start"
                    );
                    fail(&mut self.failed, name.clone());
                }
            }
        }
        let mut size = arrivals.len().max(1);
        let mut taken_in = 0;
        while !arrivals.is_empty() {
            let some = arrivals.len().min(size);
            match self.shared.take_in(&arrivals[..some], &[], true) {
                Ok(instances) => {
                    self.shared.availability.succeeded();
                    let some: Vec<_> = arrivals.drain(..some).map(|(arrival, _)| arrival).collect();
                    taken_in += some.len() as u64;
                    self.settle(place, &some, &instances.instances)?;
                }
                Err(error) => match self.shared.availability.failed(&error) {
                    Failure::Later => return Err(Stopped::Later),
                    Failure::Never if some > 1 => size = some / 2,
                    Failure::Never => {
                        self.shared.counters.refused.add(1);
                        for (arrival, _) in arrivals.drain(..some) {
                            let key = &arrival.object.key;
                            tracing::error!(
                                "{error}: the object with the intent {key} is not in the catalogue"
                            );
                            if let Some((_, name)) = arrival.intent {
                                fail(&mut self.failed, name);
                            }
                        }
                    }
                },
            }
        }
        self.shared.counters.recovered.add(taken_in);
        self.shared.counters.taken_in.add(taken_in);
        Ok(taken_in)
    }

    /// Some may have been delivered before a power loss brought their intents back.
    fn settle(
        &mut self,
        place: &PlaceInUse,
        arrivals: &[Arrival],
        instances: &[catalog::InstanceId],
    ) -> Result<(), Stopped> {
        let keys: Vec<String> = arrivals.iter().map(|it| it.object.key.clone()).collect();
        let owed = self.shared.catalog.owed(&keys).map_err(|error| {
            self.shared.availability.failed(&error);
            Stopped::Later
        })?;
        for (at, arrival) in arrivals.iter().enumerate() {
            if let (Some(digests), Some(&id)) = (&self.shared.digests, instances.get(at)) {
                digests.offer(id, &arrival.object, arrival.intent.clone());
            }
            let Some((_, name)) = &arrival.intent else { continue };
            let owed = owed.get(at).copied().flatten().unwrap_or(true);
            if let Err(error) = place.place.intents.settle(name, owed) {
                let reason = platform::reason(&error);
                tracing::error!(
                    "the intent {name} cannot be settled, and is tried again at the next start: {reason}"
                );
                fail(&mut self.failed, name.clone());
            }
        }
        Ok(())
    }

    /// What memory would have told of an object.
    fn read(
        &self,
        place: &PlaceInUse,
        name: &IntentName,
        file: Option<String>,
    ) -> io::Result<Read> {
        let intents = &place.place.intents;
        let Some(envelope) = Envelope::parse(name) else { return Ok(Read::Settled) };
        let opened = match intents.open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Read::Settled),
            opened => opened?,
        };
        let directory = &place.place.directory;
        let route = self.shared.routing.route(directory, &envelope);
        let facts = read_file(&opened, route.wanted(), &self.shared.dictionary)?;
        let mut object = ReceivedObject {
            key: name.to_string(),
            directory: directory.clone(),
            file,
            spool: None,
            // Of what was stored as it came, perhaps nothing can be read.
            sop_class: String::new(),
            sop_instance: String::new(),
            transfer_syntax: String::new(),
            size: opened.metadata()?.len(),
            digest: None,
            received: envelope.received,
            association: envelope.association,
            calling: title(&envelope.calling),
            called: title(&envelope.called),
            peer: envelope.address.to_canonical().to_string(),
            rule: route.rule().map(str::to_owned),
            replaced: false,
            kept: false,
            attributes: ObjectAttributes::default(),
        };
        let destinations = match facts {
            Some(facts) => {
                let values = Values::new(&facts.attributes, route.default_character_set());
                object.sop_class = facts.sop_class.to_string();
                object.sop_instance = facts.sop_instance.to_string();
                object.attributes = values.catalogued();
                object.transfer_syntax = facts.transfer_syntax;
                route.destinations(&object, &|name| values.all(name))
            }
            None => route.destinations(&object, &|_| Vec::new()),
        };
        if envelope.is_alone && destinations.object.is_empty() {
            // Taken in, it would be owed to nobody, and its only name would be removed.
            return Ok(Read::Untaken);
        }
        object.spool = (!destinations.object.is_empty()).then(|| name.to_string());
        Ok(Read::Object(Box::new(Arrival {
            object,
            intent: Some((Arc::clone(intents), name.clone())),
            destinations: destinations.object,
            study_destinations: destinations.study,
        })))
    }

    /// After a crash: removes bytes that nobody is owed, and takes in what the catalogue does not know.
    fn look_through_spool(
        &mut self,
        place: &Arc<PlaceInUse>,
        is_ending: &dyn Fn() -> bool,
    ) -> Result<(), Stopped> {
        let mut names = Vec::with_capacity(BATCH_OBJECTS);
        let mut result = Ok(());
        let (mut removed, mut unknown) = (0, 0);
        let intents = Arc::clone(&place.place.intents);
        let listed = intents.spooled(&mut |name| {
            names.push(name);
            if names.len() < BATCH_OBJECTS {
                return true;
            }
            result = if is_ending() {
                Err(Stopped::Ending)
            } else {
                self.look_at_spooled(place, &names, &mut removed, &mut unknown)
            };
            names.clear();
            result.is_ok()
        });
        result?;
        if let Err(error) = listed {
            let reason = platform::reason(&error);
            tracing::error!(
                "cannot list the spool of {}: {reason}",
                place.place.directory.display()
            );
            return Err(Stopped::Later);
        }
        self.look_at_spooled(place, &names, &mut removed, &mut unknown)?;
        if unknown > 0 {
            tracing::warn!(
                "{unknown} objects in the spool were not known to the catalogue: they were taken in anew"
            );
        }
        if removed > 0 {
            tracing::info!(
                "{removed} files that nobody was owed any more were removed from the spool"
            );
        }
        Ok(())
    }

    fn look_at_spooled(
        &mut self,
        place: &Arc<PlaceInUse>,
        names: &[IntentName],
        removed: &mut u64,
        unknown: &mut u64,
    ) -> Result<(), Stopped> {
        if names.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = names.iter().map(ToString::to_string).collect();
        let owed = self.shared.catalog.owed(&keys).map_err(|error| {
            self.shared.availability.failed(&error);
            Stopped::Later
        })?;
        let mut anew = Vec::new();
        for (name, owed) in names.iter().zip(owed) {
            match owed {
                Some(true) => {}
                Some(false) => {
                    *removed += 1;
                    if let Err(error) = place.place.intents.release(name) {
                        let reason = platform::reason(&error);
                        tracing::warn!("cannot remove {name} from the spool: {reason}");
                    }
                }
                None => {
                    let Some(Envelope { received, association, sequence, .. }) =
                        Envelope::parse(name)
                    else {
                        continue;
                    };
                    let name = name.clone();
                    anew.push(Found { received, association, sequence, name, file: None });
                }
            }
        }
        anew.sort();
        *unknown += self.take_in(place, &anew)?;
        Ok(())
    }
}

fn fail(failed: &mut HashSet<IntentName>, name: IntentName) {
    // Beyond the bound, they are tried again each time.
    if failed.len() < UNREADABLE_INTENTS {
        failed.insert(name);
    }
}

/// An AE title without padding (PS3.5 §6.2), as text: what is not ASCII is read as Latin-1.
fn title(field: &[u8; 16]) -> String {
    let text: String = field.iter().map(|&byte| char::from(byte)).collect();
    text.trim_matches([' ', '\0']).replace('\0', " ")
}
