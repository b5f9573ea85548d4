//! Conditions in the form in which they are quick to look at.

use super::pattern::{TitlePattern, covers_text, matches_text};
use super::{CertificateCondition, Condition, Rule};
use dataset::Uid;
use ipnet::IpNet;
use proto::{AeTitle, Proposal};
use receiver::PeerCertificate;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

/// The conditions of all rules. What they list lies side by side, so that looking through thousands of rules
/// reads memory in order; rules that name calling titles without wildcards are found by the title.
#[derive(Debug)]
pub(super) struct Compiled {
    rules: Vec<Parts>,
    titles: Vec<TitlePattern>,
    networks: Vec<IpNet>,
    certificates: Vec<CertificateCondition>,
    /// Numbers of classes.
    classes: Vec<usize>,
    /// Every class that a rule asks for, and its number.
    class_numbers: HashMap<Uid, usize>,
    /// The rules that name a calling title, in their order.
    by_calling: HashMap<Vec<u8>, Vec<usize>>,
    /// The other rules, in their order.
    other: Vec<usize>,
}

/// Where what a rule lists is to be found. Empty: it does not ask for that.
#[derive(Debug)]
struct Parts {
    calling: Range<usize>,
    called: Range<usize>,
    networks: Range<usize>,
    certificates: Range<usize>,
    classes: Range<usize>,
}

/// What a condition can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Calling,
    Called,
    Address,
    Class,
    Certificate,
}

impl Part {
    /// All, the cheap ones first.
    pub(super) const ALL: [Self; 5] =
        [Self::Calling, Self::Called, Self::Address, Self::Class, Self::Certificate];
}

/// An association that is proposed, as conditions look at it.
pub(super) struct Subject<'a> {
    calling: &'a [u8],
    called: &'a [u8],
    address: IpAddr,
    /// For each class that a rule asks for, whether it is proposed.
    classes: Vec<bool>,
    certificate: OnceCell<Option<PeerCertificate>>,
    read_certificate: &'a dyn Fn() -> Option<PeerCertificate>,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        proposal: &'a Proposal,
        address: IpAddr,
        read_certificate: &'a dyn Fn() -> Option<PeerCertificate>,
        compiled: &Compiled,
    ) -> Self {
        let mut classes = vec![false; compiled.class_numbers.len()];
        for context in &proposal.contexts {
            let number = context.abstract_syntax.and_then(|it| compiled.class_numbers.get(&it));
            if let Some(proposed) = number.and_then(|&number| classes.get_mut(number)) {
                *proposed = true;
            }
        }
        Self {
            calling: significant(&proposal.calling_ae),
            called: significant(&proposal.called_ae),
            address: address.to_canonical(),
            classes,
            certificate: OnceCell::new(),
            read_certificate,
        }
    }

    pub(super) fn calling(&self) -> &[u8] {
        self.calling
    }

    fn certificate(&self) -> Option<&PeerCertificate> {
        self.certificate.get_or_init(self.read_certificate).as_ref()
    }
}

/// A title without the blanks at its ends, which mean nothing (PS3.5 §6.2).
fn significant(title: &AeTitle) -> &[u8] {
    let bytes = title.as_bytes();
    &bytes[bytes.iter().take_while(|&&byte| byte == b' ').count()..]
}

