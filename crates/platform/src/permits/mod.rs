//! A counter with an upper bound: permits, of which there is a limited number.

#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;

use crate::sync::atomic::{AtomicUsize, Ordering};

/// How many permits are taken.
#[derive(Debug, Default)]
pub struct Permits(AtomicUsize);

impl Permits {
    /// With none taken.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// A permit, if fewer than `most` are taken.
    #[must_use]
    pub fn take(&'static self, most: usize) -> Option<Permit> {
        let more = |taken| (taken < most).then_some(taken + 1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Made only then: dropping one gives it back.
        taken.is_ok().then(|| Permit(self))
    }
}

/// One of the [`Permits`], until it is dropped.
#[derive(Debug)]
pub struct Permit(&'static Permits);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_the_bound() {
        static PERMITS: Permits = Permits::new();
        let mut taken: Vec<Permit> = std::iter::from_fn(|| PERMITS.take(3)).collect();
        assert_eq!(taken.len(), 3);
        for _ in 0..5 {
            assert!(PERMITS.take(3).is_none());
        }
        taken.pop();
        let again = PERMITS.take(3);
        assert!(again.is_some() && PERMITS.take(3).is_none());
        drop((taken, again));
        assert_eq!(std::iter::from_fn(|| PERMITS.take(3)).take(9).count(), 9, "each given back");
    }
}
