//! Which folder an object goes into, and when its study has ended.
//!
//! A study is open from its first object on. The study of the last object that an association stored is its
//! current one, until it stores one of another study or ends; several associations can have the same. `docs/operations.md`
//! tells when a study ends; `OpenStudies` decides it, and has neither clock nor lock.

mod ended_study;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod model;
mod open_studies;
mod peers;
mod study_table;
#[cfg(test)]
mod tests;

pub use ended_study::{EndedStudy, Reason, StudyFile};
pub(crate) use open_studies::CurrentStudies;
pub use open_studies::{FolderTimes, Timing, unpadded};

use super::settings::Sorting;
use super::stored_file::StoredFile;
use crate::peer::Peer;
use chrono::Local;
use open_studies::OpenStudies;
use platform::sync::{Arc, Condvar, Instant, Mutex, MutexGuard, PoisonError};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use storage::FileName;
use study_table::StudyId;

/// The studies that objects are being received of: gives each a folder, and tells when it has ended. Shared by
/// the associations whose [`Output`](super::Output) sorts objects.
///
/// Holds at most 200 bytes for each open study, as long as its UID and the name of its folder have up to 64 and
/// 24 bytes or are the same, and else as much more as they have; some 100 bytes for each peer that sent the last
/// object of one; and with [`Timing::keeps_files`] the names of its files. What an object costs does not depend on how
/// many are open.
pub struct Studies {
    sorting: Sorting,
    timing: Timing,
    state: Mutex<State>,
    changed: Condvar,
    /// How many are open, for those who must not wait for the lock.
    open: AtomicUsize,
}

struct State {
    studies: OpenStudies,
    /// No more studies will come.
    closed: bool,
    /// No more objects will come.
    retired: bool,
    /// A thread waits, and no study has a deadline.
    asleep: bool,
}

/// An object on its way into a study. The study does not end before this is dropped.
pub(crate) struct ArrivingObject {
    studies: Arc<Studies>,
    study: StudyId,
    pending: Cell<bool>,
}

impl Studies {
    /// With no study open.
    #[must_use]
    pub fn new(sorting: Sorting, timing: Timing) -> Self {
        Self::with_times(sorting, timing, FolderTimes::default())
    }

    /// The same beside others that have folders in the same directory: with `times` that they share.
    #[must_use]
    pub fn with_times(sorting: Sorting, timing: Timing, times: FolderTimes) -> Self {
        let studies = OpenStudies::new(timing, times);
        let state = State { studies, closed: false, retired: false, asleep: false };
        let (state, open) = (Mutex::new(state), AtomicUsize::new(0));
        Self { sorting, timing, state, changed: Condvar::new(), open }
    }

    /// An object of this study is on its way.
    pub(crate) fn object_arrives(self: &Arc<Self>, study: &str) -> ArrivingObject {
        let mut state = self.lock();
        let study = state.studies.object_arrives(study, Instant::now());
        self.count(&state);
        drop(state);
        ArrivingObject { studies: Arc::clone(self), study, pending: Cell::new(true) }
    }

    /// An association has ended.
    pub(crate) fn association_ended(&self, current_studies: &mut CurrentStudies) {
        let mut state = self.lock();
        state.studies.association_ended(current_studies, Instant::now());
        self.wake(&mut state);
    }

