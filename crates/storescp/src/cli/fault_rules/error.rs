//! What is wrong with the text of a fault, and where.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// Why the text of a fault cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct RuleError {
    /// The file and its line, unless the text is an argument.
    place: Option<(OsString, usize)>,
    /// In characters, from 1.
    column: usize,
    problem: String,
}

impl RuleError {
    pub(super) fn at(column: usize, problem: String) -> Self {
        Self { place: None, column, problem }
    }

    /// The column and what is wrong there.
    pub(in crate::cli) fn into_parts(self) -> (usize, String) {
        (self.column, self.problem)
    }

    pub(super) fn in_file(self, name: &OsStr, line: usize) -> Self {
        Self { place: Some((name.to_owned(), line)), ..self }
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((file, line)) => {
                write!(f, "{}:{line}:{}: {}", file.display(), self.column, self.problem)
            }
            None => write!(
                f,
                "Invalid value for option --fault: column {}: {}",
                self.column, self.problem
            ),
        }
    }
}

impl std::error::Error for RuleError {}
