//! What the program keeps with a treatment.

use super::advice::Advisor;
use super::deliveries::Deliveries;
use super::outputs::Place;
use crate::commands::Commands;
use receiver::Treatment;
use std::sync::Arc;

/// What the program knows of the senders that have a [`Treatment`]: it finds this again with each object.
pub(crate) struct Sender {
    /// The rule that names them; `None` if none does.
    pub(crate) rule: Option<Arc<str>>,
    /// The number of the settings' generation.
    pub(crate) generation: u64,
    /// What happens after their objects and studies.
    pub(crate) commands: Arc<Commands>,
    /// What to advise if something of theirs is refused.
    pub(crate) advisor: Advisor,
    /// To whom their objects go; `None` without a catalogue, and if they are dropped.
    pub(crate) deliveries: Option<Arc<Deliveries>>,
    /// The commands that the outbox runs for them; `None` if it runs none.
    pub(crate) delivered_commands: Option<Arc<Commands>>,
    /// Where their objects go; `None` if they are dropped. Stays open as long as this is there.
    pub(super) _place: Option<Arc<Place>>,
}

impl Sender {
    /// What is kept with this treatment.
    pub(crate) fn of(treatment: &Treatment) -> Option<&Self> {
        treatment.program.as_ref()?.downcast_ref()
    }

    /// The commands of the pool, and those of the outbox.
    pub(crate) fn all_commands(&self) -> impl Iterator<Item = &Commands> {
        std::iter::once(&self.commands).chain(&self.delivered_commands).map(Arc::as_ref)
    }
}
