//! The feeder's thread: leases deliveries for all destinations, starts sessions, and keeps house.

use super::house::House;
use super::registry::Registry;
use super::running::Running;
use super::session;
use super::shared::Shared;
use crate::limits::{CATALOG_PAUSE, LEASE, POLL};
use crate::machine::Demand;
use catalog::{Delivery, DeliveryId, Error, Lease, LeaseOrder};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often it is looked whether what waits is due much later than it can be.
const LATE_TIME: Duration = Duration::from_secs(10);

/// Later than anything that waits.
const DISTANT: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What the feeder knows beside the destinations.
pub(crate) struct Feeder {
    shared: Arc<Shared>,
    registry: Arc<Registry>,
    house: House,
    /// Leases of earlier runs are to be given back before anything is leased.
    gives_back: bool,
    failures: u32,
    last_late: Duration,
    late_turn: usize,
}

impl Feeder {
    /// With `gives_back` if no other receiver uses the catalogue.
    pub(crate) fn new(shared: Arc<Shared>, registry: Arc<Registry>, gives_back: bool) -> Self {
        let house = House::default();
        Self {
            shared,
            registry,
            house,
            gives_back,
            failures: 0,
            last_late: Duration::ZERO,
            late_turn: 0,
        }
    }

    /// Runs until it is told to end.
    pub(crate) fn run(mut self) {
        loop {
            let wait = match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(Ok(wait)) => {
                    self.available();
                    wait
                }
                Ok(Err(error)) => self.unavailable(&error),
                // What it had leased and not handed on is leased again once that has run out.
                Err(_) => {
                    tracing::error!("outbox: a mistake of this program; deliveries go on after it");
                    CATALOG_PAUSE
                }
            };
            if !self.shared.feeder.wait(wait) {
                return;
            }
        }
    }

    /// Does what is to be done now. Returns how long there is nothing more to do.
    fn turn(&mut self) -> Result<Duration, Error> {
        if self.gives_back {
            let count = self.shared.catalog.release_leases(&self.shared.owner)?;
            if count > 0 {
                tracing::info!("outbox: {count} deliveries of an earlier run are delivered again");
            }
            self.gives_back = false;
        }
        let mut until = self.shared.clock.elapsed() + POLL;
        let running = self.registry.list();
        // Before anything is leased: what is too much or too old is parked only where it waits.
        self.house.keep(&self.shared, &running)?;
        for one in &running {
            if self.shared.feeder.is_over() {
                return Ok(Duration::ZERO);
            }
            until = until.min(self.feed(one)?);
        }
        self.look_for_late_ones(&running)?;
        Ok(until.saturating_sub(self.shared.clock.elapsed()))
    }

    /// Leases what a destination wants. Returns when it may want more.
    fn feed(&self, running: &Arc<Running>) -> Result<Duration, Error> {
        let until = match running.demand() {
            Demand::Nothing(until) => until,
            Demand::Lease { most, order } => {
                self.lease(running, most, order)?;
                match running.demand() {
                    Demand::Nothing(until) => until,
                    Demand::Lease { .. } => Duration::ZERO,
                }
            }
        };
        start_sessions(running);
        Ok(until)
    }

    fn lease(&self, running: &Arc<Running>, most: usize, order: LeaseOrder) -> Result<(), Error> {
        let _turn = self.shared.turn();
        let deliveries = self.ask(running, most, order, self.shared.clock.now().wall)?;
        running.leased(deliveries, most);
        Ok(())
    }

    fn ask(
        &self,
        running: &Running,
        most: usize,
        order: LeaseOrder,
        now: SystemTime,
    ) -> Result<Vec<Delivery>, Error> {
        self.shared.catalog.lease(&Lease {
            destination: running.name.clone(),
            most,
            order,
            owner: self.shared.owner.clone(),
            now,
            duration: LEASE,
        })
    }

    /// What waits for longer than the longest pause was written by a clock that was ahead: it is due now.
    fn look_for_late_ones(&mut self, running: &[Arc<Running>]) -> Result<(), Error> {
        let now = self.shared.clock.now();
        if now.elapsed < self.last_late + LATE_TIME || running.is_empty() {
            return Ok(());
        }
        self.last_late = now.elapsed;
        self.late_turn = self.late_turn.wrapping_add(1);
        let one = &running[self.late_turn % running.len()];
        let (waiting, paused) = one.waiting();
        if waiting == 0 || paused {
            return Ok(());
        }
        let far = (one.settings().retry.longest_pause * 2).max(LEASE * 2);
        let next = self.shared.catalog.next_attempt(&one.name, now.wall)?;
        if next.is_some_and(|next| next > now.wall + far)
            && let Demand::Lease { most, order } = one.demand_anyway()
        {
            tracing::info!(
                destination = one.name,
                "destination {}: deliveries that were to be tried much later than now, since the clock was set, are tried now",
                one.name
            );
            let turn = self.shared.turn();
            let deliveries = self.ask(one, most, order, now.wall + DISTANT)?;
            // As of now: their leases would last until then.
            let ids: Vec<DeliveryId> = deliveries.iter().map(|it| it.id).collect();
            self.shared.catalog.renew(&self.shared.owner, &ids, now.wall + LEASE)?;
            one.leased(deliveries, most);
            drop(turn);
            start_sessions(one);
        }
        Ok(())
    }

    fn available(&mut self) {
        if self.failures > 0 {
            tracing::info!("outbox: the catalogue is available again");
        }
        self.failures = 0;
    }

    /// Returns how long the catalogue is left alone.
    fn unavailable(&mut self, error: &Error) -> Duration {
        if self.failures == 0 {
            tracing::warn!("outbox: {error}; deliveries wait until the catalogue is available");
        }
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(50).saturating_mul(1 << self.failures.min(10)).min(CATALOG_PAUSE)
    }
}

/// Starts threads for what is leased. If there are none to be had, those that there are do it.
fn start_sessions(running: &Arc<Running>) {
    while running.add_thread() {
        if let Err(error) = session::start(running) {
            running.remove_thread();
            tracing::warn!(
                destination = running.name,
                "destination {}: a thread cannot be started: {error}; that is tried again",
                running.name
            );
            return;
        }
    }
}
