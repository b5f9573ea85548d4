use super::*;
use crate::testing::{Fixture, object};
use crate::{Keep, Listener};
use catalog::{InstanceRow, Page};
use std::cell::RefCell;

fn no_pause(_: Duration) -> bool {
    false
}

fn rebuild(fixture: &Fixture, pause: &dyn Fn(Duration) -> bool) -> Rebuilt {
    let directory = fixture.directory();
    let rebuild = Rebuild {
        catalog: fixture.catalog.as_ref(),
        availability: Some(&fixture.availability),
        directory: &directory,
        dictionary: Arc::new(Dictionary::built_in()),
        until: None,
        now: &|| fixture.steady.time().now,
        quiet: Duration::from_secs(60),
        pause,
    };
    rebuild.run(&mut |_| {}).unwrap()
}

fn verify(fixture: &Fixture, digests: bool) -> (Differences, Vec<(DifferenceKind, String)>) {
    let directory = fixture.directory();
    let verify = Verify {
        catalog: fixture.catalog.as_ref(),
        directory: &directory,
        dictionary: Arc::new(Dictionary::built_in()),
        digests,
        bytes_per_second: None,
        until: None,
        counters: &fixture.counters,
        pause: &no_pause,
    };
    let mut told = Vec::new();
    let (found, is_complete) = verify.run(&mut |it| told.push((it.kind, it.file.clone()))).unwrap();
    assert!(is_complete);
    told.sort_by(|one, other| one.1.cmp(&other.1));
    (found, told)
}

