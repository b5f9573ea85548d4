//! What decides about the deliveries of a destination.

use crate::limits::LEASED;
use crate::{DestinationSettings, Hours, RetrySettings};

/// What decides about deliveries, of the settings of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Sessions at a time.
    pub(crate) concurrency: usize,
    /// Deliveries that one session takes at a time.
    pub(crate) batch: usize,
    /// The objects of a study one after the other.
    pub(crate) by_study: bool,
    /// Bytes a second.
    pub(crate) bandwidth: Option<u64>,
    /// When it is used.
    pub(crate) hours: Vec<Hours>,
    /// How failures are tried again.
    pub(crate) retry: RetrySettings,
}

impl Policy {
    /// That of these settings, with sessions that take so many at a time.
    pub(crate) fn new(settings: &DestinationSettings, batch: usize) -> Self {
        Self {
            concurrency: settings.concurrency.max(1),
            batch: batch.clamp(1, LEASED),
            by_study: settings.order_by_study,
            bandwidth: settings.bandwidth,
            hours: settings.hours.clone(),
            retry: settings.retry,
        }
    }
    /// How many are leased at a time until it shows how fast the destination is: a few for each session.
    pub(crate) fn first_target(&self) -> usize {
        (self.concurrency * self.batch).saturating_mul(2).clamp(2, LEASED)
    }
}
