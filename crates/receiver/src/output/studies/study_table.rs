//! The open studies in memory: found by their text, and those that wait for their end in the order of time.
//! Each operation but [`StudyTable::ids`] takes the same time, however many are open.

use super::ended_study::StudyFile;
use crate::peer::Peer;
use hashbrown::HashTable;
use platform::sync::Instant;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// Studies for which memory is taken at a time.
const CHUNK: usize = 256;
/// The place of no study.
const NOWHERE: u32 = u32::MAX;

/// One study while it is open. After that it stands for none: a study that begins again is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StudyId {
    place: u32,
    /// In the order in which studies began.
    pub(super) number: u64,
}

/// An open study: 80 bytes, and its text.
pub(super) struct Study {
    number: u64,
    /// Of how many associations it is a current study.
    pub(super) associations: u32,
    /// Objects on their way.
    pub(super) arriving: u32,
    /// When its last object was stored, or the last association left.
    pub(super) last: Instant,
    /// Who sent the last object; none as long as none is stored.
    pub(super) peer: Option<Arc<Peer>>,
    /// What most studies do not have.
    pub(super) rest: Option<Box<Rest>>,
    /// The name of its folder, where that ends with its text; else its text, and behind it that name, if it has one.
    texts: Box<str>,
    /// Where in there the text is that it is found by.
    text_at: u16,
    text_bytes: u32,
    has_folder: bool,
    waits: bool,
    /// The studies that wait before and after it.
    earlier: u32,
    later: u32,
}

/// What only some studies have.
#[derive(Default)]
pub(super) struct Rest {
    /// Study Instance UID of its first object, if it is not the text.
    pub(super) uid: Option<Box<[u8]>>,
    pub(super) files: Vec<StudyFile>,
}

/// The open studies.
pub(super) struct StudyTable {
    /// Places of studies, by the hashes of their texts.
    by_text: HashTable<u32>,
    hasher: RandomState,
    /// In pieces, since a vector would take up to twice as much while it grows.
    chunks: Vec<Box<[Option<Study>]>>,
    free: Vec<u32>,
    next_number: u64,
    first_waiting: u32,
    last_waiting: u32,
}

impl Study {
    fn new(number: u64, text: &str, now: Instant) -> Self {
        Self {
            number,
            associations: 0,
            arriving: 0,
            last: now,
            peer: None,
            rest: None,
            texts: text.into(),
            text_at: 0,
            text_bytes: u32::try_from(text.len()).unwrap_or(u32::MAX),
            has_folder: false,
            waits: false,
            earlier: NOWHERE,
            later: NOWHERE,
        }
    }

    /// What it is found by.
    pub(super) fn text(&self) -> &str {
        let start = usize::from(self.text_at);
        self.texts.get(start..start + self.text_bytes as usize).unwrap_or(&self.texts)
    }

    /// The name of its folder, once it has one.
    pub(super) fn folder(&self) -> Option<&str> {
        let text_end = usize::from(self.text_at) + self.text_bytes as usize;
        let behind = self.texts.get(text_end..).filter(|name| !name.is_empty());
        self.has_folder.then(|| behind.unwrap_or(&self.texts))
    }

    /// Gives it a folder, if it has none.
    pub(super) fn set_folder(&mut self, name: &str) {
        if self.has_folder {
            return;
        }
        let prefix = name.strip_suffix(&*self.texts).map(|prefix| u16::try_from(prefix.len()));
        match prefix {
            Some(Ok(0)) => {}
            Some(Ok(prefix_bytes)) => (self.texts, self.text_at) = (name.into(), prefix_bytes),
            _ => self.texts = [&*self.texts, name].concat().into(),
        }
        self.has_folder = true;
    }

    /// Whether an object of it is stored, and none on its way.
    pub(super) fn is_quiet(&self) -> bool {
        self.arriving == 0 && self.peer.is_some()
    }

    /// Whether it is quiet, and no association's current study.
    pub(super) fn is_idle(&self) -> bool {
        self.associations == 0 && self.is_quiet()
    }
}

impl StudyTable {
    /// With no study; the first one gets this number, and each other one the next.
    pub(super) fn new(first_number: u64) -> Self {
        Self {
            by_text: HashTable::new(),
            hasher: RandomState::new(),
            chunks: Vec::new(),
            free: Vec::new(),
            next_number: first_number,
            first_waiting: NOWHERE,
            last_waiting: NOWHERE,
        }
    }

    pub(super) fn find(&self, text: &str) -> Option<StudyId> {
        let is_it = |&place: &u32| at(&self.chunks, place).is_some_and(|it| it.text() == text);
        let place = *self.by_text.find(self.hasher.hash_one(text), is_it)?;
        Some(StudyId { place, number: at(&self.chunks, place)?.number })
    }

