//! An event, as log4cplus's layouts see it.

use super::level::LogLevel;
use chrono::{DateTime, Local};
use platform::sync::Instant;
use std::sync::OnceLock;
use tracing::Metadata;

/// What there is to say about an event.
#[derive(Debug)]
pub(super) struct LogRecord<'e> {
    pub(super) level: LogLevel,
    /// The name of the logger.
    pub(super) logger: &'static str,
    /// Of printable characters only.
    pub(super) message: &'e str,
    pub(super) time: DateTime<Local>,
    /// Since the start.
    pub(super) milliseconds: u128,
    pub(super) source: SourceLocation,
}

/// Where in the source an event is from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SourceLocation {
    pub(super) file: &'static str,
    pub(super) line: u32,
    pub(super) module: &'static str,
}

impl SourceLocation {
    /// The one of an event.
    pub(super) fn of(metadata: &Metadata<'static>) -> Self {
        Self {
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            module: metadata.module_path().unwrap_or_default(),
        }
    }
}

/// When the program started.
static START: OnceLock<Instant> = OnceLock::new();

/// Milliseconds since the program started, or since this was first asked.
pub(super) fn milliseconds_since_start() -> u128 {
    START.get_or_init(Instant::now).elapsed().as_millis()
}
