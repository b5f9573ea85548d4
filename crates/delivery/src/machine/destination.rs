//! One destination: what is leased for it, what is begun, and what becomes of it.

use super::breaker::{Breaker, Change, Permit};
use super::pace::Pace;
use super::pause::{Random, pause};
use super::policy::Policy;
use super::queue::{Queue, UnderWay};
use super::suspects::Suspects;
use super::{Now, hours};
use crate::limits::{LEASED, OUTSTANDING, POLL};
use crate::{Outcome, RetrySettings};
use catalog::{Delivery, DeliveryId, LeaseOrder, Settlement, Verdict};
use std::time::Duration;

/// Until the hours are looked at again.
const HOURS_POLL: Duration = Duration::from_secs(20);

/// What is to be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// So many, in this order.
    Lease {
        /// At most.
        most: usize,
        /// Which first.
        order: LeaseOrder,
    },
    /// Nothing, until then or until something changes.
    Nothing(Duration),
}

/// What a session is to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Take {
    /// Deliver these.
    Deliver(Vec<Delivery>),
    /// Nothing, until then (`None`: until something changes).
    Wait(Option<Duration>),
}

/// What people are told of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It is not there.
    Unreachable {
        /// Why.
        reason: String,
        /// When it is tried next.
        next: Duration,
    },
    /// It is still not there.
    StillUnreachable {
        /// Why.
        reason: String,
        /// When it is tried next.
        next: Duration,
    },
    /// It takes no more sessions than this.
    Narrowed {
        /// Why.
        reason: String,
        /// How many.
        sessions: usize,
    },
    /// It is there again.
    Back,
}

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Machine {
    policy: Policy,
    breaker: Breaker,
    pace: Option<Pace>,
    queue: Queue,
    suspects: Suspects,
    paused: bool,
    /// Sessions that deliver.
    busy: usize,
    /// How many are leased at a time, as the destination's speed shows.
    target: usize,
    last_lease: Duration,
    /// The catalogue had no more: it is not asked before then.
    drained_until: Duration,
    notices: Vec<Notice>,
}

impl Machine {
    /// A destination with nothing leased.
    pub(crate) fn new(policy: Policy, now: Now) -> Self {
        let target = policy.first_target();
        let pace = policy.bandwidth.map(|rate| Pace::new(rate, now.elapsed));
        Self {
            policy,
            breaker: Breaker::new(),
            pace,
            queue: Queue::default(),
            suspects: Suspects::default(),
            paused: false,
            busy: 0,
            target,
            last_lease: now.elapsed,
            drained_until: Duration::ZERO,
            notices: Vec::new(),
        }
    }

    /// Decides by another policy from now on. What is under way goes on. What is leased is given back if the order is
    /// another one.
    pub(crate) fn replace(&mut self, policy: Policy, now: Now) -> Vec<Settlement> {
        if self.policy.bandwidth != policy.bandwidth {
            self.pace = policy.bandwidth.map(|rate| Pace::new(rate, now.elapsed));
        }
        let other_order = self.policy.by_study != policy.by_study;
        self.target = policy.first_target();
        self.policy = policy;
        self.breaker.try_now(now.elapsed);
        if other_order { self.give_back(now) } else { Vec::new() }
    }

    /// What is to be leased now.
    pub(crate) fn demand(&mut self, now: Now) -> Demand {
        if self.paused {
            return Demand::Nothing(now.elapsed + POLL);
        }
        if !hours::is_open(&self.policy.hours, now.minute) {
            return Demand::Nothing(now.elapsed + HOURS_POLL);
        }
        let permit = self.breaker.permit(self.policy.concurrency, now.elapsed);
        let target = match permit {
            Permit::Nothing(until) => {
                return Demand::Nothing(until.unwrap_or(now.elapsed + POLL));
            }
            Permit::Probe => 1,
            Permit::Sessions(_) => self.target,
        };
        if now.elapsed < self.drained_until {
            return Demand::Nothing(self.drained_until);
        }
        let room = OUTSTANDING.saturating_sub(self.queue.outstanding());
        let most = target.saturating_sub(self.queue.leased()).min(LEASED).min(room);
        // Half of the target at a time, so that the catalogue is asked seldom.
        if most == 0 || most < target / 2 {
            return Demand::Nothing(now.elapsed + POLL);
        }
        let order = if self.policy.by_study { LeaseOrder::Study } else { LeaseOrder::None };
        Demand::Lease { most, order }
    }

