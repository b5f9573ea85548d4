//! Shutdown: finishes what is in progress, within the grace period.

use super::wiring::Service;
use crate::error::Error;
use crate::limits::COMMAND_GRACE;
use platform::sync::Instant;
use receiver::{Drained, Handle};
use std::thread::JoinHandle;

impl Service {
    /// Finishes messages in progress and commands within the grace period, or until another signal.
    pub(super) fn drain(
        &self,
        handle: &Handle,
        watch: Option<JoinHandle<()>>,
    ) -> Result<(), Error> {
        let seconds = self.grace_period.as_secs();
        tracing::info!("shutting down: finishing messages in progress (at most {seconds} s)");
        self.commands.stop_waiting();
        let deadline = Instant::now() + self.grace_period;
        let drained = handle.drain(self.grace_period);
        let all_done = self.finish_commands(watch, deadline);
        self.leave();
        match drained {
            Drained { cut_off, .. } if !all_done => Err(Error::CutShort { cut_off }),
            Drained { cut_off, cut_short: true } => Err(Error::CutShort { cut_off }),
            Drained { cut_off: 0, .. } => Ok(()),
            Drained { cut_off, .. } => {
                let plural = if cut_off == 1 { "" } else { "s" };
                tracing::warn!(
                    "grace period of {seconds} s expired, closed {cut_off} association{plural}"
                );
                Ok(())
            }
        }
    }

    /// Ends open studies and runs queued commands, until `deadline`, but at least for
    /// [`COMMAND_GRACE`]. False if another signal stopped it.
    pub(super) fn finish_commands(&self, watch: Option<JoinHandle<()>>, deadline: Instant) -> bool {
        if let Some(studies) = &self.studies {
            let (ended, open) = studies.close();
            self.commands.after_studies(ended);
            if open > 0 {
                let (studies, theirs) =
                    if open == 1 { ("study", "its") } else { ("studies", "their") };
                tracing::warn!(
                    "{open} {studies} had not timed out; {theirs} commands run only if more of {theirs} objects \
                     arrive after the restart"
                );
            }
        }
        // It may hold studies that have timed out.
        if let Some(watch) = watch {
            let _ = watch.join();
        }
        let least = COMMAND_GRACE.min(self.grace_period);
        self.commands.finish(deadline.max(Instant::now() + least))
    }

    /// Removes the receiver's own files from the output directory.
    pub(super) fn leave(&self) {
        if let Some(output) = &self.output {
            output.clean_up();
        }
    }
}
