//! The progress line on standard output: `RECV: ` and a dot for each PDV, as scripts know it.

use crate::logging;

/// Progress of one data set, shown when the log level is exactly INFO (with
/// `--log-config`, that of the logger `dcmtk.apps.storescp.progress`).
///
/// Dots are written as they come, so nothing is held. Lines of associations that run side by side
/// may mix, as they always have between processes.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// Begins a line.
    pub(crate) fn begin() -> Self {
        let shown = logging::shows_progress();
        if shown {
            logging::print("RECV: ");
        }
        Self { shown }
    }

    /// Notes that `count` PDVs ended.
    pub(crate) fn pdvs(&self, count: usize) {
        if self.shown && count > 0 {
            logging::print(&".".repeat(count));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            logging::print("\n");
        }
    }
}
