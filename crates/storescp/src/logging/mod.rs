//! Log lines in DCMTK's form, `I: message`, on standard error, since scripts read them; or as a log
//! configuration file says (`--log-config`).
//!
//! Everything is logged through `tracing`'s macros and [`fatal!`](crate::fatal). Lines are written by
//! threads of their own, one for each output, through bounded queues (`line_queue`), so that nobody
//! who logs waits for who reads. Lines of different threads never mix, and control characters in them
//! are escaped, so that text from a peer cannot forge another line.

mod appender;
mod appender_setup;
mod console;
mod layout;
mod line_queue;
mod log_file;
mod properties;
mod settings;
mod setup;

pub use settings::{LogLevel, LogSettings};
pub use setup::{Setup, SetupFault};

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Local};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::limits::LAST_LINES_PATIENCE;
use appender::Appender;
use console::Stream;
use layout::Record;
use line_queue::LineQueue;
use platform::sync::Instant;

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
    START.get_or_init(Instant::now);
    let arguments = log.arguments.as_deref();
    let Some(setup) = &log.setup else {
        let logger = Logger { level: log.level, queue: || Stream::Error.queue() };
        if log.level > LogLevel::Fatal {
            Stream::Error.queue();
        }
        if let Some(arguments) = arguments {
            logger.write(LogLevel::Info, |line| line.write_str(arguments));
            logger.write(LogLevel::Info, |_| Ok(()));
        }
        show_progress(log.level == LogLevel::Info);
        return tracing::subscriber::set_global_default(logger);
    };
    let appenders: Arc<[Appender]> = setup.appenders.iter().map(Appender::start).collect();
    for problem in &setup.problems {
        Stream::Error.queue().push(None, format!("W: {problem}\n"), 1);
    }
    let logger = Configured { setup: setup.clone(), appenders: Arc::clone(&appenders) };
    if let Some(arguments) = arguments {
        for text in [arguments, ""] {
            logger.write(ROOT, LogLevel::Info, &Place::default(), |line| line.write_str(text));
        }
    }
    show_progress(setup.progress == Some(LogLevel::Info));
    // There is one as long as there is a subscriber.
    let _ = APPENDERS.set(appenders);
    tracing::subscriber::set_global_default(logger)
}

/// When the program started.
static START: OnceLock<Instant> = OnceLock::new();

fn milliseconds_since_start() -> u128 {
    START.get_or_init(Instant::now).elapsed().as_millis()
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

/// Writes a part of a line to standard output, in order with the log lines that go there.
pub(crate) fn print(text: &str) {
    Stream::Output.queue().push(None, text.to_owned(), 0);
}

/// Writes text to standard error, for a program that ends before it logs.
pub(crate) fn print_error(text: &str) {
    Stream::Error.queue().push(None, text.to_owned(), 0);
}

/// Says on standard error what cannot be logged.
fn complain(what: &str) {
    Stream::Error.queue().push(None, format!("E: log: {what}\n"), 1);
}

fn show_progress(shown: bool) {
    if shown {
        Stream::Output.queue();
    }
    SHOWS_PROGRESS.store(shown, Ordering::Relaxed);
}

/// Whether a dot is shown for each PDV.
pub(crate) fn shows_progress() -> bool {
    SHOWS_PROGRESS.load(Ordering::Relaxed)
}

static SHOWS_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Begins to put lines together, if the span is one of [`receiver::log::BLOCK`]: there are no others.
fn begin_block() {
    GATHERED.set(Some(Vec::new()));
}

/// Hands the lines over that were put together, with none of another thread between them.
fn end_block() {
    for text in GATHERED.take().unwrap_or_default() {
        text.queue.push(text.time, text.text, text.lines);
    }
}

thread_local! {
    /// The lines of a block that is being put together.
    static GATHERED: RefCell<Option<Vec<Gathered>>> = const { RefCell::new(None) };
}

/// Lines of one block for one output.
struct Gathered {
    queue: Arc<LineQueue>,
    time: Option<DateTime<Local>>,
    text: String,
    lines: u64,
}

/// Hands a line over to the thread that writes it, or adds it to the block that it is part of.
fn hand_over(queue: &Arc<LineQueue>, time: Option<DateTime<Local>>, line: String) {
    let alone = GATHERED.with_borrow_mut(|gathered| {
        let Some(gathered) = gathered else { return Some(line) };
        match gathered.iter_mut().find(|it| Arc::ptr_eq(&it.queue, queue)) {
            Some(before) => {
                before.text.push_str(&line);
                before.lines += 1;
            }
            None => {
                gathered.push(Gathered { queue: Arc::clone(queue), time, text: line, lines: 1 });
            }
        }
        None
    });
    if let Some(line) = alone {
        queue.push(time, line, 1);
    }
}

/// A subscriber without spans, filters by name, or time stamps.
struct Logger<Q> {
    level: LogLevel,
    queue: Q,
}

impl<Q: Fn() -> Arc<LineQueue> + Send + Sync + 'static> Subscriber for Logger<Q> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        severity(metadata) <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level_filter(self.level))
    }

    fn event(&self, event: &Event<'_>) {
        let severity = severity(event.metadata());
        self.write(severity, |line| line.record(event, severity));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {
        begin_block();
    }
    fn exit(&self, _: &span::Id) {
        end_block();
    }
}

