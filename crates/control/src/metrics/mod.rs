//! Metrics, for Prometheus and whatever reads its formats.
//!
//! ```text
//!   threads of associations ──► Counters, Senders      atomics only: nobody waits for a reader
//!                                    │
//!   /metrics ──► table ──► read ─────┴──► exposition: OpenMetrics or Prometheus's text
//!                  └─────► Program, /proc/self (at most once a second)
//! ```
//!
//! Labels come from fixed vocabularies and from the settings, never from a peer, so the number of series is bounded:
//! about 250, 7 for each directory and certificate, 32 for each destination, and 4 for each pair of calling title and rule, at most 2,000 of them.

mod cells;
mod counters;
mod exposition;
mod facts;
mod process;
mod senders;
mod table;
mod vocabulary;

use crate::program::Program;
use counters::{Counters, is_refusal};
use exposition::Format;
use facts::Answers;
use receiver::{Answered, Peer, Refused, StoredObject, Summary, Tolerated};
use senders::{OTHER, Senders};
use std::time::SystemTime;
use table::View;

/// What is counted and measured.
///
/// The methods that count are called by the threads of associations: they take no lock, and except at an
/// association's begin allocate nothing. An object that is stored costs twelve atomic additions and a store.
#[derive(Debug)]
pub struct Metrics {
    counters: Counters,
    senders: Senders,
    answers: Answers,
}

/// An answer to who reads metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub text: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new([])
    }
}

impl Metrics {
    /// Counts these calling titles one by one, and all others together.
    #[must_use]
    pub fn new(titles: impl IntoIterator<Item = String>) -> Self {
        let (counters, senders) = (Counters::default(), Senders::new(titles));
        Self { counters, senders, answers: Answers::default() }
    }

    /// Counts these calling titles from now on. What was counted of others stays.
    pub fn set_titles(&self, titles: impl IntoIterator<Item = String>) {
        self.senders.set_titles(titles);
    }

    /// The calling thread begins to serve an association, treated by this rule.
    pub fn association_accepted(&self, peer: &Peer, rule: Option<&str>) {
        self.counters.accepted.add(1);
        self.senders.begin(peer.association, peer.calling_ae, rule.unwrap_or(OTHER));
    }

    /// An object is stored.
    pub fn stored(&self, object: &StoredObject<'_>) {
        let duplicate = object.file.as_ref().and_then(vocabulary::duplicate);
        self.counters.stored(object.received_bytes, duplicate);
        let peer = object.peer;
        self.senders.with(peer.association, peer.calling_ae, |sender| {
            sender.stored(object.received_bytes, object.requested);
        });
    }

    /// Its answer was sent, or could not be.
    pub fn answered(&self, answered: &Answered<'_>) {
        let &Answered { receive, commit, answer, is_sent, .. } = answered;
        self.counters.answered(receive, commit, answer, is_sent);
    }

    /// Something wrong with an object was tolerated.
    pub fn tolerated(&self, tolerated: &Tolerated<'_>) {
        self.counters.tolerated(tolerated.what);
    }

    /// A connection, an association, a request or an object was refused.
    pub fn refused(&self, refused: &Refused<'_>) {
        self.counters.refused(refused);
        if let Refused::Object { peer, status, .. } = refused
            && is_refusal(*status)
        {
            self.senders.with(peer.association, peer.calling_ae, |sender| sender.refused.add(1));
        }
    }

    /// The association that the calling thread has served has ended.
    pub fn association_ended(&self, summary: &Summary) {
        let &Summary { end, duration, broken_off, .. } = summary;
        self.counters.association_ended(&end, duration, broken_off);
        self.senders.end();
    }

    /// The settings were read again, and are in effect if that has succeeded.
    pub fn settings_reloaded(&self, has_succeeded: bool) {
        self.counters.settings_reloaded(has_succeeded);
    }

    /// The metrics as OpenMetrics text if `accept`, the value of the request's `Accept` header, asks for it, otherwise
    /// as Prometheus's older text. Asks the program, which may ask the disks: not for an async thread.
    #[must_use]
    pub fn answer(&self, program: &dyn Program, accept: Option<&str>) -> Answer {
        let format = Format::accepted_by(accept);
        Answer { content_type: format.content_type(), text: self.text(program, format) }
    }

    fn text(&self, program: &dyn Program, format: Format) -> String {
        self.counters.scrapes.add(1);
        let (facts, senders) = (self.answers.get(program), self.senders.each());
        let (counters, now) = (&self.counters, SystemTime::now());
        let view = View { counters, senders: &senders, facts: &facts, now };
        format.text(table::families().map(|family| family.samples(&view)).collect())
    }
}

/// The metrics as OpenMetrics 1.0 text.
#[must_use]
pub fn render(metrics: &Metrics, program: &dyn Program) -> String {
    metrics.text(program, Format::OpenMetrics)
}

#[cfg(test)]
mod tests;
