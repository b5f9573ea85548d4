//! What is promised holds for each seed; mistakes are found.

use super::{Mistake, outage, run};

/// How many seeds are run.
fn seeds() -> u64 {
    let asked = std::env::var("DELIVERY_SEEDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(2_000)
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
        (Mistake::UntoldForgotten, "something waits still"),
    ] {
        let found = (0..1000).find_map(|seed| run(seed, mistake).err());
        let found = found.unwrap_or_else(|| panic!("nothing shows that {mistake:?} is wrong"));
        assert!(found.contains(fault), "{mistake:?}: {found}");
    }
}

#[test]
fn a_backlog_costs_few_attempts_while_the_destination_is_gone() {
    let mut found = 0;
    for seed in 0..20 {
        let attempts = outage(seed, Mistake::None);
        let (attempts, most) = attempts.unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
        assert!((1..=most).contains(&attempts), "seed {seed}: {attempts} attempts, not {most}");
        let ignored = outage(seed, Mistake::BreakerIgnored);
        found += u32::from(ignored.is_err() || ignored.is_ok_and(|(many, most)| many > most));
    }
    assert!(found >= 15, "only {found} of 20 seeds show that the breaker is ignored");
}
