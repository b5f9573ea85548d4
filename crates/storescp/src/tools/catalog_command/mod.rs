//! `storescp catalog`: what the catalogue holds, and whether it is true.

mod directories;
mod export;
mod rebuild;
mod stats;
mod verify;

use super::place::Place;
use super::terminal::{ended, print, words};
use crate::cli;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs it with the words behind `catalog`. Exit code 0 if it was done.
pub(crate) fn run(behind: impl Iterator<Item = OsString>) -> ExitCode {
    ended("catalog", words(behind).and_then(dispatch))
}

fn dispatch(words: Vec<String>) -> Result<(), String> {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return print(&cli::catalog_help());
    }
    let (place, mut words) = Place::take(words)?;
    if words.is_empty() {
        return Err("say what to do: rebuild, verify, stats or export".to_owned());
    }
    let command = words.remove(0);
    match command.as_str() {
        "stats" => stats::run(&place, &words),
        "export" => export::run(&place, &words),
        "rebuild" => rebuild::run(&place, &words),
        "verify" => verify::run(&place, &words),
        other => Err(format!("'{other}' is none of rebuild, verify, stats and export")),
    }
}
