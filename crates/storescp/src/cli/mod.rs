//! The command line: DCMTK's, checked and turned into a [`Config`].
//!
//! ```text
//! arguments --Typed::read--> what was typed --options::config--> Config
//!                        \                 /
//!                         the option table --texts--> --help, manual page, docs/cli.md, completions
//! ```

mod config;
mod fault;
mod fault_rules;
mod files;
mod hash_password;
mod hints;
mod options;
mod similarity;
mod texts;

pub use config::Config;
pub use files::Files;
pub(crate) use hash_password::hash_password;
pub use texts::Shell;

pub(crate) use fault::log_config_fault;
pub(crate) use similarity::nearest;

use fault::Fault;
use files::FileSystem;
use options::{Opt, Typed};
use std::ffi::OsString;
use std::path::Path;
use texts::help;

/// What the program is to do, as a command line says.
#[derive(Debug)]
pub enum Action {
    /// Run the server.
    Run(Box<Config>),
    /// Write the text to standard output and exit with code 0.
    PrintAndExit(String),
    /// Write the text to standard error and exit with code 1.
    UsageError(String),
}

/// Reads a command line, the program's name not included.
///
/// Files named by `@file`, `--log-config` and `--fault-file` are read; nothing else is opened.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Action {
    parse_with(arguments, &FileSystem)
}

/// Reads a command line as [`parse`] does, with files from elsewhere; opens none itself.
pub fn parse_with(arguments: impl Iterator<Item = OsString>, files: &impl Files) -> Action {
    let typed = match Typed::read(arguments, options::find, files) {
        Ok(typed) => typed,
        Err(fault) => return usage_error("", &fault),
    };
    if typed.words().is_empty() || typed.has(Opt::Help) {
        return Action::PrintAndExit(help::help());
    }
    if typed.has(Opt::Version) {
        return Action::PrintAndExit(help::version());
    }
    if typed.has(Opt::ListProfiles) {
        return Action::PrintAndExit(help::profiles());
    }
    if typed.has(Opt::ListCiphers) {
        return Action::PrintAndExit(help::cipher_suites());
    }
    let (port, log) =
        match options::port(&typed).and_then(|port| Ok((port, options::log(&typed, files)?))) {
            Ok(checked) => checked,
            Err(fault) => return usage_error("", &fault),
        };
    let quiet = log.is_quiet();
    let arguments =
        log.arguments.as_ref().map_or_else(String::new, |line| format!("I: {line}\nI: \n"));
    match options::config(&typed, port, log, files) {
        Ok(config) => Action::Run(Box::new(config)),
        // --quiet means it: from here on the exit code alone tells.
        Err(_) if quiet => Action::UsageError(arguments),
        Err(fault) => usage_error(&arguments, &fault),
    }
}

fn usage_error(before: &str, fault: &Fault) -> Action {
    let hints: String =
        hints::of(fault).into_iter().map(|hint| format!("hint: {hint}\n")).collect();
    Action::UsageError(format!("{before}{}error: {fault}\n{hints}", help::header()))
}

/// Reads one fault, as typed behind `--fault`.
///
/// # Errors
/// At which column it is wrong, from 1 on, and what is wrong there.
pub(crate) fn fault_on_purpose(text: &str) -> Result<receiver::faults::Rule, (usize, String)> {
    fault_rules::rule(text.as_ref()).map_err(fault_rules::RuleError::into_parts)
}

/// Reads the content of a file of faults, as `--fault-file` names it: the faults, and its seed.
///
/// # Errors
/// What is wrong in it, with file, line and column.
pub(crate) fn fault_file(
    path: &Path,
    content: &[u8],
) -> Result<(Vec<receiver::faults::Rule>, Option<u64>), String> {
    let file = fault_rules::file(path.as_os_str(), content).map_err(|error| error.to_string())?;
    Ok((file.rules, file.seed))
}

/// Name, version and date of this program on one line.
pub fn identification() -> String {
    help::identification()
}

/// Name and version of this program.
pub(crate) fn version() -> String {
    format!("storescp {}", env!("CARGO_PKG_VERSION"))
}

/// The text of `docs/cli.md`, made from the option table.
pub fn reference() -> String {
    help::reference()
}

/// The text of `storescp test --help`.
pub(crate) fn tester_help() -> String {
    texts::tester_help()
}

/// The text of `storescp hash-password --help`.
fn hasher_help() -> String {
    texts::hasher_help()
}

/// The text of `storescp check --help`.
pub(crate) fn checker_help() -> String {
    texts::checker_help()
}

/// The text of `storescp outbox --help`.
pub(crate) fn outbox_help() -> String {
    texts::outbox_help()
}

/// The text of `storescp catalog --help`.
pub(crate) fn catalog_help() -> String {
    texts::catalog_help()
}

/// The text of `storescp schema --help`.
pub(crate) fn schema_help() -> String {
    texts::schema_help()
}

/// The long names of all options.
#[cfg(test)]
pub(crate) fn option_names() -> impl Iterator<Item = &'static str> {
    options::all().map(|option| option.long)
}

/// The options of `storescp test`, each with the name of its value.
#[cfg(test)]
pub(crate) fn tester_options() -> impl Iterator<Item = &'static str> {
    texts::tester_options()
}

/// The manual page `storescp.1`, made from the option table.
pub fn manual() -> String {
    texts::manual::page()
}

/// The script that completes the command line in a shell, made from the option table.
pub fn completions(shell: Shell) -> String {
    texts::completions::script(shell)
}

#[cfg(test)]
mod tests;
