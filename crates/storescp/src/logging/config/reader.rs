//! Reads the entries of a log configuration file.

use super::appender_config::{AppenderConfig, Filter, Rotation, Target};
use super::layout::{Layout, Time};
use super::properties::Properties;
use crate::logging::level::LogLevel;
use std::collections::HashMap;

/// What a file says of one logger.
pub(super) struct LoggerConfig {
    /// `None` to do as the logger above does.
    pub(super) level: Option<Option<LogLevel>>,
    pub(super) appenders: Vec<usize>,
    /// Whether the appenders of the loggers above get its events too.
    pub(super) additive: bool,
}

/// A file being read, and which of its entries were of use.
pub(super) struct Reader {
    properties: Properties,
    known: Vec<String>,
    pub(super) problems: Vec<String>,
}

impl Reader {
    pub(super) fn new(properties: Properties) -> Self {
        Self { properties, known: Vec::new(), problems: Vec::new() }
    }

    pub(super) fn value(&mut self, key: &str) -> Option<String> {
        self.known.push(key.to_owned());
        self.properties.value(key)
    }

    pub(super) fn problem(&mut self, key: &str, what: &str) {
        self.problems.push(format!("line {}: {what}", self.properties.line(key)));
    }

    /// Names right below a prefix, in the order of the file.
    fn names_below(&self, prefix: &str) -> Vec<String> {
        let names = self.properties.iter().filter_map(|it| it.key.strip_prefix(prefix));
        names.map(str::to_owned).collect()
    }

    pub(super) fn loggers(
        &mut self,
        root: &str,
        names: &[String],
    ) -> HashMap<String, LoggerConfig> {
        let mut loggers = HashMap::new();
        let appenders = self.appender_list("log4cplus.rootLogger", root, names);
        loggers.insert("root".into(), LoggerConfig { level: None, appenders, additive: true });
        for name in self.names_below("log4cplus.logger.") {
            let key = format!("log4cplus.logger.{name}");
            let Some(value) = self.value(&key) else { continue };
            let level = value.split(',').next().unwrap_or_default().trim();
            let inherits = level.eq_ignore_ascii_case("INHERIT");
            let known = level_or_off(level);
            if known.is_none() && !inherits {
                self.problem(&key, &format!("invalid log level '{level}'"));
            }
            let appenders = self.appender_list(&key, &value, names);
            loggers.insert(name, LoggerConfig { level: known, appenders, additive: true });
        }
        for name in self.names_below("log4cplus.additivity.") {
            let additive = self.flag(&format!("log4cplus.additivity.{name}"), true);
            let nothing = || LoggerConfig { level: None, appenders: Vec::new(), additive: true };
            loggers.entry(name).or_insert_with(nothing).additive = additive;
        }
        loggers
    }

    /// The appenders behind the level.
    fn appender_list(&mut self, key: &str, value: &str, names: &[String]) -> Vec<usize> {
        let mut list = Vec::new();
        for name in value.split(',').skip(1).map(str::trim).filter(|name| !name.is_empty()) {
            match names.iter().position(|known| known == name) {
                Some(index) if list.contains(&index) => {}
                Some(index) => list.push(index),
                None => self.problem(key, &format!("there is no appender '{name}'")),
            }
        }
        list
    }

    /// All appenders that can be had, and their names.
    pub(super) fn appenders(&mut self) -> (Vec<String>, Vec<AppenderConfig>) {
        let mut all = (Vec::new(), Vec::new());
        for name in self.names_below("log4cplus.appender.") {
            if name.contains('.') {
                continue;
            }
            if let Some(appender) = self.appender(&format!("log4cplus.appender.{name}")) {
                all.0.push(name);
                all.1.push(appender);
            }
        }
        all
    }

