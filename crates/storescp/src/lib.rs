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
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Outcome::UsageError(text) => {
            eprint!("{text}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = logging::init(&config.log) {
        eprintln!("error: {error}");
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
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!("internal error, ending one association: {panic}");
    }));
}