fn write(fixture: &Fixture, file: &str, content: &[u8]) {
    let path = fixture.directory().join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn a_directory_with_files_is_taken_in_and_a_second_run_changes_nothing() {
    let fixture = Fixture::new("archive-rebuild");
    for number in 1..=3 {
        write(&fixture, &format!("a/b/{number}"), &object(number, "CT"));
    }
    write(&fixture, "notes.txt", b"hello");
    write(&fixture, ".storescp/pending/x/y", &object(9, "CT"));
    std::os::unix::fs::symlink("/etc", fixture.directory().join("link")).unwrap();
    let first = rebuild(&fixture, &no_pause);
    let expected = Rebuilt {
        files: 4,
        taken_in: 3,
        no_dicom: 1,
        passed_over: 1,
        is_complete: true,
        ..Rebuilt::default()
    };
    assert_eq!(first, expected);
    let rows = fixture.rows();
    assert_eq!(rows.len(), 3);
    let row = &rows["1.2.3.2"].object;
    assert_eq!((row.file.as_deref(), row.calling.as_str()), (Some("a/b/2"), "CT1"));
    assert_eq!(row.attributes.patient_name.as_deref(), Some("Doe^Jane"));
    let again = rebuild(&fixture, &no_pause);
    assert_eq!(again, Rebuilt { taken_in: 0, known: 3, ..expected });
    assert_eq!(fixture.rows().len(), 3);
    assert_eq!(fixture.leased("pacs"), [], "nothing is delivered");
}

#[test]
fn a_rebuild_that_was_interrupted_goes_on() {
    let fixture = Fixture::new("archive-rebuild-resumed");
    for number in 0..20 {
        write(&fixture, &format!("{number}"), &object(number, "CT"));
    }
    let looked_at = RefCell::new(0);
    let stop = |_| {
        *looked_at.borrow_mut() += 1;
        *looked_at.borrow() >= 7
    };
    let first = rebuild(&fixture, &stop);
    assert!(!first.is_complete);
    assert_eq!(first.taken_in, 7);
    let second = rebuild(&fixture, &no_pause);
    assert_eq!((second.known, second.taken_in, second.is_complete), (7, 13, true));
    assert_eq!(fixture.rows().len(), 20);
}

#[test]
fn a_file_with_another_object_in_it_is_taken_in_anew() {
    let fixture = Fixture::new("archive-rebuild-changed");
    write(&fixture, "1", &object(1, "CT"));
    rebuild(&fixture, &no_pause);
    write(&fixture, "1", &object(200, "CT"));
    assert_eq!(rebuild(&fixture, &no_pause).taken_in, 1);
    assert_eq!(fixture.rows().keys().collect::<Vec<_>>(), ["1.2.3.200"]);
}

#[test]
fn verification_finds_what_is_missing_unknown_and_changed() {
    let fixture = Fixture::new("archive-verify");
    for number in 1..=4 {
        write(&fixture, &format!("{number}"), &object(number, "CT"));
    }
    rebuild(&fixture, &no_pause);
    // The first run takes the digests that are not known.
    let (found, told) = verify(&fixture, true);
    assert_eq!((found.files, found.is_clean(), told.len()), (4, true, 0));
    assert!(fixture.rows().values().all(|row| row.object.digest.is_some()));

    std::fs::remove_file(fixture.directory().join("1")).unwrap();
    let mut rotten = object(2, "CT");
    *rotten.last_mut().unwrap() ^= 1;
    write(&fixture, "2", &rotten);
    write(&fixture, "3", b"cut");
    write(&fixture, "5", &object(5, "CT"));
    write(&fixture, "notes.txt", b"hello");
    let missing = (DifferenceKind::Missing, "1".to_owned());
    let bit = (DifferenceKind::Changed, "2".to_owned());
    let length = (DifferenceKind::Changed, "3".to_owned());
    let unknown = (DifferenceKind::Unknown, "5".to_owned());
    let (_, without) = verify(&fixture, false);
    assert_eq!(without, [missing.clone(), length.clone(), unknown.clone()]);
    let (found, with) = verify(&fixture, true);
    assert_eq!(with, [missing, bit, length, unknown]);
    let expected = Differences {
        files: 5,
        unknown_files: 1,
        missing_files: 1,
        changed_files: 2,
        unreadable_files: 0,
    };
    assert_eq!(found, expected);
    assert_eq!(fixture.counters.changed_files.count(), 3);
}

#[test]
fn verification_reads_no_faster_than_it_may() {
    let fixture = Fixture::new("archive-verify-rate");
    write(&fixture, "1", &[object(1, "CT"), vec![0; 1 << 20]].concat());
    rebuild(&fixture, &no_pause);
    let waited = RefCell::new(Duration::ZERO);
    let directory = fixture.directory();
    let verify = Verify {
        catalog: fixture.catalog.as_ref(),
        directory: &directory,
        dictionary: Arc::new(Dictionary::built_in()),
        digests: true,
        bytes_per_second: Some(1 << 20),
        until: None,
        counters: &fixture.counters,
        pause: &|time| {
            // As if no time passed: each pause is counted from the beginning.
            waited.replace_with(|longest| time.max(*longest));
            false
        },
    };
    verify.run(&mut |_| {}).unwrap();
    let waited = waited.into_inner();
    assert!(waited > Duration::from_millis(700), "{waited:?} for 1 MiB at 1 MiB/s");
}

/// Objects of the rule `ct` and how long they are kept.
fn policy(fixture: &Fixture, keep: Keep) -> Policy {
    Policy { directory: fixture.directory(), rule: Some("ct".to_owned()), keep }
}

fn store(fixture: &Fixture, number: u32, modality: &str) {
    let arrival = fixture.store(number, modality);
    let taken = catalog::TakenObject {
        object: arrival.object,
        destinations: arrival.destinations,
        study_destinations: Vec::new(),
    };
    let batch = catalog::Batch {
        objects: vec![taken],
        now: Some(fixture.steady.time().now),
        durable: true,
        ..catalog::Batch::default()
    };
    fixture.catalog.take_in(&batch).unwrap();
}

fn retain(fixture: &Fixture, policy: &Policy, used: &dyn Fn(&Place) -> std::io::Result<f64>) {
    let listener: &dyn Listener = fixture.listener.as_ref();
    let retention = Retention {
        catalog: fixture.catalog.as_ref(),
        counters: &fixture.counters,
        listener,
        now: fixture.steady.time().now,
        used,
        is_ending: &|| false,
    };
    retention.apply(&fixture.place(), policy).unwrap();
}

fn never_asked(_: &Place) -> std::io::Result<f64> {
    panic!("the disk does not matter")
}

fn files(fixture: &Fixture) -> Vec<String> {
    let mut files: Vec<_> = fixture.scratch.content().into_keys().collect();
    files.retain(|it| it.starts_with("output/") && !it.contains("/.storescp/"));
    files
}

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn files_are_removed_after_their_time_but_not_what_is_owed() {
    let fixture = Fixture::new("archive-retention-time");
    store(&fixture, 1, "MR");
    store(&fixture, 2, "CT");
    fixture.clock.pass(2 * DAY);
    store(&fixture, 3, "MR");
    fixture.clock.pass(2 * DAY);
    let three_days = Keep::For { time: 3 * DAY, even_owed: false };
    // Another rule's files are none of its business.
    let other = Policy { rule: None, ..policy(&fixture, three_days) };
    retain(&fixture, &other, &never_asked);
    assert_eq!(files(&fixture).len(), 3);
    retain(&fixture, &policy(&fixture, three_days), &never_asked);
    assert_eq!(files(&fixture), ["output/study/CT.2", "output/study/CT.3"]);
    let removed = fixture.listener.removed.lock().unwrap().clone();
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].object.sop_instance, "1.2.3.1");
    let even = Keep::For { time: DAY, even_owed: true };
    retain(&fixture, &policy(&fixture, even), &never_asked);
    assert_eq!(files(&fixture), [] as [&str; 0]);
    assert!(!fixture.directory().join("study").exists(), "the empty folder went too");
    // Its bytes are still there for the delivery.
    assert_eq!(fixture.pending(), 3);
    assert_eq!(fixture.counters.removed_files.count(), 3);
}

