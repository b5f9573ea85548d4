//! From an event to the text of a line.

use super::level::LogLevel;
use std::fmt::{self, Write as _};
use tracing::Event;
use tracing::field::{Field, Visit};

/// One log line being put together, of printable characters only.
pub(super) struct Line(pub(super) String);

impl Line {
    /// The event's message and, of a warning or an error, the peer that this thread serves.
    pub(super) fn record(&mut self, event: &Event<'_>, severity: LogLevel) -> fmt::Result {
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
