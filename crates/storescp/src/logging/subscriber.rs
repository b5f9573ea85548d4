//! The subscriber that events go to, and its two writers: by a level alone, or by a log configuration.

use super::blocks;
use super::config::LogConfig;
use super::json;
use super::level::{LogLevel, level_filter, severity};
use super::line::Line;
use super::loggers::{LOGGERS, logger_of};
use super::output::{Appender, LineQueue, journal};
use super::record::{LogRecord, SourceLocation, milliseconds_since_start};
use super::settings::LogFormat;
use super::structured::StructuredRecord;
use chrono::Local;
use receiver::log::ONLY_FIELDS;
use std::fmt;
use std::sync::Arc;
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// Where events go.
pub(super) trait EventWriter: Send + Sync + 'static {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool;

    /// The least severe level of which any event is written.
    fn most(&self) -> LevelFilter;

    fn event(&self, event: &Event<'_>);
}

/// The subscriber: hands events to a writer. Of spans it knows the blocks only, whose lines stay together.
pub(super) struct EventSubscriber<W>(pub(super) W);

impl<W: EventWriter> Subscriber for EventSubscriber<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.most())
    }

    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        blocks::id_of(span)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, span: &span::Id) {
        blocks::begin(span);
    }
    fn exit(&self, span: &span::Id) {
        blocks::end(span);
    }
}

/// Writes events of a level or worse, without time stamps.
pub(super) struct PlainWriter<Q> {
    pub(super) level: LogLevel,
    pub(super) format: LogFormat,
    /// The queue is that of systemd's journal.
    pub(super) is_journal: bool,
    pub(super) queue: Q,
}

impl<Q: Fn() -> Arc<LineQueue> + Send + Sync + 'static> EventWriter for PlainWriter<Q> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let keeps_fields = self.is_journal || self.format == LogFormat::Json;
        severity(metadata) <= self.level && (keeps_fields || !has_only_fields(metadata))
    }

    fn most(&self) -> LevelFilter {
        level_filter(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let severity = severity(event.metadata());
        if self.format == LogFormat::Json {
            let record = StructuredRecord::of(event, severity);
            blocks::hand_over_record(&(self.queue)(), None, record, json::line);
        } else if self.is_journal {
            let mut record = StructuredRecord::of(event, severity);
            record.message = plain_line(severity, |line| line.record(event, self.format));
            blocks::hand_over_record(&(self.queue)(), None, record, journal::entry);
        } else {
            self.write(severity, |line| line.record(event, self.format));
        }
    }
}

impl<Q: Fn() -> Arc<LineQueue>> PlainWriter<Q> {
    /// Writes a line that no event stands for.
    pub(super) fn write(&self, severity: LogLevel, message: impl FnOnce(&mut Line) -> fmt::Result) {
        let queue = (self.queue)();
        if self.format == LogFormat::Json {
            let mut line = Line(String::new());
            // Writing into a string does not fail.
            let _ = message(&mut line);
            let record = StructuredRecord::of_text(severity, line.0);
            return blocks::hand_over_record(&queue, None, record, json::line);
        }
        let line = plain_line(severity, message);
        if self.is_journal {
            let record = StructuredRecord::of_text(severity, line);
            blocks::hand_over_record(&queue, None, record, journal::entry);
        } else {
            blocks::hand_over(&queue, None, line + "\n");
        }
    }
}

/// `I: message`
fn plain_line(severity: LogLevel, message: impl FnOnce(&mut Line) -> fmt::Result) -> String {
    let mut line = Line(String::with_capacity(128));
    line.0.push(severity.letter());
    line.0.push_str(": ");
    // Writing into a string does not fail.
    let _ = message(&mut line);
    line.0
}

/// Whether an event is there for its fields only.
fn has_only_fields(metadata: &Metadata<'_>) -> bool {
    metadata.fields().field(ONLY_FIELDS).is_some()
}

/// Writes events as a log configuration says.
pub(super) struct ConfiguredWriter {
    pub(super) config: LogConfig,
    pub(super) format: LogFormat,
    pub(super) appenders: Arc<[Appender]>,
}

impl EventWriter for ConfiguredWriter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let level = self.config.routes[logger_of(metadata)].level;
        let keeps_fields = self.format == LogFormat::Json;
        level.is_some_and(|level| severity(metadata) <= level)
            && (keeps_fields || !has_only_fields(metadata))
    }

    fn most(&self) -> LevelFilter {
        let most = self.config.routes.iter().filter_map(|route| route.level).max();
        most.map_or(LevelFilter::OFF, level_filter)
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let source = SourceLocation::of(metadata);
        let severity = severity(metadata);
        if self.format == LogFormat::Json {
            let record = StructuredRecord::of(event, severity);
            return self.write_record(logger_of(metadata), &record);
        }
        self.write(logger_of(metadata), severity, source, |line| line.record(event, self.format));
    }
}

impl ConfiguredWriter {
    pub(super) fn write(
        &self,
        logger: usize,
        level: LogLevel,
        source: SourceLocation,
        message: impl FnOnce(&mut Line) -> fmt::Result,
    ) {
        let mut line = Line(String::with_capacity(128));
        // Writing into a string does not fail.
        let _ = message(&mut line);
        if self.format == LogFormat::Json {
            return self.write_record(logger, &StructuredRecord::of_text(level, line.0));
        }
        let record = LogRecord {
            level,
            logger: LOGGERS[logger],
            message: &line.0,
            time: Local::now(),
            milliseconds: milliseconds_since_start(),
            source,
        };
        for (index, line) in self.config.lines(logger, &record) {
            if let Some(queue) = &self.appenders[index].queue {
                blocks::hand_over(queue, Some(record.time), line);
            }
        }
    }

