//! What is noted in the hidden folder of an output directory from one run to the next.

use crate::files::hidden_folder;
use crate::settings::Every;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The notes of one output directory.
pub(super) struct Marks {
    folder: PathBuf,
}

/// Into which catalogue the files were taken.
const TAKEN_IN: &str = "catalogue-taken-in";
/// When they were verified last, in seconds since 1970.
const VERIFIED: &str = "catalogue-verified";

/// When the wall clock was looked at last, and until when it is not believed, in seconds since 1970.
const CLOCK: &str = "catalogue-clock";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Marks {
    pub(super) fn of(directory: &Path) -> Self {
        Self { folder: hidden_folder(directory) }
    }

    /// Whether all files were taken into the catalogue with this [identity](catalog::Catalog::identity): not into one that
    /// was there before it.
    pub(super) fn is_taken_in(&self, catalog: &str) -> bool {
        fs::read_to_string(self.folder.join(TAKEN_IN)).is_ok_and(|noted| noted == catalog)
    }

    pub(super) fn set_taken_in(&self, catalog: &str) {
        self.write(TAKEN_IN, catalog);
    }

    /// A directory that was never verified is due after its first period, not at once.
    pub(super) fn is_verification_due(&self, every: Every, now: SystemTime) -> bool {
        let noted = fs::read_to_string(self.folder.join(VERIFIED)).ok();
        let last = noted.and_then(|it| it.trim().parse().ok()).map(Duration::from_secs);
        let Some(last) = last.and_then(|since| UNIX_EPOCH.checked_add(since)) else {
            self.set_verified(now);
            return false;
        };
        match now.duration_since(last) {
            Ok(passed) => passed >= period(every),
            // The clock was set back.
            Err(_) => {
                self.set_verified(now);
                false
            }
        }
    }

    pub(super) fn set_verified(&self, now: SystemTime) {
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.write(VERIFIED, &seconds.to_string());
    }

    /// When the wall clock was looked at last, and until when it was not believed.
    pub(super) fn clock(&self) -> Option<(Duration, Duration)> {
        let noted = fs::read_to_string(self.folder.join(CLOCK)).ok()?;
        let mut noted = noted.split_whitespace().map_while(|it| it.parse().ok());
        Some((Duration::from_secs(noted.next()?), Duration::from_secs(noted.next()?)))
    }

    pub(super) fn set_clock(&self, looked: Duration, until: Duration) {
        self.write(CLOCK, &format!("{} {}", looked.as_secs(), until.as_secs()));
    }

    fn write(&self, name: &str, content: &str) {
        let _ = crate::files::make_hidden_folder(&self.folder);
        let (path, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        let written = fs::write(&new, content).and_then(|()| fs::rename(&new, path));
        if let Err(error) = written {
            let reason = platform::reason(&error);
            tracing::warn!(
                "cannot note the state of the catalogue in the output directory: {reason}"
            );
        }
    }
}

fn period(every: Every) -> Duration {
    match every {
        Every::Day => DAY,
        Every::Week => 7 * DAY,
        Every::Month => 30 * DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::testing::Scratch;

    #[test]
    fn verification_is_due_after_its_period_whatever_restarts() {
        let scratch = Scratch::new("archive-marks");
        let begin = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let is_due = |every, now| Marks::of(&scratch.0).is_verification_due(every, now);
        assert!(!is_due(Every::Day, begin), "its first period begins");
        assert!(!is_due(Every::Day, begin + DAY / 2));
        assert!(is_due(Every::Day, begin + DAY) && !is_due(Every::Week, begin + DAY));
        assert!(is_due(Every::Month, begin + 30 * DAY));
        Marks::of(&scratch.0).set_verified(begin + DAY);
        assert!(!is_due(Every::Day, begin + DAY + DAY / 2));
        assert!(!is_due(Every::Day, begin), "the clock was set back");
        assert!(is_due(Every::Day, begin + DAY));
    }

    #[test]
    fn a_directory_is_taken_into_one_catalogue() {
        let scratch = Scratch::new("archive-marks-taken-in");
        let marks = Marks::of(&scratch.0);
        assert!(!marks.is_taken_in("a"));
        marks.set_taken_in("a");
        assert!(marks.is_taken_in("a") && !marks.is_taken_in("b"));
        marks.set_taken_in("b");
        assert!(marks.is_taken_in("b") && !marks.is_taken_in("a"));
    }
}
