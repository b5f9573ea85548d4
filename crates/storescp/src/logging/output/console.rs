//! Standard output and standard error as outputs of lines.

use super::line_queue::{LineOutput, LineQueue, LossLine};
use crate::logging::json::own_line;
use crate::logging::level::LogLevel;
use chrono::{DateTime, Local};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use std::io;
use std::sync::{Arc, OnceLock};

/// The standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::logging) enum Stream {
    Output,
    Error,
}

static OUTPUT: OnceLock<Arc<LineQueue>> = OnceLock::new();
static ERROR: OnceLock<Arc<LineQueue>> = OnceLock::new();

impl Stream {
    /// The one queue of the stream; started by who asks for it first. What it writes in place of
    /// lost lines is what that one says.
    pub(super) fn queue_with(self, loss_line: impl FnOnce() -> LossLine) -> Arc<LineQueue> {
        let start = || LineQueue::start(Box::new(Console(self)), loss_line());
        Arc::clone(self.cell().get_or_init(start))
    }

    /// The queue of the stream. Of lost lines, standard error tells; of lost dots, nothing.
    pub(in crate::logging) fn queue(self) -> Arc<LineQueue> {
        self.queue_with(|| match self {
            Self::Error => own_loss_line(),
            Self::Output => Box::new(|_| None),
        })
    }

    /// The queue, if it was ever asked for.
    pub(in crate::logging) fn started(self) -> Option<&'static Arc<LineQueue>> {
        self.cell().get()
    }

    fn cell(self) -> &'static OnceLock<Arc<LineQueue>> {
        match self {
            Self::Output => &OUTPUT,
            Self::Error => &ERROR,
        }
    }
}

/// What a line says that stands for others.
pub(super) fn lines_lost(count: u64) -> String {
    format!("{count} log lines were lost here")
}

/// The line that stands for others, in the form of the log.
pub(super) fn own_loss_line() -> LossLine {
    Box::new(|count| Some(own_line(LogLevel::Warn, &lines_lost(count))))
}

/// Writes a part of a line to standard output, in order with the log lines that go there.
pub(in crate::logging) fn print(text: &str) {
    Stream::Output.queue().push(None, text.to_owned(), 0);
}

/// Writes text to standard error, for a program that ends before it logs.
pub(crate) fn print_error(text: &str) {
    Stream::Error.queue().push(None, text.to_owned(), 0);
}

/// Reports on standard error what cannot be logged.
pub(super) fn complain(what: &str) {
    Stream::Error.queue().push(None, own_line(LogLevel::Error, &format!("log: {what}")), 1);
}

struct Console(Stream);

impl LineOutput for Console {
    fn write(&mut self, _: Option<DateTime<Local>>, lines: &str) -> io::Result<()> {
        let stream = match self.0 {
            Stream::Output => rustix::stdio::stdout(),
            Stream::Error => rustix::stdio::stderr(),
        };
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            match rustix::io::write(stream, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                // Another process that has it open may have made it so.
                Err(Errno::AGAIN) => {
                    let _ = rustix::event::poll(&mut [PollFd::new(&stream, PollFlags::OUT)], None);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) {
        if self.0 == Stream::Output {
            complain(&format!("cannot write to standard output: {error}"));
        }
    }
}