    /// Adds a study that is not there.
    pub(super) fn insert(&mut self, text: &str, now: Instant) -> StudyId {
        let place = self.free.pop().unwrap_or_else(|| self.add_chunk());
        let number = self.next_number;
        self.next_number += 1;
        self.chunks[place as usize / CHUNK][place as usize % CHUNK] =
            Some(Study::new(number, text, now));
        let Self { by_text, hasher, chunks, .. } = self;
        let hash = |&place: &u32| at(chunks, place).map_or(0, |it| hasher.hash_one(it.text()));
        by_text.insert_unique(hasher.hash_one(text), place, hash);
        StudyId { place, number }
    }

    fn add_chunk(&mut self) -> u32 {
        let first = self.chunks.len() * CHUNK;
        self.chunks.push((0..CHUNK).map(|_| None).collect());
        let place = |index: usize| u32::try_from(first + index).unwrap_or(NOWHERE);
        self.free.extend((1..CHUNK).rev().map(place));
        place(0)
    }

    /// `None` if it is open no more.
    pub(super) fn get(&self, study: StudyId) -> Option<&Study> {
        at(&self.chunks, study.place).filter(|it| it.number == study.number)
    }

    /// As [`get`](Self::get). Whoever sets `last` of a study that waits has to say anew that it
    /// [waits](Self::set_waiting).
    pub(super) fn get_mut(&mut self, study: StudyId) -> Option<&mut Study> {
        at_mut(&mut self.chunks, study.place).filter(|it| it.number == study.number)
    }

    pub(super) fn remove(&mut self, study: StudyId) -> Option<Study> {
        self.set_waiting(study, false);
        let hash = self.hasher.hash_one(self.get(study)?.text());
        if let Ok(entry) = self.by_text.find_entry(hash, |&place| place == study.place) {
            entry.remove();
        }
        let place = study.place as usize;
        let removed = self.chunks[place / CHUNK][place % CHUNK].take();
        self.free.push(study.place);
        if self.by_text.is_empty() && self.chunks.len() > 1 {
            *self = Self::new(self.next_number);
        }
        removed
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        self.by_text.len()
    }

    /// Every open study, in no order. Takes time in proportion to how many there are, or were.
    pub(super) fn ids(&self) -> impl Iterator<Item = StudyId> {
        let id = |(place, study): (usize, &Option<Study>)| {
            Some(StudyId { place: u32::try_from(place).ok()?, number: study.as_ref()?.number })
        };
        self.chunks.iter().flatten().enumerate().filter_map(id)
    }

    /// Whether the study waits for its end, from now on, which is its `last`.
    pub(super) fn set_waiting(&mut self, study: StudyId, waits: bool) {
        let Some(&Study { waits: waited, .. }) = self.get(study) else { return };
        if waited {
            self.unlink(study.place);
        }
        if waits {
            self.link(study.place);
        }
    }

    /// The study that has waited longest, and since when.
    pub(super) fn first_waiting(&self) -> Option<(StudyId, Instant)> {
        let place = self.first_waiting;
        at(&self.chunks, place).map(|it| (StudyId { place, number: it.number }, it.last))
    }

    /// Behind all that wait: the clock goes forward, so none has waited less.
    fn link(&mut self, place: u32) {
        let earlier = self.last_waiting;
        if let Some(study) = at_mut(&mut self.chunks, place) {
            study.waits = true;
        }
        self.join(earlier, place);
        self.join(place, NOWHERE);
    }

    fn unlink(&mut self, place: u32) {
        let Some(study) = at_mut(&mut self.chunks, place) else { return };
        study.waits = false;
        let (earlier, later) = (study.earlier, study.later);
        self.join(earlier, later);
    }

    /// Lets `later` follow `earlier`; either may be nowhere, which is before the first and behind the last.
    fn join(&mut self, earlier: u32, later: u32) {
        match at_mut(&mut self.chunks, earlier) {
            Some(study) => study.later = later,
            None => self.first_waiting = later,
        }
        match at_mut(&mut self.chunks, later) {
            Some(study) => study.earlier = earlier,
            None => self.last_waiting = earlier,
        }
    }
}

fn at(chunks: &[Box<[Option<Study>]>], place: u32) -> Option<&Study> {
    chunks.get(place as usize / CHUNK)?.get(place as usize % CHUNK)?.as_ref()
}

fn at_mut(chunks: &mut [Box<[Option<Study>]>], place: u32) -> Option<&mut Study> {
    chunks.get_mut(place as usize / CHUNK)?.get_mut(place as usize % CHUNK)?.as_mut()
}
