//! The destination and the file system of a simulation: what happens there, and what must hold.

use super::super::Random;
use super::outcome_of;
use crate::limits::{FAILURES_IN_A_ROW, FIRST_PAUSE};
use crate::model::Model;
use crate::{Outcome, RetrySettings};
use catalog::{Delivery, DeliveryState, Settlement, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How the destination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Well,
    Shaky,
    Failing,
    Gone,
}

/// See the module's documentation.
pub(super) struct World {
    condition: Condition,
    /// Since when it has been gone without a break, and what was begun since then.
    gone: Option<(Duration, usize)>,
    /// What all sessions had at a time, at most.
    at_once: usize,
    /// The destination becomes unreachable at these.
    fatal: BTreeSet<i64>,
    /// Links in the spool.
    links: BTreeSet<i64>,
    /// How often each was delivered.
    pub(super) delivered: BTreeMap<i64, u32>,
    parked: BTreeSet<i64>,
    retried: BTreeSet<i64>,
    dropped: BTreeSet<i64>,
    pub(super) crashes: u32,
    pub(super) outages: u32,
}

impl World {
    pub(super) fn new(random: &mut Random) -> Self {
        let mut world = Self {
            condition: Condition::Well,
            gone: None,
            at_once: 1,
            fatal: BTreeSet::new(),
            links: BTreeSet::new(),
            delivered: BTreeMap::new(),
            parked: BTreeSet::new(),
            retried: BTreeSet::new(),
            dropped: BTreeSet::new(),
            crashes: 0,
            outages: 0,
        };
        world.change(random, Duration::ZERO);
        world
    }

    pub(super) fn arrived(&mut self, id: i64, random: &mut Random) {
        self.links.insert(id);
        if random.number().is_multiple_of(40) {
            self.fatal.insert(id);
        }
    }

    /// The destination gets better, or worse.
    pub(super) fn change(&mut self, random: &mut Random, now: Duration) {
        self.condition = match random.number() % 8 {
            0..4 => Condition::Well,
            4 | 5 => Condition::Shaky,
            6 => Condition::Failing,
            _ => Condition::Gone,
        };
        match (self.condition, self.gone) {
            (Condition::Gone, None) => {
                self.gone = Some((now, 0));
                self.outages += 1;
            }
            (Condition::Gone, Some(_)) => {}
            _ => self.gone = None,
        }
    }

    pub(super) fn heal(&mut self, _: Duration) {
        self.condition = Condition::Well;
        self.gone = None;
        self.fatal.clear();
    }

    pub(super) fn break_down(&mut self, now: Duration) {
        (self.condition, self.gone) = (Condition::Gone, Some((now, 0)));
    }

    pub(super) fn begun_since_gone(&self) -> usize {
        self.gone.map_or(0, |(_, begun)| begun)
    }

    /// The breaker begins anew: so does what it is measured by.
    pub(super) fn tried_now(&mut self, now: Duration) {
        if let Some(gone) = &mut self.gone {
            *gone = (now, 0);
        }
    }

    pub(super) fn crashed(&mut self, now: Duration) {
        self.crashes += 1;
        self.tried_now(now);
    }

    /// A session begins so many. The breaker bounds how many there are while the destination is gone.
    pub(super) fn begun(&mut self, count: usize, at_once: usize) {
        self.at_once = self.at_once.max(at_once);
        if let Some((_, begun)) = &mut self.gone {
            *begun += count;
        }
    }

    /// What becomes of a delivery; `None` if its bytes are gone.
    pub(super) fn outcome(
        &mut self,
        delivery: &Delivery,
        random: &mut Random,
        now: Duration,
    ) -> Result<Option<Outcome>, String> {
        let id = delivery.id.0;
        if !self.links.contains(&id) {
            if self.dropped.contains(&id) {
                self.parked.insert(id);
                return Ok(None);
            }
            return Err(format!("the bytes of delivery {id} are gone"));
        }
        self.check_breaker(now)?;
        let outcome = if self.fatal.contains(&id) {
            Outcome::Unreachable { reason: "it fell over".to_owned(), after: None }
        } else {
            outcome_of(self.condition, random.number() % 100)
        };
        match &outcome {
            Outcome::Done => *self.delivered.entry(id).or_default() += 1,
            Outcome::Park { .. } => drop(self.parked.insert(id)),
            Outcome::Again { .. } | Outcome::Unreachable { .. } => {}
        }
        Ok(Some(outcome))
    }

