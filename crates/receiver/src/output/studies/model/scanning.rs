//! The rules of open studies without any structure: each question is answered by looking at all of them.

use super::super::ended_study::{EndedStudy, Reason, StudyFile};
use super::super::open_studies::{Timing, unpadded};
use crate::limits::{STUDIES_OF_AN_ASSOCIATION, STUDY_MEMORY};
use crate::peer::Peer;
use chrono::format::{DelayedFormat, StrftimeItems};
use chrono::{DateTime, Local};
use platform::sync::Instant;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use storage::FileName;

/// The current studies of one association, the latest last, each with its number.
#[derive(Default)]
pub(super) struct Visits(VecDeque<(Arc<str>, u64)>);

pub(super) struct Scanning {
    timing: Timing,
    open: HashMap<Arc<str>, Study>,
    next_number: u64,
    /// The study of the last object that went into a folder.
    latest: Option<Arc<str>>,
    /// The time that the last folder was named by, so that no two have the same.
    last_time: Option<DateTime<Local>>,
}

struct Study {
    /// In the order in which studies began. A study that begins again is another one.
    number: u64,
    folder: Option<FileName>,
    /// Of how many associations it is a current study.
    associations: usize,
    /// Objects on their way.
    arriving: usize,
    /// When its last object was stored, or the last association left.
    last: Instant,
    files: Vec<StudyFile>,
    /// Study Instance UID of its first object, and who sent the last one; none as long as none is stored.
    stored: Option<(Box<[u8]>, Peer)>,
}

impl Scanning {
    pub(super) fn new(timing: Timing) -> Self {
        Self { timing, open: HashMap::new(), next_number: 0, latest: None, last_time: None }
    }

    pub(super) fn object_arrives(&mut self, study: &str, now: Instant) -> Arc<str> {
        if !self.timing.awaited {
            self.forget(now);
        }
        let study = match self.open.get_key_value(study) {
            Some((study, _)) => Arc::clone(study),
            None => Arc::from(study),
        };
        let number = self.next_number;
        let entry = self.open.entry(Arc::clone(&study)).or_insert_with(|| Study::new(number, now));
        entry.arriving += 1;
        if entry.number == number {
            self.next_number += 1;
        }
        study
    }

