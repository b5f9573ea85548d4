//! The progress line on standard output: `RECV: ` and a dot for each PDV, as scripts know it.

use super::output::{Stream, print};
use std::sync::atomic::{AtomicBool, Ordering};

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
        shows_progress().then(|| {
            print("RECV: ");
            Self(())
        })
    }
}

impl receiver::Progress for ProgressLine {
    fn pdvs(&self, count: usize) {
        if count > 0 {
            print(&".".repeat(count));
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        print("\n");
    }
}

/// Decides whether progress is shown, and if so starts the thread that writes to standard output.
pub(super) fn show_progress(shown: bool) {
    if shown {
        Stream::Output.queue();
    }
    SHOWS_PROGRESS.store(shown, Ordering::Relaxed);
}

fn shows_progress() -> bool {
    SHOWS_PROGRESS.load(Ordering::Relaxed)
}

static SHOWS_PROGRESS: AtomicBool = AtomicBool::new(false);
