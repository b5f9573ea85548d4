//! The studies that are open, as plain data.

use super::ended_study::{EndedStudy, Reason, StudyFile};
use super::peers::Peers;
use super::study_table::{Study, StudyId, StudyTable};
use crate::limits::{STUDIES_OF_AN_ASSOCIATION, STUDY_MEMORY};
use crate::peer::Peer;
use chrono::format::{DelayedFormat, StrftimeItems};
use chrono::{DateTime, Local};
use platform::sync::{Arc, Instant, Mutex, PoisonError};
use std::collections::VecDeque;
use std::time::Duration;
use storage::FileName;

/// What decides when a study ends, and what is wanted then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Something happens at the end of a study. Otherwise a study only keeps its folder.
    pub awaited: bool,
    /// `--eostudy-timeout`: a study ends after so much time without an object. `None`: it ends once no
    /// association's last object is of it.
    pub timeout: Option<Duration>,
    /// The names of its files are wanted then.
    pub keeps_files: bool,
}

/// The current studies of one association (see [the module above](super)), the latest last: one where something
/// happens at the end of a study, else up to [`STUDIES_OF_AN_ASSOCIATION`].
#[derive(Debug, Default)]
pub(crate) struct CurrentStudies(VecDeque<StudyId>);

/// The value of a UI element without its padding (PS3.5 §9.1), the first one of several.
#[must_use]
pub fn unpadded(value: &[u8]) -> Box<[u8]> {
    let first = value.split(|&byte| byte == b'\\').next().unwrap_or_default();
    let is_padding = |byte: &u8| matches!(byte, 0 | b' ');
    let end = first.iter().rposition(|byte| !is_padding(byte)).map_or(0, |last| last + 1);
    first[..end].into()
}

/// Bits of a study's number that count those of one [`Studies`](super::Studies).
const STUDY_NUMBER_BITS: u32 = 40;

pub(super) struct OpenStudies {
    timing: Timing,
    /// Those that wait are the ones that need not be touched again to end: with a time-out, all without an
    /// object on its way, which end when it is over; without, those that are idle.
    open: StudyTable,
    peers: Peers,
    /// The study of the last object that went into a folder.
    latest: Option<StudyId>,
    times: FolderTimes,
}

/// The times that folders are named by: no two are the same. To be shared by all [`Studies`](super::Studies) that may
/// have folders in the same directory.
#[derive(Clone, Debug, Default)]
pub struct FolderTimes(Arc<Mutex<Latest>>);

#[derive(Debug, Default)]
struct Latest {
    time: Option<DateTime<Local>>,
    /// How many [`Studies`](super::Studies) share them.
    tables: u64,
}

impl FolderTimes {
    /// A time that no other folder has: `now`, or soon after.
    fn next(&self, now: DateTime<Local>) -> DateTime<Local> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last.time.map(|last| last + chrono::Duration::milliseconds(1));
        let time = next.map_or(now, |next| next.max(now));
        last.time = Some(time);
        time
    }

    /// From where on studies are numbered: so that no two have the same number.
    fn first_number(&self) -> u64 {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        latest.tables += 1;
        (latest.tables - 1) << STUDY_NUMBER_BITS
    }
}

impl OpenStudies {
    pub(super) fn new(timing: Timing, times: FolderTimes) -> Self {
        let (open, peers) = (StudyTable::new(times.first_number()), Peers::default());
        Self { timing, open, peers, latest: None, times }
    }

    pub(super) fn object_arrives(&mut self, study: &str, now: Instant) -> StudyId {
        if !self.timing.awaited {
            self.forget(now);
        }
        let study = self.open.find(study).unwrap_or_else(|| self.open.insert(study, now));
        self.change(study, |entry| entry.arriving += 1);
        study
    }

