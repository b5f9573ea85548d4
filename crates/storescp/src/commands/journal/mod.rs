//! `--exec-journal`: commands that wait survive the program.
//!
//! ```text
//!   object stored ──► record ──► success answered ──► command queued ──► run ──► struck out
//!                       │
//!                       └── the program is killed ──► next start: whoever finds the file unlocked runs what is in it
//! ```
//!
//! A file for each output directory and process, `commands-….journal` in the hidden folder, made with the first
//! command and removed at the end of the process, if all are done. Its process holds a lock (`flock`) on it as long as it lives, so two receivers
//! of one directory do not run each other's.
//!
//! # What is promised
//!
//! - A kill loses no command of an object whose success was answered, nor the end of a study that has such an object:
//!   its record is in the file by one `write` before. The command may run again that ran at the kill.
//! - With a durability other than `none`, neither does a power loss: the file is synced before success is answered, by one
//!   sync for all associations that wait for one. It has its length in advance, so that the file system has nothing to
//!   log for that.
//! - Where the record cannot be written, as on a full disk, the command of an object is run before its success is answered.
//!   The end of a study cannot be had in advance: there the log says that a kill would lose it.

mod adoption;
mod contents;
mod file;
mod place;
mod records;
mod span;
#[cfg(test)]
mod tests;

pub(crate) use adoption::{Adopted, RecoveredStudy, adopt};
pub(super) use records::{StudyObject, Whose};

use super::job::Reception;
use crate::limits::FAILURE_LOG_INTERVAL;
use contents::Contents;
use file::JournalFile;
use receiver::output::studies::Reason;
use records::Record;
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The journal of one output directory. Holds some 100 bytes for each command that waits, and for each open study, or
/// with renaming for each of its objects.
pub(crate) struct Journal {
    directory: PathBuf,
    /// Records are synced before they count.
    is_durable: bool,
    state: Mutex<State>,
    synced: Mutex<Synced>,
    has_synced: Condvar,
}

struct State {
    /// `None` as long as there was no record.
    file: Option<JournalFile>,
    contents: Contents,
    next_id: u64,
    /// Bytes of all records so far, whichever file they are in.
    appended: u64,
    /// When the log last said that there can be no record.
    failure_told: Option<Instant>,
}

#[derive(Default)]
struct Synced {
    /// Of [`State::appended`], so many are on disk.
    until: u64,
    /// A thread syncs for all.
    in_progress: bool,
}

impl Journal {
    /// Without a file yet.
    pub(super) fn new(directory: &Path, is_durable: bool) -> Self {
        Self {
            directory: directory.to_owned(),
            is_durable,
            state: Mutex::new(State {
                file: None,
                contents: Contents::default(),
                next_id: 0,
                appended: 0,
                failure_told: None,
            }),
            synced: Mutex::default(),
            has_synced: Condvar::new(),
        }
    }

    /// The output directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The command of an object is owed. Its number, by which it is struck out; `None` if that could not be recorded,
    /// which the log says: then it must be run before its success is answered.
    pub(super) fn owes_reception(&self, whose: Whose, reception: &Reception) -> Option<u64> {
        match self.owes(whose, reception) {
            Ok(id) => id,
            Err(error) => {
                self.tell_failure(
                    &error,
                    "the commands of objects are run before they are answered",
                );
                None
            }
        }
    }

    /// The same; the number is always there.
    ///
    /// # Errors
    /// It is not on disk.
    pub(crate) fn owes(&self, whose: Whose, reception: &Reception) -> io::Result<Option<u64>> {
        let mut state = self.lock();
        state.next_id += 1;
        let id = state.next_id;
        let record = Record::Reception { id, whose, reception: Cow::Borrowed(reception) };
        let appended = self.append(&mut state, &record);
        drop(state);
        if let Err(error) = appended.and_then(|until| self.sync(until)) {
            self.lock().contents.forget_reception(id);
            return Err(error);
        }
        Ok(Some(id))
    }

    /// The command of an object is done.
    pub(super) fn reception_done(&self, id: u64) {
        self.note(&Record::ReceptionDone { id });
    }

    /// An object is stored of a study at whose end something is owed. If that cannot be recorded, the log says so.
    pub(super) fn study_has(&self, number: u64, whose: Whose, object: &StudyObject) {
        if let Err(error) = self.record_object(number, whose, object) {
            self.tell_failure(
                &error,
                "the end of a study would be lost if the program were killed",
            );
        }
    }

    fn record_object(&self, number: u64, whose: Whose, object: &StudyObject) -> io::Result<()> {
        let mut state = self.lock();
        if state.contents.knows(number, object) {
            return Ok(());
        }
        let record = Record::StudyObject { number, whose, object: object.clone() };
        let appended = self.append(&mut state, &record);
        drop(state);
        appended.and_then(|until| self.sync(until))
    }

    /// A study has ended; what is owed for it is done next.
    pub(crate) fn study_ended(&self, number: u64, reason: Reason) {
        self.note(&Record::StudyEnded { number, reason });
    }

