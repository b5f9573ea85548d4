//! Log lines in DCMTK's form, `I: message`, on standard error, since scripts read them; or as a log
//! configuration file says (`--log-config`).
//!
//! Everything is logged through `tracing`'s macros and [`fatal!`](crate::fatal). Lines are written by
//! threads of their own, one for each output, through bounded queues (`line_queue`), so that nobody
//! who logs waits for who reads. Lines of different threads never mix, and control characters in them
//! are escaped, so that text from a peer cannot forge another line.

mod blocks;
mod config;
mod level;
mod line;
mod loggers;
mod output;
mod progress;
mod record;
mod settings;
mod subscriber;

pub use config::{LogConfig, LogConfigFault};
pub use level::LogLevel;
pub use settings::LogSettings;

pub(crate) use output::print_error;
pub(crate) use progress::ProgressLine;

use crate::limits::LAST_LINES_PATIENCE;
use loggers::ROOT;
use output::{Appender, Stream};
use platform::sync::Instant;
use progress::show_progress;
use record::{SourceLocation, milliseconds_since_start};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use subscriber::{ConfiguredSubscriber, PlainSubscriber};

/// Logs an error after which the program ends; written whatever the level.
///
/// It is an error-level event with the field `fatal`. A warning with the field `dcmtks` is written as
/// DCMTK writes it, without the peer at its end: scripts read it.
#[macro_export]
macro_rules! fatal {
    ($($message:tt)+) => { ::tracing::error!(fatal = true, $($message)+) };
}

/// Sends every event of this process to standard error or, with `--log-config`, to appenders, as
/// `log` says, and begins with the command line if that was asked for.
///
/// Starts a thread for each output, unless nothing but a fatal error would be written there.
///
/// # Errors
/// Fails if a logger was set up before; that one stays.
pub fn init(log: &LogSettings) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    milliseconds_since_start();
    let arguments = log.arguments.as_deref();
    let Some(config) = &log.config else {
        let subscriber = PlainSubscriber { level: log.level, queue: || Stream::Error.queue() };
        if log.level > LogLevel::Fatal {
            Stream::Error.queue();
        }
        if let Some(arguments) = arguments {
            subscriber.write(LogLevel::Info, |line| line.write_str(arguments));
            subscriber.write(LogLevel::Info, |_| Ok(()));
        }
        show_progress(log.level == LogLevel::Info);
        return tracing::subscriber::set_global_default(subscriber);
    };
    let appenders: Arc<[Appender]> = config.appenders.iter().map(Appender::start).collect();
    for problem in &config.problems {
        Stream::Error.queue().push(None, format!("W: {problem}\n"), 1);
    }
    let subscriber =
        ConfiguredSubscriber { config: config.clone(), appenders: Arc::clone(&appenders) };
    if let Some(arguments) = arguments {
        for text in [arguments, ""] {
            subscriber.write(ROOT, LogLevel::Info, SourceLocation::default(), |line| {
                line.write_str(text)
            });
        }
    }
    show_progress(config.progress == Some(LogLevel::Info));
    // There is one as long as there is a subscriber.
    let _ = APPENDERS.set(appenders);
    tracing::subscriber::set_global_default(subscriber)
}

/// The appenders of the process, if there are any.
static APPENDERS: OnceLock<Arc<[Appender]>> = OnceLock::new();

fn appenders() -> impl Iterator<Item = &'static Appender> {
    APPENDERS.get().into_iter().flat_map(|appenders| appenders.iter())
}

/// Returns when all that was logged is written, or after [`LAST_LINES_PATIENCE`], or earlier where
/// nothing is taken in. For the end of the program.
pub fn finish() {
    let deadline = Instant::now() + LAST_LINES_PATIENCE;
    for queue in appenders().filter_map(|appender| appender.queue.as_ref()) {
        queue.finish(deadline);
    }
    // Last, since the others complain there.
    for queue in [Stream::Output, Stream::Error].into_iter().filter_map(Stream::started) {
        queue.finish(deadline);
    }
}

/// Opens all log files anew, which may have been renamed. Returns how many there are.
pub fn reopen_files() -> usize {
    appenders().filter(|appender| appender.reopen()).count()
}
