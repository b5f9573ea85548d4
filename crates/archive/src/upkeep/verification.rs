//! Compares the files of an output directory with the catalogue: files without rows, rows without files, and, with digests,
//! content that has changed since it was stored.
//!
//! Nothing is changed: what is found is told. Only digests that were not known are written down.

use super::digests::{Digest, digest_of, note};
use super::scan::{Opened, Pace, Reader, open};
use crate::Error;
use crate::files::{FoundFile, Tree};
use crate::limits::DIGEST_READ_BYTES;
use crate::report::{Counters, Differences};
use catalog::limits::{BATCH_OBJECTS, PAGE_ROWS};
use catalog::{Catalog, InstanceId, InstanceRow, Page};
use dataset::Dictionary;
use platform::sync::Arc;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What is verified, and how.
pub struct Verify<'a> {
    /// The catalogue.
    pub catalog: &'a dyn Catalog,
    /// The output directory.
    pub directory: &'a Path,
    /// For reading files.
    pub dictionary: Arc<Dictionary>,
    /// Reads all files, and compares their digests.
    pub digests: bool,
    /// Bytes that are read in a second, at most.
    pub bytes_per_second: Option<u64>,
    /// Files that came later are passed over: reception tells of them itself. `None` if nothing is received.
    pub until: Option<SystemTime>,
    /// What is found is counted here too.
    pub counters: &'a Counters,
    /// Waits for so long, or until the program ends; true then.
    pub pause: &'a dyn Fn(Duration) -> bool,
}

/// A difference between files and catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub kind: DifferenceKind,
    /// The file beneath the output directory. It may name a patient.
    pub file: String,
    /// SOP Instance UID, if it is known.
    pub sop_instance: Option<String>,
}

/// What differs between files and catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DifferenceKind {
    /// A DICOM file that the catalogue does not have.
    Unknown,
    /// An object of the catalogue whose file is not there.
    Missing,
    /// A file with another length or digest than it was stored with.
    Changed,
    /// A file that cannot be read.
    Unreadable,
}

impl DifferenceKind {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "not in the catalogue",
            Self::Missing => "in the catalogue, but the file is missing",
            Self::Changed => "the content has changed since it was stored",
            Self::Unreadable => "cannot be read",
        }
    }
}

/// What a run knows.
struct Run<'r> {
    tree: Tree,
    reader: Reader,
    pace: Pace<'r>,
    found: Differences,
    digests: Vec<(InstanceId, Digest)>,
    buffer: Vec<u8>,
    tell: &'r mut dyn FnMut(&Difference),
}

