//! Places of which there is a bounded number.

use crate::sync::atomic::{AtomicUsize, Ordering};

/// How many places are taken.
#[derive(Debug)]
pub(crate) struct Places(AtomicUsize);

impl Places {
    pub(crate) const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// A place, if fewer than `most` are taken.
    pub(crate) fn take(&'static self, most: usize) -> Option<Place> {
        let more = |taken| (taken < most).then_some(taken + 1);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        // Made only then: dropping one gives it back.
        taken.is_ok().then(|| Place(self))
    }
}

/// One of the [`Places`], until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(&'static Places);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_more_than_the_bound() {
        static PLACES: Places = Places::new();
        let mut taken: Vec<Place> = std::iter::from_fn(|| PLACES.take(3)).collect();
        assert_eq!(taken.len(), 3);
        for _ in 0..5 {
            assert!(PLACES.take(3).is_none());
        }
        taken.pop();
        let again = PLACES.take(3);
        assert!(again.is_some() && PLACES.take(3).is_none());
        drop((taken, again));
        assert_eq!(std::iter::from_fn(|| PLACES.take(3)).take(9).count(), 9, "each given back");
    }
}
