//! The machine, a model catalogue and a made-up destination under simulated time: a seed makes a schedule of arrivals,
//! outcomes, operators' commands, crashes and jumps of the clock, and what is promised is checked after each step.
//!
//! `DELIVERY_SEEDS=100000 cargo test -p delivery --release simulation` runs more seeds.

mod policies;
mod tests;
mod world;

use super::{Demand, Machine, Now, Policy, Random, Settled, Settling, Step, Take};
use crate::Outcome;
use crate::model::{Model, Row};
use catalog::{
    Catalog, Delivery, DeliveryId, DeliveryState, Lease, LeaseOrder, Settlement, Verdict,
};
use policies::policy;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use world::{Condition, World};

/// The destination.
const NAME: &str = "pacs";

/// How long a lease lasts here.
const LEASE: Duration = Duration::from_secs(300);

/// What is done wrong on purpose, to see that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    None,
    ReleaseBeforeSettling,
    ReleaseBeforeDurable,
    DoneOnAgain,
    OrderIgnored,
    ParkedWithoutReason,
    BreakerIgnored,
    UntoldForgotten,
    NotedLate,
}

/// A call of a session.
struct Call {
    deliveries: Vec<Delivery>,
    next: usize,
}

struct Simulation {
    random: Random,
    mistake: Mistake,
    elapsed: Duration,
    /// The system's clock at `elapsed` 0, as it would be now.
    system: SystemTime,
    /// The time of the run, which does not go back.
    wall: SystemTime,
    run: u32,
    policy: Policy,
    machine: Machine,
    settling: Settling<()>,
    /// The catalogue has settled so many, and memory does not know yet.
    applied: Option<(usize, Vec<catalog::SpooledObject>)>,
    /// Leased to this run, and given up.
    given_up: Vec<DeliveryId>,
    calls: Vec<Call>,
    model: Model,
    world: World,
}

