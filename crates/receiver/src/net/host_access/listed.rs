//! Whether a rule is about a client.

use super::client::Client;
use super::list::words;
use super::matching::Match;
use super::pattern;
use super::rule::{Rule, SERVICE};

/// How often a list may say EXCEPT.
const MOST_EXCEPTIONS: usize = 64;

/// Whether a rule is about us and this client.
pub(super) fn matches(rule: &Rule<'_>, client: &Client) -> Match {
    let clients = || match rule.has_bare_address {
        true => Match::CannotTell("an IPv6 address has to be in brackets".to_owned()),
        false => in_list(rule.clients, &|element| is_client(element, client)),
    };
    in_list(rule.services, &|element| is_us(element, client)).and(clients)
}

/// Whether a list has an element that `matches`: `a EXCEPT b EXCEPT c` is a without (b without c).
fn in_list(list: &str, matches: &dyn Fn(&str) -> Match) -> Match {
    in_words(&mut words(list), MOST_EXCEPTIONS, matches)
}

fn in_words<'t>(
    words: &mut dyn Iterator<Item = &'t str>,
    exceptions: usize,
    matches: &dyn Fn(&str) -> Match,
) -> Match {
    let mut listed = Match::No;
    while let Some(word) = words.next() {
        if !word.eq_ignore_ascii_case("EXCEPT") {
            listed = listed.or(|| matches(word));
            continue;
        }
        return listed.and(|| match exceptions.checked_sub(1) {
            Some(left) => in_words(words, left, matches).not(),
            None => Match::CannotTell(format!("more than {MOST_EXCEPTIONS} times EXCEPT")),
        });
    }
    listed
}

/// `service`, `port` or `service@host`.
fn is_us(element: &str, client: &Client) -> Match {
    let (service, host) = split_at_sign(element);
    let is_range =
        |(first, last): (&str, &str)| first.parse::<u16>().is_ok() && last.parse::<u16>().is_ok();
    if !service.bytes().all(|byte| byte.is_ascii_graphic())
        || service.split_once('-').is_some_and(is_range)
    {
        return Match::CannotTell(format!("'{}' is no service", service.escape_debug()));
    }
    let named = service.eq_ignore_ascii_case("ALL")
        || service.parse() == Ok(client.port)
        || pattern::is_text(service, SERVICE);
    match host {
        Some(host) => Match::of(named).and(|| pattern::matches(host, &client.server)),
        None => Match::of(named),
    }
}

/// `host` or `user@host`. The user is not looked up.
fn is_client(element: &str, client: &Client) -> Match {
    let (user, host) = match split_at_sign(element) {
        (user, Some(host)) => (Some(user), host),
        (host, None) => (None, host),
    };
    let user = match user {
        None => Match::Yes,
        Some(user)
            if user.eq_ignore_ascii_case("ALL")
                || user.eq_ignore_ascii_case("UNKNOWN")
                || pattern::is_text(user, "unknown") =>
        {
            Match::Yes
        }
        Some(_) => Match::CannotTell("user names are not supported".to_owned()),
    };
    pattern::matches(host, &client.peer).and(|| user)
}

/// Splits at an `@` that is not the first character, which stands for a netgroup.
fn split_at_sign(element: &str) -> (&str, Option<&str>) {
    match element.char_indices().skip(1).find(|(_, c)| *c == '@') {
        Some((index, _)) => (&element[..index], Some(&element[index + 1..])),
        None => (element, None),
    }
}
