//! Who asks to be served, as rules look at it.

use crate::limits::ACCESS_NAME_PATIENCE;
use crate::peer_names::reverse_look_up;
use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
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
    /// The text of a file of patterns, empty if it cannot be read.
    pub pattern_file: fn(&str) -> String,
}

/// What is known of a host's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostName {
    /// The one that the address has.
    Known(String),
    /// The address has a name, and the name does not have the address.
    Paranoid,
    /// None, or it could not be found out.
    Unknown,
}

/// Both ends of a connection.
pub struct Client {
    pub(super) peer: Host,
    pub(super) server: Host,
    pub(super) port: u16,
}

impl Client {
    /// Names are unknown without `look_up`.
    pub(crate) fn new(peer: IpAddr, server: SocketAddr, look_up: bool) -> Self {
        let look_up = if look_up { ask_both_ways } else { |_| HostName::Unknown };
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
    /// Its name, in lower case. The first call may take [`ACCESS_NAME_PATIENCE`].
    pub(super) fn name(&self) -> &HostName {
        self.name.get_or_init(|| match (self.world.look_up)(self.address) {
            HostName::Known(name) => HostName::Known(name.to_ascii_lowercase()),
            other => other,
        })
    }

    pub(super) fn pattern_file(&self, path: &str) -> String {
        (self.world.pattern_file)(path)
    }
}

fn pattern_file(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Asks the system's resolver both ways. The thread that does so may outlive the wait for it.
fn ask_both_ways(address: IpAddr) -> HostName {
    let (sender, receiver) = mpsc::channel();
    let asked = std::thread::Builder::new().spawn(move || {
        let name = match reverse_look_up(address) {
            None => HostName::Unknown,
            Some(name) if has_address(&name, address) => HostName::Known(name),
            Some(_) => HostName::Paranoid,
        };
        // Nobody may be waiting any more.
        let _ = sender.send(name);
    });
    let answer = asked.ok().and_then(|_| receiver.recv_timeout(ACCESS_NAME_PATIENCE).ok());
    answer.unwrap_or(HostName::Unknown)
}

fn has_address(name: &str, address: IpAddr) -> bool {
    let found = (name, 0).to_socket_addrs();
    found.is_ok_and(|mut found| found.any(|it| it.ip().to_canonical() == address))
}
