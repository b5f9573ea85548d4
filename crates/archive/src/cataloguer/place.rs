//! An output directory whose objects are taken in.

use platform::sync::Arc;
use std::fs::{self, DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use storage::Intents;

/// An output directory whose objects are taken in.
#[derive(Clone)]
pub struct Place {
    /// The output directory.
    pub directory: PathBuf,
    /// Its intents.
    pub intents: Arc<dyn Intents>,
}

/// The same while the program runs: a file in the hidden folder says so, and is still there after a crash.
pub(super) struct PlaceInUse {
    pub(super) place: Place,
}

/// The hidden folder of an output directory, and the file in it.
const HIDDEN_FOLDER: &str = ".storescp";
const IN_USE: &str = "catalogue-in-use";

impl PlaceInUse {
    /// Returns too whether an earlier run has left it as it should.
    pub(super) fn enter(place: Place) -> (Self, bool) {
        let mark = mark(&place.directory);
        let was_clean = !fs::exists(&mark).unwrap_or(true);
        if was_clean {
            let folder = place.directory.join(HIDDEN_FOLDER);
            // Without the file, the next start looks through nothing: at worst, bytes that nobody is owed stay.
            let _ = DirBuilder::new().mode(0o700).create(folder);
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&mark);
            if let Err(error) = made {
                let reason = platform::reason(&error);
                tracing::debug!("cannot note that the output directory is in use: {reason}");
            }
        }
        (Self { place }, was_clean)
    }

    /// The program ends.
    pub(super) fn leave(&self, is_clean: bool) {
        if is_clean {
            let _ = fs::remove_file(mark(&self.place.directory));
        }
    }
}

fn mark(directory: &Path) -> PathBuf {
    directory.join(HIDDEN_FOLDER).join(IN_USE)
}
