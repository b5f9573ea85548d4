//! The settler's thread: tells the catalogue what became of deliveries, and releases the bytes that nobody is owed any
//! more.

use super::shared::{Leaseholder, SettlerQueue, Shared};
use crate::machine::{Settled, Step};
use catalog::{DeliveryId, Settlement, SpooledObject};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How often failures are told in the log.
const LOG_TIME: Duration = Duration::from_secs(60);

/// Runs until there is nothing left after the end was told.
pub(crate) fn run(shared: &Shared) {
    let mut log = FailureLog::default();
    while let Some(step) = next(shared) {
        let done = catch_unwind(AssertUnwindSafe(|| match &step {
            Step::Settle(settlements) => settle(shared, settlements, &mut log),
            Step::MakeDurable(count) => make_durable(shared, *count, &mut log),
            Step::Release(objects) => release(shared, objects, &mut log),
            Step::Wait(_) => {}
        }));
        if done.is_err() {
            tracing::error!("outbox: a mistake of this program; settling goes on after it");
            let mut state = shared.settler.lock();
            match step {
                // Their links are looked through at a start after a crash.
                Step::Release(objects) => state.settling.released(objects.len()),
                _ => state.settling.failed(shared.clock.elapsed()),
            }
        }
    }
    shared.settler.lock().has_ended = true;
    shared.settler.notify();
}

/// The next step that is not to wait.
fn next(shared: &Shared) -> Option<Step> {
    let queue: &SettlerQueue = &shared.settler;
    let mut state = queue.lock();
    loop {
        if state.is_over && state.settling.is_idle() {
            return None;
        }
        let now = shared.clock.elapsed();
        let until = match state.settling.step(state.is_over, now) {
            Step::Wait(until) => until,
            step => return Some(step),
        };
        let most = until.map_or(Duration::from_secs(60), |until| until.saturating_sub(now));
        state = queue.wait(state, most.max(Duration::from_millis(1)));
    }
}

fn settle(shared: &Shared, settlements: &[Settlement], log: &mut FailureLog) {
    let _turn = shared.turn();
    let now = shared.clock.now();
    let answer = shared.catalog.settle(&shared.owner, settlements, now.wall);
    let elapsed = shared.clock.elapsed();
    let mut state = shared.settler.lock();
    let ended = match answer {
        Ok(spooled) => {
            log.is_back(elapsed);
            state.settling.settled(settlements.len(), spooled, elapsed)
        }
        Err(error) if error.is_transient() => {
            log.failed(&error.to_string(), elapsed);
            state.settling.failed(elapsed);
            return;
        }
        Err(error) => {
            log.failed(&error.to_string(), elapsed);
            state.settling.refused(elapsed).into_iter().collect()
        }
    };
    drop(state);
    tell(ended);
}

/// Tells each leaseholder what is settled of it.
fn tell(ended: Vec<Settled<Arc<dyn Leaseholder>>>) {
    let mut ended = ended.into_iter().peekable();
    while let Some(first) = ended.next() {
        let mut ids: Vec<DeliveryId> = vec![first.settlement.id];
        while let Some(one) = ended.next_if(|it| Arc::ptr_eq(&it.destination, &first.destination)) {
            ids.push(one.settlement.id);
        }
        first.destination.settled(&ids);
    }
}

fn make_durable(shared: &Shared, count: usize, log: &mut FailureLog) {
    let answer = shared.catalog.make_durable();
    let elapsed = shared.clock.elapsed();
    let mut state = shared.settler.lock();
    match answer {
        Ok(()) => state.settling.durable(count, elapsed),
        Err(error) => {
            log.failed(&error.to_string(), elapsed);
            state.settling.failed(elapsed);
        }
    }
}

fn release(shared: &Shared, objects: &[SpooledObject], log: &mut FailureLog) {
    for object in objects {
        if let Err(error) = shared.spool.release(object) {
            let elapsed = shared.clock.elapsed();
            let text = format!(
                "the spooled bytes of an object in {} cannot be removed: {error}; that is tried again at the next start",
                object.directory.display()
            );
            log.failed(&text, elapsed);
        }
    }
    shared.settler.lock().settling.released(objects.len());
}

/// Tells of failures, at a bounded rate.
#[derive(Debug, Default)]
struct FailureLog {
    told: Option<Duration>,
}

impl FailureLog {
    fn failed(&mut self, error: &str, now: Duration) {
        if self.told.is_none_or(|told| now.saturating_sub(told) >= LOG_TIME) {
            self.told = Some(now);
            tracing::warn!(
                "outbox: {error}; what was delivered is settled later, or delivered again with the same key"
            );
        }
    }

    fn is_back(&mut self, now: Duration) {
        if self.told.is_some_and(|told| now.saturating_sub(told) >= Duration::from_secs(1)) {
            self.told = None;
        }
    }
}
