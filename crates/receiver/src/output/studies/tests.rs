//! When a study ends, under simulated time.

use super::ended_study::{EndedStudy, Reason, StudyFile};
use super::open_studies::{CurrentStudies, FolderTimes, OpenStudies, Timing};
use super::study_table::StudyId;
use super::{is_uid, study_text};
use crate::Peer;
use crate::limits::{STUDIES_OF_AN_ASSOCIATION, STUDY_MEMORY};
use chrono::format::DelayedFormat;
use chrono::{DateTime, Local, TimeZone};
use platform::sync::Instant;
use std::collections::HashMap;
use std::time::Duration;
use storage::FileName;

const SECOND: Duration = Duration::from_secs(1);
const AWAITED: Timing = Timing { awaited: true, timeout: None, keeps_files: false };

fn with_timeout(seconds: u32) -> Timing {
    Timing { timeout: Some(seconds * SECOND), ..AWAITED }
}

/// Studies, and a clock that stands still until it is told otherwise.
struct Simulation {
    studies: OpenStudies,
    /// By the text with which they began last.
    ids: HashMap<String, StudyId>,
    now: Instant,
    files: usize,
}

impl Simulation {
    fn new(timing: Timing) -> Self {
        let (studies, ids) = (OpenStudies::new(timing, FolderTimes::default()), HashMap::new());
        Self { studies, ids, now: Instant::now(), files: 0 }
    }

    fn local() -> DateTime<Local> {
        Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).unwrap()
    }

    fn arrive(&mut self, study: &str) -> StudyId {
        let id = self.studies.object_arrives(study, self.now);
        self.ids.insert(study.to_owned(), id);
        id
    }

    fn folder(&mut self, study: &str) -> String {
        let named = |_: &str, time: DelayedFormat<_>| time.to_string();
        let (folder, _) = self.studies.folder(self.ids[study], Self::local, named).unwrap();
        folder.to_string()
    }

    /// An object of `study` arrives and is stored; the UIDs of the studies that this ends.
    fn store(&mut self, who: &mut CurrentStudies, study: &str) -> Vec<String> {
        let study = self.arrive(study);
        self.finish(who, study)
    }

    fn finish(&mut self, who: &mut CurrentStudies, study: StudyId) -> Vec<String> {
        let named = |study: &str, _| format!("folder of {study}");
        self.studies.folder(study, Self::local, named).unwrap();
        self.files += 1;
        let name = FileName::new(format!("{}", self.files)).unwrap();
        let file = StudyFile { name, prefix: "CT", id: None };
        let peer = Peer::default();
        uids(self.studies.stored(study, b"1.2 ", Some(file), &peer, who, self.now))
    }

    fn time_out(&mut self) -> Vec<String> {
        uids(self.studies.time_out(self.now).0)
    }
}

