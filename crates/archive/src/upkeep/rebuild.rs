//! Takes the files of an output directory into the catalogue, from the files alone: after the catalogue was lost, or when a
//! directory with files gets one.
//!
//! What is in the catalogue already is passed over, so that a run that was interrupted goes on where it stopped, and no run
//! changes what another has found. Nothing is delivered.

use super::digests::{hex, noted};
use super::scan::{Opened, Pace, Reader, open};
use crate::Error;
use crate::attributes::{FileFacts, Values};
use crate::availability::{Availability, Failure};
use crate::files::{FoundFile, Tree};
use crate::limits::PROGRESS_FILES;
use catalog::limits::BATCH_OBJECTS;
use catalog::{Batch, Catalog, ReceivedObject, TakenObject};
use dataset::Dictionary;
use openssl::sha::Sha256;
use platform::sync::Arc;
use std::fmt;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What is rebuilt from.
pub struct Rebuild<'a> {
    /// What takes in.
    pub catalog: &'a dyn Catalog,
    /// Whether it can be used; `None` where nobody else uses it.
    pub availability: Option<&'a Availability>,
    /// The output directory.
    pub directory: &'a Path,
    /// For reading files.
    pub dictionary: Arc<Dictionary>,
    /// Files that came later are left to reception; `None` if nothing is received.
    pub until: Option<SystemTime>,
    /// The time by which studies end, and without objects after which.
    pub now: &'a dyn Fn() -> SystemTime,
    /// Time without objects after which a study has ended.
    pub quiet: Duration,
    /// Waits for so long, or until the program ends; true then.
    pub pause: &'a dyn Fn(Duration) -> bool,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Files that were looked at.
    pub files: u64,
    /// Objects that were taken in.
    pub taken_in: u64,
    /// Those that were known.
    pub known: u64,
    /// Files that are no DICOM files.
    pub no_dicom: u64,
    /// Files that cannot be read, or that the catalogue refuses.
    pub failed: u64,
    /// Symbolic links, other special files, folders that are too deep, and names that are not UTF-8.
    pub passed_over: u64,
    /// It came to its end.
    pub is_complete: bool,
}

impl fmt::Display for Rebuilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, taken_in, known, no_dicom, failed, passed_over, .. } = self;
        write!(
            f,
            "{files} files read: {taken_in} added, {known} known already, {no_dicom} not DICOM, {failed} \
             failed, {passed_over} skipped"
        )
    }
}

