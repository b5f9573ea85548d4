mod check;
mod deliveries;
mod file;
mod messages;
mod options;
mod rules;
mod telemetry;

use super::*;
use crate::cli::{self, Action};
use std::ffi::OsString;

/// What a command line says.
fn command_line(line: &str) -> Config {
    match cli::parse(line.split_whitespace().map(OsString::from)) {
        Action::Run(config) => *config,
        other => panic!("{line}: {other:?}"),
    }
}

/// What a file says over an empty command line.
fn config(text: &str) -> Config {
    parse(text.as_bytes(), &command_line("--settings -"))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

/// What is wrong with a file, without its name.
fn faults(text: impl AsRef<[u8]>) -> Vec<String> {
    let Err(faults) = parse(text.as_ref(), &command_line("--settings -")) else {
        panic!("nothing is wrong: {}", String::from_utf8_lossy(text.as_ref()))
    };
    faults
        .lines()
        .map(|line| line.strip_prefix("settings.toml:").expect("the file").trim_start().to_owned())
        .collect()
}