    fn appender(&mut self, key: &str) -> Option<AppenderConfig> {
        let class = self.value(key)?;
        let target = match class.strip_prefix("log4cplus::").unwrap_or_default() {
            "ConsoleAppender" if self.flag(&format!("{key}.logToStdErr"), false) => {
                Target::StandardError
            }
            "ConsoleAppender" => Target::StandardOutput,
            "NullAppender" => Target::Nowhere,
            "FileAppender" => self.file(key, Rotation::Never)?,
            "RollingFileAppender" => {
                let max_bytes = self.size(&format!("{key}.MaxFileSize"));
                let backups = self.count(&format!("{key}.MaxBackupIndex"), 1);
                self.file(key, Rotation::BySize { max_bytes, backups })?
            }
            "DailyRollingFileAppender" => {
                let format = self.schedule(&format!("{key}.Schedule"));
                let backups = self.count(&format!("{key}.MaxBackupIndex"), 10);
                self.file(key, Rotation::ByTime { format, backups })?
            }
            _ => {
                self.problem(key, &format!("appender '{class}' is not supported"));
                return None;
            }
        };
        // Every line is written at once, whatever this says.
        self.flag(&format!("{key}.ImmediateFlush"), true);
        let threshold = self.level(&format!("{key}.Threshold"));
        let filters = self.filters(key);
        Some(AppenderConfig { target, layout: self.layout(key), threshold, filters })
    }

    fn file(&mut self, key: &str, rotation: Rotation) -> Option<Target> {
        let path = self.value(&format!("{key}.File")).filter(|path| !path.is_empty());
        let append = self.flag(&format!("{key}.Append"), false);
        let Some(path) = path else {
            self.problem(key, "the appender has no File");
            return None;
        };
        // What is put aside by its size is never cut off at a start.
        let append = append || matches!(rotation, Rotation::BySize { .. });
        Some(Target::File { path: path.into(), append, rotation })
    }

    fn layout(&mut self, key: &str) -> Layout {
        let layout = format!("{key}.layout");
        let Some(class) = self.value(&layout) else { return Layout::Simple };
        match class.strip_prefix("log4cplus::").unwrap_or_default() {
            "SimpleLayout" => Layout::Simple,
            "TTCCLayout" => {
                let utc = self.flag(&format!("{layout}.Use_gmtime"), false);
                let format = self.value(&format!("{layout}.DateFormat"));
                Layout::Ttcc(format.and_then(|format| Time::parse(&format, utc)))
            }
            "PatternLayout" => {
                let pattern = format!("{layout}.ConversionPattern");
                let Some(text) = self.value(&pattern) else {
                    self.problem(&layout, "the layout has no ConversionPattern");
                    return Layout::Simple;
                };
                let (read, unknown) = Layout::pattern(&text);
                for what in unknown {
                    self.problem(&pattern, &format!("unsupported {what}"));
                }
                read
            }
            _ => {
                self.problem(&layout, &format!("layout '{class}' is not supported"));
                Layout::Simple
            }
        }
    }

    fn filters(&mut self, key: &str) -> Vec<Filter> {
        let mut filters = Vec::new();
        for number in 1.. {
            let key = format!("{key}.filters.{number}");
            let Some(class) = self.value(&key) else { break };
            match class.strip_prefix("log4cplus::spi::").unwrap_or_default() {
                "DenyAllFilter" => filters.push(Filter::DenyAll),
                "LogLevelMatchFilter" => {
                    let accept = self.flag(&format!("{key}.AcceptOnMatch"), false);
                    let level = self.level(&format!("{key}.LogLevelToMatch"));
                    filters.extend(level.map(|level| Filter::Level { level, accept }));
                }
                "LogLevelRangeFilter" => {
                    let accept = self.flag(&format!("{key}.AcceptOnMatch"), false);
                    let least = self.level(&format!("{key}.LogLevelMin"));
                    let worst = self.level(&format!("{key}.LogLevelMax"));
                    filters.push(Filter::Range { worst, least, accept });
                }
                "StringMatchFilter" => {
                    let accept = self.flag(&format!("{key}.AcceptOnMatch"), false);
                    let text = self.value(&format!("{key}.StringToMatch")).unwrap_or_default();
                    filters.push(Filter::Text { text, accept });
                }
                _ => self.problem(&key, &format!("filter '{class}' is not supported")),
            }
        }
        filters
    }

