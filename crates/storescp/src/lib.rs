//! The storage receiver: everything that touches the world.
//!
//! [`run`] is the whole program. A byte's way from a socket to a file is told in ARCHITECTURE.md.

mod association;
pub mod cli;
pub mod data_dictionary;
pub mod dump;
pub mod error;
mod events;
#[cfg(test)]
#[cfg(feature = "explore")]
mod exploration;
pub mod host_access;
mod inetd;
pub mod limits;
pub mod logging;
mod lookout;
mod memory;
pub mod naming;
pub mod peer_names;
mod places;
pub mod platform;
pub mod profile;
mod progress;
pub mod recv_buffer;
pub mod registry;
pub mod server;
mod shared;
pub mod storage;
mod storage_service;
mod studies;
mod sync;
pub mod tls;
pub mod transport;
mod workers;

use crate::cli::Outcome;
use crate::error::Error;
use crate::server::Server;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Our implementation class UID (PS3.7 §D.3.3.2), made from a UUID (PS3.5 §B.2).
pub const IMPLEMENTATION_CLASS_UID: &str = "2.25.276397947768074104005898073337973822803";

/// Our implementation version name (PS3.7 §D.3.3.2), at most 16 characters.
pub const IMPLEMENTATION_VERSION_NAME: &str = "STORESCP_010";

/// Runs the program: `arguments` as the system gives them, the program's name first. Returns when
/// the server has ended.
///
/// Exit codes: 0 after SIGTERM or SIGINT, after the one association of `--inetd`, and after help or
/// version; 1 if it cannot start.
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.skip(1).collect();
    let connection = inetd::is_asked_for(&arguments).then(inetd::take_connection);
    let config = match cli::parse(arguments.into_iter()) {
        Outcome::Run(config) => *config,
        Outcome::PrintAndExit(text) => {
            // Whoever reads a part only is no error.
            let _ = io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Outcome::UsageError(text) => {
            logging::print_error(&text);
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
    let ended = if config.network.inetd {
        let connection = connection.unwrap_or_else(inetd::take_connection);
        connection.map_err(Error::NoConnection).and_then(|it| server::serve_one(config, it))
    } else {
        Server::start(config).and_then(Server::run)
    };
    match &ended {
        Ok(()) => {}
        Err(error @ Error::Listen(_)) => tracing::error!("{error}"),
        Err(error) => fatal!("{error}"),
    }
    logging::finish();
    if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A panic ends the one association whose thread it is in; all that it held is discarded.
///
/// What it says is logged only if no data of a peer can be in it: text that was there at compile time,
/// or numbers.
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
