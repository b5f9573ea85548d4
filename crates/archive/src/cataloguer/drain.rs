//! Takes in what waits, batch by batch, and settles intents once that is durable.

use super::Shared;
use super::queue::Taken;
use super::{Arrival, Happening};
use crate::availability::Failure;
use crate::limits::{BATCH_TIME, DURABLE_OBJECTS, DURABLE_TIME, FIRST_PAUSE, LONGEST_PAUSE};
use catalog::{Batch, Error, TakenIn, TakenObject};
use platform::sync::Arc;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use storage::{IntentName, Intents};

/// What the cataloguer's thread knows from one step to the next.
pub(super) struct Drain {
    shared: Arc<Shared>,
    /// Taken in, and perhaps not durable yet.
    unsettled: Vec<Unsettled>,
    /// When the first of these was taken in.
    since: Duration,
    /// [`Availability::made_anew`](crate::Availability::made_anew) when it was.
    made_anew: u64,
    /// The pause after the next failure.
    pause: Duration,
}

struct Unsettled {
    intents: Arc<dyn Intents>,
    name: IntentName,
    owed: bool,
}

impl Drain {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (unsettled, since) = (Vec::new(), Duration::ZERO);
        Self { shared, unsettled, since, made_anew: 0, pause: FIRST_PAUSE }
    }

    /// Takes in one batch, if something waits or comes soon, and settles what is due. Returns how long to pause, which is not
    /// zero only after a failure.
    pub(super) fn step(&mut self) -> Duration {
        let patience = self.left().map(|left| left.max(Duration::from_millis(1)));
        let taken = self.shared.queue.take(patience, BATCH_TIME);
        if !taken.is_empty() && !self.take_in(taken) {
            return self.after_failure();
        }
        let is_due = self.unsettled.len() >= DURABLE_OBJECTS
            || self.left().is_some_and(|left| left.is_zero())
            || (self.shared.queue.is_ending() && self.shared.queue.is_empty());
        if is_due && !self.unsettled.is_empty() && !self.settle() {
            return self.after_failure();
        }
        self.pause = FIRST_PAUSE;
        Duration::ZERO
    }

    /// A step has panicked: what it held in memory is read from its intents.
    pub(super) fn begin_anew(&mut self) {
        self.unsettled.clear();
        self.shared.queue.done();
        self.shared.request_recovery();
    }

    /// Whether everything is in and settled.
    pub(super) fn is_idle(&self) -> bool {
        self.unsettled.is_empty() && self.shared.queue.is_empty()
    }

    /// How long until what was taken in is made durable; `None` if there is nothing.
    fn left(&self) -> Option<Duration> {
        let passed = self.shared.passed().saturating_sub(self.since);
        (!self.unsettled.is_empty()).then(|| DURABLE_TIME.saturating_sub(passed))
    }

    fn after_failure(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        pause
    }

    /// False if the catalogue is unavailable: what is not in yet waits again.
    fn take_in(&mut self, mut taken: Taken) -> bool {
        // All at once; if something in it is refused, halves of halves, so that it is found and all else gets in.
        let (mut size, mut is_whole) = (usize::MAX, true);
        while !taken.is_empty() {
            let objects = taken.objects.len().min(size);
            let with_events = is_whole || objects == 0;
            let events = if with_events { taken.happenings.len().min(size) } else { 0 };
            match self.shared.take_in(&taken.objects[..objects], &taken.happenings[..events], false)
            {
                Ok(taken_in) => {
                    self.shared.availability.succeeded();
                    let objects: Vec<_> = taken.objects.drain(..objects).collect();
                    taken.happenings.drain(..events);
                    self.taken_in(objects, &taken_in);
                }
                Err(error) => match self.shared.availability.failed(&error) {
                    Failure::Later => {
                        self.shared.queue.put_back(taken);
                        return false;
                    }
                    Failure::Never if objects + events > 1 => {
                        is_whole = false;
                        size = (objects.max(events) / 2).max(1);
                    }
                    Failure::Never => self.refuse(&error, &mut taken, objects, events),
                },
            }
        }
        self.shared.queue.done();
        if self.shared.queue.has_let_go() {
            self.shared.request_recovery();
        }
        true
    }

    fn refuse(&self, error: &Error, taken: &mut Taken, objects: usize, events: usize) {
        let counters = &self.shared.counters;
        for (arrival, _) in taken.objects.drain(..objects) {
            counters.refused.add(1);
            let key = arrival.object.key;
            tracing::error!(
                "{error}: the object with the intent {key} is not in the catalogue; it stays on disk, and is tried \
                 again at the next start"
            );
        }
        for _ in taken.happenings.drain(..events) {
            counters.dropped_events.add(1);
            tracing::error!(
                "{error}: the end of an association, or a refusal, is not in the catalogue"
            );
        }
    }

    fn taken_in(&mut self, objects: Vec<(Arrival, SystemTime)>, taken_in: &TakenIn) {
        let shared = &self.shared;
        shared.counters.batches.add(1);
        shared.counters.taken_in.add(objects.len() as u64);
        if self.unsettled.is_empty() {
            self.since = shared.passed();
            self.made_anew = shared.availability.made_anew();
        }
        for (at, (arrival, _)) in objects.into_iter().enumerate() {
            if let (Some(digests), Some(&id)) = (&shared.digests, taken_in.instances.get(at)) {
                digests.offer(id, &arrival.object, arrival.intent.clone());
            }
            if let Some((intents, name)) = arrival.intent {
                self.unsettled.push(Unsettled {
                    intents,
                    name,
                    owed: !arrival.destinations.is_empty(),
                });
            }
        }
    }

    /// Makes durable what was taken in, and settles the intents. False if the catalogue is unavailable.
    fn settle(&mut self) -> bool {
        if self.made_anew == self.shared.availability.made_anew() {
            if let Err(error) = self.shared.catalog.make_durable() {
                self.shared.availability.failed(&error);
                // What is not durable is still pending, and taken in again: that changes nothing, or brings it back.
                self.unsettled.clear();
                self.shared.request_recovery();
                return false;
            }
            self.shared.availability.succeeded();
        }
        if self.made_anew != self.shared.availability.made_anew() {
            // It is in a catalogue that is gone.
            self.unsettled.clear();
            self.shared.request_recovery();
            return true;
        }
        settle_all(&self.unsettled);
        self.unsettled.clear();
        true
    }
}