#[test]
fn a_file_that_is_not_the_catalogued_one_any_more_is_not_removed() {
    let fixture = Fixture::new("archive-retention-other");
    store(&fixture, 1, "MR");
    store(&fixture, 2, "MR");
    store(&fixture, 3, "MR");
    write(&fixture, "study/CT.1", b"somebody else's");
    std::fs::remove_file(fixture.directory().join("study/CT.2")).unwrap();
    std::fs::remove_file(fixture.directory().join("study/CT.3")).unwrap();
    write(&fixture, "outside", &object(3, "MR"));
    std::os::unix::fs::symlink("../outside", fixture.directory().join("study/CT.3")).unwrap();
    fixture.clock.pass(2 * DAY);
    let keep = Keep::For { time: DAY, even_owed: false };
    retain(&fixture, &policy(&fixture, keep), &never_asked);
    assert_eq!(files(&fixture), ["output/outside", "output/study/CT.1", "output/study/CT.3"]);
    assert_eq!(fixture.counters.removed_files.count(), 0);
    assert_eq!(fixture.listener.removed.lock().unwrap().len(), 0);
}

#[test]
fn a_full_disk_takes_the_oldest_first_and_stops_when_it_is_not_full_any_more() {
    let fixture = Fixture::new("archive-retention-disk");
    store(&fixture, 1, "CT");
    for number in 2..=300 {
        store(&fixture, number, "MR");
    }
    let keep = Keep::Percent { percent: 90, even_owed: false };
    let policy = policy(&fixture, keep);
    let asked = RefCell::new(0);
    let used = |_: &Place| {
        *asked.borrow_mut() += 1;
        Ok(if *asked.borrow() <= 2 { 95.0 } else { 89.0 })
    };
    fixture.clock.pass(DAY);
    retain(&fixture, &policy, &used);
    // Nothing was delivered; then one batch of the oldest of those that nobody is owed.
    let left = files(&fixture);
    assert_eq!(left.len(), 300 - crate::limits::REMOVED_FILES);
    assert!(left.contains(&"output/study/CT.1".to_owned()), "it is owed");
    assert!(left.contains(&"output/study/CT.300".to_owned()));
    // A disk that stays full takes all but that.
    retain(&fixture, &policy, &|_| Ok(99.0));
    assert_eq!(files(&fixture), ["output/study/CT.1"]);
}

