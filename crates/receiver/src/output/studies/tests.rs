//! When a study ends, under simulated time.

use super::open_studies::{Attendance, EndedStudy, OpenStudies, Reason, StudyFile, Timing};
use super::{is_uid, study_text};
use crate::Peer;
use crate::limits::{STUDIES_OF_AN_ASSOCIATION, STUDY_MEMORY};
use chrono::{DateTime, Local, TimeZone};
use platform::sync::Instant;
use std::sync::Arc;
use std::time::Duration;
use storage::FileName;

const SECOND: Duration = Duration::from_secs(1);
const AWAITED: Timing = Timing { awaited: true, timeout: None, keeps_files: false };

fn with_timeout(seconds: u32) -> Timing {
    Timing { timeout: Some(seconds * SECOND), ..AWAITED }
}

/// Studies, and a clock that stands still until it is told otherwise.
struct Ward {
    studies: OpenStudies,
    now: Instant,
    files: usize,
}

impl Ward {
    fn new(timing: Timing) -> Self {
        Self { studies: OpenStudies::new(timing), now: Instant::now(), files: 0 }
    }

    fn local() -> DateTime<Local> {
        Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).unwrap()
    }

    fn folder(&mut self, study: &str) -> String {
        let (folder, _) =
            self.studies.folder(&Arc::from(study), Self::local(), |t| t.to_string()).unwrap();
        folder.to_string()
    }

    /// An object of `study` arrives and is stored; the UIDs of the studies that this ends.
    fn store(&mut self, who: &mut Attendance, study: &str) -> Vec<String> {
        let study = self.studies.arrive(study, self.now);
        self.finish(who, &study)
    }

    fn finish(&mut self, who: &mut Attendance, study: &Arc<str>) -> Vec<String> {
        let named = |_| format!("folder of {study}");
        self.studies.folder(study, Self::local(), named).unwrap();
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
        let mut ward = Ward::new(timing);
        let mut one = Attendance::default();
        assert_eq!(ward.store(&mut one, "A"), NONE);
        assert_eq!(ward.store(&mut one, "A"), NONE);
        assert_eq!(ward.store(&mut one, "B"), ["A"]);
        assert_eq!(ward.store(&mut one, "A"), ["B"]);
    }
}

#[test]
fn it_does_not_while_another_association_is_at_it() {
    for timing in [AWAITED, with_timeout(10)] {
        let mut ward = Ward::new(timing);
        let [mut one, mut two, mut three] = [(); 3].map(|()| Attendance::default());
        ward.store(&mut one, "A");
        ward.store(&mut two, "A");
        assert_eq!(ward.store(&mut one, "B"), NONE);
        assert_eq!(ward.store(&mut three, "C"), NONE);
        assert_eq!(ward.store(&mut two, "C"), ["A"]);
        assert_eq!(ward.store(&mut three, "B"), NONE);
        assert_eq!(uids(ward.studies.end_all()), ["B", "C"]);
    }
}

#[test]
fn nor_while_an_object_of_it_is_arriving() {
    let mut ward = Ward::new(with_timeout(10));
    let [mut one, mut two] = [(); 2].map(|()| Attendance::default());
    ward.store(&mut one, "A");
    let arriving = ward.studies.arrive("A", ward.now);
    assert_eq!(ward.store(&mut one, "B"), NONE);
    ward.now += 100 * SECOND;
    assert_eq!(ward.time_out(), ["B"]);
    assert_eq!(ward.finish(&mut two, &arriving), NONE);
    ward.now += 9 * SECOND;
    assert_eq!(ward.time_out(), NONE);
    ward.now += SECOND;
    assert_eq!(ward.time_out(), ["A"]);
    assert_eq!(ward.time_out(), NONE, "only once");
}

#[test]
fn without_a_time_out_the_next_study_ends_one_that_nobody_is_at() {
    let mut ward = Ward::new(AWAITED);
    let [mut one, mut two] = [(); 2].map(|()| Attendance::default());
    ward.store(&mut one, "A");
    ward.studies.leave(&mut one, ward.now);
    assert_eq!(ward.store(&mut two, "A"), NONE);
    ward.studies.leave(&mut two, ward.now);
    assert_eq!(ward.store(&mut one, "B"), ["A"]);
}

#[test]
fn with_a_time_out_it_has_that_much_time() {
    let mut ward = Ward::new(with_timeout(10));
    let [mut one, mut two] = [(); 2].map(|()| Attendance::default());
    ward.store(&mut one, "A");
    ward.now += 5 * SECOND;
    ward.studies.leave(&mut one, ward.now);
    // A sender with an association for each object is not cut by another one.
    assert_eq!(ward.store(&mut two, "B"), NONE);
    ward.studies.leave(&mut two, ward.now);
    assert_eq!(ward.studies.time_out(ward.now).1, Some(ward.now + 10 * SECOND));
    ward.now += 5 * SECOND;
    assert_eq!(ward.store(&mut one, "A"), NONE);
    ward.now += 5 * SECOND;
    assert_eq!(ward.time_out(), ["B"]);
    ward.now += 5 * SECOND;
    assert_eq!(ward.time_out(), ["A"], "although its association is still open");
    assert_eq!(ward.studies.time_out(ward.now).1, None);
    // It begins again, as another one.
    assert_eq!(ward.store(&mut one, "A"), NONE);
    assert_eq!(ward.store(&mut two, "A"), NONE);
    assert_eq!(ward.store(&mut one, "B"), NONE);
    assert_eq!(ward.store(&mut two, "B"), ["A"]);
}