impl<Q: Fn() -> Arc<LineQueue>> Logger<Q> {
    fn write(&self, severity: LogLevel, message: impl FnOnce(&mut Line) -> fmt::Result) {
        let mut line = Line(String::with_capacity(128));
        line.0.push(letter(severity));
        line.0.push_str(": ");
        // Writing into a string does not fail.
        let _ = message(&mut line);
        line.0.push('\n');
        hand_over(&(self.queue)(), None, line.0);
    }
}

/// A subscriber that does as a log configuration says.
struct Configured {
    setup: Setup,
    appenders: Arc<[Appender]>,
}

/// Where in the source an event is from.
#[derive(Default)]
struct Place {
    file: &'static str,
    line: u32,
    module: &'static str,
}

/// Indices of [`setup::LOGGERS`].
const ROOT: usize = 0;
const PROGRAM: usize = 1;
const NETWORK: usize = 2;
const DATA: usize = 3;
const TLS: usize = 4;

/// The logger that an event belongs to: what DCMTK would log from.
fn logger_of(metadata: &Metadata<'_>) -> usize {
    match metadata.target() {
        target if target.contains("tls") => TLS,
        target if target.starts_with("dataset") || target.contains("data_dictionary") => DATA,
        target if target.starts_with("proto") => NETWORK,
        _ => PROGRAM,
    }
}

impl Subscriber for Configured {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = self.setup.routes[logger_of(metadata)].level;
        level.is_some_and(|level| severity(metadata) <= level)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = self.setup.routes.iter().filter_map(|route| route.level).max();
        Some(most.map_or(LevelFilter::OFF, level_filter))
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let place = Place {
            file: metadata.file().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
            module: metadata.module_path().unwrap_or_default(),
        };
        let severity = severity(metadata);
        self.write(logger_of(metadata), severity, &place, |line| line.record(event, severity));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {
        begin_block();
    }
    fn exit(&self, _: &span::Id) {
        end_block();
    }
}

impl Configured {
    fn write(
        &self,
        logger: usize,
        level: LogLevel,
        place: &Place,
        message: impl FnOnce(&mut Line) -> fmt::Result,
    ) {
        let mut line = Line(String::with_capacity(128));
        // Writing into a string does not fail.
        let _ = message(&mut line);
        let record = Record {
            level,
            logger: setup::LOGGERS[logger],
            message: &line.0,
            time: Local::now(),
            milliseconds: milliseconds_since_start(),
            file: place.file,
            line: place.line,
            module: place.module,
        };
        for (index, line) in self.setup.lines(logger, &record) {
            if let Some(queue) = &self.appenders[index].queue {
                hand_over(queue, Some(record.time), line);
            }
        }
    }
}

fn severity(metadata: &Metadata<'_>) -> LogLevel {
    match *metadata.level() {
        Level::ERROR if metadata.fields().field("fatal").is_some() => LogLevel::Fatal,
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Fatal | LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Fatal => "FATAL",
        LogLevel::Error => "ERROR",
        LogLevel::Warn => "WARN",
        LogLevel::Info => "INFO",
        LogLevel::Debug => "DEBUG",
        LogLevel::Trace => "TRACE",
    }
}

fn letter(level: LogLevel) -> char {
    match level {
        LogLevel::Fatal => 'F',
        LogLevel::Error => 'E',
        LogLevel::Warn => 'W',
        LogLevel::Info => 'I',
        LogLevel::Debug => 'D',
        LogLevel::Trace => 'T',
    }
}

/// One log line being put together, of printable characters only.
struct Line(String);