fn uids(ended: Vec<EndedStudy>) -> Vec<String> {
    let uid = |study: EndedStudy| study.folder.as_str().replace("folder of ", "");
    ended.into_iter().map(uid).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_study_ends_when_its_association_stores_one_of_another() {
    for timing in [AWAITED, with_timeout(10)] {
        let mut simulation = Simulation::new(timing);
        let mut one = CurrentStudies::default();
        assert_eq!(simulation.store(&mut one, "A"), NONE);
        assert_eq!(simulation.store(&mut one, "A"), NONE);
        assert_eq!(simulation.store(&mut one, "B"), ["A"]);
        assert_eq!(simulation.store(&mut one, "A"), ["B"]);
    }
}

#[test]
fn it_does_not_while_another_association_is_at_it() {
    for timing in [AWAITED, with_timeout(10)] {
        let mut simulation = Simulation::new(timing);
        let [mut one, mut two, mut three] = [(); 3].map(|()| CurrentStudies::default());
        simulation.store(&mut one, "A");
        simulation.store(&mut two, "A");
        assert_eq!(simulation.store(&mut one, "B"), NONE);
        assert_eq!(simulation.store(&mut three, "C"), NONE);
        assert_eq!(simulation.store(&mut two, "C"), ["A"]);
        assert_eq!(simulation.store(&mut three, "B"), NONE);
        assert_eq!(uids(simulation.studies.end_all()), ["B", "C"]);
    }
}

#[test]
fn nor_while_an_object_of_it_is_arriving() {
    let mut simulation = Simulation::new(with_timeout(10));
    let [mut one, mut two] = [(); 2].map(|()| CurrentStudies::default());
    simulation.store(&mut one, "A");
    let arriving = simulation.arrive("A");
    assert_eq!(simulation.store(&mut one, "B"), NONE);
    simulation.now += 100 * SECOND;
    assert_eq!(simulation.time_out(), ["B"]);
    assert_eq!(simulation.finish(&mut two, arriving), NONE);
    simulation.now += 9 * SECOND;
    assert_eq!(simulation.time_out(), NONE);
    simulation.now += SECOND;
    assert_eq!(simulation.time_out(), ["A"]);
    assert_eq!(simulation.time_out(), NONE, "only once");
}

#[test]
fn without_a_time_out_the_next_study_ends_one_that_nobody_is_at() {
    let mut simulation = Simulation::new(AWAITED);
    let [mut one, mut two] = [(); 2].map(|()| CurrentStudies::default());
    simulation.store(&mut one, "A");
    simulation.studies.association_ended(&mut one, simulation.now);
    assert_eq!(simulation.store(&mut two, "A"), NONE);
    simulation.studies.association_ended(&mut two, simulation.now);
    assert_eq!(simulation.store(&mut one, "B"), ["A"]);
}

#[test]
fn with_a_time_out_it_has_that_much_time() {
    let mut simulation = Simulation::new(with_timeout(10));
    let [mut one, mut two] = [(); 2].map(|()| CurrentStudies::default());
    simulation.store(&mut one, "A");
    simulation.now += 5 * SECOND;
    simulation.studies.association_ended(&mut one, simulation.now);
    // A sender with an association for each object is not cut by another one.
    assert_eq!(simulation.store(&mut two, "B"), NONE);
    simulation.studies.association_ended(&mut two, simulation.now);
    assert_eq!(simulation.studies.time_out(simulation.now).1, Some(simulation.now + 10 * SECOND));
    simulation.now += 5 * SECOND;
    assert_eq!(simulation.store(&mut one, "A"), NONE);
    simulation.now += 5 * SECOND;
    assert_eq!(simulation.time_out(), ["B"]);
    simulation.now += 5 * SECOND;
    assert_eq!(simulation.time_out(), ["A"], "although its association is still open");
    assert_eq!(simulation.studies.time_out(simulation.now).1, None);
    // It begins again, as another one.
    assert_eq!(simulation.store(&mut one, "A"), NONE);
    assert_eq!(simulation.store(&mut two, "A"), NONE);
    assert_eq!(simulation.store(&mut one, "B"), NONE);
    assert_eq!(simulation.store(&mut two, "B"), ["A"]);
}

#[test]
fn a_time_out_of_nothing_ends_a_study_with_each_object() {
    let mut simulation = Simulation::new(with_timeout(0));
    let mut one = CurrentStudies::default();
    for _ in 0..2 {
        assert_eq!(simulation.store(&mut one, "A"), ["A"]);
        assert_eq!(simulation.studies.time_out(simulation.now).1, None, "nothing to wake up for");
    }
}

#[test]
fn an_object_that_fails_begins_no_study_and_ends_none() {
    let mut simulation = Simulation::new(with_timeout(10));
    let mut one = CurrentStudies::default();
    simulation.store(&mut one, "A");
    let failed = simulation.arrive("B");
    simulation.studies.give_up(failed, simulation.now);
    assert_eq!(uids(simulation.studies.end_all()), ["A"]);
    assert_eq!(simulation.studies.end_all().len(), 0);
}

#[test]
fn files_are_kept_in_order_only_if_they_are_wanted() {
    for keeps_files in [true, false] {
        let mut simulation = Simulation::new(Timing { keeps_files, ..AWAITED });
        let mut one = CurrentStudies::default();
        simulation.store(&mut one, "A");
        simulation.store(&mut one, "A");
        let ended = simulation.studies.end_all();
        let names: Vec<_> = ended[0].files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, if keeps_files { vec!["1", "2"] } else { vec![] });
    }
}

#[test]
fn interleaved_studies_keep_their_folders_where_nothing_happens_at_the_end() {
    let mut simulation = Simulation::new(Timing::default());
    let [mut one, mut two] = [(); 2].map(|()| CurrentStudies::default());
    let arriving = ["A", "B"].map(|study| simulation.arrive(study));
    let first = [simulation.folder("A"), simulation.folder("B")];
    assert_eq!(first, ["20260203_040506000", "20260203_040506001"], "each its own time, in order");
    for study in arriving {
        assert_eq!(simulation.finish(&mut one, study), NONE);
    }
    for study in ["A", "B", "A", "B"] {
        assert_eq!(simulation.store(&mut one, study), NONE);
    }
    simulation.studies.association_ended(&mut one, simulation.now);
    simulation.now += STUDY_MEMORY - SECOND;
    simulation.store(&mut two, "A");
    assert_eq!([simulation.folder("A"), simulation.folder("B")], first);
    simulation.now += SECOND;
    assert_eq!(simulation.store(&mut two, "A"), ["20260203_040506001"], "B is forgotten at last");
}

#[test]
fn an_association_of_many_studies_does_not_keep_them_all() {
    let mut simulation = Simulation::new(Timing::default());
    let mut one = CurrentStudies::default();
    for number in 0..3 * STUDIES_OF_AN_ASSOCIATION {
        simulation.now += STUDY_MEMORY;
        simulation.store(&mut one, &format!("{number}"));
    }
    assert!(simulation.studies.end_all().len() <= STUDIES_OF_AN_ASSOCIATION + 1);
}

