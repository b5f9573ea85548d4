//! SIGTERM and SIGINT, which stop the program, and SIGHUP, which reloads settings and files.

use super::reload::Cause;
use super::wiring::Service;
use crate::cli::Config;
use crate::commands::CommandPool;
use receiver::{Handle, thread_builder};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};

/// Registers SIGTERM and SIGINT: from now on each puts a byte into the stream returned.
pub(super) fn receive_signals() -> io::Result<UnixStream> {
    let (ended_by_signal, sender) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
    }
    Ok(ended_by_signal)
}

/// Starts the thread that reports the first signal through the channel returned, and at the second one
/// stops all waiting. It is started early, while a thread can be had.
pub(super) fn watch_signals(
    ended_by_signal: UnixStream,
    handle: mpsc::Receiver<Handle>,
    commands: &Arc<CommandPool>,
) -> io::Result<mpsc::Receiver<()>> {
    let (first, signals) = mpsc::channel();
    let commands = Arc::clone(commands);
    let watch = move || {
        let Ok(handle) = handle.recv() else { return };
        wait_for(&ended_by_signal);
        let _ = first.send(());
        wait_for(&ended_by_signal);
        handle.cut_short();
        commands.cut_short();
    };
    thread_builder().spawn(watch)?;
    Ok(signals)
}

/// Blocks until a signal arrives.
fn wait_for(mut ended_by_signal: &UnixStream) {
    while ended_by_signal
        .read(&mut [0])
        .is_err_and(|error| error.kind() == io::ErrorKind::Interrupted)
    {}
}

/// Registers SIGHUP, which from now on does not stop the process. `None` if the process was started to
/// ignore it (`nohup`) and there is nothing to reload: it stays ignored, in commands too.
pub(super) fn hang_ups(config: &Config) -> io::Result<Option<Signals>> {
    let reloads =
        config.tls.is_some() || config.log.config.is_some() || config.settings_file.is_some();
    if platform::ignores_hang_up() && !reloads {
        return Ok(None);
    }
    Signals::new([SIGHUP]).map(Some)
}

/// Starts the thread that reloads settings, log files and certificates on each SIGHUP; `around` calls what does it.
pub(super) fn reload_on(
    hang_ups: Option<Signals>,
    service: &Arc<Service>,
    around: impl Fn(&dyn Fn()) + Send + 'static,
) -> io::Result<()> {
    let Some(mut hang_ups) = hang_ups else { return Ok(()) };
    let service = Arc::clone(service);
    let reload_all = move || {
        for _ in &mut hang_ups {
            around(&|| {
                // A failure is logged already.
                let _ = service.reload(Cause::HangUp);
            });
        }
    };
    let thread = std::thread::Builder::new().name("hang-up".to_owned());
    thread.spawn(reload_all).map(drop)
}
