//! Bounds of this crate.

use std::time::Duration;

/// A silent peer is asked whether it is still there after this time,
pub const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(60);
/// and again after this one,
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// as often as this, before it counts as gone.
pub const KEEP_ALIVE_PROBES: u32 = 4;
