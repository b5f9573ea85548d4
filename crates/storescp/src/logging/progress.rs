//! The progress line on standard output: `RECV: ` and a dot for each PDV, as scripts know it.

use crate::logging;

/// Progress of one data set, shown when the log level is exactly INFO (with
/// `--log-config`, that of the logger `dcmtk.apps.storescp.progress`).
///
/// Dots are written as they come, so nothing is held. Lines of associations that run side by side
/// may mix, as they always have between processes.
#[derive(Debug)]
pub(crate) struct ProgressLine(());

impl ProgressLine {
    /// Begins a line, if lines are shown.
    pub(crate) fn begin() -> Option<Self> {
        logging::shows_progress().then(|| {
            logging::print("RECV: ");
            Self(())
        })
    }
}

impl receiver::Progress for ProgressLine {
    fn pdvs(&self, count: usize) {
        if count > 0 {
            logging::print(&".".repeat(count));
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        logging::print("\n");
    }
}
