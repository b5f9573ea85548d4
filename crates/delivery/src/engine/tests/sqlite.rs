//! The engine on SQLite: killed and started again.

use super::{Fake, again, settings, until};
use crate::{Destination, Outbox, Outcome, Parts, Spool};
use catalog::{
    Batch, Catalog, DeliveryFilter, ObjectAttributes, Page, ReceivedObject, SpooledObject,
    StoredInstance, TakenObject,
};
use platform::testing::Scratch;
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

fn open(directory: &Path) -> Arc<dyn Catalog> {
    let url = format!("sqlite:{}", directory.join("catalog.sqlite").display());
    catalog::open(&url).unwrap()
}

/// Takes in so many objects that are owed to `pacs`.
fn take_in(catalog: &dyn Catalog, from: usize, count: usize) {
    let object = |number: usize| TakenObject {
        object: ReceivedObject {
            key: format!("key{number:08}"),
            directory: "/in".into(),
            file: Some(format!("{number}.dcm")),
            spool: Some(format!(".storescp/spool/{number}")),
            sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
            sop_instance: format!("1.2.3.{number}"),
            transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
            size: 1000,
            digest: None,
            received: SystemTime::now(),
            association: 1,
            calling: "CT".to_owned(),
            called: "STORESCP".to_owned(),
            peer: "127.0.0.1".to_owned(),
            rule: None,
            replaced: false,
            kept: false,
            attributes: ObjectAttributes {
                study_instance_uid: Some(format!("1.2.3.4.{}", number % 7)),
                series_instance_uid: Some(format!("1.2.3.5.{}", number % 7)),
                ..ObjectAttributes::default()
            },
        },
        destinations: vec!["pacs".to_owned()],
        study_destinations: Vec::new(),
    };
    for first in (from..from + count).step_by(256) {
        let batch = Batch {
            objects: (first..(first + 256).min(from + count)).map(object).collect(),
            now: Some(SystemTime::now()),
            quiet: Duration::from_secs(60),
            ..Batch::default()
        };
        catalog.take_in(&batch).unwrap();
    }
}

/// A spool of real files.
struct FileSpool(PathBuf);

impl Spool for FileSpool {
    fn path(&self, instance: &StoredInstance) -> io::Result<Option<PathBuf>> {
        let path = self.0.join(&instance.object.key);
        Ok(path.exists().then_some(path))
    }

    fn release(&self, object: &SpooledObject) -> io::Result<()> {
        fs::remove_file(self.0.join(&object.key))
    }
}

/// Names the directory, in a process that is to deliver until it is killed.
const CHILD: &str = "DELIVERY_TEST_DIRECTORY";

/// Delivers by a line in a file, which a kill does not take back.
fn deliver_until_killed(directory: &Path) {
    let delivered = OpenOptions::new().append(true).open(directory.join("delivered")).unwrap();
    let mut fake = Fake::each(move |item| {
        assert!(item.path.as_ref().is_some_and(|path| path.exists()), "its bytes are there");
        (&delivered).write_all(format!("{}\n", item.delivery.event.key).as_bytes()).unwrap();
        if item.delivery.attempts == 0 && item.delivery.event.key.ends_with('3') {
            return again("not now");
        }
        Outcome::Done
    });
    fake.batch = 3;
    let mut settings = settings(2);
    settings.bandwidth = Some(5_000_000);
    let catalog = open(directory);
    let fake: Arc<dyn Destination> = Arc::new(fake);
    let outbox = Outbox::start(Parts {
        catalog: Arc::clone(&catalog),
        spool: Arc::new(FileSpool(directory.join("spool"))),
        owner: format!("process {}", std::process::id()),
        source: "//host/in".into(),
        alone: true,
        build: Arc::new(move |_| Ok(Arc::clone(&fake))),
        settings: vec![settings],
    });
    let outbox = outbox.unwrap();
    let names = ["pacs".to_owned()];
    let begun = Instant::now();
    while catalog.counts(&names).unwrap()[0].waiting > 0 {
        let filter = DeliveryFilter::default();
        let first = || catalog.deliveries(&filter, Page { after: None, most: 3 });
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(100), "waits: {:?} {:?}", first(), outbox.reports());
        std::thread::sleep(Duration::from_millis(5));
    }
    outbox.stop(Duration::from_secs(20));
}

fn child(directory: &Path) -> Child {
    let test =
        "engine::tests::sqlite::what_is_owed_is_delivered_however_often_the_program_is_killed";
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--test-threads=1", "--nocapture"])
        .env(CHILD, directory)
        .spawn()
        .unwrap()
}

#[test]
fn what_is_owed_is_delivered_however_often_the_program_is_killed() {
    const OBJECTS: usize = 6000;
    if let Some(directory) = std::env::var_os(CHILD) {
        deliver_until_killed(Path::new(&directory));
        return;
    }
    let scratch = Scratch::new("outbox-killed");
    let directory = scratch.0.as_path();
    let (spool, log) = (directory.join("spool"), directory.join("delivered"));
    fs::create_dir(&spool).unwrap();
    fs::write(&log, "").unwrap();
    let catalog = open(directory);
    (0..OBJECTS).for_each(|it| fs::write(spool.join(format!("key{it:08}")), "").unwrap());
    take_in(catalog.as_ref(), 0, OBJECTS);
    let lines = || fs::read_to_string(&log).unwrap().lines().count();
    let mut kills = 0;
    for more in [1, 300, 3, 700, 257, 1000, 1] {
        let enough = lines() + more;
        let mut child = child(directory);
        until("the next ones are delivered", || lines() >= enough);
        child.kill().unwrap();
        kills += u32::from(!child.wait().unwrap().success());
    }
    assert!(child(directory).wait().unwrap().success(), "the last run comes to its end");
    let text = fs::read_to_string(&log).unwrap();
    let delivered: HashSet<&str> = text.lines().collect();
    let counts = catalog.counts(&["pacs".to_owned()]).unwrap().remove(0);
    assert_eq!((delivered.len(), kills), (OBJECTS, 7));
    assert_eq!((counts.waiting, counts.parked), (0, 0));
    let left = fs::read_dir(&spool).unwrap().count();
    assert!(left < OBJECTS / 2, "{left} links of what was settled just before a kill");
    let repeats = lines() - OBJECTS - OBJECTS / 10;
    assert!(repeats < 7 * crate::limits::OUTSTANDING, "{repeats} repeats");
}
