//! The severities of log lines.

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

/// The severities of log lines, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The program cannot go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something is odd; the default level.
    Warn,
    /// What is being done (`--verbose`).
    Info,
    /// How it is being done (`--debug`).
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its name, as log4cplus writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
        }
    }

    /// The letter that begins a line.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Fatal => 'F',
            Self::Error => 'E',
            Self::Warn => 'W',
            Self::Info => 'I',
            Self::Debug => 'D',
            Self::Trace => 'T',
        }
    }
}

/// The level of an event, a fatal one included.
pub(super) fn severity(metadata: &Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        Level::ERROR if metadata.fields().field("fatal").is_some() => LogLevel::Fatal,
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// The events that may be of this level or worse.
pub(super) fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Fatal | LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}
