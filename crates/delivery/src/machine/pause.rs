//! Pauses between attempts: doubled each time, and drawn at random, so that many do not try at the same moment.

use crate::limits::{FIRST_PAUSE, SHORTEST_PAUSE};
use std::time::Duration;

/// Random numbers that a seed determines: splitmix64 (Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts the sequence of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }
}

/// The pause after a failure that followed `failures` others: full jitter, i.e. between a tenth of [`FIRST_PAUSE`]
/// doubled so often and all of that, up to `longest`; but as long as the destination asked for, within `longest`.
pub(crate) fn pause(
    failures: u32,
    longest: Duration,
    asked: Option<Duration>,
    random: &mut Random,
) -> Duration {
    let longest = longest.max(SHORTEST_PAUSE);
    let most = FIRST_PAUSE.saturating_mul(1 << failures.min(20)).min(longest);
    let share = u32::try_from(random.number() % 901).unwrap_or(0) + 100;
    let drawn = most / 1000 * share;
    drawn.max(asked.unwrap_or_default().min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LONGEST_PAUSE;

    #[test]
    fn pauses_double_are_spread_and_have_bounds() {
        let mut random = Random::new(1);
        for failures in [0, 1, 2, 9, 10, 40, u32::MAX] {
            let most = FIRST_PAUSE.saturating_mul(1 << failures.min(20)).min(LONGEST_PAUSE);
            let drawn: Vec<_> =
                (0..1000).map(|_| pause(failures, LONGEST_PAUSE, None, &mut random)).collect();
            assert!(drawn.iter().all(|it| (most / 10..=most).contains(it)), "{failures}");
            let below = drawn.iter().filter(|it| **it < most / 2).count();
            assert!((350..550).contains(&below), "{failures}: {below} of 1000 in the lower half");
        }
    }

    #[test]
    fn the_destination_is_left_alone_as_long_as_it_asks_within_bounds() {
        let mut random = Random::new(2);
        let minute = Duration::from_secs(60);
        assert_eq!(pause(0, LONGEST_PAUSE, Some(minute), &mut random), minute);
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(pause(0, LONGEST_PAUSE, day, &mut random), LONGEST_PAUSE);
        assert!(pause(0, Duration::ZERO, day, &mut random) <= SHORTEST_PAUSE);
        assert!(pause(0, Duration::ZERO, day, &mut random) > Duration::ZERO);
    }
}
