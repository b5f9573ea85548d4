//! The program's side of the receiver: how senders are treated, and what commands are run for.

use crate::advice::Advisor;
use crate::commands::Commands;
use crate::logging::ProgressLine;
use receiver::output::studies::EndedStudy;
use receiver::{
    Accepted, AfterAnswer, Observer, Peer, Progress, Proposed, Refusal, RefusedClass, StoredObject,
    Treatment,
};
use std::sync::Arc;

/// Treats every sender alike, and runs commands.
pub(crate) struct ProgramObserver {
    /// How every sender is treated.
    pub(crate) treatment: Arc<Treatment>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) advisor: Advisor,
}

impl Observer for ProgramObserver {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn association_accepted(&self, accepted: &Accepted<'_>) {
        self.commands.association_accepted(accepted.peer);
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let reception = self.commands.reception(object)?;
        let commands = Arc::clone(&self.commands);
        Some(Box::new(move || commands.after_reception(reception)))
    }

    fn studies_ended(&self, _: &Treatment, ended: Vec<EndedStudy>) {
        self.commands.after_studies_of_object(ended);
    }

    fn class_refused(&self, _: &Peer, refused: &RefusedClass<'_>) -> Option<String> {
        self.advisor.advice(refused)
    }

    fn syntaxes_refused(&self, _: &Peer, refused: &RefusedClass<'_>) -> Option<String> {
        self.advisor.advice(refused)
    }

    fn progress(&self) -> Option<Box<dyn Progress>> {
        Some(Box::new(ProgressLine::begin()?))
    }
}
