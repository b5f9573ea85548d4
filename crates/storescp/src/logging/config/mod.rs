//! The log configuration file (`--log-config`), in log4cplus's format.

mod appender_config;
mod layout;
mod properties;
mod reader;

pub(super) use appender_config::{AppenderConfig, Rotation, Target};
pub(super) use layout::Layout;

use super::level::LogLevel;
use super::loggers::{LOGGERS, PROGRAM, PROGRESS};
use super::record::{LogRecord, SourceLocation};
use chrono::Local;
use properties::Properties;
use reader::{LoggerConfig, Reader, level_or_off};
use std::collections::HashMap;
use std::path::Path;

/// A log configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// For each of [`LOGGERS`].
    pub(super) routes: Vec<Route>,
    pub(super) appenders: Vec<AppenderConfig>,
    /// The level of [`PROGRESS`].
    pub(super) progress: Option<LogLevel>,
    /// What in the file has no effect, each with its line.
    pub problems: Vec<String>,
}

/// What becomes of a logger's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// The least severe events that are logged; `None` is off.
    pub(super) level: Option<LogLevel>,
    /// Indices of appenders; one that two loggers name gets an event twice.
    pub(super) appenders: Vec<usize>,
}

/// Why a file is not a log configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogConfigFault {
    /// It does not exist.
    Missing,
    /// It exists and cannot be read.
    Unreadable,
    /// Nothing in it is an entry.
    Empty,
    /// No entry is about logging.
    NoLogging,
    /// The root logger is not mentioned.
    NoRootLogger,
    /// The root logger has no level, or an invalid one.
    RootLevel,
}

impl LogConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// [`LogConfigFault`]. What is only in part wrong is among the [`problems`](Self::problems).
    pub fn read(path: &Path) -> Result<Self, LogConfigFault> {
        if !path.is_file() {
            return Err(LogConfigFault::Missing);
        }
        let text = std::fs::read(path).map_err(|_| LogConfigFault::Unreadable)?;
        let mut config = Self::parse(&String::from_utf8_lossy(&text))?;
        for problem in &mut config.problems {
            *problem = format!("{}: {problem}", path.display());
        }
        Ok(config)
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`LogConfigFault`]. What is only in part wrong is among the [`problems`](Self::problems).
    pub fn parse(text: &str) -> Result<Self, LogConfigFault> {
        let properties = Properties::parse(text);
        if properties.is_empty() {
            return Err(LogConfigFault::Empty);
        }
        if !properties.iter().any(|property| property.key.starts_with("log4cplus.")) {
            return Err(LogConfigFault::NoLogging);
        }
        let mut reader = Reader::new(properties);
        let root = reader.value("log4cplus.rootLogger").ok_or(LogConfigFault::NoRootLogger)?;
        let (level, _) = root.split_once(',').unwrap_or((&root, ""));
        let Some(root_level) = level_or_off(level.trim()) else {
            return Err(LogConfigFault::RootLevel);
        };
        let (names, appenders) = reader.appenders();
        let loggers = reader.loggers(&root, &names);
        if loggers.iter().all(|(_, logger)| logger.appenders.is_empty()) {
            reader
                .problem("log4cplus.rootLogger", "no logger has an appender, so nothing is logged");
        }
        let routes =
            LOGGERS.iter().map(|name| route(name, root_level, &loggers)).collect::<Vec<_>>();
        let progress = route(PROGRESS, root_level, &loggers).level;
        reader.note_unknown_keys();
        Ok(Self { routes, appenders, progress, problems: reader.problems })
    }

    /// The appenders that take an event of this logger.
    pub(super) fn takers(
        &self,
        logger: usize,
        level: LogLevel,
        message: &str,
    ) -> impl Iterator<Item = usize> {
        let appenders = self.routes[logger].appenders.iter().copied();
        appenders.filter(move |&index| self.appenders[index].takes(level, message))
    }

    /// The lines that become of an event, with the indices of the appenders that take them.
    pub(super) fn lines(
        &self,
        logger: usize,
        record: &LogRecord<'_>,
    ) -> impl Iterator<Item = (usize, String)> {
        self.takers(logger, record.level, record.message)
            .map(|index| (index, self.appenders[index].layout.format(record)))
    }

    /// The lines that become of one event of this program, at this moment, of this level and with this
    /// message, which is taken to be printable.
    pub fn example(&self, level: LogLevel, message: &str) -> Vec<String> {
        let record = LogRecord {
            level,
            logger: LOGGERS[PROGRAM],
            message,
            time: Local::now(),
            milliseconds: 0,
            source: SourceLocation { file: file!(), line: line!(), module: module_path!() },
        };
        self.lines(PROGRAM, &record).map(|(_, line)| line).collect()
    }

    /// True if errors are off by default.
    pub(crate) fn is_quiet(&self) -> bool {
        self.routes[0].level.is_none_or(|level| level == LogLevel::Fatal)
    }

    /// True if this program's lines, errors among them, go into files and to neither standard stream.
    pub(crate) fn goes_to_files(&self) -> bool {
        let targets =
            self.routes[PROGRAM].appenders.iter().map(|&index| &self.appenders[index].target);
        let is_file = |target: &Target| matches!(target, Target::File { .. });
        let is_stream =
            |target: &Target| matches!(target, Target::StandardOutput | Target::StandardError);
        !self.is_quiet() && targets.clone().any(is_file) && !targets.clone().any(is_stream)
    }

    /// The level from which on this program's own lines are logged.
    pub(crate) fn level(&self) -> Option<LogLevel> {
        self.routes[1].level
    }
}

/// What holds for a logger, by itself and by those above it.
fn route(
    name: &str,
    root_level: Option<LogLevel>,
    loggers: &HashMap<String, LoggerConfig>,
) -> Route {
    let mut level = None;
    let mut appenders = Vec::new();
    let mut additive = true;
    let mut above = (name != "root").then_some(name);
    while let Some(name) = above {
        if let Some(logger) = loggers.get(name) {
            level = level.or(logger.level);
            if additive {
                appenders.extend(&logger.appenders);
                additive = logger.additive;
            }
        }
        above = name.rsplit_once('.').map(|(above, _)| above);
    }
    if additive && let Some(root) = loggers.get("root") {
        appenders.extend(&root.appenders);
    }
    Route { level: level.unwrap_or(root_level), appenders }
}

#[cfg(test)]
mod tests;
