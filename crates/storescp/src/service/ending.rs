//! Shutdown: finishes what is in progress, within the grace period.

use super::wiring::Service;
use crate::error::Error;
use crate::limits::COMMAND_GRACE;
use platform::sync::Instant;
use receiver::output::LogPath;
use receiver::output::studies::Studies;
use receiver::{Drained, Handle};
use std::thread::JoinHandle;

/// Studies that are named in the line about those that had not timed out.
const NAMED_STUDIES: usize = 10;

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
                self.warn_of_open_studies(studies, open);
            }
        }
        // It may hold studies that have timed out.
        if let Some(watch) = watch {
            let _ = watch.join();
        }
        let least = COMMAND_GRACE.min(self.grace_period);
        self.commands.finish(deadline.max(Instant::now() + least))
    }

    fn warn_of_open_studies(&self, studies: &Studies, open: usize) {
        let named = self.output.as_ref().map(|output| {
            let folders = studies.open_folders(NAMED_STUDIES);
            let path = |folder| LogPath::new(output.settings(), Some(folder), None).to_string();
            let more = match open.saturating_sub(folders.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("{}{more}", folders.iter().map(path).collect::<Vec<_>>().join(", "))
        });
        let named = named.unwrap_or_default();
        let (subject, possessive) = if open == 1 { ("study", "its") } else { ("studies", "their") };
        let commands = if open == 1 { "command runs" } else { "commands run" };
        tracing::warn!(
            "{open} {subject} had not timed out; {possessive} {commands} only if more of {possessive} \
             objects arrive after the restart: {named}"
        );
    }

    /// Removes the receiver's own files from the output directory, and sends what other machines are still to be
    /// told.
    pub(super) fn leave(&self) {
        if let Some(telemetry) = &self.telemetry {
            telemetry.stop();
        }
        if let Some(output) = &self.output {
            output.clean_up();
        }
    }
}
