//! The command line: DCMTK's, checked and turned into a [`Config`].
//!
//! ```text
//! arguments --parse--> what was typed --check--> Config
//!               \         /
//!              option table --help--> --help, docs/cli.md
//! ```

mod check;
mod completions;
mod config;
mod error;
mod help;
mod manual;
mod options;
mod parse;
mod tls;
mod transfer_syntaxes;

pub use completions::Shell;
pub use config::Config;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use crate::logging::{Setup, SetupFault};
use error::Error;
use options::Opt;
use parse::Typed;

/// What a command line asks for.
#[derive(Debug)]
pub enum Outcome {
    /// Run the server.
    Run(Box<Config>),
    /// Write the text to standard output and exit with code 0.
    PrintAndExit(String),
    /// Write the text to standard error and exit with code 1.
    UsageError(String),
}

/// What a command line needs of the files that it names.
pub trait Files {
    /// The content of an `@file`.
    ///
    /// # Errors
    /// It cannot be read.
    fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>>;

    /// What the file of `--log-config` asks for.
    ///
    /// # Errors
    /// It cannot be read, or is no log configuration.
    fn log_setup(&self, path: &Path) -> Result<Setup, SetupFault>;
}

/// The files of this machine.
struct FileSystem;

impl Files for FileSystem {
    fn command_file(&self, name: &OsStr) -> io::Result<Vec<u8>> {
        std::fs::read(name)
    }

    fn log_setup(&self, path: &Path) -> Result<Setup, SetupFault> {
        Setup::read(path)
    }
}

/// Reads a command line, the program's name not included.
///
/// Files named by `@file` and `--log-config` are read; nothing else is opened.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Outcome {
    parse_with(arguments, &FileSystem)
}

/// Reads a command line as [`parse`] does, with files from elsewhere; opens none itself.
pub fn parse_with(arguments: impl Iterator<Item = OsString>, files: &impl Files) -> Outcome {
    let typed = match Typed::read(arguments, files) {
        Ok(typed) => typed,
        Err(error) => return usage_error("", &error),
    };
    if typed.words().is_empty() || typed.has(Opt::Help) {
        return Outcome::PrintAndExit(help::help());
    }
    if typed.has(Opt::Version) {
        return Outcome::PrintAndExit(help::version());
    }
    if typed.has(Opt::ListProfiles) {
        return Outcome::PrintAndExit(help::profiles());
    }
    if typed.has(Opt::ListCiphers) {
        return Outcome::PrintAndExit(help::cipher_suites());
    }
    let (port, log) =
        match check::port(&typed).and_then(|port| Ok((port, check::log(&typed, files)?))) {
            Ok(checked) => checked,
            Err(error) => return usage_error("", &error),
        };
    let quiet = log.is_quiet();
    let arguments =
        log.arguments.as_ref().map_or_else(String::new, |line| format!("I: {line}\nI: \n"));
    match check::config(&typed, port, log) {
        Ok(config) => Outcome::Run(Box::new(config)),
        // --quiet means it: from here on the exit code alone tells.
        Err(_) if quiet => Outcome::UsageError(arguments),
        Err(error) => usage_error(&arguments, &error),
    }
}

fn usage_error(before: &str, error: &Error) -> Outcome {
    Outcome::UsageError(format!("{before}{}error: {error}\n", help::header()))
}

/// Name, version and date of this program on one line.
pub fn identification() -> String {
    help::identification()
}

/// The text of `docs/cli.md`, made from the option table.
pub fn reference() -> String {
    help::reference()
}

/// The manual page `storescp.1`, made from the option table.
pub fn manual() -> String {
    manual::page()
}

/// The script that completes the command line in a shell, made from the option table.
pub fn completions(shell: Shell) -> String {
    completions::script(shell)
}

#[cfg(test)]
mod tests;
