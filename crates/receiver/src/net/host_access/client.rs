//! Who asks to be served, as rules look at it.

use super::content::{Content, Kind};
use super::file;
use crate::limits::{ACCESS_LOOK_UPS_AT_ONCE, ACCESS_NAME_TIMEOUT};
use crate::net::peer_names::{has_address, reverse_look_up};
use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// An address, and its host name once a rule asks for it.
pub(super) struct Host {
    pub(super) address: IpAddr,
    name: OnceCell<HostName>,
    world: World,
}

/// What rules may ask the machine for.
#[derive(Clone, Copy)]
pub struct World {
    /// The name of a host.
    pub look_up: fn(IpAddr) -> HostName,
    /// The content of a file of patterns, or why it cannot be read.
    pub pattern_file: fn(&str) -> Result<Arc<Content>, String>,
}

/// What is known of a host's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostName {
    /// The one that the address has, and that has the address.
    Known(String),
    /// The address has a name, and the name does not have the address.
    Paranoid,
    /// The address has no name.
    Unknown,
    /// Names are not looked up (`--disable-host-lookup`).
    NotAsked,
    /// It could not be found out, and why.
    CannotTell(String),
}

/// Both ends of a connection.
pub struct Client {
    pub(super) peer: Host,
    pub(super) server: Host,
    pub(super) port: u16,
}

impl Client {
    /// Without `look_up`, no name is looked up.
    pub(crate) fn new(peer: IpAddr, server: SocketAddr, look_up: bool) -> Self {
        let look_up = if look_up { ask_both_ways } else { |_| HostName::NotAsked };
        Self::with(peer, server, World { look_up, pattern_file })
    }

    /// With a world of its own.
    pub fn with(peer: IpAddr, server: SocketAddr, world: World) -> Self {
        let host = |address: IpAddr| Host {
            address: address.to_canonical(),
            name: OnceCell::new(),
            world,
        };
        Self { peer: host(peer), server: host(server.ip()), port: server.port() }
    }
}

impl Host {
    /// Its name, in lower case and without a final dot. The first call may take
    /// [`ACCESS_NAME_TIMEOUT`].
    pub(super) fn name(&self) -> &HostName {
        self.name.get_or_init(|| match (self.world.look_up)(self.address) {
            HostName::Known(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                HostName::Known(name.to_ascii_lowercase())
            }
            other => other,
        })
    }

    pub(super) fn pattern_file(&self, path: &str) -> Result<Arc<Content>, String> {
        (self.world.pattern_file)(path)
    }
}

fn pattern_file(path: &str) -> Result<Arc<Content>, String> {
    file::read_settled(Path::new(path), Kind::Patterns).map_err(|error| platform::reason(&error))
}

/// Asks the system's resolver both ways. The thread that does so may outlive the wait for it, so there
/// are never more than [`ACCESS_LOOK_UPS_AT_ONCE`] of them.
fn ask_both_ways(address: IpAddr) -> HostName {
    static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);
    let one_more = |count| (count < ACCESS_LOOK_UPS_AT_ONCE).then_some(count + 1);
    if UNDER_WAY.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more).is_err() {
        return HostName::CannotTell(format!(
            "{ACCESS_LOOK_UPS_AT_ONCE} look-ups already in progress"
        ));
    }
    let (sender, receiver) = mpsc::channel();
    let asked = std::thread::Builder::new().spawn(move || {
        let name = look_up(address);
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        // The waiting thread may have given up.
        let _ = sender.send(name);
    });
    if let Err(error) = asked {
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        return HostName::CannotTell(format!("cannot start a thread: {error}"));
    }
    receiver.recv_timeout(ACCESS_NAME_TIMEOUT).unwrap_or_else(|_| {
        let seconds = ACCESS_NAME_TIMEOUT.as_secs();
        HostName::CannotTell(format!("no answer within {seconds} s"))
    })
}

fn look_up(address: IpAddr) -> HostName {
    let both_ways = || {
        let Some(name) = reverse_look_up(address)? else { return Ok(HostName::Unknown) };
        Ok(if has_address(&name, address)? { HostName::Known(name) } else { HostName::Paranoid })
    };
    both_ways().unwrap_or_else(HostName::CannotTell)
}
