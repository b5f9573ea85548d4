//! What a journal holds that counts: where in the file the records are of what is owed.

use super::records::{Record, StudyObject};
use super::span::Span;
use std::collections::{BTreeMap, HashMap};

/// Of an open study: another object of it is recorded only if so much time has passed since the last one, in
/// milliseconds, where nothing but the time differs.
const RECORDED_AGAIN: u64 = 1000;

/// Where the records are of what is owed. Some 40 bytes for each.
#[derive(Default)]
pub(super) struct Contents {
    receptions: HashMap<u64, Span>,
    studies: BTreeMap<u64, Study>,
    kept: Vec<Span>,
    bytes: u64,
}

#[derive(Default)]
struct Study {
    /// Those of its objects: all, where files are renamed, else the last.
    objects: Vec<Span>,
    /// Of its end, and that its files are numbered.
    others: Vec<Span>,
    last: Option<StudyObject>,
}

impl Contents {
    /// Takes in a record; `None` if it is not in the file.
    pub(super) fn apply(&mut self, record: &Record<'_>, span: Option<Span>) {
        match (record, span) {
            (Record::Reception { id, .. }, Some(span)) => {
                self.bytes += span.bytes();
                self.receptions.insert(*id, span);
            }
            (Record::StudyObject { number, object, .. }, Some(span)) => {
                let study = self.studies.entry(*number).or_default();
                if object.file.is_none() {
                    self.bytes -= study.objects.drain(..).map(|it| it.bytes()).sum::<u64>();
                }
                self.bytes += span.bytes();
                study.objects.push(span);
                study.last = Some(StudyObject { file: None, ..object.clone() });
            }
            (Record::StudyEnded { number, .. } | Record::StudyNumbered { number }, Some(span)) => {
                if let Some(study) = self.studies.get_mut(number) {
                    self.bytes += span.bytes();
                    study.others.push(span);
                }
            }
            (Record::Kept { .. }, Some(span)) => {
                self.bytes += span.bytes();
                self.kept.push(span);
            }
            (Record::ReceptionDone { id }, _) => self.forget_reception(*id),
            (Record::StudyDone { number }, _) => {
                if let Some(study) = self.studies.remove(number) {
                    self.bytes -= study.spans().map(Span::bytes).sum::<u64>();
                }
            }
            (_, None) => {}
        }
    }

    /// The command of an object is owed no more.
    pub(super) fn forget_reception(&mut self, id: u64) {
        if let Some(span) = self.receptions.remove(&id) {
            self.bytes -= span.bytes();
        }
    }

    /// Whether a record changes anything that is owed.
    pub(super) fn concerns(&self, record: &Record<'_>) -> bool {
        match record {
            Record::ReceptionDone { id } => self.receptions.contains_key(id),
            Record::StudyEnded { number, .. }
            | Record::StudyNumbered { number }
            | Record::StudyDone { number } => self.studies.contains_key(number),
            Record::Reception { .. } | Record::StudyObject { .. } | Record::Kept { .. } => true,
        }
    }

    /// Whether what is recorded of a study says as much as this object of it would.
    pub(super) fn knows(&self, number: u64, object: &StudyObject) -> bool {
        let last = self.studies.get(&number).and_then(|study| study.last.as_ref());
        last.is_some_and(|last| {
            let passed = object.stored.saturating_sub(last.stored);
            let again = StudyObject { stored: last.stored, ..object.clone() };
            passed < RECORDED_AGAIN && again == *last
        })
    }

    /// Bytes of the records that count.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Commands and ends of studies that are owed, or will be.
    pub(super) fn count(&self) -> usize {
        self.receptions.len() + self.studies.len()
    }

    /// Whether no record counts.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0 && self.kept.is_empty()
    }

    /// All that count, in the order of the file.
    pub(super) fn spans(&mut self) -> Vec<&mut Span> {
        let studies = self.studies.values_mut();
        let of_studies = studies.flat_map(|it| it.objects.iter_mut().chain(&mut it.others));
        let all = self.receptions.values_mut().chain(of_studies).chain(&mut self.kept);
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|span| span.at);
        all
    }
}

impl Study {
    fn spans(&self) -> impl Iterator<Item = &Span> {
        self.objects.iter().chain(&self.others)
    }
}
