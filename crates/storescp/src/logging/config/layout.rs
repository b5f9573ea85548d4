//! From an event to a line: log4cplus's layouts.

use super::properties::host_name;
use crate::logging::record::LogRecord;
use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Local, Utc};
use platform::sync::thread;
use std::fmt::Write as _;

/// How a line is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) enum Layout {
    /// `LEVEL - message`.
    Simple,
    /// Time, thread, category (the logger) and context.
    Ttcc(Option<Time>),
    Pattern(Vec<Piece>),
}

/// A part of a pattern with its width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) struct Piece {
    what: What,
    /// Filled up with blanks to so many characters.
    min: usize,
    fill_right: bool,
    /// Cut to so many characters, of which the last stay.
    max: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Text(String),
    Level,
    Letter,
    Message,
    /// The last so many components of the logger's name, or all.
    Logger(Option<usize>),
    Time(Time),
    ProcessId,
    Thread,
    ThreadName,
    Host,
    File,
    FileName,
    Line,
    FileAndLine,
    Function,
    Milliseconds,
    Environment(String),
    /// What log4cplus keeps per thread, and this program does not use.
    Nothing,
}

/// A time as `strftime` writes it, with `%q` and `%Q` for milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::logging) struct Time {
    format: Vec<TimePart>,
    utc: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TimePart {
    Strftime(String),
    Milliseconds,
    FractionalMilliseconds,
}

impl Layout {
    /// Reads a conversion pattern. What is not understood is kept as text and named.
    pub(super) fn pattern(pattern: &str) -> (Self, Vec<String>) {
        let (mut pieces, mut unknown, mut text) = (Vec::new(), Vec::new(), String::new());
        let mut rest = pattern;
        while let Some(start) = rest.find('%') {
            text.push_str(&rest[..start]);
            rest = &rest[start..];
            match piece(rest) {
                Some((piece, length)) => {
                    if !text.is_empty() {
                        pieces.push(Piece::text(std::mem::take(&mut text)));
                    }
                    pieces.push(piece);
                    rest = &rest[length..];
                }
                None => {
                    let shown = rest.chars().take(2).collect::<String>();
                    rest = &rest[1..];
                    text.push('%');
                    unknown.push(format!("'{shown}' in conversion pattern"));
                }
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            pieces.push(Piece::text(text));
        }
        (Self::Pattern(pieces), unknown)
    }

    /// The line, its end included if the layout has one.
    pub(in crate::logging) fn format(&self, record: &LogRecord<'_>) -> String {
        let mut line = String::with_capacity(record.message.len() + 64);
        match self {
            Self::Simple => {
                put(&mut line, format_args!("{} - {}\n", record.level.word(), record.message));
            }
            Self::Ttcc(time) => {
                let time = match time {
                    Some(time) => time.format(&record.time),
                    None => record.milliseconds.to_string(),
                };
                let (level, logger, message) = (record.level.word(), record.logger, record.message);
                let thread = thread_number();
                put(&mut line, format_args!("{time} [{thread}] {level} {logger} <> - {message}\n"));
            }
            Self::Pattern(pieces) => pieces.iter().for_each(|piece| piece.put(&mut line, record)),
        }
        line
    }
}

impl Piece {
    fn text(text: String) -> Self {
        Self { what: What::Text(text), min: 0, fill_right: false, max: None }
    }

