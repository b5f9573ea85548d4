//! A small model of the outbox beside the real one: random steps have the same outcome in both.

use crate::databases::{on_postgresql, on_sqlite};
use crate::objects::{QUIET, at, batch, object, owed};
use catalog::{
    Catalog, DeliveryFilter, DeliveryId, DeliveryState, Lease, LeaseOrder, Page, Settlement,
    StudyFilter, Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const NAMES: [&str; 2] = ["a", "b"];
const STUDIES: [&str; 3] = ["1.1", "1.2", "1.3"];
const OWNERS: [&str; 2] = ["run 1", "run 2"];
const LEASE: u64 = 20;

/// A step. Numbers of deliveries are places in the list of all that were ever made.
#[derive(Debug, Clone)]
enum Step {
    TakeIn { study: usize, number: u64, destinations: usize, told: usize },
    Wait(u64),
    Lease { destination: usize, most: usize, order: bool, owner: usize },
    Settle { delivery: usize, owner: usize, verdict: u8 },
    Renew { delivery: usize, owner: usize },
    Operate { delivery: usize, what: u8 },
    Pause { destination: usize, paused: bool },
    End { most: usize },
    Release { owner: usize },
    Forget { age: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_usize, 0..12_u64, 0..4_usize, 0..4_usize).prop_map(
            |(study, number, destinations, told)| Step::TakeIn { study, number, destinations, told }
        ),
        4 => (1..50_u64).prop_map(Step::Wait),
        6 => (0..2_usize, 1..5_usize, any::<bool>(), 0..2_usize).prop_map(
            |(destination, most, order, owner)| Step::Lease { destination, most, order, owner }
        ),
        8 => (0..30_usize, 0..2_usize, 0..4_u8).prop_map(
            |(delivery, owner, verdict)| Step::Settle { delivery, owner, verdict }
        ),
        1 => (0..30_usize, 0..2_usize).prop_map(|(delivery, owner)| Step::Renew { delivery, owner }),
        3 => (0..30_usize, 0..3_u8).prop_map(|(delivery, what)| Step::Operate { delivery, what }),
        1 => (0..2_usize, any::<bool>()).prop_map(
            |(destination, paused)| Step::Pause { destination, paused }
        ),
        2 => (1..3_usize).prop_map(|most| Step::End { most }),
        1 => (0..2_usize).prop_map(|owner| Step::Release { owner }),
        1 => (0..100_u64).prop_map(|age| Step::Forget { age }),
    ]
}

/// What the model knows of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Modelled {
    destination: usize,
    study: usize,
    /// The object, or the end of the study.
    object: Option<String>,
    state: DeliveryState,
    at: u64,
    owner: usize,
    attempts: u32,
    size: u64,
}

#[derive(Debug, Default)]
struct Study {
    due: Option<u64>,
    epoch: u64,
    told: BTreeSet<usize>,
    objects: u64,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    keys: BTreeSet<String>,
    /// Studies that exist, in the order in which they came.
    order: Vec<usize>,
    studies: BTreeMap<usize, Study>,
    /// By the number that the catalogue gave.
    deliveries: BTreeMap<i64, Modelled>,
    made: Vec<i64>,
    paused: [bool; 2],
}

use DeliveryState::{Done, Dropped, Leased, Parked, Waiting};

impl Model {
    fn chosen(&self, destination: usize, most: usize, order: bool) -> Vec<i64> {
        if self.paused[destination] {
            return Vec::new();
        }
        let open = |state| matches!(state, Waiting | Leased);
        let of = |id: &i64| &self.deliveries[id];
        let mine: Vec<i64> = self
            .deliveries
            .iter()
            .filter(|(_, it)| it.destination == destination && open(it.state))
            .map(|(id, _)| *id)
            .collect();
        let mut chosen = Vec::new();
        if order {
            for study in &self.order {
                let lane = mine.iter().filter(|id| of(id).study == *study);
                chosen.extend(lane.take_while(|id| of(id).at <= self.now));
            }
        } else {
            for state in [Leased, Waiting] {
                let mut due: Vec<i64> = mine
                    .iter()
                    .copied()
                    .filter(|id| of(id).state == state && of(id).at <= self.now)
                    .collect();
                due.sort_by_key(|id| (of(id).at, *id));
                chosen.extend(due);
            }
        }
        chosen.truncate(most);
        chosen
    }