    /// These were leased, of so many that were asked for. Returns what is to be settled.
    pub(crate) fn leased(
        &mut self,
        deliveries: Vec<Delivery>,
        asked: usize,
        now: Now,
    ) -> Vec<Settlement> {
        if deliveries.len() < asked {
            self.drained_until = now.elapsed + POLL;
        } else if self.breaker.is_closed() {
            self.adapt(now);
        }
        self.last_lease = now.elapsed;
        let given_back = self.queue.add(deliveries, self.policy.by_study);
        not_attempted(given_back, EARLIER_WAITS, now)
    }

    /// Leases as much as is delivered in about a second: seldom asked, and little given back when it ends.
    fn adapt(&mut self, now: Now) {
        let since = now.elapsed.saturating_sub(self.last_lease);
        if since < Duration::from_millis(500) {
            self.target = (self.target * 2).min(LEASED);
        } else if since > Duration::from_secs(5) {
            self.target = (self.target / 2).max(self.policy.first_target());
        }
    }

    /// Something may be owed: the catalogue is asked at once.
    pub(crate) fn wake(&mut self) {
        self.drained_until = Duration::ZERO;
    }

    /// An operator wants it tried now.
    pub(crate) fn try_now(&mut self, now: Now) {
        self.drained_until = Duration::ZERO;
        self.breaker.try_now(now.elapsed);
    }

    /// What a session that has nothing is to do.
    pub(crate) fn take(&mut self, now: Now) -> Take {
        if self.paused || self.queue.leased() == 0 {
            return Take::Wait(None);
        }
        if !hours::is_open(&self.policy.hours, now.minute) {
            return Take::Wait(Some(now.elapsed + HOURS_POLL));
        }
        let most = match self.breaker.permit(self.policy.concurrency, now.elapsed) {
            Permit::Sessions(sessions) if self.busy < sessions => self.policy.batch,
            Permit::Sessions(_) => return Take::Wait(None),
            Permit::Probe => 1,
            Permit::Nothing(until) => return Take::Wait(until),
        };
        if let Some(ready) = self.pace.as_mut().map(|it| it.ready_at(now.elapsed))
            && ready > now.elapsed
        {
            return Take::Wait(Some(ready));
        }
        self.begin(most, now)
    }

    fn begin(&mut self, most: usize, now: Now) -> Take {
        let generation = self.breaker.begin();
        let pace = &mut self.pace;
        let begin = |delivery: &Delivery| {
            let Some(pace) = pace else { return true };
            let ready = pace.ready_at(now.elapsed) <= now.elapsed;
            if ready {
                pace.begin(delivery.instance.as_ref().map_or(0, |it| it.object.size));
            }
            ready
        };
        let taken = self.queue.take(most, self.policy.by_study, generation, begin);
        if taken.is_empty() {
            self.breaker.not_tried(generation, now.elapsed);
            return Take::Wait(None);
        }
        self.busy += 1;
        Take::Deliver(taken)
    }

    /// A session tells what became of a delivery. What it does not have is ignored. Returns what is to be settled, in
    /// this order.
    pub(crate) fn told(
        &mut self,
        id: DeliveryId,
        outcome: Outcome,
        now: Now,
        random: &mut Random,
    ) -> Vec<Settlement> {
        let Some(ended) = self.queue.end(id) else { return Vec::new() };
        match outcome {
            Outcome::Done => {
                self.succeeded(id, &ended, now);
                vec![Settlement { id, verdict: Verdict::Done }]
            }
            Outcome::Park { reason } => {
                self.succeeded(id, &ended, now);
                vec![Settlement { id, verdict: Verdict::Park { reason } }]
            }
            Outcome::Again { reason, after } => self.again(id, &ended, reason, after, now, random),
            Outcome::Unreachable { reason, after } => {
                self.unreachable(id, &ended, reason, after, now, random)
            }
        }
    }

    fn succeeded(&mut self, id: DeliveryId, ended: &UnderWay, now: Now) {
        self.suspects.succeeded(id);
        if self.breaker.succeeded(ended.generation, now.elapsed) == Change::Closed {
            self.drained_until = Duration::ZERO;
            self.notices.push(Notice::Back);
        }
    }

