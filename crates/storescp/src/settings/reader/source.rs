//! The text of a settings file, and places in it.

use crate::limits::SETTINGS_BYTES;
use crate::settings::faults::{Fault, Faults};
use std::io;
use std::path::Path;

/// The text of a file: UTF-8, at most [`SETTINGS_BYTES`].
#[derive(Debug)]
pub(in crate::settings) struct Source {
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Why there is no text to be read.
#[derive(Debug)]
pub(in crate::settings) struct SourceFault {
    /// Where, if it is in one place.
    pub(in crate::settings) place: Option<(usize, usize)>,
    pub(in crate::settings) message: String,
}

impl SourceFault {
    /// As the fault of a file.
    pub(in crate::settings) fn in_file(self, file: &Path) -> Faults {
        let Self { place, message } = self;
        Faults { file: file.to_owned(), faults: vec![Fault { place, message }] }
    }
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is larger than [`SETTINGS_BYTES`], or is not UTF-8.
    pub(in crate::settings) fn read(path: &Path) -> Result<Self, SourceFault> {
        let fault = |message| SourceFault { place: None, message };
        let bytes = read_at_most(path, SETTINGS_BYTES).map_err(|error| {
            fault(format!("cannot read the settings file: {}", platform::reason(&error)))
        })?;
        let bytes = bytes.ok_or_else(|| {
            fault(format!("the settings file is larger than {} MiB", SETTINGS_BYTES >> 20))
        })?;
        Self::new(bytes)
    }

    /// Takes the content of a file.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(in crate::settings) fn new(bytes: Vec<u8>) -> Result<Self, SourceFault> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let byte = error.as_bytes()[valid];
            let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            let message = format!(
                "the byte {byte:02X}H is not UTF-8; save the file in UTF-8 (Latin-1 and Windows code pages are not \
                 TOML)"
            );
            SourceFault { place: Some(Self::from_text(before).place(valid)), message }
        })?;
        Ok(Self::from_text(text))
    }

    fn from_text(text: String) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    pub(in crate::settings) fn text(&self) -> &str {
        &self.text
    }

    /// The line of the `[header]` that a byte stands below.
    pub(in crate::settings) fn header_before(&self, at: usize) -> Option<usize> {
        let (line, _) = self.place(at);
        let is_header =
            |start: &usize| self.text[*start..].trim_start_matches([' ', '\t']).starts_with('[');
        self.lines[..line].iter().rposition(is_header).map(|index| index + 1)
    }

    /// Line and column of a byte, both from 1 on.
    pub(in crate::settings) fn place(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|&start| start <= at).max(1);
        let mut end = at.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(self.lines[line - 1]..end).unwrap_or_default();
        // A byte order mark takes no column.
        (line, before.trim_start_matches('\u{feff}').chars().count() + 1)
    }
}

/// The content of a file; `None` if it is longer than `most`.
///
/// # Errors
/// It cannot be read.
pub(in crate::settings) fn read_at_most(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    match platform::read_at_most(path, most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let source = Source::new("\u{feff}a = 1\r\nä = ü\n".as_bytes().to_vec()).unwrap();
        assert_eq!(source.place(3), (1, 1));
        assert_eq!(source.place(7), (1, 5));
        assert_eq!(source.place(10), (2, 1));
        assert_eq!(source.place(15), (2, 5));
        assert_eq!(source.place(16), (2, 5), "within a character");
        assert_eq!(source.place(18), (3, 1));
        assert_eq!(source.place(1000), (3, 1));
        assert_eq!(Source::new(Vec::new()).unwrap().place(0), (1, 1));
    }

    #[test]
    fn latin_1_is_refused_with_its_place() {
        let fault = Source::new(b"a = 1\nb = \"M\xFCller\"\n".to_vec()).unwrap_err();
        assert_eq!(fault.place, Some((2, 7)));
        assert!(fault.message.starts_with("the byte FCH is not UTF-8"), "{}", fault.message);
    }
}
