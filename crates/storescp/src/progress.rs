//! The progress line on standard output: `RECV: ` and a dot for each PDV, as scripts know it.

use std::io::Write;
use tracing::level_filters::LevelFilter;

/// Progress of one data set, shown when the log level is exactly INFO.
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
        let shown = LevelFilter::current() == LevelFilter::INFO;
        if shown {
            print_out(b"RECV: ");
        }
        Self { shown }
    }

    /// Notes that `count` PDVs ended.
    pub(crate) fn pdvs(&self, count: usize) {
        if self.shown && count > 0 {
            print_out(&vec![b'.'; count]);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            print_out(b"\n");
        }
    }
}

fn print_out(bytes: &[u8]) {
    // Nobody has to read it: a closed standard output costs no object.
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}