    /// The folder of an arriving study. If it has none yet, `named` says what it is called, given a
    /// time that no other folder has. Also says whether the last object was of another study.
    pub(super) fn folder(
        &mut self,
        study: &Arc<str>,
        now: DateTime<Local>,
        named: impl FnOnce(DelayedFormat<StrftimeItems<'static>>) -> String,
    ) -> Option<(FileName, bool)> {
        let differs = self.latest.as_ref() != Some(study);
        if differs {
            self.latest = Some(Arc::clone(study));
        }
        let study = self.open.get_mut(study)?;
        if let Some(folder) = &study.folder {
            return Some((folder.clone(), differs));
        }
        let next = self.last_time.map(|last| last + chrono::Duration::milliseconds(1));
        let time = next.map_or(now, |next| next.max(now));
        self.last_time = Some(time);
        let folder = FileName::new(named(time.format("%Y%m%d_%H%M%S%3f")))?;
        study.folder = Some(folder.clone());
        Some((folder, true))
    }

    /// Nothing came of an object that was arriving.
    pub(super) fn give_up(&mut self, study: &Arc<str>, now: Instant) {
        let Some(entry) = self.open.get_mut(study) else { return };
        entry.arriving = entry.arriving.saturating_sub(1);
        if entry.stored.is_some() {
            entry.last = now;
        } else if entry.arriving == 0 {
            self.open.remove(study);
        }
    }

    pub(super) fn stored(
        &mut self,
        study: &Arc<str>,
        uid: &[u8],
        file: Option<StudyFile>,
        peer: &Peer,
        current_studies: &mut Visits,
        now: Instant,
    ) -> Vec<EndedStudy> {
        let Some(entry) = self.open.get_mut(study) else { return Vec::new() };
        entry.arriving = entry.arriving.saturating_sub(1);
        entry.last = now;
        match &mut entry.stored {
            Some((_, last)) => *last = *peer,
            none => *none = Some((unpadded(uid), *peer)),
        }
        entry.files.extend(file.filter(|_| self.timing.keeps_files));
        let visit = (Arc::clone(study), entry.number);
        if let Some(index) = current_studies.0.iter().position(|earlier| *earlier == visit) {
            current_studies.0.remove(index);
        } else {
            entry.associations += 1;
        }
        current_studies.0.push_back(visit);
        let mut ended = self.move_on(current_studies, now);
        match self.timing.timeout {
            None => ended.extend(self.end_others(study, now)),
            Some(Duration::ZERO) if self.timing.awaited => ended.extend(self.end_at_once(study)),
            Some(_) => {}
        }
        ended
    }

    /// An association keeps only its latest studies; those that are no association's current one any more end.
    fn move_on(&mut self, current_studies: &mut Visits, now: Instant) -> Vec<EndedStudy> {
        let most = if self.timing.awaited { 1 } else { STUDIES_OF_AN_ASSOCIATION };
        let mut ended = Vec::new();
        while current_studies.0.len() > most
            && let Some(visit) = current_studies.0.pop_front()
        {
            if self.leave(&visit, now) && self.timing.awaited {
                ended.extend(self.end(&visit.0, Reason::NextStudy));
            }
        }
        ended
    }

    /// Without a time-out, a study that is current in no association ends when an object of another is stored.
    fn end_others(&mut self, study: &Arc<str>, now: Instant) -> Vec<EndedStudy> {
        let others = |(uid, other): (&Arc<str>, &Study)| {
            let is_over = self.timing.awaited || other.last + STUDY_MEMORY <= now;
            (uid != study && other.is_idle() && is_over).then(|| (other.number, Arc::clone(uid)))
        };
        let mut others: Vec<_> = self.open.iter().filter_map(others).collect();
        others.sort_unstable();
        others.into_iter().filter_map(|(_, uid)| self.end(&uid, Reason::Release)).collect()
    }

    /// With a time-out of nothing, a study ends with each object, unless another one is on its way.
    fn end_at_once(&mut self, study: &Arc<str>) -> Option<EndedStudy> {
        let arriving = self.open.get(study)?.arriving;
        if arriving == 0 { self.end(study, Reason::Timeout) } else { None }
    }

    pub(super) fn association_ended(&mut self, current_studies: &mut Visits, now: Instant) {
        for visit in current_studies.0.drain(..) {
            self.leave(&visit, now);
        }
    }

    /// It is no current study of an association any more; returns whether of none.
    fn leave(&mut self, (study, number): &(Arc<str>, u64), now: Instant) -> bool {
        // It may have ended, and begun again without this association.
        let entry = self.open.get_mut(study).filter(|entry| entry.number == *number);
        entry.is_some_and(|entry| {
            entry.associations = entry.associations.saturating_sub(1);
            entry.last = now;
            entry.is_idle()
        })
    }

    /// The studies that have timed out, and when the next one will.
    pub(super) fn time_out(&mut self, now: Instant) -> (Vec<EndedStudy>, Option<Instant>) {
        let Some(timeout) = self.timing.timeout else { return (Vec::new(), None) };
        let mut next: Option<Instant> = None;
        let mut over = Vec::new();
        for (uid, study) in self.open.iter().filter(|(_, study)| study.arriving == 0) {
            let deadline = study.last + timeout;
            if deadline <= now {
                over.push((study.number, Arc::clone(uid)));
            } else {
                next = Some(next.map_or(deadline, |next| next.min(deadline)));
            }
        }
        over.sort_unstable();
        let end = |(_, uid): (u64, Arc<str>)| self.end(&uid, Reason::Timeout);
        (over.into_iter().filter_map(end).collect(), next)
    }

    /// Where nothing happens at the end of a study, one that has timed out is simply forgotten.
    fn forget(&mut self, now: Instant) {
        if let Some(timeout) = self.timing.timeout {
            self.open.retain(|_, study| study.arriving > 0 || study.last + timeout > now);
        }
    }

    /// The program ends, and will be started again: a study with a time-out goes on then, so of those only
    /// the ones end whose time is over. Also says how many others are open.
    pub(super) fn stop(&mut self, now: Instant) -> (Vec<EndedStudy>, usize) {
        if self.timing.timeout.is_none() {
            return (self.end_all(), 0);
        }
        let (ended, _) = self.time_out(now);
        let open = self.open.values().filter(|study| study.stored.is_some()).count();
        (ended, if self.timing.awaited { open } else { 0 })
    }

    pub(super) fn end_all(&mut self) -> Vec<EndedStudy> {
        let mut all: Vec<_> =
            self.open.iter().map(|(uid, study)| (study.number, Arc::clone(uid))).collect();
        all.sort_unstable();
        all.into_iter().filter_map(|(_, uid)| self.end(&uid, Reason::Stop)).collect()
    }

    /// How many studies are open, and how many peers differ that sent their last objects.
    pub(super) fn counts(&self) -> (usize, usize) {
        let peers = self.open.values().filter_map(|study| Some(study.stored.as_ref()?.1));
        (self.open.len(), peers.collect::<HashSet<_>>().len())
    }

    fn end(&mut self, study: &Arc<str>, reason: Reason) -> Option<EndedStudy> {
        let Study { number, folder, files, stored, .. } = self.open.remove(study)?;
        let (uid, peer) = stored?;
        Some(EndedStudy { folder: folder?, uid, reason, files, peer, number })
    }
}

impl Study {
    fn new(number: u64, now: Instant) -> Self {
        Self {
            number,
            folder: None,
            associations: 0,
            arriving: 0,
            last: now,
            files: Vec::new(),
            stored: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.associations == 0 && self.arriving == 0 && self.stored.is_some()
    }
}
