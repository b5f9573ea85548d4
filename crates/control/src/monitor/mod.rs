//! What the control plane is told of associations: by their own threads, without waiting for readers.
//!
//! ```text
//!   thread of an association ──► Live      its own entry in a map without locks: how far it is
//!                            ──► Totals    numbers that only grow
//!   at its end               ──► Ring of ended associations ┐ a writer passes over a slot that a reader has locked
//!   at a refusal             ──► Ring of refusals           ┘
//! ```

mod association;
mod contexts;
mod hints;
mod refusal;
mod ring;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod totals;

pub(crate) use association::{Ended, Facts, Live, Progress};
pub(crate) use contexts::Context;
pub(crate) use refusal::{Refusal, What};
pub(crate) use ring::Entry;
pub(crate) use totals::Totals;

use crate::limits::{ENDED_ASSOCIATIONS, REFUSALS};
use crate::metrics::Metrics;
use papaya::HashMap;
use proto::StatusKind;
use receiver::{Accepted, Answered, Received, Refused, StoredObject, Summary, Tolerated};
use ring::Ring;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Notes what happens, for the metrics and the API. Each method is called by the thread of an association and waits
/// for nobody.
///
/// Memory: see [`limits`](crate::limits).
pub struct Monitor {
    metrics: Metrics,
    since: SystemTime,
    live: HashMap<u64, Arc<Live>>,
    ended: Ring<Ended>,
    refusals: Ring<Refusal>,
    totals: Totals,
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new([])
    }
}

impl Monitor {
    /// Counts these calling titles one by one, and all others together.
    #[must_use]
    pub fn new(titles: impl IntoIterator<Item = String>) -> Self {
        Self {
            metrics: Metrics::new(titles),
            since: SystemTime::now(),
            live: HashMap::new(),
            ended: Ring::new(ENDED_ASSOCIATIONS),
            refusals: Ring::new(REFUSALS),
            totals: Totals::default(),
        }
    }

    /// Counts these calling titles from now on.
    pub fn set_titles(&self, titles: impl IntoIterator<Item = String>) {
        self.metrics.set_titles(titles);
    }

    /// What is counted and measured.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("live", &self.live.len()).finish_non_exhaustive()
    }
}

/// What happens.
impl Monitor {
    /// The settings were read again, and are in effect if that has succeeded.
    pub fn settings_reloaded(&self, has_succeeded: bool) {
        self.metrics.settings_reloaded(has_succeeded);
    }

    /// An association is accepted; `rule` is the name of the rule that decided how it is treated, if one did.
    pub fn association_accepted(&self, accepted: &Accepted<'_>, rule: Option<&str>) {
        self.metrics.association_accepted(accepted.peer, rule);
        self.totals.accepted.add(1);
        let live = Live::new(Arc::new(Facts::new(accepted, rule)));
        self.live.pin().insert(accepted.peer.association, Arc::new(live));
    }

    /// More of a data set has come.
    pub fn received(&self, received: &Received<'_>) {
        self.totals.bytes.add(received.bytes);
        self.change(received.peer.association, |live| {
            live.received(received.bytes, received.is_last);
        });
    }

    /// An object is stored.
    pub fn stored(&self, object: &StoredObject<'_>) {
        self.metrics.stored(object);
        self.totals.objects_stored.add(1);
        self.change(object.peer.association, Live::stored);
    }

    /// Its answer was sent.
    pub fn answered(&self, answered: &Answered<'_>) {
        self.metrics.answered(answered);
    }

    /// Something wrong with an object was tolerated.
    pub fn tolerated(&self, tolerated: &Tolerated<'_>) {
        self.metrics.tolerated(tolerated);
        self.totals.objects_tolerated.add(1);
    }

    /// A connection, an association or an object was refused; `hint` says what an operator can do, where the program
    /// knows better than this crate.
    pub fn refused(&self, refused: &Refused<'_>, hint: Option<&str>) {
        self.metrics.refused(refused);
        self.totals.refused(refused);
        match refused {
            // One that is dropped on purpose and answered with success is none that was refused.
            Refused::Object { peer, status, .. } if status.kind() == StatusKind::Failure => {
                self.change(peer.association, Live::object_refused);
            }
            Refused::Request { peer, .. } => self.change(peer.association, Live::request_refused),
            _ => {}
        }
        if let Some(refusal) = Refusal::new(refused, hint) {
            self.refusals.push(refusal);
        }
    }

    /// An association has ended.
    pub fn association_ended(&self, summary: &Summary) {
        self.metrics.association_ended(summary);
        self.totals.ended(summary);
        let number = summary.peer.association;
        let (facts, requests_refused) = match self.live.pin().remove(&number) {
            Some(live) => (live.end(), live.requests_refused()),
            None => (None, 0),
        };
        let at = SystemTime::now();
        self.ended.push(Ended { facts, summary: *summary, at, requests_refused });
    }

    fn change(&self, association: u64, change: impl FnOnce(&Live)) {
        if let Some(live) = self.live.pin().get(&association) {
            change(live);
        }
    }
}

/// What has happened, for threads of the control plane.
impl Monitor {
    /// Since when it notes.
    pub(crate) fn since(&self) -> SystemTime {
        self.since
    }

    /// What has happened, in numbers.
    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// How many associations are being served.
    pub(crate) fn live_count(&self) -> usize {
        self.live.len()
    }

    /// The associations that are being served and have numbers less than `before`, if given: the latest first, and at
    /// most so many.
    pub(crate) fn live(&self, before: Option<u64>, most: usize) -> Vec<(Arc<Facts>, Progress)> {
        let mut numbers: Vec<u64> = self.live.pin().keys().copied().collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let wanted =
            numbers.into_iter().filter(|&number| before.is_none_or(|before| number < before));
        wanted.filter_map(|number| self.live_association(number)).take(most).collect()
    }

    /// The association with this number, if it is being served.
    pub(crate) fn live_association(&self, number: u64) -> Option<(Arc<Facts>, Progress)> {
        let live = self.live.pin().get(&number).cloned()?;
        let progress = live.progress();
        Some((live.facts()?, progress))
    }

    /// The associations that have ended and whose keys are less than `before`, if given: the latest first, and at most
    /// so many.
    pub(crate) fn ended(&self, before: Option<u64>, most: usize) -> Vec<Entry<Ended>> {
        self.ended.latest(before, most, |_| true)
    }

    /// The association with this number, if it has ended.
    pub(crate) fn ended_association(&self, number: u64) -> Option<Entry<Ended>> {
        let is_it = |ended: &Ended| ended.summary.peer.association == number;
        self.ended.latest(None, 1, is_it).pop()
    }

    /// The refusals whose keys are less than `before`, if given, and that are `wanted`: the latest first, and at most
    /// so many.
    pub(crate) fn refusals(
        &self,
        before: Option<u64>,
        most: usize,
        wanted: impl Fn(&Refusal) -> bool,
    ) -> Vec<Entry<Refusal>> {
        self.refusals.latest(before, most, wanted)
    }
}
