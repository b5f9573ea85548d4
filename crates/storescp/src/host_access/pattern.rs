//! Patterns of hosts: names, addresses, networks, wildcards.

use super::client::{Host, HostName};
use super::rule::in_list;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Files of patterns may name files of patterns, so deep.
const FILES_WITHIN_FILES: usize = 3;

/// For one pattern, so many files are read, those within files included.
const FILES_OF_A_PATTERN: usize = 64;

/// Whether a host matches a pattern, in any case. What is no pattern matches nobody.
///
/// # Errors
/// The pattern is a netgroup, which is not supported; or it leads to too many files.
pub(super) fn matches(pattern: &str, host: &Host) -> Result<bool, String> {
    within(pattern, host, FILES_WITHIN_FILES, &Cell::new(0))
}

fn within(
    pattern: &str,
    host: &Host,
    depth: usize,
    files_read: &Cell<usize>,
) -> Result<bool, String> {
    if pattern.starts_with('/') {
        let Some(depth) = depth.checked_sub(1) else { return Ok(false) };
        if files_read.replace(files_read.get() + 1) == FILES_OF_A_PATTERN {
            return Err(format!("more than {FILES_OF_A_PATTERN} files of patterns in one"));
        }
        let text = host.pattern_file(pattern);
        return in_list(&text, &|element| within(element, host, depth, files_read));
    }
    if pattern.starts_with('@') {
        return Err(format!("netgroup '{pattern}' is not supported here"));
    }
    let pattern = pattern.to_ascii_lowercase();
    let name = || match host.name() {
        HostName::Known(name) => Some(name.as_str()),
        HostName::Paranoid | HostName::Unknown => None,
    };
    Ok(match pattern.as_str() {
        "all" => true,
        "known" => name().is_some(),
        "unknown" => *host.name() == HostName::Unknown,
        "paranoid" => *host.name() == HostName::Paranoid,
        "local" => name().is_some_and(|name| !name.contains('.')),
        domain if domain.starts_with('.') => name().is_some_and(|name| name.ends_with(domain)),
        net if net.ends_with('.') => host.address.to_string().starts_with(net),
        net if net.starts_with('[') => in_ipv6_network(net, host.address),
        net if net.contains('/') => in_ipv4_network(net, host.address),
        text => {
            is_text(text, &host.address.to_string())
                // No name looks like an address.
                || text.parse::<IpAddr>().is_err() && name().is_some_and(|name| is_text(text, name))
        }
    })
}

/// Whether a text is what a pattern says, in any case: `*` stands for any characters, `?` for one.
pub(super) fn is_text(pattern: &str, text: &str) -> bool {
    is_text_bytes(pattern.to_ascii_lowercase().as_bytes(), text.to_ascii_lowercase().as_bytes())
}

/// Takes time in proportion to the product of both lengths at most.
fn is_text_bytes(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last `*` is, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, covered)) => {
                    star = Some((at, covered + 1));
                    p = at + 1;
                    t = covered + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// `n.n.n.n/m.m.m.m` or `n.n.n.n/length`. As with the TCP wrappers, bits of the network outside the
/// mask match nobody, and neither do a length of 0 and a mask of all ones.
fn in_ipv4_network(pattern: &str, address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let Some((net, mask)) = pattern.split_once('/') else { return false };
    let mask = match mask.parse::<Ipv4Addr>() {
        Ok(mask) => Some(mask.to_bits()).filter(|&bits| bits != u32::MAX),
        Err(_) => mask.parse().ok().filter(|length| (1..=32).contains(length)).map(leading_ones),
    };
    match (net.parse::<Ipv4Addr>(), mask) {
        (Ok(net), Some(mask)) => mask != 0 && address.to_bits() & mask == net.to_bits(),
        _ => false,
    }
}

fn leading_ones(length: u32) -> u32 {
    u32::MAX.checked_shl(32 - length).unwrap_or(0)
}

/// `[n:n:n:n:n:n:n:n]/length`, or without a length.
fn in_ipv6_network(pattern: &str, address: IpAddr) -> bool {
    let IpAddr::V6(address) = address else { return false };
    let Some((net, rest)) = pattern.strip_prefix('[').and_then(|text| text.split_once(']')) else {
        return false;
    };
    let length = match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(128),
        None => None,
        Some(length) => length.parse::<u32>().ok().filter(|length| *length <= 128),
    };
    let (Ok(net), Some(length)) = (net.parse::<Ipv6Addr>(), length) else { return false };
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    address.to_bits() & mask == net.to_bits() & mask
}