    fn again(
        &mut self,
        id: DeliveryId,
        ended: &UnderWay,
        reason: String,
        after: Option<Duration>,
        now: Now,
        random: &mut Random,
    ) -> Vec<Settlement> {
        let longest = self.policy.retry.longest_pause;
        let change = self.breaker.failed(id, ended.generation, longest, now.elapsed, random);
        let mut settlements = vec![self.attempted(id, ended, &reason, after, now, random)];
        settlements.extend(self.changed(change, reason, now));
        settlements.extend(self.give_back_study(ended, now));
        settlements
    }

    /// An attempt failed: another one is made later, or it was the last.
    fn attempted(
        &self,
        id: DeliveryId,
        ended: &UnderWay,
        reason: &str,
        after: Option<Duration>,
        now: Now,
        random: &mut Random,
    ) -> Settlement {
        let RetrySettings { attempts, longest_pause } = self.policy.retry;
        let made = ended.attempts.saturating_add(1);
        if attempts.is_some_and(|most| made >= most) {
            let reason = format!("given up after {made} attempts: {reason}");
            return Settlement { id, verdict: Verdict::Park { reason } };
        }
        let pause = pause(ended.attempts, longest_pause, after, random);
        let reason = reason.to_owned();
        Settlement { id, verdict: Verdict::Again { at: now.wall + pause, reason, attempted: true } }
    }

    fn unreachable(
        &mut self,
        id: DeliveryId,
        ended: &UnderWay,
        reason: String,
        after: Option<Duration>,
        now: Now,
        random: &mut Random,
    ) -> Vec<Settlement> {
        let longest = self.policy.retry.longest_pause;
        let others = self.busy.saturating_sub(1);
        let change = self.breaker.unreachable(
            ended.generation,
            others,
            (longest, after),
            now.elapsed,
            random,
        );
        let is_cause = self.suspects.unreachable(id);
        let mut settlements = if is_cause {
            vec![self.attempted(id, ended, &reason, after, now, random)]
        } else {
            let until = self.breaker.open_until().unwrap_or(now.elapsed);
            let wait = match change {
                Change::Narrowed(time) => time,
                _ => until.saturating_sub(now.elapsed),
            };
            // Others are the probe before it, lest one at which the destination fails is it each time.
            let at = now.wall + wait + wait / 4;
            let reason = reason.clone();
            vec![Settlement { id, verdict: Verdict::Again { at, reason, attempted: false } }]
        };
        settlements.extend(self.changed(change, reason, now));
        settlements.extend(self.give_back_study(ended, now));
        settlements
    }

    /// Tells people, and gives back what is leased if the destination is left alone.
    fn changed(&mut self, change: Change, reason: String, now: Now) -> Vec<Settlement> {
        match change {
            Change::Opened(time, was_closed) => {
                let next = now.elapsed + time;
                let given_back = not_attempted(self.queue.withdraw(None), &reason, now);
                self.notices.push(if was_closed {
                    Notice::Unreachable { reason, next }
                } else {
                    Notice::StillUnreachable { reason, next }
                });
                self.target = self.policy.first_target();
                self.drained_until = Duration::ZERO;
                given_back
            }
            Change::Narrowed(_) => {
                let sessions = self.busy.saturating_sub(1);
                self.notices.push(Notice::Narrowed { reason, sessions });
                Vec::new()
            }
            Change::Nothing | Change::Closed => Vec::new(),
        }
    }

    fn give_back_study(&mut self, ended: &UnderWay, now: Now) -> Vec<Settlement> {
        match &ended.study {
            Some(study) if self.policy.by_study => {
                not_attempted(self.queue.withdraw(Some(study)), EARLIER_WAITS, now)
            }
            _ => Vec::new(),
        }
    }

    /// The file of a delivery that was taken is gone: it cannot be delivered.
    pub(crate) fn missing(&mut self, id: DeliveryId, reason: String, now: Now) -> Vec<Settlement> {
        let Some(ended) = self.queue.end(id) else { return Vec::new() };
        self.breaker.not_tried(ended.generation, now.elapsed);
        vec![Settlement { id, verdict: Verdict::Park { reason } }]
    }

