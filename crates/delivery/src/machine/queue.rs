//! The deliveries of one destination that are in memory: leased, under way, or not settled yet.

use catalog::{Delivery, DeliveryId};
use std::collections::{HashMap, HashSet, VecDeque};

/// A delivery that a session has.
#[derive(Debug, Clone)]
pub(crate) struct UnderWay {
    /// The study that it is about.
    pub(crate) study: Option<String>,
    /// Attempts before this one.
    pub(crate) attempts: u32,
    /// The breaker's generation when it was begun.
    pub(crate) generation: u64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    leased: VecDeque<Delivery>,
    under_way: HashMap<DeliveryId, UnderWay>,
    unsettled: HashSet<DeliveryId>,
}

impl Queue {
    /// Takes in what was leased, without what is here already: a lease that ran out while the catalogue was unavailable
    /// may bring it a second time. Returns those that must be given back, with `by_study`: an earlier one of their study
    /// has an outcome that is not settled yet, which may be that it waits.
    pub(crate) fn add(&mut self, deliveries: Vec<Delivery>, by_study: bool) -> Vec<DeliveryId> {
        let known: HashSet<DeliveryId> = self.leased.iter().map(|it| it.id).collect();
        let mut held_up: HashSet<Option<String>> = HashSet::new();
        let mut given_back = Vec::new();
        for delivery in deliveries {
            let id = delivery.id;
            if self.unsettled.contains(&id) {
                held_up.extend(delivery.study.is_some().then_some(delivery.study));
            } else if known.contains(&id) || self.under_way.contains_key(&id) {
                // The one that is here goes on.
            } else if by_study && held_up.contains(&delivery.study) {
                self.unsettled.insert(id);
                given_back.push(id);
            } else {
                self.leased.push_back(delivery);
            }
        }
        given_back
    }

    /// Takes the next ones for a session, at most so many, as long as `begin` agrees. With `by_study`, none of a study of
    /// which another one is under way, and one of each study: the next one of it has to wait for what becomes of that.
    pub(crate) fn take(
        &mut self,
        most: usize,
        by_study: bool,
        generation: u64,
        mut begin: impl FnMut(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        let mut taken = Vec::new();
        let mut at = 0;
        while taken.len() < most && at < self.leased.len() {
            if by_study && self.waits_for_its_study(at) {
                at += 1;
                continue;
            }
            if !begin(&self.leased[at]) {
                break;
            }
            let Some(delivery) = self.leased.remove(at) else { break };
            let (study, attempts) = (delivery.study.clone(), delivery.attempts);
            self.under_way.insert(delivery.id, UnderWay { study, attempts, generation });
            taken.push(delivery);
        }
        taken
    }

    fn waits_for_its_study(&self, at: usize) -> bool {
        let Some(study) = &self.leased[at].study else { return false };
        self.under_way.values().any(|it| it.study.as_ref() == Some(study))
    }

    /// A session has told what became of one: it is not settled yet.
    pub(crate) fn end(&mut self, id: DeliveryId) -> Option<UnderWay> {
        let ended = self.under_way.remove(&id)?;
        self.unsettled.insert(id);
        Some(ended)
    }

    /// Takes out what is leased and not begun, of one study or all.
    pub(crate) fn withdraw(&mut self, study: Option<&str>) -> Vec<DeliveryId> {
        let goes = |it: &Delivery| study.is_none() || it.study.as_deref() == study;
        let ids: Vec<_> = self.leased.iter().filter(|it| goes(it)).map(|it| it.id).collect();
        self.leased.retain(|it| !goes(it));
        self.unsettled.extend(&ids);
        ids
    }

    /// These are settled, or given up.
    pub(crate) fn settled(&mut self, id: DeliveryId) {
        self.unsettled.remove(&id);
    }

    /// Whether it is here, in whatever state.
    #[cfg(test)]
    pub(crate) fn knows(&self, id: DeliveryId) -> bool {
        self.under_way.contains_key(&id)
            || self.unsettled.contains(&id)
            || self.leased.iter().any(|it| it.id == id)
    }

    /// How many are leased and not begun.
    pub(crate) fn leased(&self) -> usize {
        self.leased.len()
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// How many are in memory in all.
    pub(crate) fn outstanding(&self) -> usize {
        self.leased.len() + self.under_way.len() + self.unsettled.len()
    }

    /// Those whose leases must not run out.
    pub(crate) fn held(&self) -> Vec<DeliveryId> {
        let leased = self.leased.iter().map(|it| it.id);
        leased.chain(self.under_way.keys().copied()).collect()
    }
}
