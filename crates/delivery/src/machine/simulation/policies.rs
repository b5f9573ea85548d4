//! Policies of made-up destinations.

use crate::machine::{Policy, Random};
use crate::{Hours, RetrySettings};
use std::time::Duration;

/// Some policy.
pub(super) fn policy(random: &mut Random) -> Policy {
    let mut below = |most: u64| random.number() % most;
    let seconds = Duration::from_secs;
    Policy {
        concurrency: usize::try_from(below(4)).unwrap() + 1,
        batch: [1, 1, 2, 7][usize::try_from(below(4)).unwrap()],
        by_study: below(2) == 0,
        bandwidth: (below(4) == 0).then_some(1_000_000),
        hours: if below(4) == 0 { vec![Hours { from: 480, to: 1200 }] } else { Vec::new() },
        retry: RetrySettings {
            attempts: (below(2) == 0).then_some(8),
            longest_pause: [seconds(900), seconds(30)][usize::try_from(below(2)).unwrap()],
        },
    }
}
