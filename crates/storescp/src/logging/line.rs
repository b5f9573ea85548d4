//! From an event to the text of a line.

use super::settings::LogFormat;
use std::fmt::{self, Write as _};
use tracing::Event;
use tracing::field::{Field, Visit};

/// One log line being put together, of printable characters only.
pub(super) struct Line(pub(super) String);

impl Line {
    /// The event's message and whose association it is about, if this thread deals with one. DCMTK's lines stay
    /// as scripts know them, unless `format` asks for more.
    pub(super) fn record(&mut self, event: &Event<'_>, format: LogFormat) -> fmt::Result {
        event.record(self);
        let fields = event.metadata().fields();
        let is_dcmtks = fields.field("dcmtks").is_some();
        if fields.field("fatal").is_some() || (is_dcmtks && format == LogFormat::Dcmtk) {
            return Ok(());
        }
        receiver::log::write_suffix(self)
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing into a string does not fail.
            "message" => drop(write!(self, "{value:?}")),
            "fatal" | "dcmtks" => {}
            // The message says the same.
            name if receiver::log::FIELDS.contains(&name) => {}
            name => drop(write!(self, " {name}={value:?}")),
        }
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if is_unprintable(character) {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// Whether `character` breaks lines, is a command for a terminal, or changes the direction of writing on some.
pub(super) fn is_unprintable(character: char) -> bool {
    let deceives = matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || deceives
}
