//! Faults on purpose as text: `--fault`, and the lines of a `--fault-file`. What the words mean is in
//! `docs/faults.md`; the [`Rule`]s that they become print as they are typed.

mod action;
mod error;
mod parser;
mod selection;
mod tokens;

pub(super) use error::RuleError;

use parser::Parser;
use receiver::faults::Rule;
use receiver::limits::FAULT_RULES;
use std::ffi::OsStr;

/// What a file of faults says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FaultFile {
    pub(super) rules: Vec<Rule>,
    /// `seed N`: the last one counts.
    pub(super) seed: Option<u64>,
}

/// Reads one fault, as typed behind `--fault`.
///
/// # Errors
/// The first thing that is wrong with it, and at which column.
pub(super) fn rule(text: &OsStr) -> Result<Rule, RuleError> {
    let text = text.to_str().ok_or_else(|| RuleError::at(1, "not UTF-8".to_owned()))?;
    Parser::new(text)?.rule()
}

/// Reads a file of faults: one on each line; empty lines, and what follows `#`, mean nothing.
///
/// # Errors
/// The first thing that is wrong with it, and in which line and column.
pub(super) fn file(name: &OsStr, content: &[u8]) -> Result<FaultFile, RuleError> {
    let mut file = FaultFile::default();
    for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
        read_line(line, &mut file).map_err(|error| error.in_file(name, index + 1))?;
    }
    Ok(file)
}

/// The words that begin what happens, and those that select what it strikes.
#[cfg(test)]
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    action::ACTIONS.iter().map(|(name, _)| *name).chain(parser::SELECTORS)
}

/// Reads the number behind `--fault-seed`, or behind `seed` in a file.
pub(super) fn seed(text: &OsStr) -> Option<u64> {
    text.to_str().and_then(parser::number)
}

fn read_line(line: &[u8], file: &mut FaultFile) -> Result<(), RuleError> {
    let text = std::str::from_utf8(line).map_err(|_| RuleError::at(1, "not UTF-8".to_owned()))?;
    let mut parser = Parser::new(text)?;
    if parser.is_at_end() {
        return Ok(());
    }
    if let Some(seed) = parser.seed()? {
        file.seed = Some(seed);
        return Ok(());
    }
    if file.rules.len() == FAULT_RULES {
        return Err(RuleError::at(1, format!("more than {FAULT_RULES} faults")));
    }
    file.rules.push(parser.rule()?);
    Ok(())
}

#[cfg(test)]
mod tests;
