//! Looking at all files of an output directory, beside reception.

use crate::attributes::{FileFacts, catalogued, read_file};
use crate::files::FoundFile;
use crate::limits::FILE_COST_BYTES;
use dataset::{Dictionary, WantedAttributes};
use platform::sync::{Arc, Instant};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads files for the catalogue.
pub(super) struct Reader {
    wanted: Arc<WantedAttributes>,
    dictionary: Arc<Dictionary>,
}

/// A file that was opened.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) metadata: Metadata,
}

impl Reader {
    pub(super) fn new(dictionary: Arc<Dictionary>) -> Self {
        let wanted = Arc::new(WantedAttributes::new(catalogued()).unwrap_or_default());
        Self { wanted, dictionary }
    }

    /// What the file says; `None` if it is no DICOM file.
    pub(super) fn read(&self, file: &File) -> io::Result<Option<FileFacts>> {
        read_file(file, &self.wanted, &self.dictionary)
    }
}

/// Opens a file that was found; `None` if it is gone.
pub(super) fn open(found: &FoundFile<'_>) -> io::Result<Option<Opened>> {
    let Some(file) = found.open()? else { return Ok(None) };
    let metadata = file.metadata()?;
    Ok(Some(Opened { file, metadata }))
}

impl Opened {
    /// When it came, or was written to last.
    pub(super) fn modified(&self) -> SystemTime {
        self.metadata.modified().unwrap_or(UNIX_EPOCH)
    }

    /// Whether it got its name, or was changed otherwise, after a time: reception tells of it itself.
    pub(super) fn is_newer_than(&self, time: Option<SystemTime>) -> bool {
        let seconds = u64::try_from(self.metadata.ctime()).unwrap_or(0);
        let nanoseconds = u32::try_from(self.metadata.ctime_nsec()).unwrap_or(0);
        let changed = UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        time.is_some_and(|time| changed > time)
    }
}

/// Keeps reading within a rate.
pub(super) struct Pace<'a> {
    bytes_per_second: Option<u64>,
    begun: Instant,
    bytes: u64,
    /// Waits for so long, or until the program ends; true then.
    pause: &'a dyn Fn(Duration) -> bool,
}

impl<'a> Pace<'a> {
    pub(super) fn new(bytes_per_second: Option<u64>, pause: &'a dyn Fn(Duration) -> bool) -> Self {
        Self { bytes_per_second, begun: Instant::now(), bytes: 0, pause }
    }

    /// So many bytes were read. False if the program ends.
    pub(super) fn read(&mut self, bytes: u64) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let due = match self.bytes_per_second {
            Some(rate) => Duration::from_secs_f64(self.bytes as f64 / rate.max(1) as f64),
            None => Duration::ZERO,
        };
        let ahead = due.saturating_sub(self.begun.elapsed());
        // Short pauses are gathered: a timer is not that exact.
        let pause = if ahead >= Duration::from_millis(10) { ahead } else { Duration::ZERO };
        !(self.pause)(pause)
    }

    /// A file was opened.
    pub(super) fn opened(&mut self) -> bool {
        self.read(FILE_COST_BYTES)
    }
}
