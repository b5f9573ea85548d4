//! Where and how the receiver listens, and whom it serves.

use std::time::Duration;

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// TCP port to listen on; 0 if there is none, because another program listens.
    pub port: u16,
    /// `--ipv4`, `--ipv6`, `--ip-auto`.
    pub address_family: AddressFamily,
    /// `--access-control`: who is served is decided by hosts.allow and hosts.deny.
    pub access_control: bool,
    /// `--disable-host-lookup`: peers are named by address, not by a reverse DNS query.
    pub disable_host_lookup: bool,
}

/// The network protocols that the server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4 only, the default.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// Both, on one socket.
    Both,
}

impl Network {
    /// IPv4 on `port`, for everybody, without looking names up.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self {
            port,
            address_family: AddressFamily::Ipv4,
            access_control: false,
            disable_host_lookup: true,
        }
    }
}

/// The three meanings of `--socket-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketTimeout {
    /// 0: wait for ever.
    None,
    /// -1: leave the operating system's own setting.
    System,
    /// End the connection after this much silence.
    After(Duration),
}

impl SocketTimeout {
    /// As a time to wait. The operating system's own setting, as accepted sockets have it, is to wait for ever.
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Self::After(timeout) => Some(timeout),
            Self::None | Self::System => None,
        }
    }
}
