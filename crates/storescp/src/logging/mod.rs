//! The log: lines in DCMTK's form, `I: message`, on standard error, which scripts read, or by a
//! configuration file (`--log-config`).
//!
//! Everything is logged through `tracing`'s macros and [`fatal!`](crate::fatal). Lines are written by
//! threads of their own, one for each output, through bounded queues (`output`), so that a slow
//! reader does not block threads that log. Lines of different threads never mix, and control characters in them
//! are escaped, so that text from a peer cannot forge another line.

mod blocks;
mod config;
mod json;
mod level;
mod line;
mod loggers;
mod output;
mod progress;
mod record;
mod settings;
mod structured;
mod subscriber;

pub use config::{LogConfig, LogConfigFault};
pub use level::LogLevel;
pub use settings::{LogFormat, LogSettings};

pub(crate) use output::print_error;
pub(crate) use progress::ProgressLine;

use crate::limits::LAST_LINES_PATIENCE;
use line::Line;
use loggers::ROOT;
use output::{Appender, Stream, journal};
use platform::sync::Instant;
use progress::show_progress;
use record::{SourceLocation, milliseconds_since_start};
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::sync::{Arc, OnceLock};
use subscriber::{ConfiguredWriter, EventSubscriber, PlainWriter};

/// Logs an error after which the program ends; written whatever the level.
///
/// It is an error-level event with the field `fatal`. An event with the field `dcmtks` is written as DCMTK
/// writes it, without the peer at its end: scripts read it.
#[macro_export]
macro_rules! fatal {
    ($($message:tt)+) => { ::tracing::error!(fatal = true, $($message)+) };
}

/// Sets up the log by `log`: standard error or, with `--log-config`, appenders. Begins with the command
/// line if `--arguments` is given.
///
/// Starts a thread for each output, unless nothing but a fatal error would be written there.
///
/// # Errors
/// A subscriber was set up before; that one stays.
pub fn init(log: &LogSettings) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    milliseconds_since_start();
    if log.format == LogFormat::Json {
        json::use_for_all();
    }
    let arguments = log.arguments.as_deref();
    let Some(config) = &log.config else {
        let (level, format) = (log.level, log.format);
        let is_journal = format != LogFormat::Json && journal::is_connected();
        let queue = move || if is_journal { journal::queue() } else { Stream::Error.queue() };
        let writer = PlainWriter { level, format, is_journal, queue };
        if log.level > LogLevel::Fatal {
            queue();
        }
        if let Some(arguments) = arguments {
            writer.write(LogLevel::Info, |line| line.write_str(arguments));
            writer.write(LogLevel::Info, |_| Ok(()));
        }
        show_progress(log.level == LogLevel::Info && format != LogFormat::Json);
        return tracing::subscriber::set_global_default(EventSubscriber(writer));
    };
    let format = log.format;
    let start = |appender| Appender::start(appender, format);
    let appenders: Arc<[Appender]> = config.appenders.iter().map(start).collect();
    for problem in &config.problems {
        Stream::Error.queue().push(None, json::own_line(LogLevel::Warn, problem), 1);
    }
    let writer =
        ConfiguredWriter { config: config.clone(), format, appenders: Arc::clone(&appenders) };
    if let Some(arguments) = arguments {
        for text in [arguments, ""] {
            writer.write(ROOT, LogLevel::Info, SourceLocation::default(), |line| {
                line.write_str(text)
            });
        }
    }
    show_progress(config.progress == Some(LogLevel::Info) && format != LogFormat::Json);
    // There is one as long as there is a subscriber.
    let _ = APPENDERS.set(appenders);
    tracing::subscriber::set_global_default(EventSubscriber(writer))
}

/// Logs a line at INFO; where that level is not logged, a person at a terminal reads it all the same, unless
/// the log is to be quiet or goes elsewhere.
pub(crate) fn info_or_terminal(log: &LogSettings, text: &str) {
    if log.level < LogLevel::Info && is_on_terminal(log) {
        let mut line = Line(String::new());
        // Writing into a string does not fail.
        let _ = line.write_str(text);
        print_error(&json::own_line(LogLevel::Info, &line.0));
    } else {
        tracing::info!("{text}");
    }
}

/// True if somebody at a terminal reads the log.
pub(crate) fn is_on_terminal(log: &LogSettings) -> bool {
    log.config.is_none() && !log.is_quiet() && io::stderr().is_terminal()
}

/// True if the log goes into files only, so that neither a person at a terminal nor systemd reads it.
pub(crate) fn goes_to_files(log: &LogSettings) -> bool {
    log.config.as_ref().is_some_and(LogConfig::goes_to_files)
}

/// The appenders of the process, if there are any.
static APPENDERS: OnceLock<Arc<[Appender]>> = OnceLock::new();

fn appenders() -> impl Iterator<Item = &'static Appender> {
    APPENDERS.get().into_iter().flat_map(|appenders| appenders.iter())
}

/// Waits at exit until all lines are written, at most for [`LAST_LINES_PATIENCE`], and less if an output
/// stands still.
pub fn finish() {
    let deadline = Instant::now() + LAST_LINES_PATIENCE;
    for queue in appenders().filter_map(|appender| appender.queue.as_ref()) {
        queue.finish(deadline);
    }
    if let Some(queue) = journal::started() {
        queue.finish(deadline);
    }
    // Last, since failures of the others are reported there.
    for queue in [Stream::Output, Stream::Error].into_iter().filter_map(Stream::started) {
        queue.finish(deadline);
    }
}

/// Reopens all log files, which may have been renamed. Returns how many there are.
pub fn reopen_files() -> usize {
    appenders().filter(|appender| appender.reopen()).count()
}
