//! `storescp test`: sends a C-ECHO and a made-up object to a receiver, and tells each step to the person who sets
//! it up.

mod advice;
mod object;
mod settings;
mod status;
mod steps;

use crate::cli;
use settings::Asked;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs it with the words behind `test`. Exit code 0 if every step succeeded.
pub(crate) fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    // A reader that closes the pipe early is no error.
    match settings::read(words) {
        Ok(Asked::Help) => {
            let _ = io::stdout().write_all(cli::tester_help().as_bytes());
            ExitCode::SUCCESS
        }
        Ok(Asked::Send(settings)) => {
            let tls = settings.tls.as_ref().map(|tls| tls.client(&settings.host)).transpose();
            let tls = match tls {
                Ok(tls) => tls,
                Err(fault) => {
                    let _ = io::stderr().write_all(format!("error: {fault}\n").as_bytes());
                    return ExitCode::FAILURE;
                }
            };
            let told = steps::send(&settings, tls.as_ref(), &mut io::stdout().lock());
            if told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            let text = format!("error: {fault}\nhint: storescp test --help\n");
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}
