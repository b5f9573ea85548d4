//! Appenders of a log configuration file at work.

use super::console::{Stream, lines_lost, own_loss_line};
use super::line_queue::{LineQueue, LossLine};
use super::log_file::LogFile;
use crate::logging::config::{AppenderConfig, Layout, Target};
use crate::logging::level::LogLevel;
use crate::logging::loggers::{LOGGERS, PROGRAM};
use crate::logging::record::{LogRecord, SourceLocation, milliseconds_since_start};
use crate::logging::settings::LogFormat;
use chrono::Local;
use std::sync::Arc;

/// An appender at work.
pub(in crate::logging) struct Appender {
    /// `None` if its lines go nowhere. Appenders of the same console share one.
    pub(in crate::logging) queue: Option<Arc<LineQueue>>,
    is_file: bool,
}

impl Appender {
    /// Starts the thread that writes. A file is opened there; a failure is reported on standard error, and
    /// opening is tried again when there is something to write.
    /// With [`LogFormat::Json`], its layout does not matter.
    pub(in crate::logging) fn start(config: &AppenderConfig, format: LogFormat) -> Self {
        let loss_line = || match format {
            LogFormat::Json => own_loss_line(),
            LogFormat::Dcmtk | LogFormat::Extended => loss_line(config.layout.clone()),
        };
        let queue = match &config.target {
            Target::Nowhere => None,
            Target::StandardOutput => Some(Stream::Output.queue_with(loss_line)),
            Target::StandardError => Some(Stream::Error.queue_with(loss_line)),
            Target::File { path, append, rotation } => {
                let file = LogFile::new(path, *append, rotation.clone());
                let queue = LineQueue::start(Box::new(file), loss_line());
                // The file is there, and told of if it cannot be, before there is a line.
                queue.reopen();
                Some(queue)
            }
        };
        Self { queue, is_file: matches!(config.target, Target::File { .. }) }
    }

    /// Has its file opened anew before the next line; false if it has none.
    pub(in crate::logging) fn reopen(&self) -> bool {
        if let (true, Some(queue)) = (self.is_file, &self.queue) {
            queue.reopen();
        }
        self.is_file
    }
}

/// Tells in the appender's own layout what was lost.
fn loss_line(layout: Layout) -> LossLine {
    Box::new(move |count| {
        Some(layout.format(&LogRecord {
            level: LogLevel::Warn,
            logger: LOGGERS[PROGRAM],
            message: &lines_lost(count),
            time: Local::now(),
            milliseconds: milliseconds_since_start(),
            source: SourceLocation { file: file!(), line: line!(), module: module_path!() },
        }))
    })
}
