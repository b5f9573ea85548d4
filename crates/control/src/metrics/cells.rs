//! Counters and histograms of atomics: adding waits for nobody, and reading holds up no addition.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A counter.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// Puts another value in place.
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counters of the words of a vocabulary.
#[derive(Debug)]
pub(super) struct Counts<const N: usize>([Count; N]);

impl<const N: usize> Default for Counts<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Count::default()))
    }
}

impl<const N: usize> Counts<N> {
    /// One more of the word with this number; the last word stands for all numbers that there are not.
    pub(super) fn add_one(&self, number: usize) {
        if let Some(count) = self.0.get(number).or(self.0.last()) {
            count.add(1);
        }
    }

    pub(super) fn get(&self) -> [u64; N] {
        std::array::from_fn(|number| self.0[number].get())
    }
}

/// A histogram of whole numbers (nanoseconds, bytes) in fixed buckets.
///
/// That of prometheus-client has a lock, which an observation would wait for while a scrape reads it. Memory: 8 bytes
/// for each bucket and for the sum.
#[derive(Debug)]
pub(super) struct Histogram {
    /// The largest value of each bucket but the last, which has none.
    bounds: &'static [u64],
    buckets: Box<[Count]>,
    sum: Count,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| Count::default()).collect();
        Self { bounds, buckets, sum: Count::default() }
    }

    /// Adds a value: two additions. The sum wraps past 2⁶⁴ - 1: nanoseconds after 584 years.
    pub(super) fn observe(&self, value: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
        self.sum.add(value);
    }

    /// Adds a time, in nanoseconds.
    pub(super) fn observe_time(&self, time: Duration) {
        self.observe(time.as_nanos().try_into().unwrap_or(u64::MAX));
    }

    /// What it holds now. The number of values is the sum of the buckets, so the two always agree.
    pub(super) fn read(&self, scale: Scale) -> Reading {
        let bounds = self.bounds.iter().map(|&bound| scale.apply(bound));
        let bounds = bounds.chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.buckets.iter().map(Count::get)).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Reading { buckets, count, sum: scale.apply(self.sum.get()) }
    }
}

/// What a histogram holds at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    /// The upper bound of each bucket, and how many values are in it and in none before it.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) count: u64,
    pub(super) sum: f64,
}

/// In which unit whole numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// Nanoseconds, as seconds.
    Seconds,
    /// As they are.
    Bytes,
}

impl Scale {
    #[allow(clippy::cast_precision_loss, reason = "exact up to 2⁵³")]
    fn apply(self, value: u64) -> f64 {
        match self {
            Self::Seconds => value as f64 / 1e9,
            Self::Bytes => value as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let histogram = Histogram::new(&[1_000_000_000, 2_000_000_000]);
        for milliseconds in [0, 1000, 1001, 2000, 2001, 90_000] {
            histogram.observe_time(Duration::from_millis(milliseconds));
        }
        let reading = histogram.read(Scale::Seconds);
        assert_eq!(reading.buckets, [(1.0, 2), (2.0, 2), (f64::INFINITY, 2)]);
        assert_eq!((reading.count, reading.sum), (6, 96.002));
        histogram.observe_time(Duration::MAX);
        assert_eq!(histogram.read(Scale::Seconds).count, 7);
    }

    #[test]
    fn numbers_past_the_last_word_are_counted_there() {
        let counts = Counts::<3>::default();
        for number in [0, 2, 3, usize::MAX] {
            counts.add_one(number);
        }
        assert_eq!(counts.get(), [1, 0, 3]);
    }

    #[test]
    fn additions_of_many_threads_are_all_there() {
        let (count, histogram) = (Count::default(), Histogram::new(&[10]));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for value in 0..20_u64 {
                        count.add(value);
                        histogram.observe(value);
                    }
                });
            }
        });
        let reading = histogram.read(Scale::Bytes);
        assert_eq!((count.get(), reading.count, reading.sum), (8 * 190, 160, 8.0 * 190.0));
        assert_eq!(reading.buckets, [(10.0, 88), (f64::INFINITY, 72)]);
    }
}
