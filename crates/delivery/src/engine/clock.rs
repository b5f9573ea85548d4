//! The time for the machine and the catalogue.

use crate::machine::Now;
use chrono::{DateTime, Local, Timelike};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A clock whose time for the catalogue does not go back while the program runs: where somebody sets the system's clock
/// back, it goes on from where it was, so that nothing has to wait for the difference.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    readings: Mutex<Readings>,
}

#[derive(Debug)]
struct Readings {
    wall: SystemTime,
    at: Duration,
    minute: u16,
    minute_until: Duration,
}

/// How long the minute of the day is not asked for again: that takes a look into the rules of the time zone.
const MINUTE_KEPT: Duration = Duration::from_secs(1);

impl Clock {
    /// Starts at the system's time.
    pub(crate) fn new() -> Self {
        let readings = Readings {
            wall: SystemTime::now(),
            at: Duration::ZERO,
            minute: 0,
            minute_until: Duration::ZERO,
        };
        Self { start: Instant::now(), readings: Mutex::new(readings) }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The time.
    pub(crate) fn now(&self) -> Now {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        let elapsed = self.start.elapsed();
        let system = SystemTime::now();
        let wall = readings.advance(elapsed, system);
        if elapsed >= readings.minute_until {
            readings.minute = minute_of_day(&DateTime::<Local>::from(system));
            readings.minute_until = elapsed + MINUTE_KEPT;
        }
        Now { elapsed, wall, minute: readings.minute }
    }
}

impl Readings {
    fn advance(&mut self, elapsed: Duration, system: SystemTime) -> SystemTime {
        let expected = self.wall + elapsed.saturating_sub(self.at);
        self.wall = expected.max(system);
        self.at = self.at.max(elapsed);
        self.wall
    }
}

fn minute_of_day(time: &impl Timelike) -> u16 {
    u16::try_from(time.hour() * 60 + time.minute()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveTime;
    use std::time::UNIX_EPOCH;

    #[test]
    fn the_time_for_the_catalogue_never_goes_back() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut readings = Readings {
            wall: at(10_000),
            at: Duration::ZERO,
            minute: 0,
            minute_until: Duration::ZERO,
        };
        let mut told = |elapsed, system| readings.advance(Duration::from_secs(elapsed), at(system));
        assert_eq!(told(1, 10_001), at(10_001));
        assert_eq!(told(2, 6_402), at(10_002), "set back by an hour");
        assert_eq!(told(5, 6_405), at(10_005));
        assert_eq!(told(6, 20_000), at(20_000), "set forward");
        assert_eq!(told(7, 10_007), at(20_001), "and corrected");
    }

    #[test]
    fn the_minute_of_the_day_is_that_of_the_local_time() {
        let minute = |h, m| minute_of_day(&NaiveTime::from_hms_opt(h, m, 59).unwrap());
        assert_eq!([minute(0, 0), minute(12, 34), minute(23, 59)], [0, 754, 1439]);
    }
}
