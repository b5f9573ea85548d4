//! IPv4 networks, as patterns write them.

use std::net::{IpAddr, Ipv4Addr};

/// IPv4 addresses that begin with the same bits, or a single one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network {
    net: u32,
    mask: u32,
}

impl Network {
    pub(super) fn contains(self, address: IpAddr) -> bool {
        matches!(address, IpAddr::V4(address) if address.to_bits() & self.mask == self.net)
    }
}

/// The addresses that match a pattern, where it is an IPv4 address or network in the usual form; `None` for
/// any other pattern.
pub(super) fn ipv4_network(pattern: &str) -> Option<Network> {
    if pattern.contains('/') {
        return ipv4_network_with_mask(pattern);
    }
    let Some(start) = pattern.strip_suffix('.') else {
        let net = pattern.parse::<Ipv4Addr>().ok()?.to_bits();
        return Some(Network { net, mask: u32::MAX });
    };
    let (mut net, mut count) = (0, 0);
    for number in start.split('.') {
        let is_usual =
            is_of(number, "0123456789") && (number.len() == 1 || !number.starts_with('0'));
        net = net << 8 | u32::from(number.parse::<u8>().ok().filter(|_| is_usual)?);
        count += 1;
        if count > 3 {
            return None;
        }
    }
    Some(Network { net: net << (32 - 8 * count), mask: leading_ones(8 * count) })
}

/// `n.n.n.n/m.m.m.m` or `n.n.n.n/length`; `None` if it is neither, or one that the TCP wrappers take
/// for nobody: bits of the network outside the mask, a length of 0, a mask of all ones.
pub(super) fn ipv4_network_with_mask(pattern: &str) -> Option<Network> {
    let (net, mask) = pattern.split_once('/')?;
    let mask = match mask.parse::<Ipv4Addr>() {
        Ok(mask) => Some(mask.to_bits()).filter(|&bits| bits != u32::MAX),
        Err(_) => mask.parse().ok().filter(|length| (1..=32).contains(length)).map(leading_ones),
    }?;
    let net = net.parse::<Ipv4Addr>().ok()?.to_bits();
    (mask != 0 && net & !mask == 0).then_some(Network { net, mask })
}

fn leading_ones(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

/// Whether a text has no other characters than these.
pub(super) fn is_of(text: &str, characters: &str) -> bool {
    text.chars().all(|character| characters.contains(character))
}
