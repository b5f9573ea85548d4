//! Several handles and processes at once.

use crate::objects::{QUIET, at, batch, in_order, lease, object, owed};
use catalog::{Batch, Catalog, DeliveryFilter, DeliveryState, Lease, Page, Settlement, Verdict};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// Objects of a batch of the process that is killed.
const OBJECTS: u64 = 40;

/// Where that process finds its catalogue.
const URL: &str = "CATALOG_OF_CHILD";

/// All deliveries of a destination that are not over, by the list and by the count.
fn waiting(catalog: &dyn Catalog, destination: &str) -> (u64, u64) {
    let mut listed = 0;
    let mut after = None;
    loop {
        let filter = DeliveryFilter {
            destination: Some(destination.to_owned()),
            ..DeliveryFilter::default()
        };
        let rows = catalog.deliveries(&filter, Page { after, most: 1000 }).unwrap();
        let Some(last) = rows.last() else { break };
        after = Some(last.id.0);
        listed += rows.iter().filter(|row| row.state != DeliveryState::Parked).count() as u64;
    }
    (listed, catalog.counts(&[destination.to_owned()]).unwrap()[0].waiting)
}

/// The batch of that number: objects of one study, each owed to two.
fn numbered(number: u64) -> Batch {
    let objects = (0..OBJECTS).map(|it| owed(object("1.2", number * OBJECTS + it), &["a", "b"]));
    batch(objects.collect(), at(number))
}

/// The process that is killed: takes in batches, and tells of each.
#[test]
#[ignore = "a process of another test"]
fn child() {
    let catalog = catalog::open(&std::env::var(URL).unwrap()).unwrap();
    for number in 0.. {
        let mut batch = numbered(number);
        batch.durable = number % 5 == 4;
        catalog.take_in(&batch).unwrap();
        println!("took in {number}");
    }
}

on_each_url! {
    /// Whatever was taken in before a kill is there, and each batch as a whole or not at all.
    fn a_kill_leaves_whole_batches(url: &str) {
        for kill in 0..4 {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "processes::child", "--ignored", "--nocapture"])
                .env(URL, url)
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut last = None;
            while last.is_none_or(|last| last < 3 + kill * 5) {
                let line = lines.next().expect("it takes in batches for ever").unwrap();
                last = line.split("took in ").nth(1).map(|number| number.parse::<u64>().unwrap()).or(last);
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let catalog = catalog::open(url).unwrap();
            let statistics = catalog.statistics().unwrap();
            let told = (last.unwrap() + 1) * OBJECTS;
            assert!(statistics.instances >= told, "{} of {told}", statistics.instances);
            assert_eq!(statistics.instances % OBJECTS, 0);
            for name in ["a", "b"] {
                let (listed, counted) = waiting(&*catalog, name);
                assert_eq!((listed, counted), (statistics.instances, statistics.instances));
            }
            // The same again changes nothing, however much of it was known.
            catalog.take_in(&numbered(last.unwrap())).unwrap();
            assert_eq!(catalog.statistics().unwrap().instances, statistics.instances);
        }
    }

    /// Two handles open a new catalogue at once, and both work.
    fn a_catalogue_is_made_once(url: &str) {
        std::thread::scope(|scope| {
            for name in ["1.1", "1.2", "1.3", "1.4"] {
                scope.spawn(move || {
                    let catalog = catalog::open(url).unwrap();
                    let objects = vec![owed(object(name, 1), &["pacs"])];
                    catalog.take_in(&batch(objects, at(1))).unwrap();
                });
            }
        });
        let catalog = catalog::open(url).unwrap();
        assert_eq!(catalog.statistics().unwrap().studies, 4);
        assert_eq!(waiting(&*catalog, "pacs"), (4, 4));
        catalog::check(url).unwrap();
    }

    /// Several that take in the same objects at once take in each once.
    fn an_object_is_taken_in_once(url: &str) {
        let handles = [catalog::open(url).unwrap(), catalog::open(url).unwrap()];
        std::thread::scope(|scope| {
            for place in 0..4 {
                let catalog = &handles[place % 2];
                scope.spawn(move || {
                    for number in 0..5 {
                        catalog.take_in(&numbered(number)).unwrap();
                    }
                });
            }
        });
        assert_eq!(handles[0].statistics().unwrap().instances, 5 * OBJECTS);
        assert_eq!(waiting(&*handles[1], "a"), (5 * OBJECTS, 5 * OBJECTS));
    }

    /// Several that lease and settle at once deliver each once, and the object is released once.
    fn a_delivery_is_leased_once(url: &str) {
        let catalog = catalog::open(url).unwrap();
        for number in 0..5 {
            catalog.take_in(&numbered(number)).unwrap();
        }
        let (leased, released) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for (place, name) in ["a", "a", "b", "b"].into_iter().enumerate() {
                let (leased, released) = (&leased, &released);
                scope.spawn(move || {
                    let catalog = catalog::open(url).unwrap();
                    let owner = format!("run {place}");
                    let order = if name == "a" { lease } else { in_order };
                    // In order, nothing may be had while another is at the study.
                    while waiting(&*catalog, name).1 > 0 {
                        let lease = Lease { owner: owner.clone(), ..order(name, 7, at(100)) };
                        let deliveries = catalog.lease(&lease).unwrap();
                        let done: Vec<_> = deliveries
                            .iter()
                            .map(|it| Settlement { id: it.id, verdict: Verdict::Done })
                            .collect();
                        leased.lock().unwrap().extend(deliveries.iter().map(|it| it.id));
                        let freed = catalog.settle(&owner, &done, at(100)).unwrap();
                        released.lock().unwrap().extend(freed.into_iter().map(|it| it.key));
                    }
                });
            }
        });
        let (leased, released) = (leased.into_inner().unwrap(), released.into_inner().unwrap());
        let different: BTreeSet<_> = leased.iter().collect();
        assert_eq!((leased.len(), different.len()), (400, 400));
        let different: BTreeSet<_> = released.iter().collect();
        assert_eq!((released.len(), different.len()), (200, 200));
    }

    /// Several that end studies at once end each once.
    fn a_study_is_ended_once(url: &str) {
        let catalog = catalog::open(url).unwrap();
        for study in 0..30 {
            let mut taken = owed(object(&format!("1.{study}"), 1), &[]);
            taken.study_destinations = vec!["a".to_owned()];
            catalog.take_in(&batch(vec![taken], at(1))).unwrap();
        }
        let ended = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let ended = &ended;
                scope.spawn(move || {
                    let catalog = catalog::open(url).unwrap();
                    while catalog.next_end_of_study().unwrap().is_some() {
                        let studies = catalog.end_studies(at(2) + QUIET, 3).unwrap();
                        ended.lock().unwrap().extend(studies.into_iter().map(|it| it.study_instance_uid));
                    }
                });
            }
        });
        let ended = ended.into_inner().unwrap();
        assert_eq!((ended.len(), ended.iter().collect::<BTreeSet<_>>().len()), (30, 30));
        assert_eq!(waiting(&*catalog, "a"), (30, 30));
    }
}
