//! Whether the wall clock can be believed for what is removed by its age: one that was set must not remove an archive.

use super::marks::Marks;
use crate::limits::CLOCK_INTERVAL;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock may be off by so much, and is not believed for so long after it was off by more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The wall clock as it was looked at for one output directory. Times are since 1970.
pub(super) struct BelievedClock {
    /// What it said, and how much time had passed in this run.
    looked: (Duration, Duration),
    /// It is believed from then on.
    until: Duration,
    /// What it said when it was noted last.
    noted: Duration,
}

impl BelievedClock {
    /// The first look of this run: what an earlier one noted is compared with what the clock says now.
    pub(super) fn begin(marks: &Marks, wall: SystemTime, passed: Duration) -> Self {
        let wall = since_1970(wall);
        let (noted, until) = marks.clock().unwrap_or((wall, Duration::ZERO));
        let mut this = Self { looked: (wall, passed), until, noted: Duration::ZERO };
        if wall.abs_diff(noted) > DAY {
            this.doubt(wall, wall.abs_diff(noted));
        }
        this
    }

    /// Whether files may be removed by what it says: not for a day after it has moved by a day more or less than time has
    /// passed. While no program ran, that is not known: the same counts after a day without one.
    pub(super) fn is_believed(
        &mut self,
        marks: &Marks,
        wall: SystemTime,
        passed: Duration,
    ) -> bool {
        let wall = since_1970(wall);
        let expected = self.looked.0 + passed.saturating_sub(self.looked.1);
        self.looked = (wall, passed);
        if wall.abs_diff(expected) > DAY {
            self.doubt(wall, wall.abs_diff(expected));
        }
        if wall.abs_diff(self.noted) > CLOCK_INTERVAL {
            self.noted = wall;
            marks.set_clock(wall, self.until);
        }
        wall >= self.until
    }

    fn doubt(&mut self, wall: Duration, by: Duration) {
        self.until = wall.saturating_add(DAY);
        self.noted = Duration::ZERO;
        tracing::warn!(
            "the clock was set by {} hours, or the receiver was off for so long: no file is removed by its age for a day",
            by.as_secs() / 3600
        );
    }
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::testing::Scratch;

    const BEGIN: Duration = Duration::from_secs(1_800_000_000);

    /// One look of a run that has looked before at these times: by the wall clock, and passed.
    fn looks(marks: &Marks, times: &[(Duration, Duration)]) -> Vec<bool> {
        let wall = |at: Duration| UNIX_EPOCH + BEGIN + at;
        let (first, passed) = times[0];
        let mut clock = BelievedClock::begin(marks, wall(first), passed);
        times.iter().map(|&(at, passed)| clock.is_believed(marks, wall(at), passed)).collect()
    }

    #[test]
    fn a_clock_that_was_set_removes_nothing_for_a_day_whatever_restarts() {
        let scratch = Scratch::new("archive-clock");
        let marks = Marks::of(&scratch.0);
        let hour = DAY / 24;
        assert_eq!(looks(&marks, &[(hour, hour), (DAY, DAY), (9 * DAY, 9 * DAY)]), [true; 3]);
        let set = 400 * DAY;
        // Set while it ran, and looked at again after a restart.
        let moved = [(9 * DAY, hour), (set, 2 * hour), (set + hour, 3 * hour)];
        assert_eq!(looks(&marks, &moved), [true, false, false]);
        let later = [(set + 2 * hour, hour), (set + DAY, 23 * hour)];
        assert_eq!(looks(&marks, &later), [false, true]);
        // Set back while nothing ran, and forwards again.
        assert_eq!(looks(&marks, &[(10 * DAY, hour), (set + 2 * DAY, 2 * hour)]), [false; 2]);
    }

    #[test]
    fn what_takes_long_is_no_jump_and_what_cannot_be_noted_is_known_in_this_run() {
        let scratch = Scratch::new("archive-clock-full");
        let marks = Marks::of(&scratch.0.join("removed"));
        marks.set_clock(BEGIN - 9 * DAY, Duration::ZERO);
        std::fs::remove_dir_all(&scratch.0).unwrap();
        std::fs::write(&scratch.0, "no folder").unwrap();
        let off = [(Duration::ZERO, Duration::ZERO), (3 * DAY, 3 * DAY), (3 * DAY, 9 * DAY)];
        let found = looks(&marks, &off);
        assert_eq!(found, [true, true, false]);
        std::fs::remove_file(&scratch.0).unwrap();
        std::fs::create_dir(&scratch.0).unwrap();
    }
}
