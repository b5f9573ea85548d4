//! Shutdown: finishes what is in progress, within the grace period.

use super::wiring::Service;
use crate::error::Error;
use crate::limits::COMMAND_GRACE;
use platform::sync::Instant;
use receiver::{Drained, Handle};

/// Studies that are named in the line about those that had not timed out.
const NAMED_STUDIES: usize = 10;

impl Service {
    /// Finishes messages in progress and commands within the grace period, or until another signal.
    pub(super) fn drain(&self, handle: &Handle) -> Result<(), Error> {
        let grace_period = self.grace_period();
        let seconds = grace_period.as_secs();
        tracing::info!("shutting down: finishing messages in progress (at most {seconds} s)");
        self.shared.pool.stop_waiting();
        let deadline = Instant::now() + grace_period;
        let drained = handle.drain(grace_period);
        let all_done = self.finish_commands(deadline);
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

    /// Ends open studies, takes into the catalogue what waits, and runs queued commands, until `deadline`, but at least for
    /// [`COMMAND_GRACE`]. False if another signal stopped it.
    pub(super) fn finish_commands(&self, deadline: Instant) -> bool {
        self.shared.outputs.close_studies(NAMED_STUDIES);
        let least = COMMAND_GRACE.min(self.grace_period());
        let deadline = deadline.max(Instant::now() + least);
        if let Some(archive) = &self.archive {
            archive.finish(deadline);
        }
        self.shared.pool.finish(deadline)
    }

    /// Removes the receiver's own files from the output directories, and sends what other machines are still to be
    /// told.
    pub(super) fn leave(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.stop();
        }
        self.shared.pool.close_journals();
        self.shared.outputs.clean_up();
    }
}
