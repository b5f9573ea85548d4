//! The engine with destinations that fail in every way, on a catalogue in memory and on SQLite.

mod failures;
mod operators;
mod outages;
mod sqlite;

use super::{DestinationReport, Outbox, Parts, Spool};
use crate::model::{Model, Row};
use crate::{
    Bounds, Destination, DestinationKind, DestinationSettings, ExecSettings, Item, On, Outcome,
    RetrySettings, Session, Stop,
};
use catalog::{Catalog, DeliveryState, SpooledObject, StoredInstance};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

type Deliver = dyn Fn(&[Item], &Stop, &mut dyn FnMut(usize, Outcome)) + Send + Sync;

/// A destination that does what a test says.
struct Fake {
    batch: usize,
    linger: Duration,
    deliver: Arc<Deliver>,
    opened: Arc<AtomicUsize>,
}

impl Fake {
    fn new(
        deliver: impl Fn(&[Item], &Stop, &mut dyn FnMut(usize, Outcome)) + Send + Sync + 'static,
    ) -> Self {
        let linger = Duration::from_secs(60);
        Self { batch: 1, linger, deliver: Arc::new(deliver), opened: Arc::default() }
    }

    /// One that says this of each delivery.
    fn each(outcome: impl Fn(&Item) -> Outcome + Send + Sync + 'static) -> Self {
        Self::new(move |items, _, tell| {
            for (index, item) in items.iter().enumerate() {
                tell(index, outcome(item));
            }
        })
    }
}

impl Destination for Fake {
    fn open(&self) -> Box<dyn Session> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Box::new(FakeSession(Arc::clone(&self.deliver)))
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn linger(&self) -> Duration {
        self.linger
    }
}

struct FakeSession(Arc<Deliver>);

impl Session for FakeSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        (self.0)(items, stop, tell);
    }
}

/// A spool: what is released, and what has no file.
#[derive(Default)]
struct FakeSpool {
    released: Mutex<HashSet<String>>,
    missing: Mutex<HashSet<String>>,
    unreadable: Mutex<HashSet<String>>,
}

impl Spool for FakeSpool {
    fn path(&self, instance: &StoredInstance) -> io::Result<Option<PathBuf>> {
        let key = &instance.object.key;
        if self.unreadable.lock().unwrap().remove(key) {
            return Err(io::Error::other("stale handle"));
        }
        let is_there = !self.missing.lock().unwrap().contains(key);
        Ok(is_there.then(|| PathBuf::from(format!("/in/spool/{key}"))))
    }

    fn release(&self, object: &SpooledObject) -> io::Result<()> {
        self.released.lock().unwrap().insert(object.key.clone());
        Ok(())
    }
}

/// The engine with a model, and what a test needs of both.
struct Bench {
    model: Arc<Model>,
    spool: Arc<FakeSpool>,
    outbox: Outbox,
}

impl Bench {
    fn new(settings: Vec<DestinationSettings>, fake: Fake) -> Self {
        Self::of(Arc::default(), settings, fake)
    }

    fn of(model: Arc<Model>, settings: Vec<DestinationSettings>, fake: Fake) -> Self {
        let spool = Arc::new(FakeSpool::default());
        let outbox = start(model.clone(), spool.clone(), settings, fake);
        Self { model, spool, outbox }
    }

    /// Makes so many deliveries of a study, and wakes the engine.
    fn owe(&self, count: usize, study: Option<&str>) -> Vec<i64> {
        let one = |_| self.model.add("pacs", study, 1000, SystemTime::now());
        let ids = (0..count).map(one).collect();
        self.outbox.wake("pacs");
        ids
    }

    fn rows(&self, is: impl Fn(&Row) -> bool) -> usize {
        self.model.inner().rows.values().filter(|row| is(row)).count()
    }

    fn in_state(&self, state: DeliveryState) -> usize {
        self.rows(|row| row.state == state)
    }

    fn row(&self, id: i64) -> Row {
        self.model.inner().rows[&id].clone()
    }

    fn report(&self) -> DestinationReport {
        self.outbox.reports().remove(0)
    }
}

fn start(
    catalog: Arc<dyn Catalog>,
    spool: Arc<FakeSpool>,
    settings: Vec<DestinationSettings>,
    fake: Fake,
) -> Outbox {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let fake: Arc<dyn Destination> = Arc::new(fake);
    let parts = Parts {
        catalog,
        spool,
        owner: format!("run {}", RUN.fetch_add(1, Ordering::SeqCst)),
        source: "//host/in".into(),
        alone: true,
        build: Arc::new(move |_| Ok(Arc::clone(&fake))),
        settings,
    };
    Outbox::start(parts).unwrap()
}

/// Settings of a destination; its kind is that of the fake, whatever it says.
fn settings(concurrency: usize) -> DestinationSettings {
    DestinationSettings {
        name: "pacs".to_owned(),
        kind: DestinationKind::Exec(ExecSettings { command: Vec::new(), timeout: None }),
        on: vec![On::Object],
        filter: None,
        concurrency,
        order_by_study: false,
        bandwidth: None,
        hours: Vec::new(),
        retry: RetrySettings { attempts: None, longest_pause: Duration::from_millis(200) },
        bounds: Bounds::default(),
        remember: Duration::from_secs(86_400),
    }
}

/// Waits until something holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn again(reason: &str) -> Outcome {
    Outcome::Again { reason: reason.to_owned(), after: None }
}

fn unreachable(reason: &str) -> Outcome {
    Outcome::Unreachable { reason: reason.to_owned(), after: None }
}
