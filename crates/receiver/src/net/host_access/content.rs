//! What is in a file of rules or of patterns, and which of its lines can matter to a peer.

use super::list::words;
use super::network::{Network, ipv4_network};
use super::rule::{self, Rule};
use crate::limits::ACCESS_CACHE_BYTES;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the lines of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `services : clients [: option …]`, as in hosts.allow and hosts.deny.
    Rules,
    /// Lists of patterns.
    Patterns,
}

/// The lines of a file.
#[derive(Debug)]
pub struct Content(Form);

#[derive(Debug)]
enum Form {
    Text(Kind, String),
    Indexed(Index),
}

impl Content {
    /// As it is: with each peer, every line is read again.
    #[must_use]
    pub fn text(kind: Kind, text: String) -> Self {
        Self(Form::Text(kind, text))
    }

    /// With an index, for what is kept from peer to peer. `None` if all that is kept would take more than
    /// [`ACCESS_CACHE_BYTES`].
    #[must_use]
    pub fn indexed(kind: Kind, text: &str) -> Option<Self> {
        Index::of(kind, text).map(|index| Self(Form::Indexed(index)))
    }

    /// The lines that can matter to a peer with this address, and their numbers; those of rules as
    /// [`rule::lines`] has them.
    pub(super) fn lines(
        &self,
        peer: IpAddr,
    ) -> Box<dyn Iterator<Item = (usize, Cow<'_, str>)> + '_> {
        match &self.0 {
            Form::Text(kind, text) => lines(*kind, text),
            Form::Indexed(index) => Box::new(index.lines(peer)),
        }
    }
}

fn lines(kind: Kind, text: &str) -> Box<dyn Iterator<Item = (usize, Cow<'_, str>)> + '_> {
    match kind {
        Kind::Rules => Box::new(rule::lines(text)),
        Kind::Patterns => {
            let lines = text.lines().enumerate();
            Box::new(lines.map(|(index, line)| (index + 1, Cow::Borrowed(line))))
        }
    }
}

/// The lines of a file that can matter to any peer, and the numbers of those that list IPv4 addresses and
/// networks and nothing else: usually all but a few. So a line is read again only for a peer that is in it.
#[derive(Debug)]
struct Index {
    text: Box<str>,
    lines: Box<[Line]>,
    networks: Box<[Network]>,
    _share: Share,
}

/// A line of an [`Index`]. It begins where the line before it ends.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// In the file, from 1.
    number: u32,
    /// Where it ends in the text.
    end: u32,
    /// Where its networks end among all. Without any, it can matter to every peer.
    networks_end: u32,
}

impl Index {
    /// Goes through the file twice, so that no more memory is taken than is needed.
    fn of(kind: Kind, text: &str) -> Option<Self> {
        let (mut bytes, mut line_count, mut network_count) = (0, 0, 0);
        for (_, line) in lines(kind, text) {
            let Some(networks) = networks(kind, &line) else { continue };
            bytes += line.len();
            line_count += 1;
            network_count += networks.count();
        }
        let share = Share::take(
            bytes + line_count * size_of::<Line>() + network_count * size_of::<Network>(),
        )?;
        let mut kept = String::with_capacity(bytes);
        let mut kept_lines = Vec::with_capacity(line_count);
        let mut kept_networks = Vec::with_capacity(network_count);
        for (number, line) in lines(kind, text) {
            let Some(networks) = networks(kind, &line) else { continue };
            kept.push_str(&line);
            kept_networks.extend(networks);
            kept_lines.push(Line {
                number: u32::try_from(number).ok()?,
                end: u32::try_from(kept.len()).ok()?,
                networks_end: u32::try_from(kept_networks.len()).ok()?,
            });
        }
        Some(Self {
            text: kept.into(),
            lines: kept_lines.into(),
            networks: kept_networks.into(),
            _share: share,
        })
    }

    fn lines(&self, peer: IpAddr) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
        let mut before = Line::default();
        self.lines.iter().filter_map(move |&line| {
            let from = std::mem::replace(&mut before, line);
            let networks = &self.networks[from.networks_end as usize..line.networks_end as usize];
            let can_matter = networks.is_empty() || networks.iter().any(|it| it.contains(peer));
            let text = || Cow::Borrowed(&self.text[from.end as usize..line.end as usize]);
            can_matter.then(|| (line.number as usize, text()))
        })
    }
}

/// What a line lists, if that is IPv4 addresses and networks and nothing else; nothing if it may be
/// anything. `None` if the line matters to nobody.
fn networks(kind: Kind, line: &str) -> Option<impl Iterator<Item = Network>> {
    let list = match kind {
        Kind::Patterns if words(line).next().is_none() => return None,
        Kind::Patterns => line,
        Kind::Rules => match Rule::parse(line)? {
            Ok(rule) if rule.is_for_others() => return None,
            Ok(rule) => rule.plain_clients(),
            Err(_) => "",
        },
    };
    let has_nothing_else = words(list).all(|word| ipv4_network(word).is_some());
    let listed = if has_nothing_else { list } else { "" };
    Some(words(listed).filter_map(ipv4_network))
}

/// Of the memory that is kept from peer to peer, in bytes.
#[derive(Debug)]
struct Share(usize);

static SHARED: AtomicUsize = AtomicUsize::new(0);

impl Share {
    fn take(bytes: usize) -> Option<Self> {
        let more =
            |taken: usize| taken.checked_add(bytes).filter(|&taken| taken <= ACCESS_CACHE_BYTES);
        SHARED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(bytes))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        SHARED.fetch_sub(self.0, Ordering::Relaxed);
    }
}
