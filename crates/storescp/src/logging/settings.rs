//! What is logged, as it is asked for.

use super::setup::Setup;

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severe lines that are still written.
    pub level: LogLevel,
    /// `--log-config`: where lines go, and which ones; `None` is standard error, and all from the
    /// level up.
    pub setup: Option<Setup>,
    /// `--verbose-pc`: A-ASSOCIATE PDUs are dumped at INFO rather than DEBUG.
    pub verbose_presentation_contexts: bool,
    /// `--arguments`: a line to be logged as INFO before all else, whatever the level.
    pub arguments: Option<String>,
}

impl LogSettings {
    /// Whether errors of the command line are not to be told: the exit code says enough.
    pub(crate) fn is_quiet(&self) -> bool {
        match &self.setup {
            Some(setup) => setup.is_quiet(),
            None => self.level == LogLevel::Fatal,
        }
    }
}

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
