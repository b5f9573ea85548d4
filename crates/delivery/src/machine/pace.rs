//! Bandwidth: a token bucket over the bytes of objects.

use std::time::Duration;

/// How many bytes may be begun now. An object is begun while there are any, whatever its size: what it takes beyond
/// that, the next ones wait for.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: f64,
    available: f64,
    at: Duration,
}

impl Pace {
    /// So many bytes a second, at least 1, and as many at once.
    pub(crate) fn new(bytes_a_second: u64, now: Duration) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 53 bits")]
        let rate = bytes_a_second.max(1) as f64;
        Self { rate, available: rate, at: now }
    }

    /// When the next object may be begun: now, or later.
    pub(crate) fn ready_at(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.available = self.available.mul_add(1.0, passed * self.rate).min(self.rate);
        if self.available > 0.0 {
            return now;
        }
        let seconds = (1.0 - self.available) / self.rate;
        // A day at most: it is asked again then.
        now + Duration::try_from_secs_f64(seconds.min(86_400.0)).unwrap_or(Duration::from_secs(1))
    }

    /// An object of so many bytes is begun.
    pub(crate) fn begin(&mut self, bytes: u64) {
        #[expect(clippy::cast_precision_loss, reason = "a bandwidth needs no more than 53 bits")]
        let bytes = bytes as f64;
        self.available -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_time_no_more_is_begun_than_the_rate_allows() {
        let mut pace = Pace::new(1_000_000, Duration::ZERO);
        let (mut now, mut sent) = (Duration::ZERO, 0_u64);
        for size in (0..2000).map(|it| it * 7919 % 600_000) {
            now = now.max(pace.ready_at(now));
            while pace.ready_at(now) > now {
                now = pace.ready_at(now);
            }
            pace.begin(size);
            sent += size;
            let most = 1_000_000.0 * (now.as_secs_f64() + 1.0) + 600_000.0;
            assert!((sent as f64) <= most, "{sent} bytes after {now:?}");
        }
        let least = 1_000_000.0 * (now.as_secs_f64() - 1.0);
        assert!(sent as f64 > least, "{sent} bytes in {now:?}: slower than it may be");
    }
}
