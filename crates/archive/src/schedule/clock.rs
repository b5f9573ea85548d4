//! The time: by the wall, and one that does not jump.

use crate::limits::CLOCK_JUMP;
use platform::sync::{Arc, Instant, PoisonError};
use std::sync::{Mutex, RwLock, RwLockReadGuard};
use std::time::{Duration, SystemTime};

/// What tells the time.
pub trait Clock: Send + Sync {
    /// The time by the wall clock, which may be set.
    fn wall(&self) -> SystemTime;

    /// Time that has passed since a moment that stays the same.
    fn passed(&self) -> Duration;
}

/// The clocks of the system.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The time by the wall clock as it would be if nobody had set it: by which studies end. When it is found out that the
/// wall clock was set, the ends that were noted are moved along, and this time too.
///
/// A caller that stores such a time holds a `SteadyTime` meanwhile, so that no time is stored while they move.
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    /// The wall clock at its origin.
    origin: RwLock<SystemTime>,
    /// One at a time.
    adjusting: Mutex<()>,
}

/// The time, as long as this is held.
pub struct SteadyTime<'c> {
    /// The time.
    pub now: SystemTime,
    _held: RwLockReadGuard<'c, SystemTime>,
}

/// The wall clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// By how much.
    pub by: Duration,
    /// To a later time.
    pub forwards: bool,
}

impl SteadyClock {
    /// It is as late as by the wall clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (wall, passed) = (clock.wall(), clock.passed());
        let origin = RwLock::new(wall.checked_sub(passed).unwrap_or(wall));
        Self { clock, origin, adjusting: Mutex::default() }
    }

    /// The clocks that it is made from.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The time now.
    #[must_use]
    pub fn time(&self) -> SteadyTime<'_> {
        let held = self.origin.read().unwrap_or_else(PoisonError::into_inner);
        SteadyTime { now: *held + self.clock.passed(), _held: held }
    }

    /// Looks whether the wall clock was set. If so, `shift` moves what was noted; if it fails, nothing has changed, and the
    /// next call finds the same.
    ///
    /// # Errors
    /// That of `shift`.
    pub fn adjust<E>(&self, shift: impl FnOnce(Jump) -> Result<(), E>) -> Result<Option<Jump>, E> {
        let _one_at_a_time = self.adjusting.lock().unwrap_or_else(PoisonError::into_inner);
        let wall = self.clock.wall();
        let steady = self.time().now;
        let jump = match wall.duration_since(steady) {
            Ok(by) => Jump { by, forwards: true },
            Err(earlier) => Jump { by: earlier.duration(), forwards: false },
        };
        if jump.by < CLOCK_JUMP {
            return Ok(None);
        }
        let mut origin = self.origin.write().unwrap_or_else(PoisonError::into_inner);
        shift(jump)?;
        let moved =
            if jump.forwards { origin.checked_add(jump.by) } else { origin.checked_sub(jump.by) };
        *origin = moved.unwrap_or(*origin);
        Ok(Some(jump))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::time::UNIX_EPOCH;

    /// Clocks that a test sets.
    pub(crate) struct TestClock(Mutex<(SystemTime, Duration)>);

    impl TestClock {
        pub(crate) fn new() -> Arc<Self> {
            let begin = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            Arc::new(Self(Mutex::new((begin, Duration::ZERO))))
        }

        /// Time passes.
        pub(crate) fn pass(&self, time: Duration) {
            let mut both = self.0.lock().unwrap();
            both.0 += time;
            both.1 += time;
        }

        /// The wall clock is set.
        pub(crate) fn set(&self, change: impl FnOnce(SystemTime) -> SystemTime) {
            let mut both = self.0.lock().unwrap();
            both.0 = change(both.0);
        }
    }

    impl Clock for TestClock {
        fn wall(&self) -> SystemTime {
            self.0.lock().unwrap().0
        }

        fn passed(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::TestClock;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_wall_clock_that_is_set_changes_nothing_until_what_was_noted_has_moved() {
        let clock = TestClock::new();
        let steady = SteadyClock::new(clock.clone());
        let begin = steady.time().now;
        clock.pass(HOUR);
        clock.set(|wall| wall + 5 * HOUR);
        assert_eq!(steady.time().now, begin + HOUR);
        assert_eq!(steady.adjust(|_| Err("locked")), Err("locked"));
        assert_eq!(steady.time().now, begin + HOUR, "as before");
        let jump = Jump { by: 5 * HOUR, forwards: true };
        assert_eq!(steady.adjust(|_| Ok::<_, ()>(())), Ok(Some(jump)));
        assert_eq!(steady.time().now, clock.wall());
        clock.set(|wall| wall - 7 * HOUR);
        let jump = Jump { by: 7 * HOUR, forwards: false };
        assert_eq!(steady.adjust(|_| Ok::<_, ()>(())), Ok(Some(jump)));
        assert_eq!(steady.adjust(|_| Err("not called")), Ok(None));
    }

    #[test]
    fn a_clock_that_is_a_little_off_has_not_jumped() {
        let clock = TestClock::new();
        let steady = SteadyClock::new(clock.clone());
        clock.set(|wall| wall + Duration::from_millis(1900));
        assert_eq!(steady.adjust(|_| Err("not called")), Ok(None));
    }
}