impl Simulation {
    fn new(seed: u64, mistake: Mistake) -> Self {
        let mut random = Random::new(seed);
        let policy = policy(&mut random);
        let system = UNIX_EPOCH + Duration::from_secs(1_796_000_000);
        let now = Now { elapsed: Duration::ZERO, wall: system, minute: 600 };
        let world = World::new(&mut random);
        let mut simulation = Self {
            machine: Machine::new(policy.clone(), now),
            random,
            mistake,
            elapsed: Duration::ZERO,
            system,
            wall: system,
            run: 1,
            policy,
            settling: Settling::default(),
            applied: None,
            given_up: Vec::new(),
            calls: Vec::new(),
            model: Model::default(),
            world,
        };
        simulation.restart();
        simulation
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.number() % 100 < percent
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.random.number() % most.max(1) as u64).unwrap()
    }

    fn now(&mut self) -> Now {
        self.wall = self.wall.max(self.system + self.elapsed);
        let minutes = self.wall.duration_since(UNIX_EPOCH).unwrap().as_secs() / 60;
        Now {
            elapsed: self.elapsed,
            wall: self.wall,
            minute: u16::try_from(minutes % 1440).unwrap(),
        }
    }

    fn pass(&mut self, time: Duration) {
        self.elapsed += time;
        self.wall += time;
    }

    fn owner(&self) -> String {
        format!("run {}", self.run)
    }

    /// Everything in memory is gone; the next run begins.
    fn restart(&mut self) {
        self.run += 1;
        self.calls.clear();
        self.settling = Settling::default();
        self.applied = None;
        self.given_up.clear();
        self.wall = self.system + self.elapsed;
        let now = self.now();
        let mut policy = self.policy.clone();
        policy.by_study &= self.mistake != Mistake::OrderIgnored;
        self.machine = Machine::new(policy, now);
        self.world.crashed(self.elapsed);
        self.model.inner().unavailable = false;
        self.model.release_leases(&self.owner()).unwrap();
    }

    /// One thing happens.
    fn step(&mut self) -> Result<(), String> {
        match self.random.number() % 100 {
            0..12 => self.arrive(),
            12..30 => {
                let most = [3, 50, 1_000, 20_000][self.below(4)];
                let time = Duration::from_millis(self.random.number() % most);
                self.pass(time);
            }
            30..45 => self.feed()?,
            45..58 => self.begin()?,
            58..74 => self.progress()?,
            74..86 => self.settle()?,
            86..92 => self.world.change(&mut self.random, self.elapsed),
            92..95 => self.operate()?,
            95 => self.keep_leases(),
            96 => self.disturb(),
            97 => self.set_clock(),
            98 => self.restart(),
            _ => {
                self.model.lose_power();
                self.restart();
            }
        }
        self.check()
    }

    fn arrive(&mut self) {
        let study = format!("study {}", self.below(3));
        let size = self.random.number() % 1_000_000;
        let now = self.now().wall;
        let id = self.model.add(NAME, Some(&study), size, now);
        self.world.arrived(id, &mut self.random);
    }

    fn feed(&mut self) -> Result<(), String> {
        let now = self.now();
        if self.mistake == Mistake::BreakerIgnored {
            self.machine.try_now(now);
        }
        let Demand::Lease { most, order } = self.machine.demand(now) else { return Ok(()) };
        let right = if self.policy.by_study { LeaseOrder::Study } else { LeaseOrder::None };
        if order != right && self.mistake != Mistake::OrderIgnored {
            return Err(format!("leased in order {order:?}"));
        }
        let lease = Lease {
            destination: NAME.to_owned(),
            most,
            order,
            owner: self.owner(),
            now: now.wall,
            duration: LEASE,
        };
        if let Ok(deliveries) = self.model.lease(&lease) {
            let settlements = self.machine.leased(deliveries, most, now);
            self.hand_on(settlements)?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), String> {
        let now = self.now();
        if self.calls.len() >= self.policy.concurrency {
            return Ok(());
        }
        let Take::Deliver(deliveries) = self.machine.take(now) else { return Ok(()) };
        let in_calls = |id: DeliveryId| {
            self.calls.iter().any(|call| call.deliveries[call.next..].iter().any(|it| it.id == id))
        };
        for one in &deliveries {
            if in_calls(one.id) {
                return Err(format!("two sessions have delivery {}", one.id.0));
            }
            if self.policy.by_study {
                self.world.check_order(&self.model, one)?;
            }
        }
        self.world.begun(deliveries.len(), self.policy.concurrency * self.policy.batch);
        self.calls.push(Call { deliveries, next: 0 });
        Ok(())
    }

    /// A session tells something, or comes to its end.
    fn progress(&mut self) -> Result<(), String> {
        if self.calls.is_empty() {
            return Ok(());
        }
        let at = self.below(self.calls.len());
        let call = &mut self.calls[at];
        let Some(delivery) = call.deliveries.get(call.next).cloned() else {
            self.calls.remove(at);
            return self.returned(&[], None);
        };
        let ends_early = self.random.number() % 20;
        if ends_early < 2 {
            let call = self.calls.remove(at);
            let untold: Vec<_> = call.deliveries[call.next..].iter().map(|it| it.id).collect();
            let fault = (ends_early == 0).then(|| "it panicked".to_owned());
            return self.returned(&untold, fault);
        }
        self.calls[at].next += 1;
        let outcome = self.world.outcome(&delivery, &mut self.random, self.elapsed)?;
        let now = self.now();
        let settlements = match outcome {
            Some(outcome) => self.machine.told(delivery.id, outcome, now, &mut self.random),
            None => self.machine.missing(delivery.id, "its file is gone".to_owned(), now),
        };
        self.hand_on(settlements)
    }

    fn returned(&mut self, untold: &[DeliveryId], fault: Option<String>) -> Result<(), String> {
        let now = self.now();
        let untold = if self.mistake == Mistake::UntoldForgotten { &[] } else { untold };
        let settlements = self.machine.returned(untold, fault, now, &mut self.random);
        self.hand_on(settlements)
    }

    fn hand_on(&mut self, settlements: Vec<Settlement>) -> Result<(), String> {
        let mut outcomes = Vec::new();
        for mut settlement in settlements {
            let Settlement { id, verdict } = &mut settlement;
            match verdict {
                Verdict::Done if self.mistake == Mistake::ReleaseBeforeSettling => {
                    self.world.released(id.0);
                }
                Verdict::Again { .. } if self.mistake == Mistake::DoneOnAgain => {
                    *verdict = Verdict::Done;
                }
                Verdict::Park { reason } if self.mistake == Mistake::ParkedWithoutReason => {
                    reason.clear();
                }
                _ => {}
            }
            self.world.check_verdict(&settlement, &self.policy.retry, &self.model)?;
            outcomes.push(Settled { destination: (), settlement });
        }
        self.settling.add(outcomes, self.elapsed);
        Ok(())
    }

    /// The settler does its next step.
    fn settle(&mut self) -> Result<(), String> {
        if let Some((count, spooled)) = self.applied.take() {
            self.ended(count, spooled);
            return Ok(());
        }
        let now = self.now();
        let at_once = self.random.number().is_multiple_of(4);
        match self.settling.step(at_once, now.elapsed) {
            Step::Settle(settlements) => {
                match self.model.settle(&self.owner(), &settlements, now.wall) {
                    Ok(spooled) if self.mistake == Mistake::ReleaseBeforeDurable => {
                        spooled.iter().for_each(|it| self.world.released(it.key.parse().unwrap()));
                        self.ended(settlements.len(), Vec::new());
                    }
                    Ok(spooled) if self.mistake == Mistake::NotedLate => {
                        self.applied = Some((settlements.len(), spooled));
                    }
                    Ok(spooled) => self.ended(settlements.len(), spooled),
                    Err(error) if error.is_transient() => self.settling.failed(now.elapsed),
                    Err(_) => {
                        let given_up = self.settling.refused(now.elapsed);
                        if let Some(one) = given_up {
                            self.machine.settled(one.settlement.id);
                            self.given_up.push(one.settlement.id);
                        }
                    }
                }
            }
            Step::MakeDurable(count) => match self.model.make_durable() {
                Ok(()) => self.settling.durable(count, now.elapsed),
                Err(_) => self.settling.failed(now.elapsed),
            },
            Step::Release(objects) => {
                // A crash may come between any two of them.
                self.world.released(objects[0].key.parse().unwrap());
                self.settling.released(1);
            }
            Step::Wait(_) => {}
        }
        Ok(())
    }

    fn ended(&mut self, count: usize, spooled: Vec<catalog::SpooledObject>) {
        let ended = self.settling.settled(count, spooled, self.elapsed);
        ended.iter().for_each(|it| self.machine.settled(it.settlement.id));
    }

    /// An operator does something.
    fn operate(&mut self) -> Result<(), String> {
        let now = self.now();
        let known = self.model.inner().rows.len();
        let id = DeliveryId(i64::try_from(self.below(known)).unwrap() + 1);
        match self.below(7) {
            0 => {
                let paused = self.chance(50);
                if self.model.pause(NAME, paused).is_ok() {
                    self.machine.set_paused(paused);
                }
            }
            1 => {
                if self.model.retry(&[id], now.wall).is_ok_and(|count| count > 0) {
                    self.world.retried(id.0);
                    self.machine.try_now(now);
                    self.world.tried_now(self.elapsed);
                }
            }
            2 => {
                let _ = self.model.park(&[id], "an operator said so", now.wall);
                self.world.may_be_parked(id.0);
            }
            3 => {
                for dropped in self.model.drop_deliveries(&[id], "", now.wall).unwrap_or_default() {
                    self.world.dropped(dropped.key.parse().unwrap());
                    self.settling.also_release(vec![dropped]);
                }
            }
            4 => {
                let by_study = self.machine_policy().by_study;
                let mut policy = policy(&mut self.random);
                policy.by_study = by_study;
                self.policy = Policy { by_study: self.policy.by_study, ..policy.clone() };
                let settlements = self.machine.replace(policy, now);
                self.world.tried_now(self.elapsed);
                self.hand_on(settlements)?;
            }
            5 => self.machine.wake(),
            _ => {
                let settlements = self.machine.tidy(now);
                self.hand_on(settlements)?;
            }
        }
        Ok(())
    }

    fn machine_policy(&self) -> Policy {
        let by_study = self.policy.by_study && self.mistake != Mistake::OrderIgnored;
        Policy { by_study, ..self.policy.clone() }
    }

    fn keep_leases(&mut self) {
        let until = self.now().wall + LEASE;
        let _ = self.model.renew(&self.owner(), &self.machine.held(), until);
    }

    /// The catalogue becomes unavailable, or available again; or refuses one.
    fn disturb(&mut self) {
        let id = DeliveryId(i64::try_from(self.below(50)).unwrap());
        let refuses = self.chance(30).then_some(id);
        let mut inner = self.model.inner();
        inner.unavailable = !inner.unavailable;
        inner.refuses = refuses;
    }

    fn set_clock(&mut self) {
        let by = Duration::from_secs(self.random.number() % 100_000);
        self.system = if self.chance(50) { self.system + by } else { self.system - by };
    }

    fn check(&mut self) -> Result<(), String> {
        self.world.check(&self.model)?;
        let (outstanding, _) = self.machine.outstanding();
        if outstanding > crate::limits::OUTSTANDING {
            return Err(format!("{outstanding} deliveries in memory"));
        }
        self.machine.notices();
        let owner = self.owner();
        for (id, row) in &self.model.inner().rows {
            let is_ours = row.state == DeliveryState::Leased && row.owner == owner;
            let id = DeliveryId(*id);
            if is_ours && !self.machine.knows(id) && !self.given_up.contains(&id) {
                return Err(format!("{id:?} is leased, and nobody has it"));
            }
        }
        Ok(())
    }

    /// Everything is well from now on: all that is owed is delivered within a day.
    fn finish(&mut self) -> Result<(), String> {
        self.world.heal(self.elapsed);
        self.policy.hours.clear();
        self.policy.bandwidth = None;
        let now = self.now();
        let policy = self.machine_policy();
        let settlements = self.machine.replace(policy, now);
        self.hand_on(settlements)?;
        self.model.inner().unavailable = false;
        self.model.inner().refuses = None;
        self.model.pause(NAME, false).unwrap();
        self.machine.set_paused(false);
        let end = self.elapsed + Duration::from_secs(86_400);
        while self.elapsed < end {
            for _ in 0..4 {
                self.feed()?;
                self.begin()?;
                for _ in 0..12 {
                    self.progress()?;
                }
                self.settle()?;
            }
            self.check()?;
            let rests = self.calls.is_empty() && self.settling.is_idle();
            self.pass(Duration::from_secs(if rests { 15 } else { 1 }));
            self.keep_leases();
            if self.look_for_late_ones()? {
                return Ok(());
            }
        }
        let inner = self.model.inner();
        let waits = |row: &Row| matches!(row.state, DeliveryState::Waiting | DeliveryState::Leased);
        let waiting: Vec<_> = inner.rows.iter().filter(|(_, row)| waits(row)).collect();
        Err(format!("something waits still: {waiting:?} at {:?}; {:?}", self.wall, self.machine))
    }

    /// True if nothing waits any more. What is due in the far future was written by a clock that was ahead.
    fn look_for_late_ones(&mut self) -> Result<bool, String> {
        let now = self.now();
        let far = now.wall + (self.policy.retry.longest_pause * 2).max(LEASE * 2);
        let next = self.model.next_attempt(NAME, now.wall).unwrap();
        if next.is_some_and(|next| next > far) {
            let most = 16;
            let order = if self.policy.by_study { LeaseOrder::Study } else { LeaseOrder::None };
            let (owner, destination) = (self.owner(), NAME.to_owned());
            let late = now.wall + Duration::from_secs(100_000_000);
            let lease = Lease { destination, most, order, owner, now: late, duration: LEASE };
            let deliveries = self.model.lease(&lease).unwrap();
            let ids: Vec<_> = deliveries.iter().map(|it| it.id).collect();
            self.model.renew(&self.owner(), &ids, now.wall + LEASE).unwrap();
            let settlements = self.machine.leased(deliveries, most, now);
            self.hand_on(settlements)?;
        }
        let counts = self.model.counts(&[]).unwrap();
        Ok(counts.iter().all(|it| it.waiting == 0) && self.settling.is_idle())
    }
}

/// What the destination gets from the machine is an outcome of its condition.
fn outcome_of(condition: Condition, luck: u64) -> Outcome {
    let reason = || format!("{condition:?}");
    let after = luck.is_multiple_of(7).then(|| Duration::from_secs(luck % 3600));
    match (condition, luck) {
        (Condition::Gone, _) => Outcome::Unreachable { reason: reason(), after },
        (Condition::Failing, _) | (Condition::Shaky, 0..40) => {
            Outcome::Again { reason: reason(), after }
        }
        (Condition::Shaky, 40..50) => Outcome::Unreachable { reason: reason(), after },
        (_, 95..97) => Outcome::Park { reason: reason() },
        _ => Outcome::Done,
    }
}
