//! SIGTERM and SIGINT, which stop the program, and SIGHUP, which reloads files.

use crate::cli::Config;
use crate::commands::Commands;
use crate::logging;
use receiver::{Handle, Node, thread_builder};
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
    commands: &Arc<Commands>,
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
    if platform::ignores_hang_up() && config.tls.is_none() && config.log.config.is_none() {
        return Ok(None);
    }
    Signals::new([SIGHUP]).map(Some)
}

/// Starts the thread that reloads log files and certificates on each SIGHUP; `around` calls what does it.
pub(super) fn reload_on(
    hang_ups: Option<Signals>,
    node: &Arc<Node>,
    around: impl Fn(&dyn Fn()) + Send + 'static,
) -> io::Result<()> {
    let Some(mut hang_ups) = hang_ups else { return Ok(()) };
    let node = Arc::clone(node);
    let reload_all = move || {
        for _ in &mut hang_ups {
            around(&|| reload(&node));
        }
    };
    let thread = std::thread::Builder::new().name("hang-up".to_owned());
    thread.spawn(reload_all).map(drop)
}

fn reopened(files: usize) -> String {
    format!("reopened {files} log file{}", if files == 1 { "" } else { "s" })
}

fn reload(node: &Node) {
    let mut done = Vec::new();
    let files = logging::reopen_files();
    if files > 0 {
        done.push(reopened(files));
    }
    match node.reload_tls() {
        Some(true) => {
            node.warn_of_expiry();
            done.push("reloaded keys and certificates".to_owned());
        }
        None if done.is_empty() => done.push("nothing to reload".to_owned()),
        // A failure is logged already.
        Some(false) | None => {}
    }
    if !done.is_empty() {
        tracing::info!("SIGHUP: {}", done.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_no_files() {
        assert_eq!(reopened(1), "reopened 1 log file");
        assert_eq!(reopened(2), "reopened 2 log files");
    }
}
