//! An output directory whose objects are taken in.

use platform::sync::Arc;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use storage::{Intents, Storage};

/// An output directory whose objects are taken in.
#[derive(Clone)]
pub struct Place {
    /// The output directory.
    pub directory: PathBuf,
    /// What stores there.
    pub storage: Arc<dyn Storage>,
    /// Its intents.
    pub intents: Arc<dyn Intents>,
}

/// The same while the program runs: a file in the hidden folder says so, and is still there after a crash.
pub(crate) struct PlaceInUse {
    pub(crate) place: Place,
}

/// The hidden folder of an output directory, and the file in it.
const HIDDEN_FOLDER: &str = ".storescp";
const IN_USE: &str = "catalogue-in-use";

impl PlaceInUse {
    /// Returns too whether an earlier run has left it as it should.
    pub(crate) fn enter(place: Place) -> (Self, bool) {
        let mark = mark(&place.directory);
        let was_clean = !fs::exists(&mark).unwrap_or(true);
        if was_clean {
            // Without the file, the next start looks through nothing: at worst, bytes that nobody is owed stay.
            let _ = make_hidden_folder(&hidden_folder(&place.directory));
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&mark);
            if let Err(error) = made {
                let reason = platform::reason(&error);
                tracing::debug!("cannot note that the output directory is in use: {reason}");
            }
        }
        (Self { place }, was_clean)
    }

    /// The program ends.
    pub(crate) fn leave(&self, is_clean: bool) {
        if is_clean {
            let _ = fs::remove_file(mark(&self.place.directory));
        }
    }
}

/// Has the next start of the receiver look through the spool of an output directory, since the catalogue was made anew
/// meanwhile.
///
/// # Errors
/// Those of the operating system.
pub fn request_spool_scan(directory: &Path) -> io::Result<()> {
    make_hidden_folder(&hidden_folder(directory))?;
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(mark(directory)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn mark(directory: &Path) -> PathBuf {
    hidden_folder(directory).join(IN_USE)
}

/// Where the receiver keeps its own files.
pub(crate) fn hidden_folder(directory: &Path) -> PathBuf {
    directory.join(HIDDEN_FOLDER)
}

/// Makes it, for nobody else, unless it is there.
pub(crate) fn make_hidden_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