impl Compiled {
    /// Entries that no peer can match are left out; where none remains, the rule never matches.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut compiled = Self {
            rules: Vec::with_capacity(rules.len()),
            titles: Vec::new(),
            networks: Vec::new(),
            certificates: Vec::new(),
            classes: Vec::new(),
            class_numbers: HashMap::new(),
            by_calling: HashMap::new(),
            other: Vec::new(),
        };
        for (index, rule) in rules.iter().enumerate() {
            compiled.add(index, &rule.condition);
        }
        compiled
    }

    fn add(&mut self, index: usize, condition: &Condition) {
        let Condition { calling, called, addresses, certificates, classes } = condition;
        let titles = |patterns: &[String]| -> Option<Vec<TitlePattern>> {
            let known: Vec<_> =
                patterns.iter().filter_map(|text| TitlePattern::parse(text).ok()).collect();
            (patterns.is_empty() || !known.is_empty()).then_some(known)
        };
        let numbers = &mut self.class_numbers;
        let classes = classes.iter().map(|class| {
            let next = numbers.len();
            *numbers.entry(*class).or_insert(next)
        });
        let classes: Vec<usize> = classes.collect();
        let (calling, called) = (titles(calling), titles(called));
        let is_possible = calling.is_some() && called.is_some();
        let (calling, called) = (calling.unwrap_or_default(), called.unwrap_or_default());
        let literals: Option<Vec<&[u8]>> = calling.iter().map(TitlePattern::literal).collect();
        match literals.filter(|literals| !literals.is_empty()) {
            _ if !is_possible => {}
            None => self.other.push(index),
            Some(mut literals) => {
                literals.sort_unstable();
                literals.dedup();
                for title in literals {
                    self.by_calling.entry(title.to_vec()).or_default().push(index);
                }
            }
        }
        let parts = Parts {
            calling: append(&mut self.titles, calling),
            called: append(&mut self.titles, called),
            networks: append(&mut self.networks, addresses.iter().copied()),
            certificates: append(&mut self.certificates, certificates.iter().cloned()),
            classes: append(&mut self.classes, classes),
        };
        self.rules.push(parts);
    }

    /// The first rule that matches.
    pub(super) fn first(&self, subject: &Subject<'_>) -> Option<usize> {
        self.candidates(subject.calling)
            .find(|&index| Part::ALL.into_iter().all(|part| self.matches(index, part, subject)))
    }

    /// The rules that may match a calling title, in their order.
    pub(super) fn candidates(&self, calling: &[u8]) -> impl Iterator<Item = usize> {
        let named = self.by_calling.get(calling).map(Vec::as_slice).unwrap_or_default();
        let (mut named, mut other) =
            (named.iter().copied().peekable(), self.other.iter().copied().peekable());
        std::iter::from_fn(move || match (named.peek(), other.peek()) {
            (Some(one), Some(another)) if one < another => named.next(),
            (_, Some(_)) => other.next(),
            _ => named.next(),
        })
    }

    /// Whether a rule asks for something.
    pub(super) fn asks_for(&self, index: usize, part: Part) -> bool {
        let parts = &self.rules[index];
        let range = match part {
            Part::Calling => &parts.calling,
            Part::Called => &parts.called,
            Part::Address => &parts.networks,
            Part::Class => &parts.classes,
            Part::Certificate => &parts.certificates,
        };
        !range.is_empty()
    }

    /// Whether what a rule asks for in one part is so, or it asks for nothing there.
    pub(super) fn matches(&self, index: usize, part: Part, subject: &Subject<'_>) -> bool {
        if !self.asks_for(index, part) {
            return true;
        }
        let parts = &self.rules[index];
        let title = |range: &Range<usize>, title| {
            self.titles[range.clone()].iter().any(|pattern| pattern.matches(title))
        };
        match part {
            Part::Calling => title(&parts.calling, subject.calling),
            Part::Called => title(&parts.called, subject.called),
            Part::Address => {
                let networks = &self.networks[parts.networks.clone()];
                networks.iter().any(|network| network.contains(&subject.address))
            }
            Part::Class => {
                self.classes[parts.classes.clone()].iter().any(|&number| subject.classes[number])
            }
            Part::Certificate => subject.certificate().is_some_and(|certificate| {
                let conditions = &self.certificates[parts.certificates.clone()];
                conditions.iter().any(|condition| is_met(condition, certificate))
            }),
        }
    }

    /// For each rule, an earlier one that matches all that it matches: the rule never decides.
    pub(super) fn shadowed(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rules.len()).filter_map(|later| Some((later, self.shadow_of(later)?)))
    }

    fn shadow_of(&self, later: usize) -> Option<usize> {
        let callings = &self.titles[self.rules[later].calling.clone()];
        // Whichever covers all of its titles covers the first.
        let literal = callings.first().and_then(TitlePattern::literal);
        let mut earlier: Box<dyn Iterator<Item = usize>> = match literal {
            Some(title) => Box::new(self.candidates(title)),
            None => Box::new(self.other.iter().copied()),
        };
        earlier.by_ref().take_while(|&index| index < later).find(|&index| self.covers(index, later))
    }

    fn covers(&self, one: usize, other: usize) -> bool {
        let (parts, others) = (&self.rules[one], &self.rules[other]);
        all_covered(&self.titles, &parts.calling, &others.calling, TitlePattern::covers)
            && all_covered(&self.titles, &parts.called, &others.called, TitlePattern::covers)
            && all_covered(&self.networks, &parts.networks, &others.networks, |one, other| {
                one.contains(other)
            })
            && all_covered(&self.classes, &parts.classes, &others.classes, usize::eq)
            && all_covered(&self.certificates, &parts.certificates, &others.certificates, implies)
    }
}

/// Whether each entry of the other range is covered by one of this; no entries stand for everything.
fn all_covered<T>(
    all: &[T],
    range: &Range<usize>,
    other: &Range<usize>,
    covers: impl Fn(&T, &T) -> bool,
) -> bool {
    let entries = &all[range.clone()];
    entries.is_empty()
        || !other.is_empty()
            && all[other.clone()].iter().all(|it| entries.iter().any(|entry| covers(entry, it)))
}

fn append<T>(all: &mut Vec<T>, entries: impl IntoIterator<Item = T>) -> Range<usize> {
    let start = all.len();
    all.extend(entries);
    start..all.len()
}

fn is_met(condition: &CertificateCondition, certificate: &PeerCertificate) -> bool {
    match condition {
        CertificateCondition::Subject(pattern) => matches_text(pattern, &certificate.subject),
        CertificateCondition::AlternativeName(pattern) => {
            certificate.alternative_names.iter().any(|name| matches_text(pattern, name))
        }
        CertificateCondition::Fingerprint(digest) => *digest == certificate.fingerprint,
    }
}

/// Whether a certificate that meets the other condition meets this one.
fn implies(one: &CertificateCondition, other: &CertificateCondition) -> bool {
    use CertificateCondition::{AlternativeName, Fingerprint, Subject};
    match (one, other) {
        (Subject(one), Subject(other)) | (AlternativeName(one), AlternativeName(other)) => {
            covers_text(one, other)
        }
        (Fingerprint(one), Fingerprint(other)) => one == other,
        _ => false,
    }
}
