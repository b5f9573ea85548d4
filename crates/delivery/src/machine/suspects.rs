//! Deliveries at which the destination itself seems to fail: they must not hold up all others.

use crate::limits::SUSPECTS;
use catalog::DeliveryId;
use std::collections::VecDeque;

/// So often the destination may become unreachable at one delivery, with others delivered in between, before the
/// delivery counts as the cause.
const TIMES: u32 = 2;

/// The latest deliveries at which the destination became unreachable.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    /// Each with the successes there were by then, and how often others were delivered in between.
    latest: VecDeque<(DeliveryId, u64, u32)>,
    successes: u64,
}

impl Suspects {
    /// Another delivery got an answer.
    pub(crate) fn succeeded(&mut self, id: DeliveryId) {
        self.successes += 1;
        self.latest.retain(|(one, ..)| *one != id);
    }

    /// The destination became unreachable at this delivery: true if the delivery seems to be the cause.
    pub(crate) fn unreachable(&mut self, id: DeliveryId) -> bool {
        let known = self.latest.iter().position(|(one, ..)| *one == id);
        let known = known.and_then(|at| self.latest.remove(at));
        let (before, times) =
            known.map_or((self.successes, 0), |(_, before, times)| (before, times));
        let times = times + u32::from(before < self.successes);
        if self.latest.len() == SUSPECTS {
            self.latest.pop_front();
        }
        self.latest.push_back((id, self.successes, times));
        times >= TIMES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_the_cause_only_if_others_succeed_in_between() {
        let mut suspects = Suspects::default();
        let (one, other) = (DeliveryId(1), DeliveryId(2));
        for _ in 0..100 {
            assert!(!suspects.unreachable(one), "nothing else was delivered");
        }
        suspects.succeeded(other);
        assert!(!suspects.unreachable(one));
        suspects.succeeded(other);
        assert!(suspects.unreachable(one));
        suspects.succeeded(one);
        assert!(!suspects.unreachable(one), "it was delivered meanwhile");
    }

    #[test]
    fn no_more_are_remembered_than_the_bound() {
        let mut suspects = Suspects::default();
        for id in 0..10_000 {
            suspects.unreachable(DeliveryId(id));
        }
        assert_eq!(suspects.latest.len(), SUSPECTS);
    }
}
