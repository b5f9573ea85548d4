//! The settings of the log.

use super::config::LogConfig;
use super::level::LogLevel;

/// `--log-format`: the form of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// DCMTK's lines are as DCMTK writes them; others end with the peer and the number of the association that
    /// they are about.
    #[default]
    Dcmtk,
    /// All lines about an association end so.
    Extended,
    /// Each event is a JSON object on a line of its own.
    Json,
}

/// What is logged, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// `--log-config`: where lines go, and which ones; `None` is standard error, and all from the
    /// level up.
    pub config: Option<LogConfig>,
    /// `--log-format`.
    pub format: LogFormat,
    /// `--verbose-pc`: A-ASSOCIATE PDUs are dumped at INFO rather than DEBUG.
    pub verbose_presentation_contexts: bool,
    /// `--arguments`: a line to be logged as INFO before all else, whatever the level.
    pub arguments: Option<String>,
}

impl LogSettings {
    /// True if faults of the command line are not reported: the exit code says enough.
    pub(crate) fn is_quiet(&self) -> bool {
        match &self.config {
            Some(config) => config.is_quiet(),
            None => self.level == LogLevel::Fatal,
        }
    }
}
