//! What an open study takes of memory, and of the time of objects of others.

use super::open_studies::{CurrentStudies, FolderTimes, OpenStudies, Timing};
use crate::Peer;
use chrono::format::DelayedFormat;
use chrono::{DateTime, Local};
use platform::sync::Instant;
use proto::AeTitle;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

const STUDIES: usize = 100_000;
const ASSOCIATIONS: usize = 32;
const OBJECTS: usize = 1_000;
const ROUNDS: usize = 5;
const WITH_TIMEOUT: Timing =
    Timing { awaited: true, timeout: Some(Duration::from_secs(60)), keeps_files: false };
const BYTES_EACH: u64 = 200;
/// glibc puts 8 bytes before each allocation and rounds up to 16: `malloc_usable_size(3)`.
const OVERHEAD_BYTES: u64 = 8 + 15;

/// A UID of 50 to 64 characters, the most that there are (PS3.5 §9.1).
fn uid(number: usize) -> String {
    let width = 17 + number % 15;
    format!("1.2.840.113619.2.404.3.28.{:0width$}.{number:06}", 764_494_750_123_u64)
}

/// So many open studies, of which each association has sent some, and whom nobody is at.
struct Open {
    studies: OpenStudies,
    peers: Vec<Peer>,
    now: Instant,
    local: DateTime<Local>,
}

impl Open {
    fn new(timing: Timing) -> Self {
        let peers = (0..ASSOCIATIONS).map(peer).collect();
        let (now, local) = (Instant::now(), Local::now());
        Self { studies: OpenStudies::new(timing, FolderTimes::default()), peers, now, local }
    }

    /// An object of study `number`, and returns how many studies end with it.
    fn store(
        &mut self,
        number: usize,
        current: &mut CurrentStudies,
        named: impl Fn(&str, String) -> String,
    ) -> usize {
        let (uid, peer) = (uid(number), &self.peers[number % ASSOCIATIONS]);
        let study = self.studies.object_arrives(&uid, self.now);
        let named = |uid: &str, time: DelayedFormat<_>| named(uid, time.to_string());
        self.studies.folder(study, || self.local, named).unwrap();
        self.studies.stored(study, uid.as_bytes(), None, peer, current, self.now).len()
    }

    /// Each on an association of its own, so that its next object is not the end of the study.
    fn begin(&mut self, studies: usize, named: impl Fn(&str, String) -> String) {
        let mut current = CurrentStudies::default();
        for number in 0..studies {
            self.store(number, &mut current, &named);
            self.studies.association_ended(&mut current, self.now);
        }
    }
}

/// What `allocation-counter` finds to be there in the end, as the program asked for it, and what the
/// allocator may add to that.
fn bytes_each(open: usize, named: impl Fn(&str, String) -> String) -> u64 {
    let mut studies = Open::new(WITH_TIMEOUT);
    let held = allocation_counter::measure(|| studies.begin(open, named));
    assert_eq!(studies.studies.counts(), (open, ASSOCIATIONS));
    let [bytes, count] =
        [held.bytes_current, held.count_current].map(|it| u64::try_from(it).unwrap());
    (bytes + OVERHEAD_BYTES * count) / open as u64
}

/// CPU time of an object, of the fastest rounds of some, of associations that go on from study to study.
fn time_each(open: usize, timing: Timing) -> Duration {
    let mut studies = Open::new(timing);
    let uid_only = |uid: &str, _| uid.to_owned();
    studies.begin(open, uid_only);
    let mut associations: Vec<_> = (0..ASSOCIATIONS).map(|_| CurrentStudies::default()).collect();
    let mut round = || {
        let before = clock_gettime(ClockId::ThreadCPUTime);
        for number in 0..OBJECTS {
            studies.store(number * 7 % OBJECTS, &mut associations[number % ASSOCIATIONS], uid_only);
            studies.studies.time_out(studies.now);
        }
        let after = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(after - before).unwrap()
    };
    (0..ROUNDS).map(|_| round()).min().unwrap() / u32::try_from(OBJECTS).unwrap()
}

fn peer(number: usize) -> Peer {
    let calling_ae = AeTitle::parse(format!("CT{number}").as_bytes()).unwrap();
    Peer { calling_ae, ..Peer::default() }
}

#[test]
fn an_open_study_takes_at_most_200_bytes() {
    let longest = (0..STUDIES).map(|number| uid(number).len()).max();
    assert_eq!((uid(0).len(), longest), (50, Some(64)));
    // The fewest for which the hash table has twice as many places.
    let grown = (1 << 17) / 8 * 7 + 1;
    let by_time = |_: &str, time: String| format!("study_{time}");
    for (option, each) in [
        ("-su", bytes_each(STUDIES, |uid, _| uid.to_owned())),
        ("-su study", bytes_each(STUDIES, |uid, _| format!("study_{uid}"))),
        ("-ss study", bytes_each(STUDIES, by_time)),
        ("-ss study, grown", bytes_each(grown, by_time)),
    ] {
        println!("{option}: {each} bytes");
        assert!((100..=BYTES_EACH).contains(&each), "{option}: {each} bytes");
    }
}

/// If all were looked at for each object, it would cost a hundred times as much.
#[test]
fn an_object_costs_the_same_however_many_studies_are_open() {
    let forgotten = Timing { awaited: false, ..WITH_TIMEOUT };
    // Where something happens at the end and nothing times out, only current studies stay open.
    for timing in [WITH_TIMEOUT, forgotten, Timing { timeout: None, ..forgotten }] {
        let [few, many] = [100, STUDIES / 5].map(|open| time_each(open, timing));
        println!("{timing:?}: {few:?} with 100 open, {many:?} with {}", STUDIES / 5);
        assert!(many < 20 * few, "{timing:?}: {few:?}, {many:?}");
    }
}