impl Rebuild<'_> {
    /// Takes in all files. `progress` is told now and then. Holds a batch of objects.
    ///
    /// # Errors
    /// The directory cannot be read; the catalogue is unavailable. What was taken in before stays.
    pub fn run(&self, progress: &mut dyn FnMut(&Rebuilt)) -> Result<Rebuilt, Error> {
        let tree = self.tree()?;
        let reader = Reader::new(Arc::clone(&self.dictionary));
        let mut pace = Pace::new(None, self.pause);
        let (mut rebuilt, mut batch) = (Rebuilt::default(), Vec::with_capacity(BATCH_OBJECTS));
        let walked = tree.walk(&mut |found| {
            rebuilt.files += 1;
            match self.look_at(found, &reader, &mut rebuilt) {
                Ok(Some(object)) => batch.push(object),
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(Err(error)),
            }
            if batch.len() >= BATCH_OBJECTS
                && let Err(error) = self.take_in(&mut batch, &mut rebuilt)
            {
                return ControlFlow::Break(Err(error));
            }
            if rebuilt.files.is_multiple_of(PROGRESS_FILES) {
                progress(&rebuilt);
            }
            if pace.opened() { ControlFlow::Continue(()) } else { ControlFlow::Break(Ok(())) }
        });
        let (passed_over, broken) = walked.map_err(|source| self.unreadable(source))?;
        let is_stopped = broken.transpose()?.is_some();
        self.take_in(&mut batch, &mut rebuilt)?;
        rebuilt.passed_over = passed_over.special + passed_over.unnamed + passed_over.folders;
        rebuilt.is_complete = !is_stopped;
        Ok(rebuilt)
    }

    fn tree(&self) -> Result<Tree, Error> {
        Tree::open(self.directory).map_err(|source| self.unreadable(source))
    }

    fn unreadable(&self, source: std::io::Error) -> Error {
        Error::Io { what: format!("cannot read {}", self.directory.display()), source }
    }

    /// What is to be taken in for a file.
    fn look_at(
        &self,
        found: &FoundFile<'_>,
        reader: &Reader,
        rebuilt: &mut Rebuilt,
    ) -> Result<Option<TakenObject>, Error> {
        let opened = match open(found) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(None),
            Err(_) => {
                rebuilt.failed += 1;
                return Ok(None);
            }
        };
        if opened.is_newer_than(self.until) {
            return Ok(None);
        }
        let known = self.catalog.instance_at(self.directory, found.path);
        let known = known.inspect_err(|error| self.failed(error))?;
        if known.is_some_and(|it| !it.gone && it.object.size == opened.metadata.len()) {
            rebuilt.known += 1;
            return Ok(None);
        }
        match reader.read(&opened.file) {
            Ok(Some(facts)) => Ok(Some(taken(self.directory, found.path, &opened, &facts))),
            Ok(None) => {
                rebuilt.no_dicom += 1;
                Ok(None)
            }
            Err(_) => {
                rebuilt.failed += 1;
                Ok(None)
            }
        }
    }

    fn take_in(&self, objects: &mut Vec<TakenObject>, rebuilt: &mut Rebuilt) -> Result<(), Error> {
        let mut size = objects.len();
        while !objects.is_empty() {
            let some = size.min(objects.len()).max(1);
            let batch = Batch {
                objects: objects[..some].to_vec(),
                now: Some((self.now)()),
                quiet: self.quiet,
                durable: true,
                ..Batch::default()
            };
            match self.catalog.take_in(&batch) {
                Ok(_) => rebuilt.taken_in += some as u64,
                Err(error) if self.fails_for_good(&error) && some > 1 => {
                    size = some / 2;
                    continue;
                }
                Err(error) if self.fails_for_good(&error) => {
                    rebuilt.failed += 1;
                    tracing::error!("{error}: a file is not taken into the catalogue");
                }
                Err(error) => return Err(error.into()),
            }
            objects.drain(..some);
        }
        Ok(())
    }

    fn fails_for_good(&self, error: &catalog::Error) -> bool {
        match self.availability {
            Some(availability) => availability.failed(error) == Failure::Never,
            None => matches!(error, catalog::Error::Statement(_)),
        }
    }

    fn failed(&self, error: &catalog::Error) {
        if let Some(availability) = self.availability {
            availability.failed(error);
        }
    }
}

fn taken(directory: &Path, path: &str, opened: &Opened, facts: &FileFacts) -> TakenObject {
    let object = ReceivedObject {
        key: key(directory, path, opened),
        directory: PathBuf::from(directory),
        file: Some(path.to_owned()),
        spool: None,
        sop_class: facts.sop_class.to_string(),
        sop_instance: facts.sop_instance.to_string(),
        transfer_syntax: facts.transfer_syntax.clone(),
        size: facts.size,
        digest: noted(&opened.file),
        received: opened.modified(),
        association: 0,
        calling: facts.source.clone(),
        called: String::new(),
        peer: String::new(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: Values::new(&facts.attributes, None).catalogued(),
    };
    TakenObject { object, destinations: Vec::new(), study_destinations: Vec::new() }
}

/// The same for the same file, until something else is in it. No intent has such a name.
fn key(directory: &Path, path: &str, opened: &Opened) -> String {
    let mut hash = Sha256::new();
    hash.update(directory.as_os_str().as_bytes());
    hash.update(b"\0");
    hash.update(path.as_bytes());
    hash.update(b"\0");
    hash.update(&opened.metadata.len().to_be_bytes());
    let modified = opened.modified().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    hash.update(&modified.as_nanos().to_be_bytes());
    format!("file-{}", hex(&hash.finish()))
}
