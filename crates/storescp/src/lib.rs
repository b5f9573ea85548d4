//! The program `storescp`: the command line, the log, commands, and the wiring of them to the
//! [`receiver`].
//!
//! [`run`] is the whole program. ARCHITECTURE.md follows a byte from the socket to the file.

pub mod cli;
pub mod commands;
pub mod data_dictionary;
pub mod error;
mod generation;
pub mod limits;
pub mod logging;
pub mod negotiation;
pub mod rules;
mod service;
pub mod settings;
mod tools;

use crate::cli::Action;
use crate::error::Error;
use receiver::net::inherited;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Runs the program: `arguments` as the system gives them, the program's name first. Returns when
/// the server has ended.
///
/// `storescp test …` sends a test object instead, `storescp check …` checks a settings file, `storescp schema` prints
/// its schema, `storescp hash-password` hashes a password, and `storescp outbox …` and `storescp catalog …` work on the
/// catalogue.
///
/// Exit codes: 0 after SIGTERM or SIGINT, after the one association of `--inetd`, and after help or
/// version; 1 if it cannot start.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.skip(1).collect();
    // No port is called so, so that none is a command line of DCMTK's either.
    match arguments.first().and_then(|first| first.to_str()) {
        Some("test") => return tools::test(arguments.into_iter().skip(1)),
        Some("outbox") => return tools::outbox(arguments.into_iter().skip(1)),
        Some("catalog") => return tools::catalog(arguments.into_iter().skip(1)),
        Some("check") => return settings::check(arguments.into_iter().skip(1)),
        Some("schema") => return settings::print_schema(arguments.into_iter().skip(1)),
        Some("hash-password") => return cli::hash_password(arguments.into_iter().skip(1)),
        _ => {}
    }
    let connection = inetd_is_asked_for(&arguments).then(inherited::take_connection);
    let command_line = match cli::parse(arguments.into_iter()) {
        Action::Run(config) => *config,
        Action::PrintAndExit(text) => {
            // A reader that closes the pipe early is no error.
            let _ = io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Action::UsageError(text) => {
            logging::print_error(&text);
            logging::finish();
            return ExitCode::FAILURE;
        }
    };
    let config = match settings::effective(&command_line) {
        Ok(config) => config,
        Err(faults) => {
            // --quiet means it: the exit code alone tells.
            let told = faults.lines().filter(|_| !command_line.log.is_quiet());
            let lines: String = told.map(|line| format!("error: {line}\n")).collect();
            logging::print_error(&lines);
            logging::finish();
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = logging::init(&config.log) {
        logging::print_error(&format!("error: {error}\n"));
        logging::finish();
        return ExitCode::FAILURE;
    }
    log_panics();
    tracing::debug!("{}", cli::identification());
    tracing::debug!("");
    tracing::debug!("at this level AE titles and UIDs are logged, which can identify patients");
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let ended = if config.inetd {
        let connection = connection.unwrap_or_else(inherited::take_connection);
        let connection = connection.map_err(|error| receiver::Error::NoConnection(error).into());
        connection.and_then(|it| service::serve_one(&config, &command_line, it))
    } else {
        service::serve(&config, &command_line)
    };
    if let Err(error) = &ended {
        match error {
            Error::Receiver(receiver::Error::Listen(_)) => tracing::error!("{error}"),
            _ => fatal!("{error}"),
        }
        let hint = service::start_hint(error, &config);
        if let Some(hint) = &hint {
            tracing::error!("{hint}");
        }
        // Standard error is the peer's socket then.
        if !config.inetd && logging::goes_to_files(&config.log) {
            let hint = hint.map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            logging::print_error(&format!("error: {error}\n{hint}"));
        }
    }
    logging::finish();
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether a command line, valid or not, has `--inetd`: standard output and error are then the peer's
/// socket, and no message may go there.
fn inetd_is_asked_for(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--inetd" || argument == "-id")
}

/// Logs panics. A panic ends the one association whose thread it is in; what that held is discarded.
///
/// The message is logged only if it cannot contain data of a peer: constant text, or numbers.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = harmless_message(panic.payload());
        tracing::error!("internal error, ending one association: panicked at {place}{message}");
    }));
}

fn harmless_message(payload: &dyn std::any::Any) -> String {
    const OF_NUMBERS: [&str; 3] = ["index out of bounds: ", "range ", "slice index "];

    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return format!(": {text}");
    }
    let text = payload.downcast_ref::<String>().filter(|text| {
        // Nothing but these words and numbers.
        let quotes = text.contains(['`', '\'', '"']);
        OF_NUMBERS.iter().any(|begin| text.starts_with(begin)) && !quotes
    });
    text.map(|text| format!(": {text}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inetd_is_asked_for_by_name() {
        let asked = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            inetd_is_asked_for(&words)
        };
        assert!(asked("-v --inetd") && asked("-id --nonsense"));
        assert!(!asked("-v 104 -i4") && !asked("--inetd=1"));
    }

    /// The message of a panic as it is logged.
    fn logged(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
        harmless_message(&*std::panic::catch_unwind(work).unwrap_err())
    }

    #[test]
    fn a_panic_tells_nothing_of_a_patient() {
        let name = String::from("Müller^Hans");
        let bytes = name.clone().into_bytes();
        assert_eq!(logged(|| panic!("of no use")), ": of no use");
        let length = bytes.len();
        let expected = format!(": index out of bounds: the len is {length} but the index is 99");
        assert_eq!(logged(move || assert!(bytes[99] > 0)), expected);
        let text = name.clone();
        assert_eq!(logged(move || assert!(!text[2..].is_empty())), "");
        let text = name.clone();
        assert_eq!(logged(move || assert_eq!(text, "")), "");
        assert_eq!(logged(move || panic!("no {name}")), "");
    }
}