    /// The folder of an arriving study. If it has none yet, `named` says what it is called, given its text and
    /// a time that no other folder has. Also says whether the last object was of another study.
    pub(super) fn folder(
        &mut self,
        study: StudyId,
        now: impl FnOnce() -> DateTime<Local>,
        named: impl FnOnce(&str, DelayedFormat<StrftimeItems<'static>>) -> String,
    ) -> Option<(FileName, bool)> {
        let differs = self.latest.replace(study) != Some(study);
        let study = self.open.get_mut(study)?;
        if let Some(folder) = study.folder() {
            return Some((FileName::new(folder.to_owned())?, differs));
        }
        let time = self.times.next(now());
        let folder = FileName::new(named(study.text(), time.format("%Y%m%d_%H%M%S%3f")))?;
        study.set_folder(folder.as_str());
        Some((folder, true))
    }

    /// A study that was open in an earlier run goes on, as if its last object had been stored at this time. Its number;
    /// `None` if it is open already.
    pub(super) fn restore(&mut self, text: &str, before: EndedStudy, last: Instant) -> Option<u64> {
        if self.open.find(text).is_some() {
            return None;
        }
        let EndedStudy { folder, uid, files, peer, .. } = before;
        let study = self.open.insert(text, last);
        let entry = self.open.get_mut(study)?;
        entry.set_folder(folder.as_str());
        if *uid != *text.as_bytes() {
            entry.rest.get_or_insert_default().uid = Some(uid);
        }
        if !files.is_empty() {
            entry.rest.get_or_insert_default().files = files;
        }
        self.peers.put(&mut entry.peer, &peer);
        self.change(study, |_| ());
        Some(study.number)
    }

    /// Nothing came of an object that was arriving.
    pub(super) fn give_up(&mut self, study: StudyId, now: Instant) {
        let given_up = self.change(study, |entry| {
            entry.arriving = entry.arriving.saturating_sub(1);
            entry.last = now;
            entry.arriving == 0 && entry.peer.is_none()
        });
        if given_up == Some(true) {
            self.open.remove(study);
        }
    }

    pub(super) fn stored(
        &mut self,
        study: StudyId,
        uid: &[u8],
        file: Option<StudyFile>,
        peer: &Peer,
        current_studies: &mut CurrentStudies,
        now: Instant,
    ) -> Vec<EndedStudy> {
        let Some(entry) = self.open.get_mut(study) else { return Vec::new() };
        entry.arriving = entry.arriving.saturating_sub(1);
        entry.last = now;
        if entry.peer.is_none() {
            let uid = unpadded(uid);
            if *uid != *entry.text().as_bytes() {
                entry.rest.get_or_insert_default().uid = Some(uid);
            }
        }
        self.peers.put(&mut entry.peer, peer);
        if let Some(file) = file.filter(|_| self.timing.keeps_files) {
            entry.rest.get_or_insert_default().files.push(file);
        }
        if let Some(index) = current_studies.0.iter().position(|earlier| *earlier == study) {
            current_studies.0.remove(index);
        } else {
            entry.associations += 1;
        }
        current_studies.0.push_back(study);
        self.change(study, |_| ());
        let mut ended = self.move_on(current_studies, now);
        match self.timing.timeout {
            None => ended.extend(self.end_idle(now)),
            Some(Duration::ZERO) if self.timing.awaited => ended.extend(self.end_at_once(study)),
            Some(_) => {}
        }
        ended
    }

    /// An association keeps only its latest studies; those that are no association's current one any more end.
    fn move_on(&mut self, current_studies: &mut CurrentStudies, now: Instant) -> Vec<EndedStudy> {
        let most = if self.timing.awaited { 1 } else { STUDIES_OF_AN_ASSOCIATION };
        let mut ended = Vec::new();
        while current_studies.0.len() > most
            && let Some(study) = current_studies.0.pop_front()
        {
            if self.leave(study, now) && self.timing.awaited {
                ended.extend(self.end(study, Reason::NextStudy));
            }
        }
        ended
    }

    /// Without a time-out, a study that is current in no association ends when an object of another is stored:
    /// that one is current, so all that are idle are others.
    fn end_idle(&mut self, now: Instant) -> Vec<EndedStudy> {
        let over =
            self.waiting_until(now, if self.timing.awaited { None } else { Some(STUDY_MEMORY) });
        over.into_iter().filter_map(|study| self.end(study, Reason::Release)).collect()
    }

    /// With a time-out of nothing, a study ends with each object, unless another one is on its way.
    fn end_at_once(&mut self, study: StudyId) -> Option<EndedStudy> {
        let arriving = self.open.get(study)?.arriving;
        if arriving == 0 { self.end(study, Reason::Timeout) } else { None }
    }

    pub(super) fn association_ended(&mut self, current_studies: &mut CurrentStudies, now: Instant) {
        for study in current_studies.0.drain(..) {
            self.leave(study, now);
        }
    }

    /// It is no current study of an association any more; returns whether of none.
    fn leave(&mut self, study: StudyId, now: Instant) -> bool {
        let idle = self.change(study, |entry| {
            entry.associations = entry.associations.saturating_sub(1);
            entry.last = now;
            entry.is_idle()
        });
        // It may have ended, and begun again without this association.
        idle.unwrap_or_default()
    }

    /// The studies that have timed out, and when the next one will.
    pub(super) fn time_out(&mut self, now: Instant) -> (Vec<EndedStudy>, Option<Instant>) {
        let Some(timeout) = self.timing.timeout else { return (Vec::new(), None) };
        let over = self.waiting_until(now, Some(timeout));
        let ended = over.into_iter().filter_map(|study| self.end(study, Reason::Timeout)).collect();
        (ended, self.open.first_waiting().map(|(_, since)| since + timeout))
    }

    /// Where nothing happens at the end of a study, one that has timed out is simply forgotten.
    fn forget(&mut self, now: Instant) {
        if let Some(timeout) = self.timing.timeout {
            for study in self.waiting_until(now, Some(timeout)) {
                self.end(study, Reason::Timeout);
            }
        }
    }

    /// The program ends, and will be started again: a study with a time-out goes on then, so of those only
    /// the ones end whose time is over. Also says how many others are open.
    pub(super) fn stop(&mut self, now: Instant) -> (Vec<EndedStudy>, usize) {
        if self.timing.timeout.is_none() {
            return (self.end_all(), 0);
        }
        let (ended, _) = self.time_out(now);
        let is_stored = |&study: &StudyId| self.open.get(study).is_some_and(|it| it.peer.is_some());
        let open = if self.timing.awaited { self.open.ids().filter(is_stored).count() } else { 0 };
        (ended, open)
    }

    /// The folders of those that are open and have an object, in the order in which they began: at most so many.
    pub(super) fn folders(&self, most: usize) -> Vec<FileName> {
        let mut open: Vec<_> = self
            .open
            .ids()
            .filter_map(|id| self.open.get(id).map(|study| (id.number, study)))
            .collect();
        open.retain(|(_, study)| study.peer.is_some());
        open.sort_unstable_by_key(|(number, _)| *number);
        let names = open.iter().filter_map(|(_, study)| FileName::new(study.folder()?.to_owned()));
        names.take(most).collect()
    }

    /// The program ends: so do all, in the order in which they began.
    pub(super) fn end_all(&mut self) -> Vec<EndedStudy> {
        self.end_all_as(Reason::Stop)
    }

    /// Ends all, in that order, for this reason.
    pub(super) fn end_all_as(&mut self, reason: Reason) -> Vec<EndedStudy> {
        let mut all: Vec<_> = self.open.ids().collect();
        all.sort_unstable_by_key(|study| study.number);
        all.into_iter().filter_map(|study| self.end(study, reason)).collect()
    }

    /// Whether none is open.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// How many are open, in the same time however many that is.
    pub(super) fn count(&self) -> usize {
        self.open.count()
    }

    /// How many studies are open, and how many peers are kept.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.open.ids().count(), self.peers.count())
    }

