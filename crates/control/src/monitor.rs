//! What the control plane is told of associations: by their own threads, without waiting for readers.

use crate::metrics::Metrics;
use receiver::{Accepted, Answered, Refused, StoredObject, Summary, Tolerated};

/// Notes what happens, for the metrics and the API. Each method is called by the thread of an association and waits
/// for nobody.
#[derive(Debug, Default)]
pub struct Monitor {
    metrics: Metrics,
}

impl Monitor {
    /// Counts these calling titles one by one, and all others together.
    #[must_use]
    pub fn new(titles: impl IntoIterator<Item = String>) -> Self {
        Self { metrics: Metrics::new(titles) }
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

    /// The settings were read again, and are in effect if that has succeeded.
    pub fn settings_reloaded(&self, has_succeeded: bool) {
        self.metrics.settings_reloaded(has_succeeded);
    }

    /// An association is accepted, and treated by this rule.
    pub fn association_accepted(&self, accepted: &Accepted<'_>, rule: Option<&str>) {
        self.metrics.association_accepted(accepted.peer, rule);
    }

    /// An object is stored.
    pub fn stored(&self, object: &StoredObject<'_>) {
        self.metrics.stored(object);
    }

    /// Its answer was sent.
    pub fn answered(&self, answered: &Answered<'_>) {
        self.metrics.answered(answered);
    }

    /// Something wrong with an object was tolerated.
    pub fn tolerated(&self, tolerated: &Tolerated<'_>) {
        self.metrics.tolerated(tolerated);
    }

    /// A connection, an association or an object was refused; `hint` says what an operator can do.
    pub fn refused(&self, refused: &Refused<'_>, hint: Option<&str>) {
        self.metrics.refused(refused);
        let _ = hint;
    }

    /// An association has ended.
    pub fn association_ended(&self, summary: &Summary) {
        self.metrics.association_ended(summary);
    }
}
