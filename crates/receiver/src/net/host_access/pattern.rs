//! Patterns of hosts: names, addresses, networks, wildcards.

use super::client::{Host, HostName};
use super::list::words;
use super::matching::Match;
use super::network::{ipv4_network_with_mask, is_of};
use std::cell::Cell;
use std::net::{IpAddr, Ipv6Addr};

/// Files of patterns may name files of patterns, so deep.
const FILES_WITHIN_FILES: usize = 3;

/// For one pattern, so many files are read, those within files included.
const FILES_OF_A_PATTERN: usize = 64;

/// So much of a pattern that is not understood is shown.
const SHOWN_CHARACTERS: usize = 64;

/// Whether a host matches a pattern, in any case. That cannot be told if the pattern is a netgroup,
/// which is not supported, is no pattern at all, names a file that cannot be read, or a host whose
/// name cannot be looked up.
pub(super) fn matches(pattern: &str, host: &Host) -> Match {
    within(pattern, host, FILES_WITHIN_FILES, &Cell::new(0))
}

fn within(pattern: &str, host: &Host, depth: usize, files_read: &Cell<usize>) -> Match {
    if pattern.starts_with('/') {
        return in_file(pattern, host, depth, files_read);
    }
    if pattern.starts_with('@') {
        return Match::CannotTell(format!("netgroup '{}' is not supported here", shown(pattern)));
    }
    let no_pattern = || Match::CannotTell(format!("'{}' is no pattern", shown(pattern)));
    if !pattern.bytes().all(|byte| byte.is_ascii_graphic()) {
        return no_pattern();
    }
    let of = |known: Option<bool>| known.map_or_else(no_pattern, Match::of);
    let pattern = pattern.to_ascii_lowercase();
    match pattern.as_str() {
        "all" => Match::Yes,
        "known" => by_name(host, |_| true),
        "unknown" => match host.name() {
            // Without a look-up, no name is known.
            HostName::Unknown | HostName::NotAsked => Match::Yes,
            _ => by_name(host, |_| false),
        },
        "paranoid" => match host.name() {
            HostName::Paranoid => Match::Yes,
            _ => by_name(host, |_| false),
        },
        "local" => by_name(host, |name| !name.contains('.')),
        domain if domain.starts_with('.') => {
            let domain = domain.strip_suffix('.').unwrap_or(domain);
            by_name(host, |name| name.ends_with(domain))
        }
        net if net.ends_with('.') => of(begins_as(net, host.address)),
        net if net.starts_with('[') => of(in_ipv6_network(net, host.address)),
        net if net.contains('/') => {
            of(ipv4_network_with_mask(net).map(|it| it.contains(host.address)))
        }
        text if is_of(text, "0123456789.") => {
            of(text.parse::<IpAddr>().ok().map(|address| address == host.address))
        }
        text => {
            let by_address = Match::of(is_text(text, &host.address.to_string()));
            // Anybody can have a name that begins with digits: what looks like an address is one.
            if is_of(text, "0123456789.*?") {
                return by_address;
            }
            by_address.or(|| by_name(host, |name| is_text(text, name)))
        }
    }
}

/// Whether the host has a name that passes a test.
fn by_name(host: &Host, test: impl Fn(&str) -> bool) -> Match {
    match host.name() {
        HostName::Known(name) => Match::of(test(name)),
        HostName::Paranoid | HostName::Unknown => Match::No,
        HostName::NotAsked => Match::CannotTell(
            "it asks for a host name, and none is looked up (--disable-host-lookup)".to_owned(),
        ),
        HostName::CannotTell(why) => {
            let address = host.address;
            Match::CannotTell(format!("the host name of {address} cannot be looked up: {why}"))
        }
    }
}

/// Whether a host matches a pattern of a file. Comments are unknown to hosts_access(5), where their
/// words are patterns. Here such a word makes nobody's name wanted, and if it matches, nobody can tell
/// what was meant.
fn in_file(path: &str, host: &Host, depth: usize, files_read: &Cell<usize>) -> Match {
    let Some(depth) = depth.checked_sub(1) else {
        return Match::CannotTell(format!(
            "{}: more than {FILES_WITHIN_FILES} files of patterns within one another",
            shown(path)
        ));
    };
    let too_many =
        || Match::CannotTell(format!("more than {FILES_OF_A_PATTERN} files of patterns in one"));
    if files_read.replace(files_read.get() + 1) >= FILES_OF_A_PATTERN {
        return too_many();
    }
    let content = match host.pattern_file(path) {
        Ok(content) => content,
        Err(why) => return Match::CannotTell(format!("cannot read {}: {why}", shown(path))),
    };
    let mut listed = Match::No;
    for (number, line) in content.lines(host.address) {
        let at_line = |why| format!("{}: line {number}: {why}", shown(path));
        let mut is_comment = false;
        for word in words(&line) {
            is_comment |= word.starts_with('#');
            let found = || {
                let found = match word {
                    word if is_comment => in_comment(word, host),
                    word if word.eq_ignore_ascii_case("EXCEPT") => {
                        Match::CannotTell("EXCEPT has no meaning here".to_owned())
                    }
                    word => within(word, host, depth, files_read),
                };
                found.because(at_line)
            };
            listed = listed.or(found);
            if listed == Match::Yes {
                return listed;
            }
            if files_read.get() > FILES_OF_A_PATTERN {
                return too_many();
            }
        }
    }
    listed
}

fn in_comment(word: &str, host: &Host) -> Match {
    let word = word.trim_start_matches('#');
    let is_address = is_of(word, "0123456789.*?/") || word.starts_with('[');
    let is_pattern = !word.is_empty() && (is_address || word.eq_ignore_ascii_case("ALL"));
    match if is_pattern { matches(word, host) } else { Match::No } {
        Match::Yes => Match::CannotTell(format!(
            "'{}' is in a comment, which TCP wrappers would read as a pattern",
            shown(word)
        )),
        Match::No | Match::CannotTell(_) => Match::No,
    }
}

/// A pattern as it may be logged.
fn shown(pattern: &str) -> String {
    pattern.escape_debug().take(SHOWN_CHARACTERS).collect()
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

/// `n.`, `n.n.` or `n.n.n.`: whether an address begins so; `None` if it is none of these.
fn begins_as(net: &str, address: IpAddr) -> Option<bool> {
    let numbers = net.strip_suffix('.')?.split('.');
    let is_number = |number: &str| number.parse::<u8>().is_ok() && is_of(number, "0123456789");
    let is_net = (1..=3).contains(&numbers.clone().count()) && numbers.clone().all(is_number);
    is_net.then(|| address.is_ipv4() && address.to_string().starts_with(net))
}

/// `[n:n:n:n:n:n:n:n]/length`, or without a length; `None` if it is neither.
fn in_ipv6_network(pattern: &str, address: IpAddr) -> Option<bool> {
    let (net, rest) = pattern.strip_prefix('[')?.split_once(']')?;
    let length = match rest.strip_prefix('/') {
        None if rest.is_empty() => 128,
        None => return None,
        Some(length) => length.parse::<u32>().ok().filter(|length| *length <= 128)?,
    };
    let net = net.parse::<Ipv6Addr>().ok()?.to_bits();
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    let address = match address {
        IpAddr::V6(address) => address,
        // Within `::ffff:0:0/96`, IPv4 addresses are meant.
        IpAddr::V4(address) if length >= 96 => address.to_ipv6_mapped(),
        IpAddr::V4(_) => return Some(false),
    };
    Some(address.to_bits() & mask == net & mask)
}