    /// While the destination is gone, no more is begun than by all sessions at once, and by one probe after each pause,
    /// each of at least a tenth of its length.
    fn check_breaker(&self, now: Duration) -> Result<(), String> {
        let Some((since, begun)) = self.gone else { return Ok(()) };
        let mut most = 2 * self.at_once + FAILURES_IN_A_ROW;
        let (mut passed, mut pause) = (Duration::ZERO, FIRST_PAUSE);
        while passed < now - since {
            most += 1;
            passed += pause / 10;
            pause = (pause * 2).min(Duration::from_secs(30));
        }
        if begun > most {
            return Err(format!("{begun} attempts in {:?} of an outage", now - since));
        }
        Ok(())
    }

    pub(super) fn released(&mut self, id: i64) {
        self.links.remove(&id);
    }

    pub(super) fn retried(&mut self, id: i64) {
        self.retried.insert(id);
    }

    pub(super) fn may_be_parked(&mut self, id: i64) {
        self.parked.insert(id);
    }

    pub(super) fn dropped(&mut self, id: i64) {
        self.dropped.insert(id);
    }

    /// Earlier ones of its study are delivered, or an operator has to do with them.
    pub(super) fn check_order(&self, model: &Model, delivery: &Delivery) -> Result<(), String> {
        for (id, row) in model.inner().rows.range(..delivery.id.0) {
            let waits = matches!(row.state, DeliveryState::Waiting | DeliveryState::Leased);
            let is_earlier = row.study == delivery.study && waits;
            let excused = self.delivered.contains_key(id)
                || self.parked.contains(id)
                || self.retried.contains(id)
                || self.dropped.contains(id);
            if is_earlier && !excused {
                return Err(format!("delivery {} overtakes {id}: {row:?}", delivery.id.0));
            }
        }
        Ok(())
    }

    /// What is about to be settled is what was told.
    pub(super) fn check_verdict(
        &mut self,
        settlement: &Settlement,
        retry: &RetrySettings,
        model: &Model,
    ) -> Result<(), String> {
        let id = settlement.id.0;
        match &settlement.verdict {
            Verdict::Done if !self.delivered.contains_key(&id) => {
                Err(format!("delivery {id} is done, and was not delivered"))
            }
            Verdict::Park { reason } => {
                let attempts = model.inner().rows[&id].attempts + 1;
                let exhausted = retry.attempts.is_some_and(|most| attempts >= most);
                if reason.is_empty() || !(self.parked.contains(&id) || exhausted) {
                    return Err(format!("delivery {id} is parked after {attempts}: {reason:?}"));
                }
                self.parked.insert(id);
                Ok(())
            }
            Verdict::Done | Verdict::Again { .. } => Ok(()),
        }
    }

    /// What must hold at any time.
    pub(super) fn check(&self, model: &Model) -> Result<(), String> {
        let inner = model.inner();
        for id in &self.links {
            if !inner.rows.contains_key(id) {
                return Err(format!("delivery {id} is lost"));
            }
        }
        for (id, row) in &inner.rows {
            let fault = match row.state {
                DeliveryState::Done if !self.delivered.contains_key(id) => "done, never delivered",
                DeliveryState::Parked if row.reason.as_deref().is_none_or(str::is_empty) => {
                    "parked without a reason"
                }
                _ => continue,
            };
            return Err(format!("delivery {id} is {fault}"));
        }
        // As the next run finds it after a kill, and after a power loss.
        for (id, row) in inner.rows.iter().chain(&inner.durable) {
            let is_over = matches!(row.state, DeliveryState::Done | DeliveryState::Dropped);
            if !is_over && !self.links.contains(id) && !self.dropped.contains(id) {
                return Err(format!("delivery {id} would find no bytes: {row:?}"));
            }
        }
        Ok(())
    }
}