    /// A delivery that was taken cannot be tried now, for a reason that is not the destination's.
    pub(crate) fn not_tried(
        &mut self,
        id: DeliveryId,
        reason: String,
        now: Now,
        random: &mut Random,
    ) -> Vec<Settlement> {
        let Some(ended) = self.queue.end(id) else { return Vec::new() };
        self.breaker.not_tried(ended.generation, now.elapsed);
        let pause = pause(4, self.policy.retry.longest_pause, None, random);
        let verdict = Verdict::Again { at: now.wall + pause, reason, attempted: false };
        let mut settlements = vec![Settlement { id, verdict }];
        settlements.extend(self.give_back_study(&ended, now));
        settlements
    }

    /// A session has come to the end of what it took. `untold` are those of which it told nothing; if `fault` says why
    /// that is a failure, it counts for the first of them.
    pub(crate) fn returned(
        &mut self,
        untold: &[DeliveryId],
        fault: Option<String>,
        now: Now,
        random: &mut Random,
    ) -> Vec<Settlement> {
        let mut settlements = Vec::new();
        let mut rest = untold;
        if let (Some(reason), Some((first, others))) = (fault, untold.split_first()) {
            settlements = self.told(*first, Outcome::Again { reason, after: None }, now, random);
            rest = others;
        }
        for &id in rest {
            let Some(ended) = self.queue.end(id) else { continue };
            self.breaker.not_tried(ended.generation, now.elapsed);
            settlements.extend(not_attempted(vec![id], NO_TURN, now));
            settlements.extend(self.give_back_study(&ended, now));
        }
        self.busy = self.busy.saturating_sub(1);
        settlements
    }

    /// Gives back what is leased and not begun.
    pub(crate) fn give_back(&mut self, now: Now) -> Vec<Settlement> {
        not_attempted(self.queue.withdraw(None), NO_TURN, now)
    }

    /// Gives back what is leased and must not be begun for longer than a moment.
    pub(crate) fn tidy(&mut self, now: Now) -> Vec<Settlement> {
        let rests = self.paused || !hours::is_open(&self.policy.hours, now.minute);
        if rests { self.give_back(now) } else { Vec::new() }
    }

    /// An operator has paused it, or resumed it.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        if self.paused && !paused {
            self.drained_until = Duration::ZERO;
        }
        self.paused = paused;
    }

    /// What became of this one is in the catalogue, or was given up.
    pub(crate) fn settled(&mut self, id: DeliveryId) {
        self.queue.settled(id);
        if self.policy.by_study {
            // The next one of its study can be leased now.
            self.drained_until = Duration::ZERO;
        }
    }

    /// What people are to be told since the last time.
    pub(crate) fn notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Those whose leases must not run out.
    pub(crate) fn held(&self) -> Vec<DeliveryId> {
        self.queue.held()
    }

    /// Whether a delivery is in memory.
    #[cfg(test)]
    pub(crate) fn knows(&self, id: DeliveryId) -> bool {
        self.queue.knows(id)
    }

    /// How many are in memory in all, and how many of them a session has.
    pub(crate) fn outstanding(&self) -> (usize, usize) {
        (self.queue.outstanding(), self.queue.under_way())
    }

    /// Sessions that could have something to do now, beside those that are busy.
    pub(crate) fn wanted_sessions(&mut self, now: Now) -> usize {
        let batches = self.queue.leased().div_ceil(self.policy.batch);
        match self.breaker.permit(self.policy.concurrency, now.elapsed) {
            Permit::Sessions(sessions) => sessions.saturating_sub(self.busy).min(batches),
            Permit::Probe => batches.min(1),
            Permit::Nothing(_) => 0,
        }
    }

    /// Whether the destination is there, as far as is known.
    pub(crate) fn is_closed(&self) -> bool {
        self.breaker.is_closed()
    }
}

fn not_attempted(ids: Vec<DeliveryId>, reason: &str, now: Now) -> Vec<Settlement> {
    let again = |id| {
        let reason = reason.to_owned();
        Settlement { id, verdict: Verdict::Again { at: now.wall, reason, attempted: false } }
    };
    ids.into_iter().map(again).collect()
}

/// Why deliveries are given back that nobody has tried.
const NO_TURN: &str = "its turn did not come";

/// The same, in the order of a study.
const EARLIER_WAITS: &str = "an earlier one of its study waits";
