//! One destination while the program runs: its machine, and the threads that wait for something to deliver.

use super::report::{BreakerReport, DestinationReport, FailureClass, Tally, kind_name};
use super::shared::{Leaseholder, Shared};
use super::texts::{self, ParkedLog};
use crate::machine::{Demand, Machine, Notice, Policy, Random, Settled, Take};
use crate::{Bounds, Destination, DestinationSettings, Outcome, OverBounds, Stop};
use catalog::{Delivery, DeliveryId, DestinationCounts, Settlement, Verdict};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// See the module's documentation.
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) shared: Arc<Shared>,
    /// Its sessions are to end.
    pub(crate) stop: Stop,
    over_bounds: AtomicBool,
    state: Mutex<State>,
    /// There may be something for a session, or a thread has ended.
    changed: Condvar,
}

/// What the lock protects.
pub(crate) struct State {
    settings: DestinationSettings,
    destination: Arc<dyn Destination>,
    /// Counts the destinations that took each other's place.
    version: u64,
    machine: Machine,
    random: Random,
    tally: Tally,
    counts: DestinationCounts,
    threads: usize,
    idle: usize,
    /// Since when it is not there, why, and when it is tried next.
    away: Option<(Duration, String, Duration)>,
    parked: ParkedLog,
}

/// What a session's thread is to do.
pub(crate) enum Next {
    /// Deliver these, by a session of this destination.
    Deliver(Vec<Delivery>, Arc<dyn Destination>, u64),
    /// Nothing for now.
    Idle(Duration),
    /// Come to an end.
    End,
}

