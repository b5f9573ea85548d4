//! Measures the catalogue: objects taken in, deliveries leased and settled, and what a backlog costs.
//!
//! ```text
//! cargo run --release -p catalog --example speed -- sqlite|postgresql FOLDER OBJECTS DESTINATIONS [BACKLOG]
//! ```
//!
//! Prints a line for each figure. The folder says which disk is measured; PostgreSQL has its data there, with the settings
//! that Debian gives it. CPU times are those of this process, and of PostgreSQL's.

#![allow(clippy::unwrap_used, reason = "a measurement that fails is none")]

use catalog::testing::PostgresCluster;
use catalog::{
    Batch, Catalog, DeliveryFilter, DeliveryState, Lease, LeaseOrder, ObjectAttributes, Page,
    ReceivedObject, Settlement, StudyFilter, TakenObject, Verdict,
};
use platform::testing::Scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

const OBJECTS_OF_STUDY: u64 = 300;
const BATCH: u64 = 256;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, folder, objects, destinations, rest @ ..] = arguments.as_slice() else {
        panic!("usage: speed sqlite|postgresql FOLDER OBJECTS DESTINATIONS [BACKLOG]");
    };
    let folder = Path::new(folder);
    let scratch = Scratch::beneath(folder, "speed");
    let cluster = (kind == "postgresql").then(|| PostgresCluster::start_with(folder, "pg", &[]));
    let url = match &cluster {
        Some(cluster) => cluster.create_database("speed"),
        None => format!("sqlite:{}", scratch.0.join("catalog.sqlite").display()),
    };
    let measured = Measured { url, cluster };
    let objects: u64 = objects.parse().unwrap();
    let destinations: u64 = destinations.parse().unwrap();
    let backlog: u64 = rest.first().map_or(0, |number| number.parse().unwrap());
    let catalog = catalog::open(&measured.url).unwrap();
    println!("idle memory {} MiB", memory() >> 20);
    measured.take_in(&*catalog, 0..objects, destinations);
    for order in [LeaseOrder::None, LeaseOrder::Study] {
        measured.deliver(&*catalog, order, objects * destinations / 2);
    }
    println!("memory {} MiB", memory() >> 20);
    if backlog > 0 {
        measured.take_in(&*catalog, objects..objects + backlog, 1);
        println!("memory {} MiB", memory() >> 20);
        drop(catalog);
        measured.backlog();
    }
}

struct Measured {
    url: String,
    cluster: Option<PostgresCluster>,
}

impl Measured {
    /// Takes in objects, in batches of which each hundredth is durable.
    fn take_in(&self, catalog: &dyn Catalog, numbers: std::ops::Range<u64>, destinations: u64) {
        let names: Vec<String> = (0..destinations).map(|number| format!("d{number}")).collect();
        let objects = numbers.end - numbers.start;
        let mut slowest = Duration::ZERO;
        let (since, cpu) = (Instant::now(), self.cpu());
        for (count, first) in numbers.clone().step_by(BATCH as usize).enumerate() {
            let end = (first + BATCH).min(numbers.end);
            let batch = Batch {
                objects: (first..end).map(|number| object(number, &names)).collect(),
                now: Some(SystemTime::now()),
                quiet: Duration::from_secs(60),
                durable: count % 100 == 99,
                ..Batch::default()
            };
            let began = Instant::now();
            catalog.take_in(&batch).unwrap();
            slowest = slowest.max(began.elapsed());
        }
        catalog.make_durable().unwrap();
        self.tell(&format!("taken in, {destinations} deliveries each"), objects, since, cpu);
        println!("  slowest batch {slowest:?}");
    }

    /// Leases and settles deliveries, 64 at a time.
    fn deliver(&self, catalog: &dyn Catalog, order: LeaseOrder, most: u64) {
        let (since, cpu) = (Instant::now(), self.cpu());
        let mut done = 0;
        while done < most {
            let leased = catalog.lease(&lease("d0", order, 64)).unwrap();
            if leased.is_empty() {
                break;
            }
            let settlements: Vec<_> = leased
                .iter()
                .map(|delivery| Settlement { id: delivery.id, verdict: Verdict::Done })
                .collect();
            catalog.settle("run", &settlements, SystemTime::now()).unwrap();
            done += leased.len() as u64;
        }
        self.tell(&format!("leased and settled, order {order:?}"), done, since, cpu);
    }