#[test]
fn a_time_out_of_nothing_ends_a_study_with_each_object() {
    let mut ward = Ward::new(with_timeout(0));
    let mut one = Attendance::default();
    for _ in 0..2 {
        assert_eq!(ward.store(&mut one, "A"), ["A"]);
        assert_eq!(ward.studies.time_out(ward.now).1, None, "nothing to wake up for");
    }
}

#[test]
fn an_object_that_fails_begins_no_study_and_ends_none() {
    let mut ward = Ward::new(with_timeout(10));
    let mut one = Attendance::default();
    ward.store(&mut one, "A");
    let failed = ward.studies.arrive("B", ward.now);
    ward.studies.give_up(&failed, ward.now);
    assert_eq!(uids(ward.studies.end_all()), ["A"]);
    assert_eq!(ward.studies.end_all().len(), 0);
}

#[test]
fn files_are_kept_in_order_only_if_they_are_wanted() {
    for keeps_files in [true, false] {
        let mut ward = Ward::new(Timing { keeps_files, ..AWAITED });
        let mut one = Attendance::default();
        ward.store(&mut one, "A");
        ward.store(&mut one, "A");
        let ended = ward.studies.end_all();
        let names: Vec<_> = ended[0].files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, if keeps_files { vec!["1", "2"] } else { vec![] });
    }
}

#[test]
fn interleaved_studies_keep_their_folders_where_nothing_happens_at_the_end() {
    let mut ward = Ward::new(Timing::default());
    let [mut one, mut two] = [(); 2].map(|()| Attendance::default());
    let arriving = ["A", "B"].map(|study| ward.studies.arrive(study, ward.now));
    let first = [ward.folder("A"), ward.folder("B")];
    assert_eq!(first, ["20260203_040506000", "20260203_040506001"], "each its own time, in order");
    for study in &arriving {
        assert_eq!(ward.finish(&mut one, study), NONE);
    }
    for study in ["A", "B", "A", "B"] {
        assert_eq!(ward.store(&mut one, study), NONE);
    }
    ward.studies.leave(&mut one, ward.now);
    ward.now += STUDY_MEMORY - SECOND;
    ward.store(&mut two, "A");
    assert_eq!([ward.folder("A"), ward.folder("B")], first);
    ward.now += SECOND;
    assert_eq!(ward.store(&mut two, "A"), ["20260203_040506001"], "B is forgotten at last");
}

#[test]
fn an_association_of_many_studies_does_not_keep_them_all() {
    let mut ward = Ward::new(Timing::default());
    let mut one = Attendance::default();
    for number in 0..3 * STUDIES_OF_AN_ASSOCIATION {
        ward.now += STUDY_MEMORY;
        ward.store(&mut one, &format!("{number}"));
    }
    assert!(ward.studies.end_all().len() <= STUDIES_OF_AN_ASSOCIATION + 1);
}

#[test]
fn where_nothing_happens_a_time_out_gives_a_new_folder() {
    let timing = Timing { timeout: Some(10 * SECOND), ..Timing::default() };
    let mut ward = Ward::new(timing);
    ward.studies.arrive("A", ward.now);
    let first = ward.folder("A");
    let mut one = Attendance::default();
    ward.store(&mut one, "A");
    ward.studies.give_up(&Arc::from("A"), ward.now);
    ward.now += 10 * SECOND;
    ward.studies.arrive("A", ward.now);
    assert_ne!(ward.folder("A"), first);
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
    let mut ward = Ward::new(with_timeout(10));
    let mut one = Attendance::default();
    ward.store(&mut one, "A");
    ward.studies.leave(&mut one, ward.now);
    ward.now += 5 * SECOND;
    let mut two = Attendance::default();
    ward.store(&mut two, "B");
    let arriving = ward.studies.arrive("C", ward.now);
    ward.now += 5 * SECOND;
    let (ended, open) = ward.studies.stop(ward.now);
    let reasons: Vec<_> = ended.iter().map(|study| study.reason).collect();
    assert_eq!((uids(ended), open, reasons), (vec!["A".to_owned()], 1, vec![Reason::Timeout]));
    ward.studies.give_up(&arriving, ward.now);
    let mut ward = Ward::new(AWAITED);
    ward.store(&mut one, "A");
    ward.store(&mut two, "B");
    let (ended, open) = ward.studies.stop(ward.now);
    assert!(ended.iter().all(|study| study.reason == Reason::Stop && *study.uid == *b"1.2"));
    assert_eq!((uids(ended), open), (vec!["A".to_owned(), "B".to_owned()], 0));
}
