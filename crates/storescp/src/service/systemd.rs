//! What systemd is told: that the receiver listens, what it does, that it reloads, that it stops, and that
//! connections are still being accepted (sd_notify(3)). A datagram of text for each; nothing without
//! `NOTIFY_SOCKET`.

use receiver::{Handle, Pulse, thread_builder};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// Where systemd listens, if it does.
pub(super) struct Systemd {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants to hear that connections are accepted.
    watchdog: Option<Duration>,
    is_serving: AtomicBool,
    is_stopping: AtomicBool,
}

impl Systemd {
    /// As the environment variables `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say. A socket that
    /// cannot be used is warned of: systemd ends a service of which it hears nothing.
    pub(super) fn from_environment() -> Self {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        let socket = name.and_then(|name| match open(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!("cannot use NOTIFY_SOCKET: {error}");
                None
            }
        });
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|&micros| micros > 0 && is_ours);
        let watchdog = watchdog.map(Duration::from_micros).filter(|_| socket.is_some());
        Self {
            socket,
            watchdog,
            is_serving: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// True if [`watch`](Self::watch) will need a thread.
    pub(super) fn wants_thread() -> bool {
        std::env::var_os("WATCHDOG_USEC").is_some()
    }

    /// The port is open.
    pub(super) fn ready(&self, status: &str) {
        self.is_serving.store(true, Ordering::Relaxed);
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// Reads files again by `reload`. Before the port is open and after it is closed, that is not told.
    pub(super) fn reload(&self, reload: &dyn Fn(), status: &str) {
        let is_told =
            || self.is_serving.load(Ordering::Relaxed) && !self.is_stopping.load(Ordering::Relaxed);
        if is_told() {
            self.reloading();
        }
        reload();
        if is_told() {
            self.ready(status);
        }
    }

    fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}\nSTATUS=Reloading"));
    }

    /// The port is closed, and what is in progress is being finished.
    pub(super) fn stopping(&self, status: &str) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.tell(&format!("STOPPING=1\nSTATUS={status}"));
    }

    /// Starts the thread that sends `WATCHDOG=1` twice in the time that systemd gives, as long as connections
    /// are being accepted; once the receiver stops, whether or not. It begins when the server's handle comes.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn watch(self: &Arc<Self>, handle: Receiver<Handle>) -> io::Result<()> {
        let Some(limit) = self.watchdog else { return Ok(()) };
        let systemd = Arc::clone(self);
        let watch = move || {
            let Ok(handle) = handle.recv() else { return };
            let mut pulse = Pulse::default();
            loop {
                if systemd.is_stopping.load(Ordering::Relaxed) || handle.is_accepting(&mut pulse) {
                    systemd.tell("WATCHDOG=1");
                } else {
                    tracing::error!("no connection is being accepted: systemd is told nothing");
                }
                std::thread::sleep(limit / 2);
            }
        };
        thread_builder().spawn(watch).map(drop)
    }

    fn tell(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::warn!("cannot tell systemd: {error}");
        }
    }
}

/// How long a message waits for room in the queue of a socket that nobody reads.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(LONGEST_WAIT))?;
    Ok((socket, address(name)?))
}

/// A path, or behind `@` a name of Linux's abstract namespace.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(Path::new(name)),
        [b'@', name @ ..] => abstract_address(name),
        _ => Err(io::Error::other("it is neither a path nor begins with @")),
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_paths_or_abstract_names() {
        let path = address(OsStr::new("/run/systemd/notify")).unwrap();
        assert_eq!(path.as_pathname(), Some(Path::new("/run/systemd/notify")));
        assert!(address(OsStr::new("@name")).unwrap().as_pathname().is_none());
        assert!(address(OsStr::new("vsock:2:1234")).is_err());
    }

    #[test]
    fn messages_reach_the_socket() {
        let name = format!("@storescp-systemd-{}", std::process::id());
        let address = address(OsStr::new(&name)).unwrap();
        let listener = UnixDatagram::bind_addr(&address).unwrap();
        let systemd = Systemd {
            socket: Some(open(OsStr::new(&name)).unwrap()),
            watchdog: None,
            is_serving: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
        };
        let reload = || systemd.reload(&|| {}, "Listening");
        reload();
        systemd.ready("Listening");
        reload();
        systemd.stopping("Draining");
        reload();
        let mut buffer = [0; 256];
        let mut message = || {
            let length = listener.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        assert_eq!(message(), "READY=1\nSTATUS=Listening");
        let reloading = message();
        let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        let (micros, _) = micros.split_once('\n').unwrap();
        assert!(micros.parse::<u64>().unwrap() > 0);
        assert_eq!(message(), "READY=1\nSTATUS=Listening");
        assert_eq!(message(), "STOPPING=1\nSTATUS=Draining");
        listener.set_nonblocking(true).unwrap();
        assert!(listener.recv(&mut [0]).is_err(), "no reload is told but while serving");
    }

    /// What nobody reads holds up nobody.
    #[test]
    fn a_full_socket_is_given_up_soon() {
        let name = format!("@storescp-systemd-full-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&address(OsStr::new(&name)).unwrap()).unwrap();
        let (socket, address) = open(OsStr::new(&name)).unwrap();
        let began = std::time::Instant::now();
        let sent = (0..10_000).take_while(|_| socket.send_to_addr(b"READY=1", &address).is_ok());
        assert!(sent.count() < 10_000);
        assert!(began.elapsed() < Duration::from_secs(30));
        drop(listener);
    }
}
