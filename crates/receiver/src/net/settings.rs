//! Where and how the receiver listens, and whom it serves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// TCP port to listen on; 0 if there is none, because another program listens.
    pub port: u16,
    /// `--ipv4`, `--ipv6`, `--ip-auto`.
    pub address_family: AddressFamily,
    /// If there are any, these are listened on, in place of `port` on all addresses. `[::]` is IPv6 and IPv4, unless
    /// `0.0.0.0` is there with the same port, or the address family is IPv6.
    pub addresses: Vec<SocketAddr>,
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
            addresses: Vec::new(),
            access_control: false,
            disable_host_lookup: true,
        }
    }

    /// All addresses to listen on, and whether IPv4 is served on them too, in the form of IPv6.
    pub(crate) fn listens_on(&self) -> Vec<(SocketAddr, bool)> {
        if self.addresses.is_empty() {
            let address: IpAddr = match self.address_family {
                AddressFamily::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
                AddressFamily::Ipv6 | AddressFamily::Both => Ipv6Addr::UNSPECIFIED.into(),
            };
            let is_dual = self.address_family == AddressFamily::Both;
            return vec![(SocketAddr::new(address, self.port), is_dual)];
        }
        let is_taken = |port| self.addresses.iter().any(|it| it.is_ipv4() && it.port() == port);
        let is_dual = |address: &SocketAddr| {
            let all = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            all && self.address_family != AddressFamily::Ipv6 && !is_taken(address.port())
        };
        self.addresses.iter().map(|address| (*address, is_dual(address))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_those_of_both_protocols_unless_another_entry_has_one() {
        let listens_on = |addresses: &[&str], address_family| {
            let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
            let network = Network { address_family, addresses, ..Network::new(104) };
            let found = network.listens_on().into_iter();
            found.map(|(address, is_dual)| format!("{address} {is_dual}")).collect::<Vec<_>>()
        };
        let ipv4 = AddressFamily::Ipv4;
        assert_eq!(listens_on(&[], ipv4), ["0.0.0.0:104 false"]);
        assert_eq!(listens_on(&[], AddressFamily::Ipv6), ["[::]:104 false"]);
        assert_eq!(listens_on(&[], AddressFamily::Both), ["[::]:104 true"]);
        assert_eq!(listens_on(&["[::]:1"], ipv4), ["[::]:1 true"]);
        assert_eq!(listens_on(&["[::]:1"], AddressFamily::Ipv6), ["[::]:1 false"]);
        let several = listens_on(&["[::]:1", "127.0.0.1:1", "[::]:2", "[::1]:3"], ipv4);
        assert_eq!(several, ["[::]:1 false", "127.0.0.1:1 false", "[::]:2 true", "[::1]:3 false"]);
    }
}