    /// Hands the record to each appender of a logger that takes it: as JSON, whatever its layout.
    fn write_record(&self, logger: usize, record: &StructuredRecord) {
        let time = Some(record.time.with_timezone(&Local));
        for index in self.config.takers(logger, record.level, &record.message) {
            if let Some(queue) = &self.appenders[index].queue {
                blocks::hand_over_record(queue, time, record.clone(), json::line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::fatal;
    use crate::limits::LAST_LINES_PATIENCE;
    use crate::logging::output::LineOutput;
    use chrono::DateTime;
    use platform::sync::Instant;
    use receiver::log::{ServedPeer, block};

    /// Keeps each write.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<String>>>);

    impl LineOutput for Shared {
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
        logged_as(LogFormat::Dcmtk, level, work)
    }

    fn logged_as(format: LogFormat, level: LogLevel, work: impl FnOnce()) -> Vec<String> {
        let output = Shared::default();
        let queue = LineQueue::start(Box::new(output.clone()), Box::new(|_| None));
        let lines = Arc::clone(&queue);
        let queue = move || Arc::clone(&queue);
        let logger = PlainWriter { level, format, is_journal: false, queue };
        tracing::subscriber::with_default(EventSubscriber(logger), work);
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
    fn spans_that_nest_lose_no_lines() {
        let lines = logged(LogLevel::Info, || {
            let other = tracing::info_span!("request").entered();
            tracing::info!("alone");
            let outer = tracing::info_span!("block").entered();
            tracing::info!("one");
            block(true, || vec!["two".to_owned()]);
            tracing::info!("three");
            drop(outer);
            tracing::info!("alone again");
            drop(other);
        });
        assert_eq!(lines, ["I: alone\n", "I: one\nI: two\nI: three\n", "I: alone again\n"]);
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
    fn lines_of_our_own_name_the_peer_and_dcmtks_do_where_that_is_asked_for() {
        let about_an_association = || {
            let peer = ServedPeer::begin("10.1.2.3:4711".parse().unwrap(), 17);
            tracing::info!("information");
            tracing::warn!(dcmtks = true, "as DCMTK has it");
            tracing::warn!("a warning");
            peer.set_titles(proto::AeTitle::parse(b"A\xe9").unwrap(), "B".parse().unwrap());
            block(true, || vec!["one".to_owned(), "two".to_owned()]);
            tracing::error!("an error");
            fatal!("all is lost");
            drop(peer);
            tracing::info!("nobody's");
        };
        let (early, late) =
            (" (peer 10.1.2.3:4711, association 17)", " (peer Aé@10.1.2.3, association 17)");
        for (format, early_of_dcmtk, late_of_dcmtk) in
            [(LogFormat::Dcmtk, "", ""), (LogFormat::Extended, early, late)]
        {
            let expected = [
                format!("I: information{early}\n"),
                format!("W: as DCMTK has it{early_of_dcmtk}\n"),
                format!("W: a warning{early}\n"),
                format!("I: one{late_of_dcmtk}\nI: two{late_of_dcmtk}\n"),
                format!("E: an error{late}\n"),
                "F: all is lost\n".to_owned(),
                "I: nobody's\n".to_owned(),
            ];
            assert_eq!(logged_as(format, LogLevel::Info, about_an_association), expected);
        }
    }

    #[test]
    fn text_is_kept_and_fields_follow_the_message() {
        assert_eq!(
            logged(LogLevel::Warn, || tracing::warn!(port = 104, "Größe: {}", "ß")),
            ["W: Größe: ß port=104\n"]
        );
    }

    #[test]
    fn json_has_an_object_for_each_event_and_one_for_a_block() {
        let lines = logged_as(LogFormat::Json, LogLevel::Info, || {
            let peer = ServedPeer::begin("10.1.2.3:4711".parse().unwrap(), 17);
            tracing::info!(dcmtks = true, sopInstanceUid = "1.2", stored = 3, "as DCMTK\nhas it");
            block(true, || vec!["one".to_owned(), "two".to_owned()]);
            tracing::info!(onlyFields = true, seconds = 0.5, "stored");
            tracing::debug!("a detail");
            drop(peer);
            fatal!("all is lost");
        });
        let objects: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 4, "{lines:?}");
        let peer = &objects[0];
        assert_eq!(
            (&peer["level"], &peer["message"]),
            (&"info".into(), &"as DCMTK\nhas it".into())
        );
        assert_eq!((&peer["peer"], &peer["association"]), (&"10.1.2.3".into(), &17.into()));
        assert_eq!((&peer["sopInstanceUid"], &peer["stored"]), (&"1.2".into(), &3.into()));
        assert_eq!(objects[1]["message"], "one");
        assert_eq!(objects[1]["lines"], serde_json::json!(["one", "two"]));
        assert_eq!(
            (&objects[2]["message"], &objects[2]["seconds"]),
            (&"stored".into(), &0.5.into())
        );
        assert_eq!((&objects[3]["level"], objects[3].get("peer")), (&"fatal".into(), None));
    }

    #[test]
    fn text_has_neither_fields_of_the_receiver_nor_events_of_fields_only() {
        let lines = logged(LogLevel::Info, || {
            tracing::info!(sopInstanceUid = "1.2", status = "A700H", "cannot store");
            tracing::info!(onlyFields = true, seconds = 0.5, "stored");
        });
        assert_eq!(lines, ["I: cannot store\n"]);
    }
}