    fn flag(&mut self, key: &str, otherwise: bool) -> bool {
        match self.value(key) {
            None => otherwise,
            Some(value) => value.eq_ignore_ascii_case("true") || value == "1",
        }
    }

    fn level(&mut self, key: &str) -> Option<LogLevel> {
        let value = self.value(key)?;
        let level = level_or_off(&value);
        if level.is_none() {
            self.problem(key, &format!("invalid log level '{value}'"));
        }
        level.flatten()
    }

    fn count(&mut self, key: &str, otherwise: usize) -> usize {
        let Some(value) = self.value(key) else { return otherwise };
        value.parse().unwrap_or_else(|_| {
            self.problem(key, &format!("invalid number '{value}'"));
            otherwise
        })
    }

    /// A number of bytes, `KB` or `MB`.
    fn size(&mut self, key: &str) -> u64 {
        const OTHERWISE: u64 = 10 * 1024 * 1024;

        let Some(value) = self.value(key) else { return OTHERWISE };
        let upper = value.to_ascii_uppercase();
        let (digits, unit) = match (upper.strip_suffix("MB"), upper.strip_suffix("KB")) {
            (Some(digits), _) => (digits, 1024 * 1024),
            (_, Some(digits)) => (digits, 1024),
            _ => (&*upper, 1),
        };
        let bytes = digits.trim().parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
        bytes.filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            self.problem(key, &format!("invalid size '{value}'"));
            OTHERWISE
        })
    }

    fn schedule(&mut self, key: &str) -> &'static str {
        let schedule = self.value(key).unwrap_or_default();
        match schedule.to_ascii_lowercase().as_str() {
            "monthly" => "%Y-%m",
            "weekly" => "%Y-%W",
            "" | "daily" => "%Y-%m-%d",
            "twice_daily" => "%Y-%m-%d-%p",
            "hourly" => "%Y-%m-%d-%H",
            "minutely" => "%Y-%m-%d-%H-%M",
            _ => {
                self.problem(key, &format!("invalid schedule '{schedule}', using daily"));
                "%Y-%m-%d"
            }
        }
    }

    /// Names what begins with `log4cplus.` and was not asked for: a slip of the pen is noticed.
    pub(super) fn note_unknown_keys(&mut self) {
        // Of things that are not supported, nothing more is said.
        let refused = |key: &str, known: &[String]| {
            known
                .iter()
                .any(|it| key.strip_prefix(it.as_str()).is_some_and(|rest| rest.starts_with('.')))
        };
        let logging = self.properties.iter().filter(|it| it.key.starts_with("log4cplus."));
        let unknown: Vec<_> = logging
            .filter(|property| !self.known.contains(&property.key))
            .map(|property| {
                let known = self.known.iter().find(|it| it.eq_ignore_ascii_case(&property.key));
                let hint = known.map(|it| format!(", but '{it}' is")).unwrap_or_default();
                (
                    property.line,
                    format!("'{}' is not known{hint}", property.key),
                    property.key.clone(),
                )
            })
            .collect();
        for (line, text, key) in unknown {
            if text.contains(", but ") || !refused(&key, &self.known) || is_leaf(&key) {
                self.problems.push(format!("line {line}: {text}"));
            }
        }
    }
}

/// Whether the last part of a key of an appender is an option rather than part of something else.
fn is_leaf(key: &str) -> bool {
    key.strip_prefix("log4cplus.appender.").is_some_and(|rest| rest.split('.').count() == 2)
}

/// A level by its name in any case; `Some(None)` is off.
#[expect(clippy::option_option, reason = "two different questions")]
pub(super) fn level_or_off(word: &str) -> Option<Option<LogLevel>> {
    Some(Some(match word.to_ascii_uppercase().as_str() {
        "OFF" => return Some(None),
        "FATAL" => LogLevel::Fatal,
        "ERROR" => LogLevel::Error,
        "WARN" => LogLevel::Warn,
        "INFO" => LogLevel::Info,
        "DEBUG" => LogLevel::Debug,
        "TRACE" | "ALL" => LogLevel::Trace,
        _ => return None,
    }))
}
