//! The program while it serves: from the settings to the end.
//!
//! ```text
//!   Config ──► Generation ──► Observer ──► Node ──► Server
//!   SIGHUP ──► reopen log files, reload settings and certificates      SIGTERM ──► drain, then commands
//! ```

mod announcement;
mod archive;
mod certificates;
mod ending;
mod faults;
mod observer;
mod program;
mod reload;
mod signals;
mod start_hints;
mod systemd;
mod wiring;

pub(crate) use start_hints::start_hint;

use crate::cli::Config;
use crate::error::Error;
use control::Monitor;
use platform::sync::Instant;
use program::Control;
use receiver::{Handle, Server, SingleConnection, thread_builder};
use signals::{hang_ups, receive_signals, reload_on, watch_signals};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use systemd::Systemd;
use wiring::{Service, capacity};

/// Listens, and serves until SIGTERM or SIGINT; then finishes messages in progress within the grace
/// period. A second signal ends that at once.
///
/// `config` is what `command_line` says with the settings file that it names.
///
/// # Errors
/// Why the server cannot start; [`Error::CutShort`] after a second signal.
pub(crate) fn serve(config: &Config, command_line: &Config) -> Result<(), Error> {
    let capacity = capacity(config)?;
    let hang_ups = hang_ups(config).map_err(Error::Signals)?;
    let monitor = config.http.as_ref().map(|_| Arc::new(Monitor::default()));
    let service = Arc::new(Service::new(config, command_line, monitor.clone())?);
    let server = Server::inherit_or_bind(Arc::clone(&service.node), capacity)?;
    let address = server.local_address().map_err(receiver::Error::Listen)?;
    let addresses = server.local_addresses().map_err(receiver::Error::Listen)?;
    let listening = announcement::listening(config, address);
    let systemd = Arc::new(Systemd::from_environment());
    let ended_by_signal = receive_signals().map_err(Error::Signals)?;
    let reloaded = {
        let (systemd, status) = (Arc::clone(&systemd), listening.clone());
        move |reload: &dyn Fn()| systemd.reload(reload, &status)
    };
    reload_on(hang_ups, &service, reloaded).map_err(Error::Signals)?;
    service.resume_commands();
    service.watch_studies()?;
    // Before the first association: without a thread for signals, the server does not start.
    let (told, handle) = mpsc::channel::<Handle>();
    let signals =
        watch_signals(ended_by_signal, handle, &service.shared.pool).map_err(Error::Threads)?;
    certificates::warn_daily(&service, config).map_err(Error::Threads)?;
    let (told_watchdog, watched) = mpsc::channel::<Handle>();
    systemd.watch(watched).map_err(Error::Threads)?;
    let control = service.protection.as_ref().zip(monitor);
    let control = control.map(|(protection, monitor)| {
        Control::start(protection, monitor, &service, addresses, capacity)
    });
    let control = control.transpose()?;
    let handle = server.start()?;
    if let Some(telemetry) = &service.telemetry {
        telemetry.serving();
    }
    if let Some(control) = &control {
        control.serves(handle.clone());
    }
    let _ = told.send(handle.clone());
    let _ = told_watchdog.send(handle.clone());
    announcement::announce(config, address, &listening);
    systemd.ready(&listening);
    service.recover_in_background();
    let _ = signals.recv();
    service.is_draining.store(true, Ordering::Relaxed);
    handle.stop_accepting();
    let connections = handle.connections();
    let plural = if connections == 1 { "" } else { "s" };
    systemd.stopping(&format!(
        "finishing messages in progress on {connections} connection{plural} (at most {} s)",
        service.grace_period().as_secs()
    ));
    service.drain(&handle)
}

/// Serves the one connection of `--inetd`. Signals act as on a server.
///
/// # Errors
/// Why the server cannot start; [`Error::CutShort`] after a second signal.
pub(crate) fn serve_one(
    config: &Config,
    command_line: &Config,
    stream: TcpStream,
) -> Result<(), Error> {
    let hang_ups = hang_ups(config).map_err(Error::Signals)?;
    if config.http.is_some() {
        tracing::warn!("--inetd: there is no control plane for a single connection");
    }
    let service = Arc::new(Service::new(config, command_line, None)?);
    let ended_by_signal = receive_signals().map_err(Error::Signals)?;
    reload_on(hang_ups, &service, |reload: &dyn Fn()| reload()).map_err(Error::Signals)?;
    let connection = SingleConnection::new(Arc::clone(&service.node), stream)?;
    let handle = connection.handle();
    service.resume_commands();
    if let Some(telemetry) = &service.telemetry {
        telemetry.serving();
    }
    let (told, handles) = mpsc::channel();
    let _ = told.send(handle.clone());
    let signals =
        watch_signals(ended_by_signal, handles, &service.shared.pool).map_err(Error::Threads)?;
    // The association may block on anything, so it runs in a thread that is never joined.
    let (told, ends) = mpsc::channel();
    let (serving, signalled) = (Arc::clone(&service), told.clone());
    let serve = move || {
        if connection.serve() {
            let deadline = Instant::now() + serving.grace_period();
            if !serving.finish_commands(deadline) {
                // The thread that waits for signals reports that.
                return;
            }
            // After the association, so that the peer does not wait for it.
            serving.recover();
            serving.leave();
            let _ = told.send(Ok(()));
        }
    };
    let watch = move || {
        let _ = signals.recv();
        let _ = signalled.send(service.drain(&handle));
    };
    let threads = thread_builder().spawn(watch).and_then(|_| thread_builder().spawn(serve));
    threads.map_err(Error::Threads)?;
    // Whichever comes first.
    ends.recv().unwrap_or(Ok(()))
}