    /// Its files are numbered.
    pub(super) fn study_numbered(&self, number: u64) {
        self.note(&Record::StudyNumbered { number });
    }

    /// All that was owed for it is done.
    pub(super) fn study_done(&self, number: u64) {
        self.note(&Record::StudyDone { number });
    }

    /// Takes over what another process owed, for which this one has no use: kept for one that has.
    ///
    /// # Errors
    /// It is not on disk.
    pub(crate) fn keep(&self, payload: Vec<u8>) -> io::Result<()> {
        let until = self.append(&mut self.lock(), &Record::Kept { payload })?;
        self.sync(until)
    }

    /// The program ends: removes the file, if nothing is owed any more. Returns how many commands are owed, and ends of
    /// studies.
    pub(super) fn close(&self) -> usize {
        let mut state = self.lock();
        if state.contents.is_empty()
            && let Some(file) = state.file.take()
        {
            file.remove();
        }
        state.contents.count()
    }

    /// Records something of which the loss only repeats something: neither synced nor waited for.
    fn note(&self, record: &Record) {
        let mut state = self.lock();
        if !state.contents.concerns(record) {
            return;
        }
        if let Err(error) = self.append(&mut state, record) {
            // Not on disk, but done: a compaction leaves it out.
            state.contents.apply(record, None);
            drop(state);
            self.tell_failure(
                &error,
                "commands that were done would be run again at the next start",
            );
        }
    }

    /// Appends a record by one write. Returns what is to be synced.
    fn append(&self, state: &mut State, record: &Record) -> io::Result<u64> {
        let bytes = record.framed();
        let State { file, contents, .. } = state;
        if file.as_ref().is_some_and(|file| file.wants_compaction(contents.bytes(), bytes.len())) {
            let old = file.as_mut().map(|file| file.compacted(contents, self.is_durable));
            match old {
                Some(Ok(())) => self.all_synced(state.appended),
                Some(Err(error)) => {
                    tracing::debug!("cannot rewrite the journal of commands yet: {error}");
                }
                None => {}
            }
        }
        let file = match &mut state.file {
            Some(file) => file,
            none => none.insert(JournalFile::create(&self.directory, self.is_durable)?),
        };
        let span = file.append(&bytes)?;
        state.contents.apply(record, Some(span));
        state.appended += bytes.len() as u64;
        Ok(state.appended)
    }

    /// Waits until all is on disk that was appended until then, by one sync for all who wait.
    fn sync(&self, until: u64) -> io::Result<()> {
        if !self.is_durable {
            return Ok(());
        }
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        while synced.until < until {
            if synced.in_progress {
                synced = self.has_synced.wait(synced).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            synced.in_progress = true;
            drop(synced);
            let (result, reached) = self.sync_file();
            synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
            synced.in_progress = false;
            self.has_synced.notify_all();
            result?;
            synced.until = synced.until.max(reached);
        }
        Ok(())
    }

    fn sync_file(&self) -> (io::Result<()>, u64) {
        let (file, reached) = {
            let state = self.lock();
            (state.file.as_ref().map(JournalFile::handle), state.appended)
        };
        let result = file.map_or(Ok(()), |file| file.sync_data());
        if result.is_err()
            && let Some(file) = &mut self.lock().file
        {
            // What the kernel could not write it may have forgotten.
            file.is_broken = true;
        }
        (result, reached)
    }

    /// A compaction has synced all that is owed.
    fn all_synced(&self, appended: u64) {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        synced.until = synced.until.max(appended);
        self.has_synced.notify_all();
    }

    fn tell_failure(&self, error: &io::Error, what: &str) {
        let told = &mut self.lock().failure_told;
        if told.is_none_or(|told| told.elapsed() >= FAILURE_LOG_INTERVAL) {
            *told = Some(Instant::now());
            let reason = platform::reason(error);
            tracing::error!("cannot write the journal of commands: {reason}: {what}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

/// The journals of the output directories whose commands survive the program. Each is there as long as it is used.
#[derive(Default)]
pub(super) struct Journals(Mutex<Vec<std::sync::Weak<Journal>>>);

impl Journals {
    /// That of an output directory; `is_durable` if any of its users asks for that first.
    pub(super) fn of(&self, directory: &Path, is_durable: bool) -> Arc<Journal> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|journal| journal.strong_count() > 0);
        let same = |journal: &Arc<Journal>| {
            journal.directory == directory && journal.is_durable == is_durable
        };
        if let Some(journal) = known.iter().filter_map(std::sync::Weak::upgrade).find(same) {
            return journal;
        }
        let journal = Arc::new(Journal::new(directory, is_durable));
        known.push(Arc::downgrade(&journal));
        journal
    }

    /// All that are in use.
    pub(super) fn all(&self) -> Vec<Arc<Journal>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter_map(std::sync::Weak::upgrade).collect()
    }
}