impl Verify<'_> {
    /// Compares. `tell` is told of each difference. Returns what was found, and whether it came to its end.
    ///
    /// # Errors
    /// The directory cannot be read; the catalogue is unavailable.
    pub fn run(&self, tell: &mut dyn FnMut(&Difference)) -> Result<(Differences, bool), Error> {
        let opened = Tree::open(self.directory).map_err(|source| self.unreadable(source));
        let mut run = Run {
            tree: opened?,
            reader: Reader::new(Arc::clone(&self.dictionary)),
            pace: Pace::new(self.bytes_per_second, self.pause),
            found: Differences::default(),
            digests: Vec::new(),
            buffer: vec![0; DIGEST_READ_BYTES],
            tell,
        };
        let is_complete = self.look_at_files(&mut run)? && self.look_at_rows(&mut run)?;
        self.write_digests(&mut run)?;
        Ok((run.found, is_complete))
    }

    fn unreadable(&self, source: io::Error) -> Error {
        Error::Io { what: format!("cannot read {}", self.directory.display()), source }
    }

    /// False if the program ends.
    fn look_at_files(&self, run: &mut Run<'_>) -> Result<bool, Error> {
        let tree = Tree::open(self.directory).map_err(|source| self.unreadable(source))?;
        let walked = tree.walk(&mut |found| match self.look_at(found, run) {
            Ok(true) => ControlFlow::Continue(()),
            Ok(false) => ControlFlow::Break(Ok(())),
            Err(error) => ControlFlow::Break(Err(error)),
        });
        let (_, broken) = walked.map_err(|source| self.unreadable(source))?;
        Ok(broken.transpose()?.is_none())
    }

    fn look_at(&self, found: &FoundFile<'_>, run: &mut Run<'_>) -> Result<bool, Error> {
        if !run.pace.opened() {
            return Ok(false);
        }
        let opened = match open(found) {
            Ok(Some(opened)) => opened,
            Ok(None) => return Ok(true),
            Err(_) => {
                self.tell(run, DifferenceKind::Unreadable, found.path, None);
                return Ok(true);
            }
        };
        if opened.is_newer_than(self.until) {
            return Ok(true);
        }
        run.found.files += 1;
        self.counters.verified_files.add(1);
        match self.row(found.path)? {
            Some(row) => self.compare(found, &opened, &row, run),
            None => {
                match run.reader.read(&opened.file) {
                    Ok(Some(facts)) => {
                        let uid = facts.sop_instance.to_string();
                        self.tell(run, DifferenceKind::Unknown, found.path, Some(uid));
                    }
                    // Nobody has said that all files are ours.
                    Ok(None) => {}
                    Err(_) => self.tell(run, DifferenceKind::Unreadable, found.path, None),
                }
                Ok(true)
            }
        }
    }

    fn row(&self, path: &str) -> Result<Option<InstanceRow>, Error> {
        Ok(self.catalog.instance_at(self.directory, path)?.filter(|row| !row.gone))
    }

    fn compare(
        &self,
        found: &FoundFile<'_>,
        opened: &Opened,
        row: &InstanceRow,
        run: &mut Run<'_>,
    ) -> Result<bool, Error> {
        let uid = || Some(row.object.sop_instance.clone());
        if opened.metadata.len() != row.object.size {
            self.tell_changed(found.path, row, run)?;
            return Ok(true);
        }
        if !self.digests {
            return Ok(true);
        }
        let pace = &mut run.pace;
        let digest = match digest_of(&opened.file, &mut run.buffer, &mut |bytes| pace.read(bytes)) {
            Ok(Some(digest)) => digest,
            Ok(None) => return Ok(false),
            Err(_) => {
                self.tell(run, DifferenceKind::Unreadable, found.path, uid());
                return Ok(true);
            }
        };
        match row.object.digest {
            Some(known) if known != digest => self.tell_changed(found.path, row, run)?,
            Some(_) => {}
            None => {
                note(&opened.file, &digest);
                run.digests.push((row.id, digest));
                if run.digests.len() >= BATCH_OBJECTS {
                    self.write_digests(run)?;
                }
            }
        }
        Ok(true)
    }

    /// Unless another object has the file by now.
    fn tell_changed(&self, path: &str, row: &InstanceRow, run: &mut Run<'_>) -> Result<(), Error> {
        if self.row(path)?.is_some_and(|now| now.id == row.id) {
            let uid = Some(row.object.sop_instance.clone());
            self.tell(run, DifferenceKind::Changed, path, uid);
        }
        Ok(())
    }

    /// Rows whose files are gone. False if the program ends.
    fn look_at_rows(&self, run: &mut Run<'_>) -> Result<bool, Error> {
        let mut after = None;
        loop {
            let rows = self.catalog.instances(None, Page { after, most: PAGE_ROWS })?;
            let Some(last) = rows.last() else { return Ok(true) };
            after = Some(last.id.0);
            for row in &rows {
                let Some(file) = &row.object.file else { continue };
                if row.gone || row.object.directory != self.directory {
                    continue;
                }
                if !run.pace.opened() {
                    return Ok(false);
                }
                match run.tree.open_file(file) {
                    Ok(Some(_)) => {}
                    // It may have been removed, or replaced, since the row was read.
                    Ok(None) if self.row(file)?.is_some_and(|now| now.id == row.id) => {
                        let uid = Some(row.object.sop_instance.clone());
                        self.tell(run, DifferenceKind::Missing, file, uid);
                    }
                    Ok(None) => {}
                    // The walk has told of it.
                    Err(_) => {}
                }
            }
        }
    }

    fn write_digests(&self, run: &mut Run<'_>) -> Result<(), Error> {
        if !run.digests.is_empty() {
            self.counters.digests.add(run.digests.len() as u64);
            self.catalog.set_digests(&run.digests)?;
            run.digests.clear();
        }
        Ok(())
    }

    fn tell(&self, run: &mut Run<'_>, kind: DifferenceKind, file: &str, uid: Option<String>) {
        let (found, counters) = (&mut run.found, self.counters);
        match kind {
            DifferenceKind::Unknown => {
                found.unknown_files += 1;
                counters.unknown_files.add(1);
            }
            DifferenceKind::Missing => {
                found.missing_files += 1;
                counters.missing_files.add(1);
            }
            DifferenceKind::Changed => {
                found.changed_files += 1;
                counters.changed_files.add(1);
            }
            DifferenceKind::Unreadable => {
                found.unreadable_files += 1;
                counters.unreadable_files.add(1);
            }
        }
        (run.tell)(&Difference { kind, file: file.to_owned(), sop_instance: uid });
    }
}
