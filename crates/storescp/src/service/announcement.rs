//! Says where the receiver listens, once the port is open, and on a terminal what to enter at a sender.

use crate::cli::Config;
use crate::logging;
use receiver::net::tls::PeerCertificate;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Where the receiver listens and what it does with objects, in one line.
pub(super) fn listening(config: &Config, address: SocketAddr) -> String {
    let title = &config.negotiation.ae_title;
    let tls = match config.tls.as_ref().map(|tls| tls.peer_certificate) {
        None => "no TLS",
        Some(PeerCertificate::Require) => "TLS, client certificate required",
        Some(PeerCertificate::Verify) => "TLS, client certificate verified if there is one",
        Some(PeerCertificate::Ignore) => "TLS, no client certificate",
    };
    let storing = if config.ignore {
        "storing nothing (--ignore)".to_owned()
    } else {
        let directory = &config.output.directory;
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
        // Named as the value of its option.
        let durability = format!("{:?}", config.output.durability).to_lowercase();
        format!("storing in '{}', durability {durability}", directory.display())
    };
    let line = format!("listening on {address}, AE title {title}, {storing}, {tls}");
    // systemd takes it as a line.
    line.replace(char::is_control, "?")
}

/// Logs that line; where nothing but a port was asked for, tells a person at a terminal what to do next.
pub(super) fn announce(config: &Config, address: SocketAddr, listening: &str) {
    logging::info_or_terminal(&config.log, listening);
    if config.port_only && logging::is_on_terminal(&config.log) {
        for line in first_steps(&addresses(), &config.negotiation.ae_title, address.port()) {
            logging::info_or_terminal(&config.log, &line);
        }
    }
}

fn first_steps(addresses: &[IpAddr], title: &str, port: u16) -> [String; 3] {
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let address = list.first().map_or("THIS-MACHINE", String::as_str);
    let all = if list.is_empty() { "this machine's".to_owned() } else { list.join(" or ") };
    [
        format!(
            "enter at the sender: address {all}, port {port}, AE title {title} (any other will do)"
        ),
        format!("to send a test object: storescp test {address} {port}"),
        "Ctrl-C stops the receiver; storescp --help shows what else it can do".to_owned(),
    ]
}

/// The IPv4 addresses of this machine: first the one that packets to other networks come from.
fn addresses() -> Vec<IpAddr> {
    let mut found = Vec::new();
    found.extend(outgoing_address());
    let table = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    for address in local_addresses(&table) {
        if !found.contains(&address) && found.len() < MOST_ADDRESSES {
            found.push(address);
        }
    }
    if found.is_empty() {
        found.push(Ipv4Addr::LOCALHOST.into());
    }
    found
}

const MOST_ADDRESSES: usize = 4;

/// Nothing is sent: connecting a UDP socket only looks for a route.
fn outgoing_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737), which is nobody's.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback())
}

/// The machine's own addresses in the kernel's routing table: `|-- ADDRESS` with `/32 host LOCAL` below.
fn local_addresses(table: &str) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in table.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            last = address.trim().parse::<IpAddr>().ok();
        } else if line.trim() == "/32 host LOCAL"
            && let Some(address) = last
            && !address.is_loopback()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_addresses_are_found_in_the_routing_table() {
        let table = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.0\n        /24 link UNICAST\n     |-- 10.0.0.7\n        \
                     /32 host LOCAL\n     |-- 10.0.0.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        \
                     /32 host LOCAL\n     |-- 192.168.1.2\n        /32 host LOCAL\n     |-- 10.0.0.7\n        \
                     /32 host LOCAL\n";
        let expected = ["10.0.0.7", "192.168.1.2"].map(|text| text.parse::<IpAddr>().unwrap());
        assert_eq!(local_addresses(table), expected);
        assert!(local_addresses("garbage\n/32 host LOCAL\n").is_empty());
        assert!(!addresses().is_empty());
    }

    #[test]
    fn first_steps_name_every_address() {
        let addresses = ["10.0.0.7", "192.168.1.2"].map(|text| text.parse().unwrap());
        let lines = first_steps(&addresses, "STORESCP", 104);
        assert!(lines[0].contains("address 10.0.0.7 or 192.168.1.2, port 104, AE title STORESCP"));
        assert_eq!(lines[1], "to send a test object: storescp test 10.0.0.7 104");
    }
}