#[test]
fn forever_and_until_delivered_remove_nothing_here() {
    let fixture = Fixture::new("archive-retention-forever");
    store(&fixture, 1, "MR");
    fixture.clock.pass(10_000 * DAY);
    for keep in [Keep::Forever, Keep::UntilDelivered] {
        retain(&fixture, &policy(&fixture, keep), &never_asked);
    }
    assert_eq!(files(&fixture).len(), 1);
}

fn all_rows(fixture: &Fixture) -> Vec<InstanceRow> {
    fixture.catalog.instances(None, Page { after: None, most: 1000 }).unwrap()
}

fn task(
    fixture: &Fixture,
    complete_until: impl Fn(SystemTime) -> Option<SystemTime> + Send + Sync + 'static,
) -> Task {
    let parts = UpkeepParts {
        catalog: fixture.catalog.clone(),
        availability: Arc::clone(&fixture.availability),
        clock: Arc::clone(&fixture.steady),
        listener: fixture.listener.clone(),
        counters: Arc::clone(&fixture.counters),
        dictionary: Arc::new(Dictionary::built_in()),
        complete_until: Box::new(complete_until),
        look_through_spool: Box::new(|| {}),
    };
    let settings = UpkeepSettings {
        places: vec![fixture.place()],
        verify: Some(Every::Day),
        verify_bytes_per_second: 1 << 30,
        ..UpkeepSettings::default()
    };
    // The files are as old as the wall clock of the test, or older.
    fixture.clock.set(|_| SystemTime::now() + Duration::from_secs(60));
    Task {
        parts,
        settings: Arc::new(Mutex::new(settings)),
        taken_in: Default::default(),
        made_anew: 0,
        clocks: Default::default(),
        forgotten: None,
        is_waiting: false,
    }
}

#[test]
fn the_background_takes_a_directory_in_once_and_verifies_it_when_due() {
    let fixture = Fixture::new("archive-upkeep");
    for number in 1..=3 {
        write(&fixture, &format!("{number}"), &object(number, "CT"));
    }
    let mut task = task(&fixture, Some);
    let stopping = Stopping::default();
    task.step(&stopping);
    assert_eq!(all_rows(&fixture).len(), 3);
    write(&fixture, "4", &object(4, "CT"));
    task.step(&stopping);
    assert_eq!(all_rows(&fixture).len(), 3, "it was taken in, and reception tells of more");
    assert_eq!(fixture.counters.verified_files.count(), 0);
    fixture.clock.pass(2 * DAY);
    task.step(&stopping);
    assert_eq!(fixture.counters.verified_files.count(), 4);
    assert_eq!(fixture.counters.unknown_files.count(), 1);
}

#[test]
fn a_new_catalogue_gets_all_files_even_if_objects_come_first_or_the_program_ends() {
    let fixture = Fixture::new("archive-upkeep-anew");
    for number in 1..=3 {
        write(&fixture, &format!("{number}"), &object(number, "CT"));
    }
    let stopping = Stopping::default();
    // Those were taken into the one that is gone.
    Marks::of(&fixture.place().directory).set_taken_in("the one that is gone");
    task(&fixture, |_| None).step(&stopping);
    assert_eq!(all_rows(&fixture).len(), 0, "what came meanwhile goes first");
    store(&fixture, 4, "CT");
    task(&fixture, Some).step(&stopping);
    let rows = all_rows(&fixture);
    assert_eq!(rows.len(), 4);
}
