//! Appenders of a log configuration file at work.

use super::appender_setup::{AppenderSetup, Target};
use super::console::{Stream, lines_lost};
use super::layout::{Layout, Record};
use super::line_queue::{LineQueue, LossLine};
use super::log_file::LogFile;
use super::settings::LogLevel;
use super::setup;
use chrono::Local;
use std::sync::Arc;

/// An appender at work.
pub(super) struct Appender {
    /// `None` if its lines go nowhere. Appenders of the same console share one.
    pub(super) queue: Option<Arc<LineQueue>>,
    is_file: bool,
}

impl Appender {
    /// Starts the thread that writes. A file is opened there; what fails is told on standard error,
    /// and tried again when there is something to write.
    pub(super) fn start(setup: &AppenderSetup) -> Self {
        let loss_line = || loss_line(setup.layout.clone());
        let queue = match &setup.target {
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
        Self { queue, is_file: matches!(setup.target, Target::File { .. }) }
    }

    /// Has its file opened anew before the next line; false if it has none.
    pub(super) fn reopen(&self) -> bool {
        if let (true, Some(queue)) = (self.is_file, &self.queue) {
            queue.reopen();
        }
        self.is_file
    }
}

/// Tells in the appender's own layout what was lost.
fn loss_line(layout: Layout) -> LossLine {
    Box::new(move |count| {
        Some(layout.format(&Record {
            level: LogLevel::Warn,
            logger: setup::LOGGERS[super::PROGRAM],
            message: &lines_lost(count),
            time: Local::now(),
            milliseconds: super::milliseconds_since_start(),
            file: file!(),
            line: line!(),
            module: module_path!(),
        }))
    })
}
