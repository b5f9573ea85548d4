//! What is done now and then: counting, renewing leases, keeping within bounds, forgetting what is done.

use super::running::Running;
use super::shared::Shared;
use crate::limits::{FORGET_TIME, FORGOTTEN, LEASE, PARKED_AT_A_TIME, POLL};
use catalog::{DeliveryFilter, DeliveryState, DestinationCounts, Error, Page};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Counting takes one part in so many of the time, at most.
const COUNTING_SHARE: u32 = 50;

/// The longest time between two counts.
const LONGEST_COUNT: Duration = Duration::from_secs(10);

/// Leases are renewed so often.
const RENEW: Duration = LEASE.checked_div(3).expect("three is not zero");

/// What is remembered of deliveries to destinations that the settings do not have any more.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);

/// When each thing is done next.
#[derive(Debug, Default)]
pub(crate) struct House {
    count: Duration,
    renew: Duration,
    forget: Duration,
    /// Destinations of which there is more to forget now.
    forget_more: bool,
    /// What is owed to destinations that the settings do not have.
    unknown: Vec<String>,
}

impl House {
    /// Does what is due.
    pub(crate) fn keep(&mut self, shared: &Shared, running: &[Arc<Running>]) -> Result<(), Error> {
        let now = shared.clock.elapsed();
        if now >= self.renew {
            renew(shared, running)?;
            self.renew = now + RENEW;
        }
        if now >= self.count {
            self.count(shared, running)?;
            let took = shared.clock.elapsed().saturating_sub(now);
            self.count = now + (took * COUNTING_SHARE).clamp(POLL, LONGEST_COUNT);
            running.iter().for_each(Running::tidy);
        }
        if now >= self.forget {
            self.forget_more = forget(shared, running)?;
            self.forget = now + if self.forget_more { POLL } else { FORGET_TIME };
        }
        Ok(())
    }

    fn count(&mut self, shared: &Shared, running: &[Arc<Running>]) -> Result<(), Error> {
        let names: Vec<String> = running.iter().map(|it| it.name.clone()).collect();
        let counts = shared.catalog.counts(&names)?;
        let mut by_name: HashMap<String, DestinationCounts> =
            counts.into_iter().map(|it| (it.destination.clone(), it)).collect();
        for one in running {
            let none = || DestinationCounts {
                destination: one.name.clone(),
                ..DestinationCounts::default()
            };
            let counts = by_name.remove(&one.name).unwrap_or_else(none);
            if let Some((excess, before)) = one.counted(counts) {
                park_oldest(shared, one, excess, before)?;
            }
        }
        let unknown = by_name.into_values().filter(|it| it.waiting > 0).collect();
        self.tell_unknown(&unknown);
        shared.set_unknown(unknown);
        Ok(())
    }

    fn tell_unknown(&mut self, unknown: &Vec<DestinationCounts>) {
        for one in unknown {
            if !self.unknown.contains(&one.destination) {
                tracing::warn!(
                    "outbox: {} deliveries wait for {:?}, which is no destination of the settings: \
                     add it, or drop them (`storescp outbox drop`)",
                    one.waiting,
                    one.destination
                );
            }
        }
        self.unknown = unknown.iter().map(|it| it.destination.clone()).collect();
    }
}

fn renew(shared: &Shared, running: &[Arc<Running>]) -> Result<(), Error> {
    for one in running {
        let held = one.held();
        if !held.is_empty() {
            let until = shared.clock.now().wall + LEASE;
            shared.catalog.renew(&shared.owner, &held, until)?;
        }
    }
    Ok(())
}

/// Parks the oldest deliveries until what waits is within the bounds, or some of them: the next count does the rest.
fn park_oldest(
    shared: &Shared,
    running: &Running,
    excess: u64,
    before: Option<SystemTime>,
) -> Result<(), Error> {
    let filter = DeliveryFilter {
        destination: Some(running.name.clone()),
        state: Some(DeliveryState::Waiting),
        ..DeliveryFilter::default()
    };
    let page = Page { after: None, most: PARKED_AT_A_TIME };
    let (mut too_many, mut too_old, mut bytes) = (Vec::new(), Vec::new(), 0);
    for row in shared.catalog.deliveries(&filter, page)? {
        if before.is_some_and(|before| row.since < before) {
            too_old.push(row.id);
        } else if bytes < excess {
            too_many.push(row.id);
        } else {
            break;
        }
        bytes = bytes.saturating_add(row.size);
    }
    let now = shared.clock.now().wall;
    let mut count = 0;
    for (ids, reason) in [
        (too_old, "it waited for longer than the bound of its destination"),
        (too_many, "more bytes waited than the bound of its destination, and it was the oldest"),
    ] {
        if !ids.is_empty() {
            count += shared.catalog.park(&ids, reason, now)?;
        }
    }
    running.parked_over_bounds(count);
    Ok(())
}

/// Forgets what was done long ago, in a small step. True if there is more.
fn forget(shared: &Shared, running: &[Arc<Running>]) -> Result<bool, Error> {
    let now = shared.clock.now().wall;
    let mut more = false;
    let mut longest = REMEMBERED;
    for one in running {
        let remember = one.settings().remember;
        longest = longest.max(remember);
        if let Some(before) = now.checked_sub(remember) {
            let count = shared.catalog.forget_done(Some(&one.name), before, FORGOTTEN)?;
            more |= count >= FORGOTTEN as u64;
        }
    }
    if let Some(before) = now.checked_sub(longest) {
        let count = shared.catalog.forget_done(None, before, FORGOTTEN)?;
        more |= count >= FORGOTTEN as u64;
    }
    Ok(more)
}
