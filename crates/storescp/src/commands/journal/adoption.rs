//! What processes have left that are no more.

use super::file::{HEADER, has_name};
use super::records::{FRAME_BYTES, ObjectFile, Record, StudyObject, Whose, payload, record_bytes};
use super::{Journal, place};
use crate::commands::job::Reception;
use receiver::output::naming::prefix;
use receiver::output::studies::{EndedStudy, Reason, StudyFile};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use storage::FileId;

/// How long is waited at a start for a journal that another process has.
const JOURNAL_LOCK_WAIT: Duration = Duration::from_millis(500);

/// The longest journal that is read.
const JOURNAL_BYTES: u64 = 1024 * 1024 * 1024;

/// What processes have left that are no more. Their journals stay locked until this is dropped.
#[derive(Default)]
pub(crate) struct Adopted {
    /// Commands of objects, in the order in which those were stored.
    pub(crate) receptions: Vec<(Whose, Reception)>,
    /// Studies, the one first whose last object came first.
    pub(crate) studies: Vec<RecoveredStudy>,
    /// Records of another version.
    pub(crate) unknown: Vec<Vec<u8>>,
    journals: Vec<(PathBuf, File)>,
}

/// A study that was open, or whose end was not dealt with.
pub(crate) struct RecoveredStudy {
    pub(crate) whose: Whose,
    /// As it has ended. Its number is that of the process which is no more.
    pub(crate) study: EndedStudy,
    /// It has ended.
    pub(crate) has_ended: bool,
    /// When its last object was stored.
    pub(crate) last: SystemTime,
    objects: Vec<StudyObject>,
}

#[derive(Default)]
struct Left {
    receptions: BTreeMap<u64, (Whose, Reception)>,
    studies: BTreeMap<u64, LeftStudy>,
    unknown: Vec<Vec<u8>>,
}

#[derive(Default)]
struct LeftStudy {
    whose: Option<Whose>,
    objects: Vec<StudyObject>,
    ended: Option<Reason>,
    is_numbered: bool,
}

/// Reads the journals in an output directory whose processes are no more, and locks them.
pub(crate) fn adopt(directory: &Path) -> Adopted {
    let mut adopted = Adopted::default();
    for folder in place::folders(directory) {
        // Another user could have us run what they like.
        let Ok(entries) = place::is_ours(&folder).and_then(|()| std::fs::read_dir(&folder)) else {
            continue;
        };
        let is_journal = |path: &PathBuf| {
            path.file_name().and_then(|it| it.to_str()).is_some_and(place::is_journal)
        };
        let mut paths: Vec<_> = entries.flatten().map(|it| it.path()).filter(is_journal).collect();
        paths.sort();
        for path in paths {
            if let Err(error) = adopted.take(&path, directory) {
                let reason = platform::reason(&error);
                let path = path.display();
                tracing::error!(
                    "commands of an earlier run are not run: cannot read {path}: {reason}"
                );
            }
        }
    }
    adopted.studies.sort_by_key(|study| study.last);
    adopted
}

impl Adopted {
    /// Whether there is nothing, not even an empty journal.
    pub(crate) fn is_empty(&self) -> bool {
        self.journals.is_empty()
    }

    /// All of it is in another journal, or done.
    pub(crate) fn forget(self) {
        for (path, _) in &self.journals {
            if let Err(error) = std::fs::remove_file(path) {
                let path = path.display();
                tracing::warn!("cannot remove {path}, whose commands will be run again: {error}");
            }
        }
    }

    fn take(&mut self, path: &Path, directory: &Path) -> io::Result<()> {
        let file = match place::open_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result?,
        };
        // A command that a killed process was about to start has its files until it runs.
        let until = Instant::now() + JOURNAL_LOCK_WAIT;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => {
                    thread::sleep(JOURNAL_LOCK_WAIT / 50);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(()),
                result => break result?,
            }
        }
        // Its process may have written it anew, or removed it.
        if !has_name(&file, path) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        if file.metadata()?.len() > JOURNAL_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        (&file).read_to_end(&mut bytes)?;
        let records = match bytes.split_at_checked(HEADER.len()) {
            Some((header, records)) if header == HEADER => records,
            // Its process was killed before it had a record.
            _ if bytes.iter().all(|&byte| byte == 0) || HEADER.starts_with(&bytes) => &[],
            _ => {
                return Err(io::Error::other(
                    "it is of another version of this program; it is kept",
                ));
            }
        };
        let left = Left::read(records, path);
        left.hand_over(self, directory);
        self.journals.push((path.to_owned(), file));
        Ok(())
    }
}

