//! `storescp outbox`: looks into the outbox, and decides about deliveries. It works on the catalogue, so that it does not
//! matter whether the receiver runs.

mod change;
mod list;
mod selection;
mod show;

use super::place::Place;
use super::terminal::{ended, print, words};
use crate::cli;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs it with the words behind `outbox`. Exit code 0 if it was done.
pub(crate) fn run(behind: impl Iterator<Item = OsString>) -> ExitCode {
    ended("outbox", words(behind).and_then(dispatch))
}

fn dispatch(words: Vec<String>) -> Result<(), String> {
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return print(&cli::outbox_help());
    }
    let (place, mut words) = Place::take(words)?;
    if words.is_empty() {
        return Err("say what to do: list, show, retry, park, drop, pause or resume".to_owned());
    }
    let command = words.remove(0);
    match command.as_str() {
        "list" => list::run(&place, words),
        "show" => show::run(&place, words),
        "retry" | "park" | "drop" => change::run(&place, &command, words),
        "pause" | "resume" => change::pause(&place, command == "pause", &words),
        other => {
            Err(format!("'{other}' is none of list, show, retry, park, drop, pause and resume"))
        }
    }
}
