//! Lines of the log that belong together.

use tracing::Level;

/// The name of the span in which the lines of a block are logged: a subscriber that writes lines can write
/// those of one span together, with none of another thread between them.
pub const BLOCK: &str = "block";

/// Logs several lines in DCMTK's form with none of another thread between them: at INFO if `prominent`, else at
/// DEBUG. They are made only if they are logged.
pub fn block(prominent: bool, lines: impl FnOnce() -> Vec<String>) {
    let enabled =
        if prominent { tracing::enabled!(Level::INFO) } else { tracing::enabled!(Level::DEBUG) };
    if !enabled {
        return;
    }
    let lines = lines();
    let span = if prominent { tracing::info_span!("block") } else { tracing::debug_span!("block") };
    let _together = span.enter();
    for line in lines {
        if prominent {
            tracing::info!(dcmtks = true, "{line}");
        } else {
            tracing::debug!(dcmtks = true, "{line}");
        }
    }
}
