//! The program's side of the receiver: how senders are treated, what commands are run for, and what the control plane
//! is told.

use super::archive::Archive;
use crate::commands::Commands;
use crate::generation::{Generation, Sender, refusal_hint};
use crate::logging::ProgressLine;
use arc_swap::ArcSwap;
use control::Monitor;
use receiver::net::PeerNames;
use receiver::output::studies::EndedStudy;
use receiver::{
    Accepted, AfterAnswer, Answered, Observer, Peer, Progress, Proposed, Received, Refusal,
    Refused, RefusedClass, StoredObject, Summary, Tolerated, Treatment,
};
use std::sync::Arc;
use telemetry::Telemetry;

/// Treats senders as the settings in effect say, runs commands, and tells the control plane.
pub(super) struct ProgramObserver {
    /// The settings that are in effect.
    pub(super) generation: Arc<ArcSwap<Generation>>,
    pub(super) peer_names: Arc<PeerNames>,
    /// `None` if there is no control plane: then nothing is done for it.
    pub(super) monitor: Option<Arc<Monitor>>,
    /// Audit messages and traces; `None` for neither.
    pub(super) telemetry: Option<Arc<Telemetry>>,
    /// The catalogue and the outbox; `None` without a catalogue.
    pub(super) archive: Option<Arc<Archive>>,
}

impl Observer for ProgramObserver {
    fn admit(&self, proposed: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        let treatment = self.generation.load().admit(proposed)?;
        if let Some(archive) = &self.archive {
            archive.admit(&treatment)?;
        }
        Ok(treatment)
    }

    fn association_accepted(&self, accepted: &Accepted<'_>) {
        let sender = Sender::of(accepted.treatment);
        if let Some(sender) = sender {
            if sender.all_commands().any(Commands::want_host) {
                self.peer_names.begin(accepted.peer.address);
            }
            sender.all_commands().for_each(|it| it.association_accepted(accepted.peer));
            if let Some(rule) = &sender.rule {
                tracing::debug!(
                    "treated by rule {rule:?} of settings generation {}",
                    sender.generation
                );
            }
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.association_accepted(accepted.peer);
        }
        if let Some(archive) = &self.archive {
            archive.association_accepted(accepted);
        }
        if let Some(monitor) = &self.monitor {
            let rule = sender.and_then(|sender| sender.rule.as_deref());
            monitor.association_accepted(accepted, rule);
        }
    }

    fn received(&self, received: &Received<'_>) {
        if let Some(monitor) = &self.monitor {
            monitor.received(received);
        }
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        if let Some(monitor) = &self.monitor {
            monitor.stored(object);
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.stored(object);
        }
        if let Some(archive) = &self.archive {
            archive.stored(object);
        }
        let commands = &Sender::of(object.treatment)?.commands;
        let reception = commands.reception(object)?;
        let commands = Arc::clone(commands);
        Some(Box::new(move || commands.after_reception(reception)))
    }

    fn answered(&self, answered: &Answered<'_>) {
        if let Some(monitor) = &self.monitor {
            monitor.answered(answered);
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.answered(answered);
        }
    }

    fn tolerated(&self, tolerated: &Tolerated<'_>) {
        if let Some(monitor) = &self.monitor {
            monitor.tolerated(tolerated);
        }
    }

    fn studies_ended(&self, treatment: &Treatment, ended: Vec<EndedStudy>) {
        if let Some(sender) = Sender::of(treatment) {
            sender.commands.after_studies_of_object(ended);
        }
    }

    fn refused(&self, refused: &Refused<'_>) {
        if let Some(monitor) = &self.monitor {
            monitor.refused(refused, refusal_hint(refused).as_deref());
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.refused(refused);
        }
        if let Some(archive) = &self.archive {
            archive.refused(refused);
        }
    }

    fn class_refused(
        &self,
        _: &Peer,
        treatment: &Treatment,
        refused: &RefusedClass<'_>,
    ) -> Option<String> {
        Sender::of(treatment)?.advisor.advice(refused)
    }

    fn syntaxes_refused(
        &self,
        _: &Peer,
        treatment: &Treatment,
        refused: &RefusedClass<'_>,
    ) -> Option<String> {
        Sender::of(treatment)?.advisor.advice(refused)
    }

    fn association_ended(&self, summary: &Summary) {
        if let Some(monitor) = &self.monitor {
            monitor.association_ended(summary);
        }
        if let Some(telemetry) = &self.telemetry {
            telemetry.association_ended(summary);
        }
        if let Some(archive) = &self.archive {
            archive.association_ended(summary);
        }
    }

    fn progress(&self) -> Option<Box<dyn Progress>> {
        Some(Box::new(ProgressLine::begin()?))
    }
}
