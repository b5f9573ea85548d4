//! The open studies beside a model of them, which keeps nothing in order: whatever is done, both say the same.

mod scanning;

use super::ended_study::{EndedStudy, StudyFile};
use super::open_studies::{CurrentStudies, FolderTimes, OpenStudies, Timing};
use super::study_table::StudyId;
use crate::Peer;
use crate::limits::STUDY_MEMORY;
use chrono::{DateTime, Local};
use platform::sync::Instant;
use proto::AeTitle;
use scanning::{Scanning, Visits};
use std::sync::Arc;
use std::time::Duration;
use storage::FileName;

const STEPS: usize = 4_000;
const SEEDS: u64 = 6;
const ASSOCIATIONS: usize = 5;
/// The last one has no name for a folder.
const STUDIES: [&str; 9] =
    ["1.2.1", "1.2.2", "1.2.3", "1.2.4", "1.2.5", "1.2.6", "1_2_c7648c13e72ce857", "", "/"];
const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn any_sequence_of_objects_has_the_ends_that_the_model_has() {
    let mut ends = 0;
    for awaited in [true, false] {
        for timeout in [None, Some(Duration::ZERO), Some(TIMEOUT)] {
            for seed in 1..=SEEDS {
                let timing = Timing { awaited, timeout, keeps_files: seed % 2 == 0 };
                ends += Both::new(timing, seed).run();
            }
        }
    }
    assert!(ends > 1_000, "only {ends} studies have ended");
}

/// xorshift64 (Marsaglia), so that what fails can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

struct Both {
    studies: OpenStudies,
    model: Scanning,
    timing: Timing,
    random: Random,
    now: Instant,
    local: DateTime<Local>,
    associations: Vec<(CurrentStudies, Visits)>,
    arriving: Vec<(StudyId, Arc<str>)>,
    files: usize,
    ends: usize,
}

impl Both {
    fn new(timing: Timing, seed: u64) -> Self {
        Self {
            studies: OpenStudies::new(timing, FolderTimes::default()),
            model: Scanning::new(timing),
            timing,
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            now: Instant::now(),
            local: Local::now(),
            associations: (0..ASSOCIATIONS).map(|_| Default::default()).collect(),
            arriving: Vec::new(),
            files: 0,
            ends: 0,
        }
    }

    /// Returns how many studies have ended.
    fn run(mut self) -> usize {
        for step in 0..STEPS {
            self.step();
            assert_eq!(self.studies.counts(), self.model.counts(), "step {step}");
            if step % (STEPS / 4) == STEPS / 8 {
                self.stop();
            }
        }
        let all = (self.studies.end_all(), self.model.end_all());
        self.same(&all.0, &all.1);
        assert_eq!(self.studies.counts(), (0, 0));
        self.ends
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=6 => {
                let study = STUDIES[self.random.below(STUDIES.len())];
                let arrives = self.studies.object_arrives(study, self.now);
                self.arriving.push((arrives, self.model.object_arrives(study, self.now)));
            }
            7 => {
                let Some((study, text)) = self.take_arriving() else { return };
                self.studies.give_up(study, self.now);
                self.model.give_up(&text, self.now);
            }
            8..=14 => self.store(),
            15 => {
                let index = self.random.below(ASSOCIATIONS);
                let (current, visits) = &mut self.associations[index];
                self.studies.association_ended(current, self.now);
                self.model.association_ended(visits, self.now);
            }
            16 | 17 => self.pass_time(),
            _ => {
                let (ended, next) = self.studies.time_out(self.now);
                let (expected, expected_next) = self.model.time_out(self.now);
                assert_eq!(next, expected_next, "{:?}", self.timing);
                self.same(&ended, &expected);
            }
        }
    }

    fn take_arriving(&mut self) -> Option<(StudyId, Arc<str>)> {
        let index = self.random.below(self.arriving.len().max(1));
        (!self.arriving.is_empty()).then(|| self.arriving.swap_remove(index))
    }

    fn store(&mut self) {
        let Some((study, text)) = self.take_arriving() else { return };
        let prefix = ["", "P_", "T"][self.random.below(3)];
        // The text alone, behind something, or something else.
        let named = |study: &str, time: &dyn ToString| match prefix {
            "T" => time.to_string(),
            prefix => format!("{prefix}{study}"),
        };
        let folder = self.studies.folder(study, || self.local, |text, time| named(text, &time));
        let expected = self.model.folder(&text, self.local, |time| named(&text, &time));
        assert_eq!(folder, expected, "{:?}", self.timing);
        if folder.is_none() {
            self.studies.give_up(study, self.now);
            self.model.give_up(&text, self.now);
            return;
        }
        self.files += 1;
        let name = FileName::new(self.files.to_string()).unwrap();
        let file = Some(StudyFile { name, prefix: "CT", id: None });
        let uid = if self.random.below(2) == 0 { format!("{text} ") } else { format!(" {text}") };
        let (index, peer) = (self.random.below(ASSOCIATIONS), self.random.below(3));
        let title = AeTitle::parse(peer.to_string().as_bytes()).unwrap();
        let peer = Peer { calling_ae: title, ..Peer::default() };
        let (current, visits) = &mut self.associations[index];
        let (now, copy) = (self.now, file.clone());
        let ended = self.studies.stored(study, uid.as_bytes(), file, &peer, current, now);
        let expected = self.model.stored(&text, uid.as_bytes(), copy, &peer, visits, now);
        self.same(&ended, &expected);
    }

    /// Often to the very end of a time that counts.
    fn pass_time(&mut self) {
        let times =
            [Duration::from_millis(1), TIMEOUT / 2, TIMEOUT, STUDY_MEMORY / 2, STUDY_MEMORY];
        self.now += times[self.random.below(times.len())];
    }

    /// Objects that are arriving then are of no study any more, and are not followed.
    fn stop(&mut self) {
        let (ended, open) = self.studies.stop(self.now);
        let (expected, expected_open) = self.model.stop(self.now);
        assert_eq!(open, expected_open, "{:?}", self.timing);
        self.same(&ended, &expected);
        if self.timing.timeout.is_none() {
            self.arriving.clear();
            self.associations.iter_mut().for_each(|it| *it = Default::default());
        }
    }

    fn same(&mut self, ended: &[EndedStudy], expected: &[EndedStudy]) {
        assert_eq!(format!("{ended:?}"), format!("{expected:?}"), "{:?}", self.timing);
        self.ends += ended.len();
    }
}