impl Line {
    /// The event's message and, of a warning or an error, the peer that this thread serves.
    fn record(&mut self, event: &Event<'_>, severity: LogLevel) -> fmt::Result {
        event.record(self);
        let is_dcmtks = event.metadata().fields().field("dcmtks").is_some();
        if matches!(severity, LogLevel::Warn | LogLevel::Error) && !is_dcmtks {
            receiver::log::write_suffix(self)?;
        }
        Ok(())
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing into a string does not fail.
            "message" => drop(write!(self, "{value:?}")),
            "fatal" | "dcmtks" => {}
            name => drop(write!(self, " {name}={value:?}")),
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() || deceives(character) {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// Whether `character` breaks lines or changes the direction of writing on some terminals.
fn deceives(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use receiver::log::{ServedPeer, block};

    /// Keeps each write.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<String>>>);

    impl line_queue::Output for Shared {
        fn write(&mut self, _: Option<DateTime<Local>>, lines: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(lines.to_owned());
            Ok(())
        }
        fn takes_batches(&self) -> bool {
            false
        }
    }

    /// The writes made while `work` runs with a logger of `level`.
    fn logged(level: LogLevel, work: impl FnOnce()) -> Vec<String> {
        let output = Shared::default();
        let queue = LineQueue::start(Box::new(output.clone()), Box::new(|_| None));
        let lines = Arc::clone(&queue);
        let logger = Logger { level, queue: move || Arc::clone(&queue) };
        tracing::subscriber::with_default(logger, work);
        lines.finish(Instant::now() + LAST_LINES_PATIENCE);
        let writes = output.0.lock().unwrap();
        writes.clone()
    }

    fn one_of_each() {
        fatal!("cannot listen on port {}", 1);
        tracing::error!("an error");
        tracing::warn!("a warning");
        tracing::info!("information");
        tracing::debug!("a detail");
        tracing::trace!("a trifle");
    }

    #[test]
    fn each_level_has_its_letter_and_one_write() {
        let all = [
            "F: cannot listen on port 1\n",
            "E: an error\n",
            "W: a warning\n",
            "I: information\n",
            "D: a detail\n",
            "T: a trifle\n",
        ];
        let levels = [
            LogLevel::Fatal,
            LogLevel::Error,
            LogLevel::Warn,
            LogLevel::Info,
            LogLevel::Debug,
            LogLevel::Trace,
        ];
        for (shown, level) in levels.into_iter().enumerate() {
            assert_eq!(logged(level, one_of_each), all[..=shown], "at {level:?}");
        }
    }

    #[test]
    fn a_peer_cannot_forge_a_line() {
        let title = "EVIL\nF: all is lost\r\u{1b}[2J\u{85}";
        assert_eq!(
            logged(LogLevel::Info, || tracing::info!("Association Received: {title}")),
            ["I: Association Received: EVIL\\nF: all is lost\\r\\u{1b}[2J\\u{85}\n"]
        );
    }

    #[test]
    fn a_block_is_logged_line_by_line_at_one_level() {
        let lines = || vec!["one".to_owned(), "two\nthree".to_owned()];
        assert_eq!(logged(LogLevel::Info, || block(true, lines)), ["I: one\nI: two\\nthree\n"]);
        assert_eq!(logged(LogLevel::Debug, || block(false, lines)), ["D: one\nD: two\\nthree\n"]);
        // Below its level, the lines are not even made.
        assert_eq!(logged(LogLevel::Info, || block(false, || panic!("made"))), [""; 0]);
    }

    #[test]
    fn warnings_and_errors_name_the_peer() {
        let lines = logged(LogLevel::Info, || {
            let peer = ServedPeer::begin("10.1.2.3:4711".parse().unwrap());
            tracing::info!("information");
            tracing::warn!(dcmtks = true, "as DCMTK has it");
            tracing::warn!("a warning");
            peer.set_title(proto::AeTitle::parse(b"A\xe9").unwrap());
            tracing::error!("an error");
            fatal!("all is lost");
        });
        let expected = [
            "I: information\n",
            "W: as DCMTK has it\n",
            "W: a warning (peer 10.1.2.3:4711)\n",
            "E: an error (peer Aé@10.1.2.3)\n",
            "F: all is lost\n",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn text_is_kept_and_fields_follow_the_message() {
        assert_eq!(
            logged(LogLevel::Warn, || tracing::warn!(port = 104, "Größe: {}", "ß")),
            ["W: Größe: ß port=104\n"]
        );
    }
}
