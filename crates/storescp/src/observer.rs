//! The program's side of the receiver: how senders are treated, and what commands are run for.

use crate::advice::Advisor;
use crate::commands::Commands;
use crate::logging::ProgressLine;
use proto::Proposal;
use receiver::output::studies::EndedStudy;
use receiver::{
    AfterAnswer, Observer, Peer, Progress, Refusal, RefusedClass, StoredObject, Treatment,
};
use std::net::SocketAddr;
use std::sync::Arc;

/// Treats every sender alike, and runs commands.
pub(crate) struct ProgramObserver {
    /// How every sender is treated.
    pub(crate) treatment: Arc<Treatment>,
    pub(crate) commands: Arc<Commands>,
    pub(crate) advisor: Advisor,
}

impl Observer for ProgramObserver {
    fn admit(&self, _: &Proposal, _: SocketAddr) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn association_accepted(&self, peer: &Peer) {
        self.commands.association_accepted(peer);
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let reception = self.commands.reception(object)?;
        let commands = Arc::clone(&self.commands);
        Some(Box::new(move || commands.after_reception(reception)))
    }

    fn studies_ended(&self, ended: Vec<EndedStudy>) {
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
