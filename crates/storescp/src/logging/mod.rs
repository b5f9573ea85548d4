//! Log lines in DCMTK's form, `I: message`, on standard error, since scripts read them; or as a log
//! configuration file says (`--log-config`).
//!
//! Everything is logged through `tracing`'s macros and [`fatal!`](crate::fatal). A line is one
//! write, so lines of different threads never mix, and control characters in it are escaped, so
//! that text from a peer cannot forge another line.

mod appender;
mod appender_setup;
mod layout;
mod properties;
mod setup;

pub use setup::{Setup, SetupFault};

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use chrono::Local;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::cli::{Log, LogLevel};
use crate::limits::LAST_LINES_PATIENCE;
use appender::Appender;
use layout::Record;

/// Logs an error after which the program ends; written whatever the level.
///
/// It is an error-level event with the field `fatal`.
#[macro_export]
macro_rules! fatal {
    ($($message:tt)+) => { ::tracing::error!(fatal = true, $($message)+) };
}

/// Sends every event of this process to standard error or, with `--log-config`, to appenders, as
/// `log` says, and begins with the command line if that was asked for.
///
/// # Errors
/// Fails if a logger was set up before; that one stays.
pub fn init(log: &Log) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    let arguments = log.arguments.as_deref();
    let Some(setup) = &log.setup else {
        let logger = Logger { level: log.level, writer: io::stderr };
        if let Some(arguments) = arguments {
            logger.write(LogLevel::Info, |line| line.write_str(arguments));
            logger.write(LogLevel::Info, |_| Ok(()));
        }
        SHOWS_PROGRESS.store(log.level == LogLevel::Info, Ordering::Relaxed);
        return tracing::subscriber::set_global_default(logger);
    };
    for problem in &setup.problems {
        let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("W: {problem}\n"));
    }
    let appenders: Arc<[Appender]> = setup.appenders.iter().cloned().map(Appender::start).collect();
    let logger = Configured {
        setup: setup.clone(),
        appenders: Arc::clone(&appenders),
        start: Instant::now(),
    };
    if let Some(arguments) = arguments {
        for text in [arguments, ""] {
            logger.write(ROOT, LogLevel::Info, &Place::default(), |line| line.write_str(text));
        }
    }
    SHOWS_PROGRESS.store(setup.progress == Some(LogLevel::Info), Ordering::Relaxed);
    // There is one as long as there is a subscriber.
    let _ = APPENDERS.set(appenders);
    tracing::subscriber::set_global_default(logger)
}

/// The appenders of the process, if there are any.
static APPENDERS: OnceLock<Arc<[Appender]>> = OnceLock::new();

/// Returns when all that was logged is written, or after [`LAST_LINES_PATIENCE`]. For the end of the
/// program.
pub fn finish() {
    for appender in APPENDERS.get().into_iter().flat_map(|appenders| appenders.iter()) {
        appender.finish(LAST_LINES_PATIENCE);
    }
}

/// Writes text to standard output, in order with the log lines that go there.
pub(crate) fn print(text: &str) {
    let mut appenders = APPENDERS.get().into_iter().flat_map(|appenders| appenders.iter());
    match appenders.find(|appender| appender.setup.target == appender_setup::Target::StandardOutput)
    {
        Some(appender) => appender.write(Local::now(), text.to_owned()),
        // Nobody has to read it: a closed standard output costs no object.
        None => {
            let mut out = io::stdout().lock();
            let _ = io::Write::write_all(&mut out, text.as_bytes());
            let _ = io::Write::flush(&mut out);
        }
    }
}

/// Whether a dot is shown for each PDV.
pub(crate) fn shows_progress() -> bool {
    SHOWS_PROGRESS.load(Ordering::Relaxed)
}

static SHOWS_PROGRESS: AtomicBool = AtomicBool::new(false);

/// Logs several lines with none of another thread between them: at INFO if `prominent`, else at
/// DEBUG. They are made only if they are logged.
pub fn block(prominent: bool, lines: impl FnOnce() -> Vec<String>) {
    let enabled =
        if prominent { tracing::enabled!(Level::INFO) } else { tracing::enabled!(Level::DEBUG) };
    if !enabled {
        return;
    }
    let lines = lines();
    in_order(|| {
        for line in lines {
            if prominent {
                tracing::info!("{line}");
            } else {
                tracing::debug!("{line}");
            }
        }
    });
}

/// Does something with lines that no other thread's lines may come between. May be called within
/// itself.
fn in_order(work: impl FnOnce()) {
    static ORDER: Mutex<()> = Mutex::new(());
    thread_local! {
        static HELD: Cell<bool> = const { Cell::new(false) };
    }
    if HELD.get() {
        return work();
    }
    let _order = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
    HELD.set(true);
    work();
    HELD.set(false);
}

/// A subscriber without spans, filters by name, or time stamps.
struct Logger<M> {
    level: LogLevel,
    writer: M,
}

impl<W: io::Write, M: Fn() -> W + 'static> Subscriber for Logger<M>
where
    M: Send + Sync,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        severity(metadata) <= self.level
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level_filter(self.level))
    }

    fn event(&self, event: &Event<'_>) {
        self.write(severity(event.metadata()), |line| {
            event.record(line);
            Ok(())
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

impl<W: io::Write, M: Fn() -> W> Logger<M> {
    fn write(&self, severity: LogLevel, message: impl FnOnce(&mut Line) -> fmt::Result) {
        let mut line = Line(String::with_capacity(128));
        line.0.push(letter(severity));
        line.0.push_str(": ");
        // Writing into a string does not fail; and there is nobody left to tell that standard
        // error does not work.
        let _ = message(&mut line);
        line.0.push('\n');
        in_order(|| drop((self.writer)().write_all(line.0.as_bytes())));
    }
}

/// A subscriber that does as a log configuration says.
struct Configured {
    setup: Setup,
    appenders: Arc<[Appender]>,
    start: Instant,
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
        self.write(logger_of(metadata), severity(metadata), &place, |line| {
            event.record(line);
            Ok(())
        });
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
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
            milliseconds: Record::milliseconds_since(self.start),
            file: place.file,
            line: place.line,
            module: place.module,
        };
        in_order(|| {
            for (index, line) in self.setup.lines(logger, &record) {
                self.appenders[index].write(record.time, line);
            }
        });
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

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing into a string does not fail.
            "message" => drop(write!(self, "{value:?}")),
            "fatal" => {}
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
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<Vec<u8>>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The writes made while `work` runs with a logger of `level`.
    fn logged(level: LogLevel, work: impl FnOnce()) -> Vec<String> {
        let output = Shared::default();
        let writer = output.clone();
        let logger = Logger { level, writer: move || writer.clone() };
        tracing::subscriber::with_default(logger, work);
        let writes = output.0.lock().unwrap();
        writes.iter().map(|write| String::from_utf8(write.clone()).unwrap()).collect()
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
        assert_eq!(logged(LogLevel::Info, || block(true, lines)), ["I: one\n", "I: two\\nthree\n"]);
        assert_eq!(logged(LogLevel::Debug, || block(false, lines))[0], "D: one\n");
        // Below its level, the lines are not even made.
        assert_eq!(logged(LogLevel::Info, || block(false, || panic!("made"))), [""; 0]);
    }

    #[test]
    fn text_is_kept_and_fields_follow_the_message() {
        assert_eq!(
            logged(LogLevel::Warn, || tracing::warn!(port = 104, "Größe: {}", "ß")),
            ["W: Größe: ß port=104\n"]
        );
    }
}
