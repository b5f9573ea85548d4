//! What is promised holds for each seed; mistakes are found.

use super::{Mistake, run};

/// How many seeds are run.
fn seeds() -> u64 {
    let asked = std::env::var("DELIVERY_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(3_000)
}

#[test]
fn everything_is_delivered_or_parked_with_a_reason_whatever_happens() {
    let (mut delivered, mut repeated, mut crashes, mut outages) = (0, 0, 0, 0);
    for seed in 0..seeds() {
        let world = run(seed, Mistake::None).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        delivered += world.delivered.len();
        repeated += world.delivered.values().filter(|times| **times > 1).count();
        crashes += world.crashes;
        outages += world.outages;
    }
    println!("{delivered} delivered, {repeated} repeated, {crashes} crashes, {outages} outages");
    assert!(delivered > 1000 && repeated > 10 && crashes > 1000 && outages > 100);
}

#[test]
fn mistakes_are_found() {
    for (mistake, fault) in [
        (Mistake::ReleaseBeforeSettling, "would find no bytes"),
        (Mistake::ReleaseBeforeDurable, "would find no bytes"),
        (Mistake::DoneOnAgain, "is done, and was not delivered"),
        (Mistake::OrderIgnored, "overtakes"),
        (Mistake::ParkedWithoutReason, "is parked after"),
        (Mistake::BreakerIgnored, "of an outage"),
        (Mistake::UntoldForgotten, "something waits still"),
    ] {
        let found = (0..1000).find_map(|seed| run(seed, mistake).err());
        let found = found.unwrap_or_else(|| panic!("nothing shows that {mistake:?} is wrong"));
        assert!(found.contains(fault), "{mistake:?}: {found}");
    }
}
