//! The file of a journal: locked, appended to, and written anew when most of it does not count any more.

use super::contents::Contents;
use super::place;
use super::span::Span;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a journal begins. Another number is another format.
pub(super) const HEADER: &[u8; 32] = b"storescp journal of commands 1\n\0";

/// Files that are smaller are not written anew.
const LEAST_COMPACTED_BYTES: u64 = 4 * 1024 * 1024;

/// Where records are synced, the file gets so many bytes in advance.
const ADVANCE_BYTES: u64 = 1024 * 1024;

/// A journal of ours, which is locked.
pub(super) struct JournalFile {
    path: PathBuf,
    file: Arc<File>,
    /// Where the next record goes.
    end: u64,
    /// As long as it is: zeros from `end` on.
    length: u64,
    is_durable: bool,
    /// A sync has failed: what was written may be lost.
    pub(super) is_broken: bool,
    /// Not to be written anew before it is so long.
    compact_at: u64,
}

impl JournalFile {
    /// Makes one in the hidden folder of an output directory.
    ///
    /// # Errors
    /// Those of the operating system; files cannot be locked.
    pub(super) fn create(directory: &Path, is_durable: bool) -> io::Result<Self> {
        let (path, file) = Self::create_locked(directory)?;
        let file = Arc::new(file);
        let (end, compact_at) = (HEADER.len() as u64, LEAST_COMPACTED_BYTES);
        let mut made =
            Self { path, file, end, length: end, is_durable, is_broken: false, compact_at };
        let begun = made.begin();
        if begun.is_err() {
            let _ = std::fs::remove_file(&made.path);
        }
        begun.map(|()| made)
    }

    fn begin(&mut self) -> io::Result<()> {
        self.file.write_all_at(HEADER, 0)?;
        if self.is_durable {
            self.advance(0)?;
            self.file.sync_all()?;
            place::sync_folders(&self.path)?;
        }
        Ok(())
    }

    /// Another process may look at a new file before it is locked, and take it for one that nobody has.
    fn create_locked(directory: &Path) -> io::Result<(PathBuf, File)> {
        loop {
            let (path, file) = place::create(directory)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if has_name(&file, &path) => return Ok((path, file)),
                Ok(()) | Err(rustix::io::Errno::WOULDBLOCK) => {}
                Err(error) => {
                    let _ = std::fs::remove_file(&path);
                    return Err(error.into());
                }
            }
        }
    }

    /// Appends a record by one write. If that fails, the file is as it was.
    ///
    /// # Errors
    /// Those of the operating system; a sync has failed before.
    pub(super) fn append(&mut self, record: &[u8]) -> io::Result<Span> {
        if self.is_broken {
            return Err(io::Error::other("a sync of it has failed"));
        }
        let bytes = record.len() as u64;
        if self.is_durable && self.end + bytes > self.length {
            self.advance(bytes)?;
        }
        if let Err(error) = self.file.write_all_at(record, self.end) {
            // Part of a record is none, and the next one takes its place.
            let _ = self.file.set_len(self.end.max(if self.is_durable { self.length } else { 0 }));
            return Err(error);
        }
        let span = Span { at: self.end, length: u32::try_from(bytes).unwrap_or(u32::MAX) };
        self.end += bytes;
        self.length = self.length.max(self.end);
        Ok(span)
    }

    /// Makes the file longer by zeros, on disk: then a sync of a record has no length and no place to log.
    fn advance(&mut self, least: u64) -> io::Result<()> {
        let bytes = ADVANCE_BYTES.max(least);
        let zeros = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        if let Err(error) = self.file.write_all_at(&zeros, self.end) {
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.file.sync_all()?;
        self.length = self.end + bytes;
        Ok(())
    }

    /// Whether most of it does not count any more, or it must not be used any longer.
    pub(super) fn wants_compaction(&self, counting: u64, more: usize) -> bool {
        let end = self.end + more as u64;
        self.is_broken || (end > self.compact_at && end > 2 * counting + ADVANCE_BYTES)
    }

    /// Writes what counts into a new file, which takes the place of this one.
    ///
    /// # Errors
    /// Those of the operating system: then this one is as it was, and it is not tried again soon.
    pub(super) fn compacted(&mut self, contents: &mut Contents, durable: bool) -> io::Result<()> {
        self.compact_at = self.end + ADVANCE_BYTES;
        let directory = self.path.parent().and_then(Path::parent).unwrap_or(Path::new("."));
        let mut new = Self::create(directory, durable)?;
        let mut places = Vec::new();
        for span in contents.spans() {
            match self.read(*span).and_then(|record| new.append(&record)) {
                Ok(place) => places.push(place),
                Err(error) => {
                    new.remove();
                    return Err(error);
                }
            }
        }
        if durable && let Err(error) = new.file.sync_all() {
            new.remove();
            return Err(error);
        }
        for (span, place) in contents.spans().into_iter().zip(places) {
            *span = place;
        }
        new.compact_at = LEAST_COMPACTED_BYTES.max(2 * new.end);
        std::mem::replace(self, new).remove();
        Ok(())
    }

    fn read(&self, span: Span) -> io::Result<Vec<u8>> {
        let mut record = vec![0; span.length as usize];
        self.file.read_exact_at(&mut record, span.at)?;
        Ok(record)
    }

    /// The open file, for a sync.
    pub(super) fn handle(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Nothing in it counts any more.
    pub(super) fn remove(self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("cannot remove a journal of commands that were run: {error}");
        }
    }
}

/// Whether the name still leads to this file.
pub(super) fn has_name(file: &File, path: &Path) -> bool {
    let (Ok(file), Ok(named)) = (file.metadata(), std::fs::symlink_metadata(path)) else {
        return false;
    };
    (file.dev(), file.ino()) == (named.dev(), named.ino())
}
