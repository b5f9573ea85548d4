//! The loggers of DCMTK that this program's events go to.

use tracing::Metadata;

/// The loggers that this program's events go to, each with those above it.
pub(super) const LOGGERS: [&str; 5] =
    ["root", "dcmtk.apps.storescp", "dcmtk.dcmnet", "dcmtk.dcmdata", "dcmtk.dcmtls"];

/// The logger whose level says whether progress is shown.
pub(super) const PROGRESS: &str = "dcmtk.apps.storescp.progress";

/// Indices of [`LOGGERS`].
pub(super) const ROOT: usize = 0;
pub(super) const PROGRAM: usize = 1;
const NETWORK: usize = 2;
const DATA: usize = 3;
const TLS: usize = 4;

/// The logger that an event belongs to: what DCMTK would log from.
pub(super) fn logger_of(metadata: &Metadata<'_>) -> usize {
    match metadata.target() {
        target if target.contains("tls") => TLS,
        target if target.starts_with("dataset") || target.contains("data_dictionary") => DATA,
        target if target.starts_with("proto") => NETWORK,
        _ => PROGRAM,
    }
}
