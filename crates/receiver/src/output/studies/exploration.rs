//! Each object belongs to the end of one study, and that is the study whose folder it went into; a study
//! that has timed out ends by itself.

use super::{CurrentStudies, EndedStudy, Studies, StudyFile, Timing};
use crate::{Peer, Sorting};
use platform::exploration::{ToAll, each_notification_counts, explore};
use platform::sync::{Arc, Condvar, Instant, Mutex, Timers, pause, thread};
use std::time::Duration;
use storage::FileName;

const TIMEOUT: Duration = Duration::from_secs(10);
const ASSOCIATIONS: usize = 3;
const OBJECTS_EACH: usize = 2;

#[test]
fn each_object_is_in_the_end_of_its_study() {
    for timers in [Timers::Patient, Timers::Hasty] {
        for timeout in [None, Some(Duration::ZERO), Some(TIMEOUT)] {
            explore(timers, move || receive(timeout));
        }
    }
}

#[test]
fn studies_of_settings_that_are_gone_come_to_an_end() {
    for timers in [Timers::Patient, Timers::Hasty] {
        for timeout in [None, Some(Duration::ZERO), Some(TIMEOUT)] {
            explore(timers, move || retire(timeout));
        }
    }
}

/// Also if whoever watches the clock had nothing in sight when the study began.
#[test]
fn a_study_times_out_by_itself() {
    explore(Timers::Patient, time_out);
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("studies/mod.rs", &ToAll::NotTried, || {
        time_out();
        retire(None);
    });
}

/// What has ended, and who waits for that.
#[derive(Default)]
struct Ends {
    ended: Mutex<Vec<EndedStudy>>,
    more: Condvar,
}

impl Ends {
    fn add(&self, ended: Vec<EndedStudy>) {
        self.ended.lock().unwrap().extend(ended);
        self.more.notify_all();
    }

    fn wait_for_objects(&self, count: usize) {
        let objects =
            |ended: &[EndedStudy]| ended.iter().map(|study| study.files.len()).sum::<usize>();
        let mut ended = self.ended.lock().unwrap();
        while objects(&ended) < count {
            ended = self.more.wait(ended).unwrap();
        }
    }

    /// Each object once, in the study whose folder it went into; none of those studies that are `open`.
    fn check(&self, open: usize) {
        let mut all = Vec::new();
        for study in self.ended.lock().unwrap().iter() {
            for file in &study.files {
                let (folder, name) = file.name.as_str().split_once('+').unwrap();
                assert_eq!(folder, study.folder.as_str(), "ended before its object was stored");
                all.push(name.to_owned());
            }
        }
        all.sort_unstable();
        let expected: Vec<_> = (0..ASSOCIATIONS * OBJECTS_EACH).map(|it| it.to_string()).collect();
        let count = all.len();
        all.dedup();
        assert_eq!(count, all.len(), "each object is of one study");
        assert!(all.iter().all(|it| expected.contains(it)));
        // A study that is open has an object at least.
        assert!(count + open <= expected.len() && (open > 0 || count == expected.len()));
    }
}

fn studies(timeout: Option<Duration>) -> (Arc<Studies>, Arc<Ends>) {
    let timing = Timing { awaited: true, timeout, keeps_files: true };
    // By the time, so that a study that begins again has another folder.
    let sorting = Sorting::ByTime { prefix: String::new() };
    (Arc::new(Studies::new(sorting, timing)), Arc::default())
}

fn watch(studies: &Arc<Studies>, ends: &Arc<Ends>) -> thread::JoinHandle<()> {
    let (studies, ends) = (Arc::clone(studies), Arc::clone(ends));
    thread::spawn(move || {
        while let Some(ended) = studies.wait_for_time_out() {
            ends.add(ended);
        }
    })
}

/// An association that stores objects of two studies by turns; every third comes to nothing first.
fn associate(studies: &Arc<Studies>, ends: &Ends, number: usize) {
    let mut current_studies = CurrentStudies::default();
    for object in (number * OBJECTS_EACH..).take(OBJECTS_EACH) {
        let study = ["1.2", "1.3"][object % 2];
        if object % 3 == 0 {
            let failing = studies.object_arrives(study);
            failing.folder(String::new).unwrap();
        }
        let arriving = studies.object_arrives(study);
        let (folder, _) = arriving.folder(String::new).unwrap();
        pause();
        let name = FileName::new(format!("{folder}+{object}")).unwrap();
        let file = StudyFile { name, id: None, prefix: "CT" };
        ends.add(arriving.note_stored(Some(file), b"1.2", &Peer::default(), &mut current_studies));
    }
    studies.association_ended(&mut current_studies);
}

fn begin_associations(studies: &Arc<Studies>, ends: &Arc<Ends>) -> Vec<thread::JoinHandle<()>> {
    let begin = |number| {
        let (studies, ends) = (Arc::clone(studies), Arc::clone(ends));
        thread::spawn(move || associate(&studies, &ends, number))
    };
    (0..ASSOCIATIONS).map(begin).collect()
}

fn receive(timeout: Option<Duration>) {
    let (studies, ends) = studies(timeout);
    let watching = watch(&studies, &ends);
    let associations = begin_associations(&studies, &ends);
    associations.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, open) = studies.close();
    ends.add(ended);
    watching.join().unwrap();
    ends.check(open);
}

/// After a change of settings: the thread that waits comes to its end once all studies have.
fn retire(timeout: Option<Duration>) {
    let (studies, ends) = studies(timeout);
    let watching = watch(&studies, &ends);
    let associations = begin_associations(&studies, &ends);
    associations.into_iter().for_each(|thread| thread.join().unwrap());
    ends.add(studies.retire());
    watching.join().unwrap();
    assert_eq!(studies.open_count(), 0);
    ends.check(0);
}

fn time_out() {
    let began = Instant::now();
    let (studies, ends) = studies(Some(TIMEOUT));
    let watching = watch(&studies, &ends);
    let associations = begin_associations(&studies, &ends);
    // Nobody else ends them.
    ends.wait_for_objects(ASSOCIATIONS * OBJECTS_EACH);
    let waited = began.elapsed();
    assert!(waited <= 3 * TIMEOUT, "waited for {waited:?}");
    associations.into_iter().for_each(|thread| thread.join().unwrap());
    let (ended, open) = studies.close();
    assert!(ended.is_empty());
    watching.join().unwrap();
    ends.check(open);
}