/// Settles intents, those of one output directory together.
fn settle_all(unsettled: &[Unsettled]) {
    let same = |one: &Unsettled, other: &Unsettled| Arc::ptr_eq(&one.intents, &other.intents);
    for group in unsettled.chunk_by(same) {
        let Some(first) = group.first() else { continue };
        let names: Vec<_> = group.iter().map(|it| (&it.name, it.owed)).collect();
        if let Err(error) = first.intents.settle_all(&names) {
            let (reason, count) = (platform::reason(&error), names.len());
            tracing::error!(
                "up to {count} intents cannot be settled, and are tried again at the next start: {reason}"
            );
        }
    }
}

impl Shared {
    /// One transaction. Tells the listener of what is owed.
    pub(super) fn take_in(
        &self,
        objects: &[(Arrival, SystemTime)],
        happenings: &[Happening],
        durable: bool,
    ) -> Result<TakenIn, Error> {
        let of = |(arrival, _): &(Arrival, SystemTime)| TakenObject {
            object: arrival.object.clone(),
            destinations: arrival.destinations.clone(),
            study_destinations: arrival.study_destinations.clone(),
        };
        let time = self.clock.time();
        let batch = Batch {
            objects: objects.iter().map(of).collect(),
            events: happenings.iter().filter_map(|it| it.event.clone()).collect(),
            associations: happenings.iter().filter_map(|it| it.association.clone()).collect(),
            refusals: happenings.iter().filter_map(|it| it.refusal.clone()).collect(),
            now: Some(time.now),
            quiet: self.quiet(),
            durable,
        };
        let taken_in = self.catalog.take_in(&batch)?;
        drop(time);
        let of_objects = batch.objects.iter().flat_map(|it| &it.destinations);
        let of_events = batch.events.iter().flat_map(|it| &it.destinations);
        let owed: BTreeSet<&str> = of_objects.chain(of_events).map(String::as_str).collect();
        if !owed.is_empty() {
            self.listener.owed(&owed);
        }
        Ok(taken_in)
    }
}
