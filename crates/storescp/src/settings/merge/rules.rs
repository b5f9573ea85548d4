//! Rules.

use super::{Merging, treatment};
use crate::cli::Config;
use crate::limits::RULES;
use crate::rules::{
    CertificateCondition, Condition, Decision, Rule as SenderRule, TreatmentSettings,
};
use crate::settings::reader::{At, OneOrMore, ReadTable};
use crate::settings::typed::{Certificate, File, Rule};
use receiver::net::tls::PeerCertificate;
use std::collections::HashMap;

/// Puts the rules into `config`: what a rule does not say is as at the top.
pub(super) fn merge(
    file: &File,
    top: &TreatmentSettings,
    config: &mut Config,
    merging: &mut Merging<'_>,
) {
    let Some(typed) = &file.rule else { return };
    if let Some(excess) = typed.value.get(RULES) {
        let message = format!("there are {} rules, at most {RULES}", typed.value.len());
        merging.fault(&excess.span, message);
        return;
    }
    let mut names = HashMap::new();
    let mut rules = Vec::with_capacity(typed.value.len());
    for (index, rule) in typed.value.iter().enumerate() {
        let name = name(rule, index, merging);
        if let Some(first) = names.insert(name.clone(), index) {
            let span = rule.value.name.as_ref().map_or(&rule.span, |name| &name.span);
            let message = format!("rule.name: rule {} is called \"{name}\" already", first + 1);
            merging.fault(span, message);
        }
        let condition = condition(&rule.value, config, merging);
        let decision = decision(&rule.value, top, merging);
        rules.push(SenderRule { name, condition, decision });
    }
    config.rules = rules;
}

fn name(rule: &At<Rule>, index: usize, merging: &mut Merging<'_>) -> String {
    const MOST: usize = 64;

    let Some(name) = &rule.value.name else { return format!("rule {}", index + 1) };
    let text = &name.value;
    if text.is_empty() || text.chars().count() > MOST || text.contains(char::is_control) {
        let message =
            format!("rule.name: expected 1 to {MOST} characters, none of them a control character");
        merging.fault(&name.span, message);
    }
    text.clone()
}

fn condition(rule: &Rule, config: &Config, merging: &mut Merging<'_>) -> Condition {
    Condition {
        calling: entries("calling", &rule.calling, |title| title.0.clone(), merging),
        called: entries("called", &rule.called, |title| title.0.clone(), merging),
        addresses: entries("address", &rule.address, |address| address.0, merging),
        certificates: certificates(rule, config, merging),
        classes: entries("class", &rule.class, |class| class.0, merging),
    }
}

/// A condition without entries would match everything, which nobody means by an empty list.
fn entries<T, E>(
    key: &str,
    typed: &Option<At<OneOrMore<T>>>,
    entry: impl Fn(&T) -> E,
    merging: &mut Merging<'_>,
) -> Vec<E> {
    let Some(list) = typed else { return Vec::new() };
    if list.value.0.is_empty() && !merging.report.has_fault_within(&list.span) {
        let message = format!("rule.{key}: expected at least one entry; leave {key} out for any");
        merging.fault(&list.span, message);
    }
    list.value.0.iter().map(|it| entry(&it.value)).collect()
}

fn certificates(
    rule: &Rule,
    config: &Config,
    merging: &mut Merging<'_>,
) -> Vec<CertificateCondition> {
    let Some(typed) = &rule.certificate else { return Vec::new() };
    let Certificate { subject, alternative_name, fingerprint } = &typed.value;
    let is_verified =
        config.tls.as_ref().is_some_and(|tls| tls.peer_certificate != PeerCertificate::Ignore);
    if !is_verified {
        let why = if config.tls.is_some() { "peer-certificate = \"ignore\"" } else { "no TLS" };
        let message = format!(
            "rule.certificate never matches: there is {why}, so no certificate is verified"
        );
        merging.report.warn(&typed.span, message);
    }
    let mut all = entries(
        "certificate.subject",
        subject,
        |it| CertificateCondition::Subject(it.clone()),
        merging,
    );
    let names = |it: &String| CertificateCondition::AlternativeName(it.clone());
    all.extend(entries("certificate.alternative-name", alternative_name, names, merging));
    let digests = |it: &crate::settings::values::Digest| CertificateCondition::Fingerprint(it.0);
    all.extend(entries("certificate.fingerprint", fingerprint, digests, merging));
    if subject.is_none() && alternative_name.is_none() && fingerprint.is_none() {
        let keys = "subject, alternative-name or fingerprint";
        merging.fault(&typed.span, format!("rule.certificate: expected {keys}"));
    }
    all
}

fn decision(rule: &Rule, top: &TreatmentSettings, merging: &mut Merging<'_>) -> Decision {
    if let Some(refusal) = &rule.refuse {
        let mut excluded = rule.treatment.typed();
        excluded
            .extend(rule.max_associations.as_ref().map(|it| ("max_associations", it.span.clone())));
        let names: Vec<&str> = excluded.iter().map(|(field, _)| *field).collect();
        merging.exclude(&excluded, &names, "refuse");
        return Decision::Refuse(refusal.value.0);
    }
    let base = TreatmentSettings { max_associations: None, ..top.clone() };
    let mut settings = treatment::merge(&rule.treatment, base, merging);
    settings.max_associations = rule
        .max_associations
        .as_ref()
        .map(|most| usize::try_from(most.value.0).unwrap_or(usize::MAX));
    Decision::Accept(Box::new(settings))
}