impl Left {
    /// Reads the records. Where one is damaged, as after a power loss, goes on with the next whole one.
    fn read(mut bytes: &[u8], path: &Path) -> Self {
        let (mut left, mut damaged) = (Self::default(), 0);
        while !bytes.is_empty() {
            if let Some(payload) = payload(bytes) {
                left.apply(Record::parse(payload));
                bytes = bytes.get(record_bytes(payload)..).unwrap_or_default();
            } else {
                let (skipped, rest) = bytes.split_at(bytes.len().min(FRAME_BYTES));
                damaged += usize::from(skipped.iter().any(|&byte| byte != 0)) * skipped.len();
                bytes = rest;
            }
        }
        if damaged > 0 {
            let path = path.display();
            tracing::warn!(
                "{damaged} bytes of {path} are no whole records: objects of which they told were not \
                 answered with success, unless the file was damaged"
            );
        }
        left
    }

    fn apply(&mut self, record: Record<'static>) {
        match record {
            Record::Reception { id, whose, reception } => {
                self.receptions.insert(id, (whose, reception.into_owned()));
            }
            Record::ReceptionDone { id } => {
                self.receptions.remove(&id);
            }
            Record::StudyObject { number, whose, object } => {
                let study = self.studies.entry(number).or_default();
                study.whose = Some(whose);
                study.objects.push(object);
            }
            Record::StudyEnded { number, reason } => {
                if let Some(study) = self.studies.get_mut(&number) {
                    study.ended = Some(reason);
                }
            }
            Record::StudyNumbered { number } => {
                if let Some(study) = self.studies.get_mut(&number) {
                    study.is_numbered = true;
                }
            }
            Record::StudyDone { number } => {
                self.studies.remove(&number);
            }
            Record::Kept { payload } => self.unknown.push(payload),
        }
    }

    fn hand_over(self, to: &mut Adopted, directory: &Path) {
        let device = std::fs::metadata(directory).map(|it| it.dev()).ok();
        to.receptions.extend(self.receptions.into_values());
        to.studies.extend(self.studies.into_values().filter_map(|it| it.recovered(device)));
        to.unknown.extend(self.unknown);
    }
}

impl LeftStudy {
    /// `device`: what the output directory is on now, which may have had another number before the system was started
    /// anew.
    fn recovered(mut self, device: Option<u64>) -> Option<RecoveredStudy> {
        for file in self.objects.iter_mut().filter_map(|object| object.file.as_mut()) {
            if let (Some(id), Some(device)) = (&mut file.id, device)
                && id.created.is_some()
            {
                id.id = FileId { device, ..id.id };
            }
        }
        if self.is_numbered {
            self.objects.iter_mut().for_each(|object| object.file = None);
        }
        let last = self.objects.last()?;
        let files = self.objects.iter().filter_map(|object| object.file.as_ref()).map(study_file);
        let study = EndedStudy {
            folder: last.folder.clone(),
            uid: self.objects.first()?.uid.clone(),
            reason: self.ended.unwrap_or(Reason::Stop),
            files: files.collect(),
            peer: last.peer,
            number: 0,
        };
        Some(RecoveredStudy {
            whose: self.whose?,
            study,
            has_ended: self.ended.is_some(),
            last: SystemTime::UNIX_EPOCH + Duration::from_millis(last.stored),
            objects: self.objects,
        })
    }
}

fn study_file(file: &ObjectFile) -> StudyFile {
    StudyFile { name: file.name.clone(), prefix: prefix(&file.sop_class), id: file.id }
}

impl Journal {
    /// Takes over a study, which has this number now.
    ///
    /// # Errors
    /// It is not on disk.
    pub(crate) fn takes_study(&self, number: u64, recovered: &RecoveredStudy) -> io::Result<()> {
        for object in &recovered.objects {
            self.record_object(number, recovered.whose, object)?;
        }
        if recovered.has_ended {
            self.study_ended(number, recovered.study.reason);
        }
        Ok(())
    }
}
