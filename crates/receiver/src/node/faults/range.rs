//! How long a delay takes.

use std::fmt;
use std::time::Duration;

/// A time, or two times between which it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelayRange {
    /// The shortest.
    pub from: Duration,
    /// The longest; not less than the shortest.
    pub to: Duration,
}

impl DelayRange {
    /// Always as long as this.
    #[must_use]
    pub const fn of(duration: Duration) -> Self {
        Self { from: duration, to: duration }
    }

    /// Whether it differs from time to time.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.from < self.to
    }

    /// A time within the range, in whole milliseconds from the shortest, evenly distributed over the draws.
    pub(super) fn at(&self, draw: u64) -> Duration {
        let milliseconds = self.to.saturating_sub(self.from).as_millis();
        let milliseconds = u64::try_from(milliseconds).unwrap_or(u64::MAX - 1);
        self.from + Duration::from_millis(draw % (milliseconds + 1))
    }
}

impl fmt::Display for DelayRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_duration(f, self.from)?;
        if self.is_drawn() {
            f.write_str("..")?;
            write_duration(f, self.to)?;
        }
        Ok(())
    }
}

/// In seconds if they are whole, else in milliseconds.
fn write_duration(f: &mut fmt::Formatter<'_>, duration: Duration) -> fmt::Result {
    if duration.subsec_nanos() == 0 {
        write!(f, "{}s", duration.as_secs())
    } else {
        write!(f, "{}ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_the_range() {
        let [from, to] = [20, 23].map(Duration::from_millis);
        let range = DelayRange { from, to };
        let drawn = [0, 3, 4, u64::MAX].map(|draw| range.at(draw).as_millis());
        assert_eq!(drawn, [20, 23, 20, 23]);
        assert_eq!(DelayRange::of(to).at(99), to);
        assert_eq!(range.to_string(), "20ms..23ms");
        assert_eq!(DelayRange::of(Duration::from_secs(60)).to_string(), "60s");
    }
}
