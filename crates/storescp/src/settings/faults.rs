//! What is wrong with a settings file, each with its place.

use std::fmt;
use std::path::{Path, PathBuf};

/// Everything that is wrong with a settings file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    /// The file, as it was named.
    pub file: PathBuf,
    /// What is wrong, in the order of the file.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: line and column, both from 1 on, the column in characters. `None` if it is about the file as a
    /// whole.
    pub place: Option<(usize, usize)>,
    /// What is wrong, what was expected, and the nearest right name. No secrets.
    pub message: String,
}

impl Faults {
    /// One fault, of the file as a whole.
    pub(super) fn about_file(file: &Path, message: String) -> Self {
        Self { file: file.to_owned(), faults: vec![Fault { place: None, message }] }
    }

    /// A line for each: `FILE:LINE:COLUMN: MESSAGE`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.faults.iter().map(|fault| fault.line(&self.file))
    }
}

impl Fault {
    /// `FILE:LINE:COLUMN: MESSAGE`.
    pub(super) fn line(&self, file: &Path) -> String {
        let (file, message) = (file.display(), &self.message);
        match self.place {
            Some((line, column)) => format!("{file}:{line}:{column}: {message}"),
            None => format!("{file}: {message}"),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines().collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Faults {}