    fn next_attempt(&self, destination: usize) -> Option<u64> {
        let open = self
            .deliveries
            .values()
            .filter(|it| it.destination == destination && matches!(it.state, Waiting | Leased));
        open.map(|it| it.at).filter(|at| *at > self.now).min()
    }

    /// Whether anything is owed for an object.
    fn owes(&self, object: &str) -> bool {
        self.deliveries.values().any(|it| {
            it.object.as_deref() == Some(object) && matches!(it.state, Waiting | Leased | Parked)
        })
    }

    fn totals(&self, destination: usize) -> (u64, u64, u64) {
        let mut totals = (0, 0, 0);
        for it in self.deliveries.values().filter(|it| it.destination == destination) {
            match it.state {
                Waiting | Leased => {
                    totals.0 += 1;
                    totals.1 += it.size;
                }
                Parked => totals.2 += 1,
                Done | Dropped => {}
            }
        }
        totals
    }
}

/// The model, and the catalogue that is to do the same.
struct Pair<'c> {
    model: Model,
    catalog: &'c dyn Catalog,
}

impl Pair<'_> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::TakeIn { study, number, destinations, told } => {
                self.take_in(*study, *number, *destinations, *told);
            }
            Step::Wait(seconds) => self.model.now += seconds,
            Step::Lease { destination, most, order, owner } => {
                self.lease(*destination, *most, *order, *owner);
            }
            Step::Settle { delivery, owner, verdict } => self.settle(*delivery, *owner, *verdict),
            Step::Renew { delivery, owner } => self.renew(*delivery, *owner),
            Step::Operate { delivery, what } => self.operate(*delivery, *what),
            Step::Pause { destination, paused } => {
                self.model.paused[*destination] = *paused;
                self.catalog.pause(NAMES[*destination], *paused).unwrap();
            }
            Step::End { most } => self.end(*most),
            Step::Release { owner } => {
                self.catalog.release_leases(OWNERS[*owner]).unwrap();
                let open = self.catalog.deliveries(&DeliveryFilter::default(), all()).unwrap();
                for row in open {
                    let it = self.model.deliveries.get_mut(&row.id.0).unwrap();
                    if it.state == Leased && it.owner != *owner {
                        it.state = Waiting;
                        it.at = seconds(row.since);
                    }
                }
            }
            Step::Forget { age } => {
                let before = self.model.now.saturating_sub(*age);
                let count = self.catalog.forget_done(None, at(before), 1000).unwrap();
                let had = self.model.deliveries.len();
                self.model
                    .deliveries
                    .retain(|_, it| !(matches!(it.state, Done | Dropped) && it.at < before));
                assert_eq!(count as usize, had - self.model.deliveries.len());
            }
        }
        self.compare();
    }

    fn take_in(&mut self, study: usize, number: u64, destinations: usize, told: usize) {
        let chosen = |set: usize| {
            let bits = (0..2).filter(move |bit| set & (1 << bit) != 0);
            bits.collect::<Vec<usize>>()
        };
        let names =
            |set: usize| chosen(set).into_iter().map(|it| NAMES[it].to_owned()).collect::<Vec<_>>();
        let mut object = object(STUDIES[study], number);
        object.received = at(self.model.now);
        let (key, size) = (object.key.clone(), object.size);
        let mut taken = owed(object, &[]);
        taken.destinations = names(destinations);
        taken.study_destinations = names(told);
        self.catalog.take_in(&batch(vec![taken], at(self.model.now))).unwrap();
        if !self.model.keys.insert(key.clone()) {
            return;
        }
        if !self.model.studies.contains_key(&study) {
            self.model.order.push(study);
        }
        let entry = self.model.studies.entry(study).or_default();
        if entry.due.is_none() {
            entry.epoch += 1;
        }
        entry.due = Some(self.model.now + QUIET.as_secs());
        entry.told.extend(chosen(told));
        entry.objects += 1;
        for destination in chosen(destinations) {
            self.make(destination, study, Some(key.clone()), size);
        }
    }

    /// Adds the delivery that the catalogue has made, which has the next greater number.
    fn make(&mut self, destination: usize, study: usize, object: Option<String>, size: u64) {
        let filter = DeliveryFilter {
            destination: Some(NAMES[destination].to_owned()),
            state: Some(Waiting),
            ..DeliveryFilter::default()
        };
        let rows = self.catalog.deliveries(&filter, all()).unwrap();
        let new = rows.iter().find(|row| {
            !self.model.made.contains(&row.id.0)
                && row.study.as_deref() == Some(STUDIES[study])
                && object.as_ref().is_none_or(|key| *key == row.event_key)
        });
        let id = new.expect("it was made").id.0;
        self.model.made.push(id);
        let (state, at) = (Waiting, self.model.now);
        let made = Modelled { destination, study, object, state, at, owner: 9, attempts: 0, size };
        self.model.deliveries.insert(id, made);
    }

    fn lease(&mut self, destination: usize, most: usize, order: bool, owner: usize) {
        let lease = Lease {
            destination: NAMES[destination].to_owned(),
            most,
            order: if order { LeaseOrder::Study } else { LeaseOrder::None },
            owner: OWNERS[owner].to_owned(),
            now: at(self.model.now),
            duration: Duration::from_secs(LEASE),
        };
        let expected = self.model.chosen(destination, most, order);
        let found = self.catalog.lease(&lease).unwrap();
        let ids: Vec<i64> = found.iter().map(|it| it.id.0).collect();
        assert_eq!(ids, expected, "{lease:?}");
        for delivery in found {
            let it = self.model.deliveries.get_mut(&delivery.id.0).unwrap();
            assert_eq!(delivery.attempts, it.attempts);
            (it.state, it.owner, it.at) = (Leased, owner, self.model.now + LEASE);
        }
    }

    fn settle(&mut self, place: usize, owner: usize, verdict: u8) {
        let Some(id) = self.model.made.get(place).copied() else { return };
        let now = self.model.now;
        let reason = "because".to_owned();
        let verdict_of =
            |attempted| Verdict::Again { at: at(now + 30), reason: reason.clone(), attempted };
        let made = match verdict {
            0 => Verdict::Done,
            1 => verdict_of(true),
            2 => verdict_of(false),
            _ => Verdict::Park { reason: reason.clone() },
        };
        let settlement = Settlement { id: DeliveryId(id), verdict: made };
        let released = self.catalog.settle(OWNERS[owner], &[settlement], at(now)).unwrap();
        let mut expected = Vec::new();
        if let Some(it) = self.model.deliveries.get_mut(&id)
            && (it.state, it.owner) == (Leased, owner)
        {
            (it.state, it.at) = match verdict {
                0 => (Done, now),
                1 | 2 => (Waiting, now + 30),
                _ => (Parked, now),
            };
            it.attempts += u32::from(verdict != 2);
            let object = it.object.clone().filter(|_| verdict == 0);
            expected.extend(object.filter(|object| !self.model.owes(object)));
        }
        let released: Vec<String> = released.into_iter().map(|it| it.key).collect();
        assert_eq!(released, expected);
    }

    fn renew(&mut self, place: usize, owner: usize) {
        let Some(id) = self.model.made.get(place).copied() else { return };
        let until = self.model.now + 2 * LEASE;
        let count = self.catalog.renew(OWNERS[owner], &[DeliveryId(id)], at(until)).unwrap();
        let mine = self.model.deliveries.get_mut(&id);
        let mine = mine.filter(|it| (it.state, it.owner) == (Leased, owner));
        assert_eq!(count == 1, mine.is_some());
        if let Some(it) = mine {
            it.at = until;
        }
    }

    fn operate(&mut self, place: usize, what: u8) {
        let Some(id) = self.model.made.get(place).copied() else { return };
        let (ids, now) = ([DeliveryId(id)], at(self.model.now));
        let (done, released) = match what {
            0 => (self.catalog.retry(&ids, now).unwrap(), Vec::new()),
            1 => (self.catalog.park(&ids, "by hand", now).unwrap(), Vec::new()),
            _ => (9, self.catalog.drop_deliveries(&ids, "by hand", now).unwrap()),
        };
        let Some(it) = self.model.deliveries.get_mut(&id) else { return };
        let before = it.state;
        let (from, to): (&[DeliveryState], _) = match what {
            0 => (&[Waiting, Parked, Dropped], Waiting),
            1 => (&[Waiting, Leased], Parked),
            _ => (&[Waiting, Leased, Parked], Dropped),
        };
        let changes = from.contains(&before);
        if changes {
            (it.state, it.at) = (to, self.model.now);
            if what == 0 && before != Waiting {
                it.attempts = 0;
            }
        }
        let object = it.object.clone().filter(|_| changes && what == 2);
        let expected: Vec<String> =
            object.into_iter().filter(|object| !self.model.owes(object)).collect();
        assert_eq!(released.into_iter().map(|it| it.key).collect::<Vec<_>>(), expected);
        assert!(done == 9 || (done == 1) == changes, "{done} {before:?}");
    }

    fn end(&mut self, most: usize) {
        let now = self.model.now;
        let ended = self.catalog.end_studies(at(now), most).unwrap();
        let mut due: Vec<(u64, usize)> = self
            .model
            .studies
            .iter()
            .filter_map(|(study, it)| it.due.filter(|due| *due <= now).map(|due| (due, *study)))
            .collect();
        due.sort_unstable();
        assert_eq!(ended.len(), due.len().min(most));
        let latest = due.iter().take(most).next_back().map_or(0, |(due, _)| *due);
        for study in ended {
            let place = STUDIES.iter().position(|it| *it == study.study_instance_uid).unwrap();
            let it = self.model.studies.get_mut(&place).unwrap();
            assert!(it.due.is_some_and(|due| due <= latest));
            assert_eq!((study.epoch, study.objects), (it.epoch, it.objects));
            it.due = None;
            for destination in it.told.clone() {
                self.make(destination, place, None, 0);
            }
        }
    }

    /// What can be asked of both at any time.
    fn compare(&self) {
        let counts = self.catalog.counts(&NAMES.map(str::to_owned)).unwrap();
        for (place, name) in NAMES.into_iter().enumerate() {
            let it = counts.iter().find(|it| it.destination == name).unwrap();
            assert_eq!((it.waiting, it.waiting_bytes, it.parked), self.model.totals(place));
            assert_eq!(it.paused, self.model.paused[place]);
            let next = self.catalog.next_attempt(name, at(self.model.now)).unwrap();
            assert_eq!(next, self.model.next_attempt(place).map(at));
        }
        for state in [Waiting, Leased, Done, Parked, Dropped] {
            let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
            let rows = self.catalog.deliveries(&filter, all()).unwrap();
            let found: Vec<_> =
                rows.iter().map(|it| (it.id.0, it.attempts, seconds(it.at))).collect();
            let expected: Vec<_> = self
                .model
                .deliveries
                .iter()
                .filter(|(_, it)| it.state == state)
                .map(|(id, it)| (*id, it.attempts, it.at))
                .collect();
            assert_eq!(found, expected, "{state:?}");
        }
        let next = self.catalog.next_end_of_study().unwrap();
        assert_eq!(next, self.model.studies.values().filter_map(|it| it.due).min().map(at));
        let keys: Vec<String> = self.model.keys.iter().cloned().collect();
        let expected: Vec<_> = keys.iter().map(|key| Some(self.model.owes(key))).collect();
        assert_eq!(self.catalog.owed(&keys).unwrap(), expected);
        let studies = self.catalog.studies(&StudyFilter::default(), all()).unwrap();
        for row in studies {
            let place = STUDIES.iter().position(|it| *it == row.study_instance_uid).unwrap();
            let it = &self.model.studies[&place];
            assert_eq!(
                (row.objects, row.epoch, row.open),
                (it.objects, it.epoch, it.due.is_some())
            );
        }
    }
}

fn all() -> Page {
    Page { after: None, most: 1000 }
}

fn seconds(time: std::time::SystemTime) -> u64 {
    time.duration_since(at(0)).unwrap().as_secs()
}

/// Runs as many cases, each on a catalogue of its own.
fn run(cases: u32, on: impl Fn(&str, &dyn Fn(&dyn Catalog))) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    // The same on each machine, so that a failure can be looked into.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let case = std::cell::Cell::new(0);
    let result = runner.run(&prop::collection::vec(step(), 1..80), |steps| {
        case.set(case.get() + 1);
        on(&format!("model-{}", case.get()), &|catalog| {
            let mut pair = Pair { model: Model::default(), catalog };
            for step in &steps {
                pair.step(step);
            }
        });
        Ok(())
    });
    result.unwrap();
}

#[test]
fn sqlite_does_as_the_model() {
    run(30, |name, case| on_sqlite(name, case));
}

#[test]
fn postgresql_does_as_the_model() {
    run(10, |name, case| on_postgresql(name, case));
}
