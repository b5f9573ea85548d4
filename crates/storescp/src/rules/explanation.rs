//! Why no rule matched, in words.

use super::compiled::{Compiled, Part, Subject};
use super::{CertificateCondition, Condition, Rule};
use dataset::uid_names;

/// That none matched, and which rule came nearest: the one of which most parts match, and of those the one with the
/// fewest that do not; else one whose calling title is nearly the same.
pub(super) fn none(rules: &[Rule], compiled: &Compiled, subject: &Subject<'_>) -> String {
    match nearest(rules, compiled, subject) {
        Some((index, differing)) => {
            let (name, condition) = (&rules[index].name, &rules[index].condition);
            let why: Vec<String> =
                differing.into_iter().map(|part| wanted(condition, part)).collect();
            format!("no rule matches; nearest is \"{name}\", which asks for {}", why.join(" and "))
        }
        None if rules.is_empty() => "there are no rules".to_owned(),
        None => "no rule matches".to_owned(),
    }
}

/// The rule that came nearest, and the parts of it that do not match.
fn nearest(
    rules: &[Rule],
    compiled: &Compiled,
    subject: &Subject<'_>,
) -> Option<(usize, Vec<Part>)> {
    let asked = |index| Part::ALL.into_iter().filter(move |&part| compiled.asks_for(index, part));
    let score = |index: usize| {
        let asked = asked(index);
        let (mut matching, mut differing) = (0_usize, 0_usize);
        for part in asked {
            let matches = compiled.matches(index, part, subject);
            (matching, differing) =
                (matching + usize::from(matches), differing + usize::from(!matches));
        }
        let is_like = matching == 0 && is_like(&rules[index].condition, subject.calling());
        (matching > 0 || is_like).then_some((matching, usize::MAX - differing))
    };
    let scored = (0..rules.len()).filter_map(|index| Some((score(index)?, index)));
    // Of several, the first.
    let (_, best) = scored.max_by_key(|&(score, index)| (score, usize::MAX - index))?;
    Some((best, asked(best).filter(|&part| !compiled.matches(best, part, subject)).collect()))
}

/// Whether a calling title differs from one of a rule by case or by one character.
fn is_like(condition: &Condition, title: &[u8]) -> bool {
    condition
        .calling
        .iter()
        .any(|wanted| differs_little(wanted.trim_matches(' ').as_bytes(), title))
}

/// Whether one character is changed, added or left out, or only the case differs.
fn differs_little(one: &[u8], other: &[u8]) -> bool {
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let same = |(one, other): &(&u8, &u8)| one == other;
    let begin = one.iter().zip(other).take_while(same).count();
    let (one, other) = (&one[begin..], &other[begin..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(same).count();
    one.len().max(other.len()) - end <= 1
}

/// What a rule asks for, the first few entries of it.
fn wanted(condition: &Condition, part: Part) -> String {
    let quoted = |titles: &[String]| listed(titles.iter().map(|title| format!("\"{title}\"")));
    match part {
        Part::Calling => format!("calling AE title {}", quoted(&condition.calling)),
        Part::Called => format!("called AE title {}", quoted(&condition.called)),
        Part::Address => {
            format!("address {}", listed(condition.addresses.iter().map(ToString::to_string)))
        }
        Part::Class => {
            let name = |uid: &dataset::Uid| {
                uid_names::name_of(uid.as_str()).unwrap_or(uid.as_str()).to_owned()
            };
            format!("SOP class {}", listed(condition.classes.iter().map(name)))
        }
        Part::Certificate => {
            format!("a certificate with {}", listed(condition.certificates.iter().map(certificate)))
        }
    }
}

fn certificate(condition: &CertificateCondition) -> String {
    match condition {
        CertificateCondition::Subject(pattern) => format!("subject \"{pattern}\""),
        CertificateCondition::AlternativeName(pattern) => format!("alternative name \"{pattern}\""),
        CertificateCondition::Fingerprint(digest) => {
            let hex: String = digest.iter().take(4).map(|byte| format!("{byte:02X}")).collect();
            format!("fingerprint {hex}…")
        }
    }
}

/// `A or B or 3 others`.
fn listed(entries: impl ExactSizeIterator<Item = String>) -> String {
    const SHOWN: usize = 3;

    let more = entries.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = entries.take(SHOWN).collect();
    if more > 0 {
        shown.push(format!("{more} other{}", if more == 1 { "" } else { "s" }));
    }
    shown.join(" or ")
}