    fn put(&self, line: &mut String, record: &LogRecord<'_>) {
        let text = self.what.text(record);
        let length = text.chars().count();
        let missing = self.min.saturating_sub(length);
        match self.max {
            // As log4cplus does it: what is cut is not filled up.
            Some(max) if length > max => line.extend(text.chars().skip(length - max)),
            _ if self.fill_right => put(line, format_args!("{text}{:missing$}", "")),
            _ => put(line, format_args!("{:missing$}{text}", "")),
        }
    }
}

impl What {
    fn text(&self, record: &LogRecord<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Level => record.level.word().to_owned(),
            Self::Letter => record.level.letter().to_string(),
            Self::Message => record.message.to_owned(),
            Self::Logger(precision) => last_components(record.logger, *precision).to_owned(),
            Self::Time(time) => time.format(&record.time),
            Self::ProcessId => std::process::id().to_string(),
            Self::Thread => thread_number(),
            Self::ThreadName => thread::current().name().map_or_else(thread_number, str::to_owned),
            Self::Host => host_name(),
            Self::File => record.source.file.to_owned(),
            Self::FileName => record.source.file.rsplit('/').next().unwrap_or_default().to_owned(),
            Self::Line => record.source.line.to_string(),
            Self::FileAndLine => format!("{}:{}", record.source.file, record.source.line),
            Self::Function => record.source.module.to_owned(),
            Self::Milliseconds => record.milliseconds.to_string(),
            Self::Environment(name) => std::env::var(name).unwrap_or_default(),
            Self::Nothing => String::new(),
        }
    }
}

impl Time {
    /// `None` if `strftime` would not understand the format.
    pub(super) fn parse(format: &str, utc: bool) -> Option<Self> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            let part = match characters.next()? {
                'q' => TimePart::Milliseconds,
                'Q' => TimePart::FractionalMilliseconds,
                other => {
                    text.extend(['%', other]);
                    continue;
                }
            };
            parts.push(TimePart::Strftime(std::mem::take(&mut text)));
            parts.push(part);
        }
        parts.push(TimePart::Strftime(text));
        let understood = |part: &TimePart| match part {
            TimePart::Strftime(text) => StrftimeItems::new(text).all(|item| item != Item::Error),
            _ => true,
        };
        parts.iter().all(understood).then_some(Self { format: parts, utc })
    }

    fn format(&self, time: &DateTime<Local>) -> String {
        let mut text = String::new();
        let micros = time.timestamp_subsec_micros();
        for part in &self.format {
            match part {
                TimePart::Strftime(format) if self.utc => {
                    put(&mut text, format_args!("{}", time.with_timezone(&Utc).format(format)));
                }
                TimePart::Strftime(format) => {
                    put(&mut text, format_args!("{}", time.format(format)));
                }
                TimePart::Milliseconds => put(&mut text, format_args!("{:03}", micros / 1000)),
                TimePart::FractionalMilliseconds => {
                    put(&mut text, format_args!("{:03}.{:03}", micros / 1000, micros % 1000));
                }
            }
        }
        text
    }
}

/// The piece that a text beginning with `%` begins with, and its length.
fn piece(text: &str) -> Option<(Piece, usize)> {
    const TIME: &str = "%Y-%m-%d %H:%M:%S";

    let mut rest = &text[1..];
    let fill_right = rest.starts_with('-');
    rest = rest.strip_prefix('-').unwrap_or(rest);
    let min = number(&mut rest).unwrap_or(0);
    let mut max = None;
    if let Some(behind) = rest.strip_prefix('.') {
        rest = behind;
        max = Some(number(&mut rest)?);
    }
    let conversion = rest.chars().next()?;
    rest = &rest[conversion.len_utf8()..];
    let mut option = None;
    if matches!(conversion, 'c' | 'd' | 'D' | 'E' | 'X')
        && let Some((inside, behind)) = rest.strip_prefix('{').and_then(|it| it.split_once('}'))
    {
        (option, rest) = (Some(inside), behind);
    }
    let what = match conversion {
        '%' => What::Text("%".to_owned()),
        'n' => What::Text("\n".to_owned()),
        'p' => What::Level,
        'P' => What::Letter,
        'm' => What::Message,
        'c' => What::Logger(option.and_then(|text| text.parse().ok()).filter(|count| *count > 0)),
        'd' | 'D' => What::Time(Time::parse(option.unwrap_or(TIME), conversion == 'd')?),
        'i' => What::ProcessId,
        't' => What::Thread,
        'T' => What::ThreadName,
        'h' | 'H' => What::Host,
        'F' => What::File,
        'b' => What::FileName,
        'L' => What::Line,
        'l' => What::FileAndLine,
        'M' => What::Function,
        'r' => What::Milliseconds,
        'x' | 'X' => What::Nothing,
        'E' => What::Environment(option?.to_owned()),
        _ => return None,
    };
    Some((Piece { what, min, fill_right, max }, text.len() - rest.len()))
}