    /// What is done at the start and while it runs, beside a backlog.
    fn backlog(&self) {
        let began = Instant::now();
        let catalog = catalog::open(&self.url).unwrap();
        println!("open {:?}", began.elapsed());
        let page = Page { after: None, most: 100 };
        time("release_leases", || catalog.release_leases("run 2").unwrap());
        time("counts", || catalog.counts(&[]).unwrap());
        for _ in 0..3 {
            time("lease 64", || catalog.lease(&lease("d0", LeaseOrder::None, 64)).unwrap());
            time("lease 64 in order", || {
                catalog.lease(&lease("d0", LeaseOrder::Study, 64)).unwrap()
            });
        }
        time("next_attempt", || catalog.next_attempt("d0", SystemTime::now()).unwrap());
        time("first 100 deliveries", || {
            catalog.deliveries(&DeliveryFilter::default(), page).unwrap()
        });
        let parked =
            DeliveryFilter { state: Some(DeliveryState::Parked), ..DeliveryFilter::default() };
        time("first 100 parked", || catalog.deliveries(&parked, page).unwrap());
        let one = DeliveryFilter { study: Some("1.2.826.0.1.7".to_owned()), ..Default::default() };
        time("deliveries of a study", || catalog.deliveries(&one, page).unwrap());
        time("first 100 studies", || catalog.studies(&StudyFilter::default(), page).unwrap());
        let named =
            StudyFilter { patient_name: Some("*person 33*".to_owned()), ..Default::default() };
        time("studies by a part of the name", || catalog.studies(&named, page).unwrap());
        let id = StudyFilter { patient_id: Some("P12".to_owned()), ..Default::default() };
        time("studies by ID", || catalog.studies(&id, page).unwrap());
        time("statistics", || catalog.statistics().unwrap());
        time("next_end_of_study", || catalog.next_end_of_study().unwrap());
        println!("memory {} MiB", memory() >> 20);
        for order in [LeaseOrder::None, LeaseOrder::Study] {
            self.deliver(&*catalog, order, 20_000);
        }
        if let Some(bytes) = catalog.statistics().unwrap().database_bytes {
            println!("database {} MiB", bytes >> 20);
        }
    }

    fn tell(&self, what: &str, count: u64, since: Instant, cpu: Duration) {
        let (seconds, cpu) = (since.elapsed().as_secs_f64(), self.cpu() - cpu);
        let each = cpu.as_secs_f64() * 1e6 / count as f64;
        println!(
            "{what}: {count} in {seconds:.2} s, {:.0}/s, CPU {each:.0} µs each",
            count as f64 / seconds
        );
    }

    /// CPU time of this process, and of the server's.
    fn cpu(&self) -> Duration {
        let mut processes = vec![std::process::id()];
        if let Some(cluster) = &self.cluster {
            let log = cluster.processes();
            processes.extend(log);
        }
        processes.into_iter().map(cpu_of).sum()
    }
}

fn object(number: u64, names: &[String]) -> TakenObject {
    let study = format!("1.2.826.0.1.{}", number / OBJECTS_OF_STUDY);
    let series = format!("{study}.{}", number % OBJECTS_OF_STUDY / 100);
    let sop_instance = format!("{series}.{number}");
    let text = |text: &str| Some(text.to_owned());
    let object = ReceivedObject {
        key: format!("{number:016x}-2yq7dxk3v5u6pmfh4wzc9tnjrae8b-7-ct1-storescp-10.1.2.3-1"),
        directory: PathBuf::from("/data/incoming"),
        file: Some(format!("{study}/{series}/CT.{sop_instance}.dcm")),
        spool: Some(format!(".storescp/spool/{:02x}/{number:016x}", number % 256)),
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance,
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: 39_000,
        digest: None,
        received: SystemTime::now(),
        association: number / OBJECTS_OF_STUDY,
        calling: "CT1".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "10.1.2.3:4711".to_owned(),
        rule: text("ct"),
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            patient_name: Some(format!("Test^Person {}", number / OBJECTS_OF_STUDY)),
            patient_id: Some(format!("P{}", number / OBJECTS_OF_STUDY)),
            accession_number: Some(format!("A{}", number / OBJECTS_OF_STUDY)),
            study_date: text("20261130"),
            study_description: text("CT Thorax"),
            modality: text("CT"),
            series_description: text("axial 1 mm"),
            instance_number: Some((number % 100).to_string()),
            study_instance_uid: Some(study),
            series_instance_uid: Some(series),
            ..ObjectAttributes::default()
        },
    };
    TakenObject { object, destinations: names.to_vec(), study_destinations: names.to_vec() }
}

fn lease(destination: &str, order: LeaseOrder, most: usize) -> Lease {
    Lease {
        destination: destination.to_owned(),
        most,
        order,
        owner: "run".to_owned(),
        now: SystemTime::now(),
        duration: Duration::from_secs(300),
    }
}

fn time<T>(what: &str, work: impl FnOnce() -> T) {
    let began = Instant::now();
    work();
    println!("{what} {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
}

/// Resident memory of this process.
fn memory() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn cpu_of(process: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind = text.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let ticks = behind.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