    /// Waits until studies have timed out ([`Timing::timeout`]), and returns them, in the order in which they
    /// began. `None` once [`close`](Self::close) was called, or all have ended after [`retire`](Self::retire). For
    /// a thread of the program.
    pub fn wait_for_time_out(&self) -> Option<Vec<EndedStudy>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            let (ended, next) = state.studies.time_out(now);
            self.count(&state);
            if !ended.is_empty() {
                return Some(ended);
            }
            if state.retired && state.studies.is_empty() {
                return None;
            }
            state.asleep = next.is_none();
            state = match next {
                Some(next) => {
                    let wait = self.changed.wait_timeout(state, next.duration_since(now));
                    wait.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The receiver is shutting down: ends all studies, or with a time-out those whose time is over, and returns
    /// them with the number of the others that are open. To be called once no association is served any more.
    #[must_use]
    pub fn close(&self) -> (Vec<EndedStudy>, usize) {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        let stopped = state.studies.stop(Instant::now());
        self.count(&state);
        stopped
    }

    /// No more objects will come: the settings have changed, and the last association of the old ones has ended.
    /// With a time-out, studies end when it is over, which [`wait_for_time_out`](Self::wait_for_time_out) tells;
    /// without, all end now, and are returned.
    #[must_use]
    pub fn retire(&self) -> Vec<EndedStudy> {
        let mut state = self.lock();
        state.retired = true;
        self.changed.notify_all();
        if self.timing.timeout.is_some() {
            return Vec::new();
        }
        let ended = state.studies.end_all_as(Reason::Release);
        self.count(&state);
        ended
    }

    /// A study that was open in an earlier run goes on, as if its last object had been stored `quiet` ago: it ends when it
    /// has timed out, or more of its objects come. Its number; `None` without a time-out, or if it is open already. To be
    /// called before associations are served, for the study first that has been quiet longest.
    pub fn restore(&self, before: EndedStudy, quiet: Duration) -> Option<u64> {
        self.timing.timeout?;
        let text = study_text(&before.uid)?;
        let now = Instant::now();
        let mut state = self.lock();
        let last = now.checked_sub(quiet).unwrap_or(now);
        let number = state.studies.restore(&text, before, last);
        self.count(&state);
        self.wake(&mut state);
        number
    }

    /// How many studies are open; those too of which the first object is on its way. Waits for no lock.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The names of the folders of studies that are open, in the order in which they began: at most so many.
    #[must_use]
    pub fn open_folders(&self, most: usize) -> Vec<FileName> {
        self.lock().studies.folders(most)
    }

    /// Deadlines only move away, so who waits for one need not know of others.
    fn wake(&self, state: &mut State) {
        if std::mem::take(&mut state.asleep) {
            self.changed.notify_all();
        }
    }

    /// To be called before the lock is let go wherever a study may have begun or ended.
    fn count(&self, state: &State) {
        self.open.store(state.studies.count(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ArrivingObject {
    /// The number of its study.
    pub(crate) fn study_number(&self) -> u64 {
        self.study.number
    }

    /// Whether its study keeps the files that it has.
    pub(crate) fn keeps_file(&self) -> bool {
        self.studies.timing.keeps_files
    }

    /// The name of the study's folder, and whether the last object was of another study. `None` if
    /// the study cannot give a folder its name. `patient_name` is asked for only if it is needed.
    pub(crate) fn folder(&self, patient_name: impl FnOnce() -> String) -> Option<(FileName, bool)> {
        let Studies { sorting, .. } = self.studies.as_ref();
        let mut state = self.studies.lock();
        state.studies.folder(self.study, Local::now, |study, time| match sorting {
            Sorting::ByTime { prefix } => joined(prefix, &time.to_string()),
            // Without a prefix, only a UID is a name that nothing else has.
            Sorting::ByStudyUid { prefix } if prefix.is_empty() && !is_uid(study.as_bytes()) => {
                joined(NO_UID_PREFIX, study)
            }
            Sorting::ByStudyUid { prefix } => joined(prefix, study),
            Sorting::ByPatientName => joined(&patient_name(), &time.to_string()),
        })
    }

    /// The object is stored in `file`, which may get another name later: `prefix` is how it then begins.
    /// Returns the studies that have ended by that.
    pub(crate) fn stored(
        &self,
        file: &StoredFile<'_>,
        prefix: &'static str,
        peer: &Peer,
        current_studies: &mut CurrentStudies,
    ) -> Vec<EndedStudy> {
        // One that was there before is known already.
        let keeps_file = self.studies.timing.keeps_files && !file.kept;
        let name = || file.name.clone();
        let stored = keeps_file.then(|| StudyFile { name: name(), prefix, id: file.identity });
        self.note_stored(stored, file.study.unwrap_or_default(), peer, current_studies)
    }

    fn note_stored(
        &self,
        file: Option<StudyFile>,
        uid: &[u8],
        peer: &Peer,
        current_studies: &mut CurrentStudies,
    ) -> Vec<EndedStudy> {
        self.pending.set(false);
        let mut state = self.studies.lock();
        let ended =
            state.studies.stored(self.study, uid, file, peer, current_studies, Instant::now());
        self.studies.count(&state);
        self.studies.wake(&mut state);
        ended
    }
}

impl Drop for ArrivingObject {
    fn drop(&mut self) {
        if self.pending.get() {
            let mut state = self.studies.lock();
            state.studies.give_up(self.study, Instant::now());
            self.studies.count(&state);
            self.studies.wake(&mut state);
        }
    }
}

/// The first value of Study Instance UID as text that a path can hold: without the padding at its end,
/// unusual characters replaced by `_`. Where there are any, white space included, or where it ends as
/// if there had been, a number made from all of them is appended, so that no two studies become one.
/// `None` if nothing is left.
pub(crate) fn study_text(raw: &[u8]) -> Option<String> {
    let first = raw.split(|&byte| byte == b'\\').next().unwrap_or_default();
    let end = first.iter().rposition(|byte| !matches!(byte, 0 | b' ')).map_or(0, |last| last + 1);
    let first = &first[..end];
    let all_usual = first.iter().all(|&byte| is_usual(byte));
    let letter = |&byte: &u8| if is_usual(byte) { char::from(byte) } else { '_' };
    let mut text = match std::str::from_utf8(first) {
        Ok(text) if all_usual => text.to_owned(),
        _ => first.iter().map(letter).collect(),
    };
    if !all_usual || ends_in_number(&text) {
        text.push_str(&format!("_{:016x}", fnv_1a(first)));
    }
    (!text.is_empty()).then_some(text)
}

/// Whether a byte stays as it is in the text of a study.
fn is_usual(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'@' | b'_' | b'-')
}

/// Whether a text ends in `_` and a number as [`study_text`] appends it.
fn ends_in_number(text: &str) -> bool {
    let number = text.rsplit_once('_').map_or("", |(_, number)| number);
    number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number that tells texts apart (the hash FNV-1a); always the same for the same text.
fn fnv_1a(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// What the folder of a study is called, in front of a Study Instance UID that is none, where
/// `--sort-on-study-uid` gives no prefix: `.ssh`, `config`, `2024` may be folders of another program.
const NO_UID_PREFIX: &str = "study";

/// Whether this is digits and dots as in a UID (PS3.5 §9.1), leading zeros allowed: it begins with 0, 1 or 2
/// and has another component at least.
pub(crate) fn is_uid(text: &[u8]) -> bool {
    let mut components = text.split(|&byte| byte == b'.');
    let has_root = components.next().is_some_and(|root| matches!(root, b"0" | b"1" | b"2"));
    let mut others = components.peekable();
    let is_component =
        |component: &[u8]| !component.is_empty() && component.iter().all(u8::is_ascii_digit);
    has_root && others.peek().is_some() && others.all(is_component)
}

/// `prefix_rest`, or the rest alone.
fn joined(prefix: &str, rest: &str) -> String {
    if prefix.is_empty() { rest.to_owned() } else { format!("{prefix}_{rest}") }
}