#[test]
fn where_nothing_happens_a_time_out_gives_a_new_folder() {
    let timing = Timing { timeout: Some(10 * SECOND), ..Timing::default() };
    let mut simulation = Simulation::new(timing);
    let arriving = simulation.arrive("A");
    let first = simulation.folder("A");
    let mut one = CurrentStudies::default();
    simulation.store(&mut one, "A");
    simulation.studies.give_up(arriving, simulation.now);
    simulation.now += 10 * SECOND;
    simulation.arrive("A");
    assert_ne!(simulation.folder("A"), first);
}

#[test]
fn a_study_is_text_that_is_safe_in_a_path() {
    for (raw, text) in [
        (&b"1.2.3\0"[..], Some("1.2.3")),
        (b"1.2.3 \0", Some("1.2.3")),
        (b"1.2 .3 ", Some("1.2_.3_c7648c13e72ce857")),
        (b" 1.2.3", Some("_1.2.3_9d4e6952eb8881fd")),
        (b"1.2\\3.4", Some("1.2")),
        (b"1/2;$(x)\xff", Some("1_2___x___eb0cf3591ee7e28e")),
        (b"1_2___x__", Some("1_2___x__")),
        (b"..", Some("..")),
        (b" \0", None),
        // What the one above has become is another study.
        (b"1.2_.3_c7648c13e72ce857", Some("1.2_.3_c7648c13e72ce857_a8a5add4a1739898")),
        (b"1.2_3_4", Some("1.2_3_4")),
        (b"\\1.2", None),
        (b"", None),
    ] {
        assert_eq!(study_text(raw).as_deref(), text);
    }
}

/// Only what is a UID may be a folder's name that is there already.
#[test]
fn a_uid_is_told_from_other_names() {
    for uid in ["1.2", "1.2.840.113619.2.1", "2.25.301", "0.0", "1.02.003"] {
        assert!(is_uid(uid.as_bytes()), "{uid}");
    }
    for other in [
        "",
        ".",
        "..",
        ".ssh",
        "1",
        "2024",
        "2024.01",
        "1.",
        "1..2",
        ".1.2",
        "1.2.",
        "3.4",
        "1.a",
        "1.2_3",
        "1.2-3",
        "config",
        "01.2",
        "-1.2",
        "1.\u{664}",
    ] {
        assert!(!is_uid(other.as_bytes()), "{other}");
    }
}

#[test]
fn a_stop_ends_what_has_timed_out_and_without_a_time_out_everything() {
    let mut simulation = Simulation::new(with_timeout(10));
    let mut one = CurrentStudies::default();
    simulation.store(&mut one, "A");
    simulation.studies.association_ended(&mut one, simulation.now);
    simulation.now += 5 * SECOND;
    let mut two = CurrentStudies::default();
    simulation.store(&mut two, "B");
    let arriving = simulation.arrive("C");
    simulation.now += 5 * SECOND;
    let (ended, open) = simulation.studies.stop(simulation.now);
    let reasons: Vec<_> = ended.iter().map(|study| study.reason).collect();
    assert_eq!((uids(ended), open, reasons), (vec!["A".to_owned()], 1, vec![Reason::Timeout]));
    simulation.studies.give_up(arriving, simulation.now);
    let mut simulation = Simulation::new(AWAITED);
    let [mut one, mut two] = [(); 2].map(|()| CurrentStudies::default());
    simulation.store(&mut one, "A");
    simulation.store(&mut two, "B");
    let (ended, open) = simulation.studies.stop(simulation.now);
    assert!(ended.iter().all(|study| study.reason == Reason::Stop && *study.uid == *b"1.2"));
    assert_eq!((uids(ended), open), (vec!["A".to_owned(), "B".to_owned()], 0));
}

#[test]
fn a_study_of_an_earlier_run_goes_on_in_its_folder_and_ends_in_its_time() {
    let mut it = Simulation::new(with_timeout(10));
    let before = |folder: &str, uid: &[u8]| EndedStudy {
        folder: FileName::new(folder.to_owned()).unwrap(),
        uid: uid.into(),
        reason: Reason::Stop,
        files: Vec::new(),
        peer: Peer::default(),
        number: 0,
    };
    let began = it.now;
    it.now += 4 * SECOND;
    let quiet = it.studies.restore("1.1", before("old 1.1", b"1.1"), began).unwrap();
    let other = it.studies.restore("1.2", before("old 1.2", b"1.2"), it.now).unwrap();
    assert!(it.studies.restore("1.2", before("another", b"1.2"), it.now).is_none(), "it is open");
    assert_ne!(quiet, other);
    let mut who = CurrentStudies::default();
    it.now += 5 * SECOND;
    let arriving = it.arrive("1.2");
    assert_eq!(it.folder("1.2"), "old 1.2");
    assert_eq!(it.finish(&mut who, arriving), [] as [&str; 0]);
    assert_eq!(it.time_out(), [] as [&str; 0]);
    it.now += SECOND;
    assert_eq!(it.time_out(), ["old 1.1"]);
    it.now += 9 * SECOND;
    assert_eq!(it.time_out(), ["old 1.2"]);
}