/// Widths beyond this are none.
const MAX_WIDTH: usize = 1000;

/// Takes the digits at the start of a text.
fn number(text: &mut &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: usize = text[..digits].parse().ok()?;
    *text = &text[digits..];
    Some(number.min(MAX_WIDTH))
}

fn last_components(name: &str, count: Option<usize>) -> &str {
    let Some(count) = count else { return name };
    match name.rmatch_indices('.').nth(count - 1) {
        Some((index, _)) => &name[index + 1..],
        None => name,
    }
}

fn thread_number() -> String {
    let id = format!("{:?}", thread::current().id());
    id.chars().filter(char::is_ascii_digit).collect()
}

/// Appends to a string, which does not fail.
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(what);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::level::LogLevel;
    use crate::logging::record::SourceLocation;
    use chrono::TimeZone;

    fn record() -> LogRecord<'static> {
        let time = Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).unwrap();
        LogRecord {
            level: LogLevel::Info,
            logger: "dcmtk.apps.storescp",
            message: "größer",
            time: time + chrono::Duration::microseconds(7089),
            milliseconds: 12,
            source: SourceLocation {
                file: "src/association.rs",
                line: 34,
                module: "storescp::association",
            },
        }
    }

    fn formatted(pattern: &str) -> String {
        Layout::pattern(pattern).0.format(&record())
    }

    #[test]
    fn every_conversion() {
        let process = std::process::id();
        let host = host_name();
        for (pattern, expected) in [
            ("%p %P %m%n", "INFO I größer\n".to_owned()),
            ("%c %c{1} %c{2} %c{9} %c{0}", "dcmtk.apps.storescp storescp apps.storescp dcmtk.apps.storescp dcmtk.apps.storescp".to_owned()),
            ("%D %D{%H:%M:%S.%q %d %Q}", "2026-02-03 04:05:06 04:05:06.007 03 007.089".to_owned()),
            ("%i %h %H %r", format!("{process} {host} {host} 12")),
            ("%F %b %L %l %M", "src/association.rs association.rs 34 src/association.rs:34 storescp::association".to_owned()),
            ("100%% %x%X{a}%E{NONE_SUCH}|", "100% |".to_owned()),
        ] {
            assert_eq!(formatted(pattern), expected, "{pattern}");
        }
        assert_eq!(formatted("%d{%H}"), record().time.with_timezone(&Utc).format("%H").to_string());
        assert_eq!(formatted("%E{PATH}"), std::env::var("PATH").unwrap());
        assert!(!formatted("%t").is_empty() && !formatted("%T").is_empty());
    }

    #[test]
    fn widths_fill_and_cut_as_log4cplus_does() {
        for (pattern, expected) in [
            ("%5p|", " INFO|"),
            ("%-5p|", "INFO |"),
            ("%.2p|", "FO|"),
            ("%5.1p|", "O|"),
            ("%-8.9c{1}|", "storescp|"),
            ("%8m|", "  größer|"),
        ] {
            assert_eq!(formatted(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_understood_stays_and_is_named() {
        for pattern in ["%z %m", "%q", "%", "%5", "%E", "%.m", "%D{%!}"] {
            let (layout, unknown) = Layout::pattern(pattern);
            assert!(!unknown.is_empty(), "{pattern}");
            assert!(layout.format(&record()).starts_with(&pattern[..1]), "{pattern}");
        }
        assert_eq!(formatted("%z %p"), "%z INFO");
    }

    #[test]
    fn layouts_without_pattern() {
        assert_eq!(Layout::Simple.format(&record()), "INFO - größer\n");
        let thread = thread_number();
        let expected = format!("12 [{thread}] INFO dcmtk.apps.storescp <> - größer\n");
        assert_eq!(Layout::Ttcc(None).format(&record()), expected);
        let expected = format!("04 [{thread}] INFO dcmtk.apps.storescp <> - größer\n");
        assert_eq!(Layout::Ttcc(Time::parse("%H", false)).format(&record()), expected);
    }
}
