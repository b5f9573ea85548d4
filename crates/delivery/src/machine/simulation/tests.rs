//! What is promised holds for each seed; mistakes are found.

use super::world::World;
use super::{Mistake, Simulation};
use crate::machine::Policy;
use std::time::Duration;

/// Runs a seed.
fn run(seed: u64, mistake: Mistake) -> Result<World, String> {
    let mut simulation = Simulation::new(seed, mistake);
    for _ in 0..400 {
        simulation.step()?;
    }
    simulation.finish()?;
    Ok(simulation.world)
}

/// The destination is gone for an hour, with a backlog. Returns how many attempts were made meanwhile, and about how many
/// there may be: pauses are half of the longest one on average.
fn outage(seed: u64, mistake: Mistake) -> Result<(usize, usize), String> {
    let mut simulation = Simulation::new(seed, mistake);
    simulation.world.break_down(simulation.elapsed);
    for _ in 0..200 {
        simulation.arrive();
    }
    simulation.policy.hours.clear();
    let (policy, now) = (simulation.machine_policy(), simulation.now());
    simulation.machine.replace(policy, now);
    for _ in 0..1800 {
        simulation.feed()?;
        for _ in 0..simulation.policy.concurrency {
            simulation.begin()?;
        }
        while !simulation.calls.is_empty() {
            simulation.progress()?;
        }
        for _ in 0..3 {
            simulation.settle()?;
        }
        simulation.pass(Duration::from_secs(2));
    }
    simulation.check()?;
    let attempts = simulation.world.begun_since_gone();
    let Policy { concurrency, batch, retry, .. } = &simulation.policy;
    let pauses = usize::try_from(3600 * 5 / (2 * retry.longest_pause.as_secs())).unwrap();
    let most = pauses + 20 + concurrency * batch;
    simulation.finish()?;
    Ok((attempts, most))
}

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
        (Mistake::NotedLate, "is leased, and nobody has it"),
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