    /// Those that have waited for so long, or all that wait, in the order in which they began. They do not wait
    /// any more.
    fn waiting_until(&mut self, now: Instant, time: Option<Duration>) -> Vec<StudyId> {
        let mut over = Vec::new();
        while let Some((study, since)) = self.open.first_waiting()
            && time.is_none_or(|time| since + time <= now)
        {
            self.open.set_waiting(study, false);
            over.push(study);
        }
        over.sort_unstable_by_key(|study| study.number);
        over
    }

    /// Changes a study, and whether it waits with it. `None` if it has ended.
    fn change<T>(&mut self, study: StudyId, change: impl FnOnce(&mut Study) -> T) -> Option<T> {
        let entry = self.open.get_mut(study)?;
        let result = change(entry);
        let times_out = self.timing.timeout.is_some();
        let waits = if times_out { entry.is_quiet() } else { entry.is_idle() };
        self.open.set_waiting(study, waits);
        Some(result)
    }

    fn end(&mut self, study: StudyId, reason: Reason) -> Option<EndedStudy> {
        let mut ended = self.open.remove(study)?;
        let peer = self.peers.take(&mut ended.peer)?;
        let folder = FileName::new(ended.folder()?.to_owned())?;
        let rest = ended.rest.take().map(|rest| *rest).unwrap_or_default();
        let uid = rest.uid.unwrap_or_else(|| ended.text().as_bytes().into());
        let number = study.number;
        Some(EndedStudy { folder, uid, reason, files: rest.files, peer, number })
    }
}
