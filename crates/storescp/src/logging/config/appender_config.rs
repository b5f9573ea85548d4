//! What a log configuration file says of one appender.

use super::layout::Layout;
use crate::logging::level::LogLevel;
use std::path::PathBuf;

/// Where lines go to, and which ones in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) struct AppenderConfig {
    pub(in crate::logging) target: Target,
    pub(in crate::logging) layout: Layout,
    pub(in crate::logging) threshold: Option<LogLevel>,
    pub(in crate::logging) filters: Vec<Filter>,
}

/// Where lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) enum Target {
    Nowhere,
    StandardOutput,
    StandardError,
    File { path: PathBuf, append: bool, rotation: Rotation },
}

/// When a file is put aside for a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) enum Rotation {
    Never,
    /// Past a size; so many older ones are kept.
    BySize {
        max_bytes: u64,
        backups: usize,
    },
    /// When the time in this `strftime` format changes, which is added to the older one's name.
    ByTime {
        format: &'static str,
        backups: usize,
    },
}

/// Which events an appender takes; asked one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) enum Filter {
    DenyAll,
    Level { level: LogLevel, accept: bool },
    Range { worst: Option<LogLevel>, least: Option<LogLevel>, accept: bool },
    Text { text: String, accept: bool },
}

impl AppenderConfig {
    /// Whether a line of this level and text is written.
    pub(in crate::logging) fn takes(&self, level: LogLevel, text: &str) -> bool {
        if self.threshold.is_some_and(|threshold| level > threshold) {
            return false;
        }
        self.filters.iter().find_map(|filter| filter.decides(level, text)).unwrap_or(true)
    }
}

impl Filter {
    /// `None` leaves it to the next filter.
    fn decides(&self, level: LogLevel, text: &str) -> Option<bool> {
        match self {
            Self::DenyAll => Some(false),
            Self::Level { level: wanted, accept } => (level == *wanted).then_some(*accept),
            Self::Range { worst, least, accept } => {
                let outside = worst.is_some_and(|worst| level < worst)
                    || least.is_some_and(|least| level > least);
                if outside { Some(false) } else { accept.then_some(true) }
            }
            Self::Text { text: wanted, accept } => {
                (!wanted.is_empty() && text.contains(wanted.as_str())).then_some(*accept)
            }
        }
    }
}
