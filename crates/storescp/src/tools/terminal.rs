//! What subcommands are told on their command line, and what they write for people.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// The words of a command line, as text.
pub(super) fn words(words: impl Iterator<Item = OsString>) -> Result<Vec<String>, String> {
    words
        .map(|word| word.into_string().map_err(|word| format!("'{}' is not UTF-8", word.display())))
        .collect()
}

/// Ends a command: with its fault on standard error, if there is one.
pub(super) fn ended(command: &str, result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let text = format!("error: {fault}\nhint: storescp {command} --help\n");
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Writes to standard output. A reader that closes the pipe early is no error: the command ends there.
pub(super) fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(format!("cannot write to standard output: {error}")),
        Ok(()) => Ok(()),
    }
}

/// A time for people, in UTC.
pub(super) fn shown(time: std::time::SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A text of a peer or a data set on one line: control characters are escaped.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control()
            || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}
