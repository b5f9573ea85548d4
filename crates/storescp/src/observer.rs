//! The program's side of the receiver: how senders are treated, and what commands are run for.

use crate::advice::Advisor;
use crate::commands::Commands;
use crate::logging::ProgressLine;
use receiver::output::studies::EndedStudy;
use receiver::{
    Accepted, AfterAnswer, Answered, Observer, Peer, Progress, Proposed, Refusal, Refused,
    RefusedClass, StoredObject, Summary, Treatment,
};
use std::sync::Arc;
use telemetry::Telemetry;

/// Treats every sender alike, and runs commands.
pub(crate) struct ProgramObserver {
    /// How every sender is treated.
    pub(crate) treatment: Arc<Treatment>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) advisor: Advisor,
    /// Audit messages and traces; `None` for neither.
    pub(crate) telemetry: Option<Arc<Telemetry>>,
}

impl Observer for ProgramObserver {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn association_accepted(&self, accepted: &Accepted<'_>) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.association_accepted(accepted.peer);
        }
        self.commands.association_accepted(accepted.peer);
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        if let Some(telemetry) = &self.telemetry {
            telemetry.stored(object);
        }
        let reception = self.commands.reception(object)?;
        let commands = Arc::clone(&self.commands);
        Some(Box::new(move || commands.after_reception(reception)))
    }

    fn answered(&self, answered: &Answered<'_>) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.answered(answered);
        }
    }

    fn refused(&self, refused: &Refused<'_>) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.refused(refused);
        }
    }

    fn association_ended(&self, summary: &Summary) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.association_ended(summary);
        }
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
