//! Measures how fast a backlog is drained by a destination that does nothing, and what that costs.
//!
//! `cargo run --release -p delivery --example drain -- 100000 1 [sqlite:PATH | postgres://…]`: deliveries, sessions, the
//! catalogue.

use catalog::{
    Batch, ObjectAttributes, ReceivedObject, SpooledObject, StoredInstance, TakenObject,
};
use delivery::{
    Bounds, Destination, DestinationKind, DestinationSettings, ExecSettings, Item, On, Outbox,
    Outcome, Parts, RetrySettings, Session, Spool, Stop,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

struct Nothing(Arc<AtomicU64>);

impl Destination for Nothing {
    fn open(&self) -> Box<dyn Session> {
        Box::new(Self(Arc::clone(&self.0)))
    }
}

impl Session for Nothing {
    fn deliver(&mut self, items: &[Item], _: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        for index in 0..items.len() {
            self.0.fetch_add(1, Ordering::Relaxed);
            tell(index, Outcome::Done);
        }
    }
}

struct NoFiles;

impl Spool for NoFiles {
    fn path(&self, instance: &StoredInstance) -> std::io::Result<Option<PathBuf>> {
        Ok(instance.object.spool.as_ref().map(PathBuf::from))
    }

    fn release(&self, _: &SpooledObject) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let count: u64 = words.next().unwrap_or("100000".to_owned()).parse()?;
    let sessions: usize = words.next().unwrap_or("1".to_owned()).parse()?;
    let directory = std::env::temp_dir().join(format!("drain-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let file = format!("sqlite:{}", directory.join("catalog.sqlite").display());
    let url = words.next().unwrap_or(file);
    let catalog = catalog::open(&url)?;
    let begun = Instant::now();
    for first in (0..count).step_by(256) {
        let objects = (first..(first + 256).min(count)).map(object).collect();
        let now = Some(SystemTime::now());
        let quiet = Duration::from_secs(60);
        catalog.take_in(&Batch { objects, now, quiet, ..Batch::default() })?;
    }
    println!("taken in: {:.0}/s", rate(count, begun.elapsed()));
    drop(catalog);

    let begun = Instant::now();
    let catalog = catalog::open(&url)?;
    let delivered = Arc::new(AtomicU64::new(0));
    let destination: Arc<dyn Destination> = Arc::new(Nothing(Arc::clone(&delivered)));
    let used = used();
    let outbox = Outbox::start(Parts {
        catalog: Arc::clone(&catalog),
        spool: Arc::new(NoFiles),
        owner: format!("process {}", std::process::id()),
        source: "//localhost/in".into(),
        alone: true,
        build: Arc::new(move |_| Ok(Arc::clone(&destination))),
        settings: vec![settings(sessions)],
    })?;
    let wait = |enough: u64| {
        while delivered.load(Ordering::Relaxed) < enough {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    wait(1);
    println!("start to the first delivery: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    wait(count);
    let (took, cpu) = (begun.elapsed(), self::used() - used);
    println!("delivered: {:.0}/s", rate(count, took));
    println!("CPU for each: {:.1} µs", cpu.as_secs_f64() * 1e6 / (count.max(1)) as f64);
    let stopped = outbox.stop(Duration::from_secs(30));
    let waiting: u64 = catalog.counts(&[])?.iter().map(|it| it.waiting).sum();
    println!("waiting at the end: {waiting}, {stopped:?}");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|it| it.starts_with("VmHWM") || it.starts_with("VmRSS")) {
        println!("{line}");
    }
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// CPU time of the process.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn object(number: u64) -> TakenObject {
    let uid = |part: u64| Some(format!("1.2.826.0.1.3680043.8.498.{part}"));
    let object = ReceivedObject {
        key: format!("drain{number:020}"),
        directory: "/in".into(),
        file: Some(format!("{number}.dcm")),
        spool: Some(format!(".storescp/spool/aa/drain{number:020}")),
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance: format!("1.2.826.0.1.3680043.8.498.1.{number}"),
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: 39_000,
        digest: None,
        received: SystemTime::now(),
        association: number / 1000,
        calling: "CT".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "127.0.0.1".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: uid(number / 1000),
            series_instance_uid: uid(number / 250),
            patient_name: Some("Doe^Jane".to_owned()),
            modality: Some("CT".to_owned()),
            ..ObjectAttributes::default()
        },
    };
    TakenObject { object, destinations: vec!["nothing".to_owned()], study_destinations: Vec::new() }
}

fn settings(concurrency: usize) -> DestinationSettings {
    DestinationSettings {
        name: "nothing".to_owned(),
        kind: DestinationKind::Exec(ExecSettings { command: Vec::new(), timeout: None }),
        on: vec![On::Object],
        filter: None,
        concurrency,
        order_by_study: std::env::var_os("BY_STUDY").is_some(),
        bandwidth: None,
        hours: Vec::new(),
        retry: RetrySettings { attempts: None, longest_pause: Duration::from_secs(900) },
        bounds: Bounds::default(),
        remember: Duration::from_secs(86_400),
    }
}
