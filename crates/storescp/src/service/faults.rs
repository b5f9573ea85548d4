//! Faults on purpose: the plan for the receiver, and what the log says of it at the start.

use crate::cli::Config;
use receiver::faults::{FaultPlan, Rule};
use std::hash::{BuildHasher, RandomState};
use tracing::warn;

/// The faults to provoke, if any, with a seed. Warns of each, and of all options that let the receiver do what no
/// sender should meet.
pub(super) fn plan(config: &Config) -> Option<FaultPlan> {
    let negotiation = &config.negotiation;
    for (is_active, what) in [
        (negotiation.refuse, "--refuse: every association is rejected"),
        (
            negotiation.require_implementation_class_uid,
            "--reject: associations without an implementation class UID are rejected",
        ),
        (
            config.ignore,
            "--ignore: objects are thrown away, and senders are told that they are stored",
        ),
    ] {
        if is_active {
            warn!("for tests only: {what}");
        }
    }
    for rule in &config.faults {
        warn!("for tests only: fault on purpose: {rule}");
    }
    if config.faults.is_empty() {
        return None;
    }
    let rules = config.faults.clone();
    let seed = config.fault_seed.unwrap_or_else(random_seed);
    if rules.iter().any(Rule::draws) {
        warn!("for tests only: faults are drawn with --fault-seed {seed}");
    }
    Some(FaultPlan { rules, seed })
}

/// Any number that `--fault-seed` takes.
fn random_seed() -> u64 {
    RandomState::new().hash_one(()) & u64::from(u32::MAX)
}