impl Running {
    /// A destination of which nothing is leased.
    pub(crate) fn new(
        settings: DestinationSettings,
        destination: Arc<dyn Destination>,
        shared: Arc<Shared>,
    ) -> Self {
        let now = shared.clock.now();
        let machine = Machine::new(Policy::new(&settings, destination.batch()), now);
        let counts = DestinationCounts {
            destination: settings.name.clone(),
            ..DestinationCounts::default()
        };
        Self {
            name: settings.name.clone(),
            stop: Stop::default(),
            over_bounds: AtomicBool::new(false),
            state: Mutex::new(State {
                settings,
                destination,
                version: 0,
                machine,
                random: Random::new(texts::seed()),
                tally: Tally::default(),
                counts,
                threads: 0,
                idle: 0,
                away: None,
                parked: ParkedLog::default(),
            }),
            changed: Condvar::new(),
            shared,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread that has nothing to do since `idle_since` is to do; blocks for a second at most.
    pub(crate) fn next(&self, idle_since: Duration) -> Next {
        let mut state = self.lock();
        let begun = self.shared.clock.elapsed();
        loop {
            let now = self.shared.clock.now();
            if self.stop.is_set() || state.threads > state.settings.concurrency {
                return Next::End;
            }
            let until = match state.machine.take(now) {
                Take::Deliver(deliveries) => return self.begin(&mut state, deliveries),
                Take::Wait(until) => until,
            };
            let idle = now.elapsed.saturating_sub(idle_since);
            if idle >= state.destination.linger() {
                return Next::End;
            }
            let tick = begun + Duration::from_secs(1);
            if now.elapsed >= tick {
                return Next::Idle(idle);
            }
            let wait = until.map_or(tick, |until| until.min(tick)).saturating_sub(now.elapsed);
            state.idle += 1;
            let woken = self.changed.wait_timeout(state, wait.max(Duration::from_millis(1)));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
    }

    fn begin(&self, state: &mut State, deliveries: Vec<Delivery>) -> Next {
        let now = self.shared.clock.now();
        if matches!(state.machine.demand(now), Demand::Lease { .. }) {
            self.shared.feeder.wake();
        }
        if state.idle > 0 && state.machine.wanted_sessions(now) > 0 {
            self.changed.notify_one();
        }
        Next::Deliver(deliveries, Arc::clone(&state.destination), state.version)
    }

    /// A session tells what became of a delivery.
    pub(crate) fn told(self: &Arc<Self>, delivery: &Delivery, outcome: Outcome) {
        let outcome = texts::cleaned(outcome);
        let now = self.shared.clock.now();
        let mut state = self.lock();
        let State { machine, random, .. } = &mut *state;
        let settlements = machine.told(delivery.id, outcome.clone(), now, random);
        let is_parked =
            |it: &Settlement| it.id == delivery.id && matches!(it.verdict, Verdict::Park { .. });
        let parked = settlements.iter().any(is_parked);
        state.tally.outcome(delivery, &outcome, parked, now.wall);
        self.settle(&mut state, settlements);
    }

    /// The file of a delivery is gone.
    pub(crate) fn missing(self: &Arc<Self>, id: DeliveryId, reason: String) {
        let now = self.shared.clock.now();
        let mut state = self.lock();
        state.tally.failure(FailureClass::Missing);
        let settlements = state.machine.missing(id, reason, now);
        self.settle(&mut state, settlements);
    }

    /// A delivery cannot be tried for now.
    pub(crate) fn not_tried(self: &Arc<Self>, id: DeliveryId, reason: &str) {
        let now = self.shared.clock.now();
        let mut state = self.lock();
        let State { machine, random, .. } = &mut *state;
        let settlements = machine.not_tried(id, texts::clean(reason), now, random);
        self.settle(&mut state, settlements);
    }

    /// A session has come to the end of what it took; `untold` is of what it told nothing, `fault` if that is a failure.
    pub(crate) fn returned(
        self: &Arc<Self>,
        untold: &[DeliveryId],
        fault: Option<(FailureClass, String)>,
    ) {
        let now = self.shared.clock.now();
        let mut state = self.lock();
        if let (Some((class, _)), false) = (&fault, untold.is_empty()) {
            state.tally.failure(*class);
        }
        let fault = fault.map(|(_, reason)| texts::clean(&reason));
        let State { machine, random, .. } = &mut *state;
        let settlements = machine.returned(untold, fault, now, random);
        self.settle(&mut state, settlements);
        if state.idle > 0 {
            self.changed.notify_one();
        }
    }

    /// Hands on what is to be settled, and tells people what they are to know.
    fn settle(self: &Arc<Self>, state: &mut State, settlements: Vec<Settlement>) {
        let elapsed = self.shared.clock.elapsed();
        for one in &settlements {
            if let Verdict::Park { reason } = &one.verdict {
                state.parked.parked(&self.name, reason, 1, elapsed);
            }
        }
        let holder: Arc<dyn Leaseholder> = Arc::<Self>::clone(self);
        self.shared.settler.add(
            settlements
                .into_iter()
                .map(|settlement| Settled { destination: Arc::clone(&holder), settlement }),
            elapsed,
        );
        for notice in state.machine.notices() {
            self.notice(state, notice, elapsed);
        }
    }

    fn notice(&self, state: &mut State, notice: Notice, elapsed: Duration) {
        match notice {
            Notice::Unreachable { reason, next } => {
                texts::unreachable(&self.name, &reason, next.saturating_sub(elapsed));
                state.away = Some((elapsed, reason, next));
                self.shared.feeder.wake();
            }
            Notice::StillUnreachable { reason, next } => {
                texts::still_unreachable(&self.name, &reason, next.saturating_sub(elapsed));
                let since = state.away.take().map_or(elapsed, |(since, ..)| since);
                state.away = Some((since, reason, next));
            }
            Notice::Narrowed { reason, sessions } => {
                texts::narrowed(&self.name, &reason, sessions);
            }
            Notice::Back => {
                let since = state.away.take().map_or(elapsed, |(since, ..)| since);
                texts::back(&self.name, elapsed.saturating_sub(since));
                self.shared.feeder.wake();
            }
        }
    }

    /// What is to be leased now.
    pub(crate) fn demand(&self) -> Demand {
        self.lock().machine.demand(self.shared.clock.now())
    }

    /// The same, even if the catalogue has just said that it has none.
    pub(crate) fn demand_anyway(&self) -> Demand {
        let mut state = self.lock();
        state.machine.wake();
        state.machine.demand(self.shared.clock.now())
    }

    /// These were leased, of so many that were asked for.
    pub(crate) fn leased(self: &Arc<Self>, deliveries: Vec<Delivery>, asked: usize) {
        let mut state = self.lock();
        let now = self.shared.clock.now();
        let mut settlements = state.machine.leased(deliveries, asked, now);
        if self.stop.is_set() {
            settlements.extend(state.machine.give_back(now));
        }
        self.settle(&mut state, settlements);
        let wanted = state.machine.wanted_sessions(self.shared.clock.now());
        for _ in 0..wanted.min(state.idle) {
            self.changed.notify_one();
        }
    }

    /// Counts a thread that is about to be started, if one more is needed.
    pub(crate) fn add_thread(&self) -> bool {
        let mut state = self.lock();
        let wanted = state.machine.wanted_sessions(self.shared.clock.now());
        let more = !self.stop.is_set()
            && wanted > state.idle
            && state.threads < state.settings.concurrency;
        state.threads += usize::from(more);
        more
    }

    /// A thread has ended, or was not started.
    pub(crate) fn remove_thread(&self) {
        self.lock().threads -= 1;
        self.changed.notify_all();
    }

    /// Something may be owed.
    pub(crate) fn wake(&self) {
        self.lock().machine.wake();
    }

    /// An operator wants it tried now.
    pub(crate) fn try_now(&self) {
        let now = self.shared.clock.now();
        self.lock().machine.try_now(now);
        self.changed.notify_all();
    }

    /// Gives back what must not be begun for a while: a pause, hours.
    pub(crate) fn tidy(self: &Arc<Self>) {
        let now = self.shared.clock.now();
        let mut state = self.lock();
        let settlements = state.machine.tidy(now);
        self.settle(&mut state, settlements);
    }

    /// Takes over other settings; `destination` if the sessions are others from now on.
    pub(crate) fn replace(
        self: &Arc<Self>,
        settings: DestinationSettings,
        destination: Option<Arc<dyn Destination>>,
    ) {
        let mut state = self.lock();
        if let Some(destination) = destination {
            state.destination = destination;
            state.version += 1;
        }
        let policy = Policy::new(&settings, state.destination.batch());
        state.settings = settings;
        let settlements = state.machine.replace(policy, self.shared.clock.now());
        self.settle(&mut state, settlements);
        self.changed.notify_all();
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> DestinationSettings {
        self.lock().settings.clone()
    }

    /// Lets its sessions end, and gives back what they have not begun.
    pub(crate) fn end(self: &Arc<Self>) {
        self.stop.set();
        let mut state = self.lock();
        let settlements = state.machine.give_back(self.shared.clock.now());
        self.settle(&mut state, settlements);
        self.changed.notify_all();
    }

    /// Waits until its threads have ended, until then at most. Returns how many have not.
    pub(crate) fn wait_for_threads(&self, until: Duration) -> usize {
        let mut state = self.lock();
        loop {
            let now = self.shared.clock.elapsed();
            if state.threads == 0 || now >= until {
                return state.threads;
            }
            let woken = self.changed.wait_timeout(state, until - now);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Those whose leases must not run out.
    pub(crate) fn held(&self) -> Vec<DeliveryId> {
        self.lock().machine.held()
    }

    /// The catalogue has counted. Returns how many bytes are too many, and before when what waits is too old, if what is
    /// beyond the bounds is parked.
    pub(crate) fn counted(&self, counts: DestinationCounts) -> Option<(u64, Option<SystemTime>)> {
        let wall = self.shared.clock.now().wall;
        let mut state = self.lock();
        state.machine.set_paused(counts.paused);
        let Bounds { bytes, age, over } = state.settings.bounds;
        let excess = bytes.map_or(0, |most| counts.waiting_bytes.saturating_sub(most));
        let before = age.and_then(|age| wall.checked_sub(age));
        let too_old = before.is_some_and(|before| counts.oldest.is_some_and(|it| it < before));
        state.counts = counts;
        let is_over = excess > 0 || too_old;
        let was_over =
            self.over_bounds.swap(is_over && over == OverBounds::Refuse, Ordering::Relaxed);
        if over == OverBounds::Refuse && is_over != was_over {
            texts::bounds(&self.name, is_over, &state.counts);
        }
        (is_over && over == OverBounds::Park).then_some((excess, before.filter(|_| too_old)))
    }

    /// So many were parked since what waited was beyond the bounds.
    pub(crate) fn parked_over_bounds(&self, count: u64) {
        if count > 0 {
            let elapsed = self.shared.clock.elapsed();
            let reason = "too much waited for the destination";
            self.lock().parked.parked(&self.name, reason, count, elapsed);
        }
    }

    /// Marks it as paused or not, before the catalogue says so.
    pub(crate) fn set_paused(&self, paused: bool) {
        let mut state = self.lock();
        state.counts.paused = paused;
        state.machine.set_paused(paused);
    }

    /// Whether senders are to be refused since too much waits.
    pub(crate) fn is_over_bounds(&self) -> bool {
        self.over_bounds.load(Ordering::Relaxed)
    }

    /// How many wait, as far as is known.
    pub(crate) fn waiting(&self) -> (u64, bool) {
        let state = self.lock();
        (state.counts.waiting, state.counts.paused)
    }

    /// For people.
    pub(crate) fn report(&self) -> DestinationReport {
        let now = self.shared.clock.now();
        let state = self.lock();
        let mut report = state.tally.report(kind_name(&state.settings.kind), &state.counts);
        report.over_bounds = self.is_over_bounds();
        report.under_way = state.machine.outstanding().1;
        report.sessions = state.threads;
        if let Some((since, reason, next)) = &state.away
            && !state.machine.is_closed()
        {
            let wall = |at: Duration| {
                let earlier = now.elapsed.saturating_sub(at);
                now.wall.checked_sub(earlier).unwrap_or(now.wall) + at.saturating_sub(now.elapsed)
            };
            report.breaker = BreakerReport::Open {
                since: wall(*since),
                reason: reason.clone(),
                next: wall(*next),
            };
        }
        report
    }
}

impl Leaseholder for Running {
    fn settled(&self, ids: &[DeliveryId]) {
        let mut state = self.lock();
        for id in ids {
            state.machine.settled(*id);
        }
        let now = self.shared.clock.now();
        if matches!(state.machine.demand(now), Demand::Lease { .. }) {
            self.shared.feeder.wake();
        }
    }
}
