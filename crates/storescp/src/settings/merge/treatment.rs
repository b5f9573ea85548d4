//! What may differ from sender to sender.

use super::{Merging, output, value};
use crate::negotiation::{Negotiation, ProfileChoice};
use crate::rules::TreatmentSettings;
use crate::settings::reader::{At, ReadTable};
use crate::settings::typed::{Commands, Lenient, Profile, Treatment};
use crate::settings::values::{ClassOrAll, TransferSyntaxes};
use dataset::format::OutputTransferSyntax;
use dataset::{TransferSyntax, Uid, sop_class};
use receiver::{Leniency, NamedBy};
use std::ffi::OsString;

/// What is typed over what was so before: at the top over the command line, in a rule over the top.
pub(super) fn merge(
    typed: &Treatment,
    mut base: TreatmentSettings,
    merging: &mut Merging<'_>,
) -> TreatmentSettings {
    negotiation(typed, &mut base.negotiation, merging);
    if let Some(timeout) = value(&typed.socket_timeout) {
        base.timeouts.socket = timeout.0;
    }
    if let Some(timeout) = value(&typed.dimse_timeout) {
        base.timeouts.dimse = timeout.0;
    }
    if let Some(store) = value(&typed.store) {
        base.ignore = !store;
    }
    leniency(typed, &mut base.leniency, merging);
    output::merge(typed, &mut base.output, merging);
    compression(typed, &base, merging);
    if let Some(commands) = &typed.commands {
        self::commands(&commands.value, &mut base);
    }
    ends_of_studies(typed, &mut base, merging);
    deliveries(typed, &mut base);
    base
}

fn negotiation(typed: &Treatment, negotiation: &mut Negotiation, merging: &mut Merging<'_>) {
    const ACCEPTED: [&str; 3] =
        ["accept_classes", "accept_transfer_syntaxes", "accept_unregistered_classes"];

    let keys = typed.typed();
    let accepted = |field: &str| ACCEPTED.contains(&field);
    if keys.iter().any(|(field, _)| accepted(field)) {
        negotiation.profile = None;
    }
    if let Some(profile) = &typed.profile {
        merging.exclude(&keys, &ACCEPTED, "profile");
        negotiation.profile = self::profile(profile, merging);
        (negotiation.classes, negotiation.promiscuous) = (None, false);
    }
    if let Some(classes) = &typed.accept_classes {
        if classes.value.is_empty() && !merging.report.has_fault_within(&classes.span) {
            merging.fault(&classes.span, "accept-classes: expected at least one SOP class");
        }
        negotiation.classes = self::classes(&classes.value);
    }
    if let Some(syntaxes) = &typed.accept_transfer_syntaxes {
        let accepted = transfer_syntaxes(&syntaxes.value, &negotiation.accept_all);
        if accepted.is_empty() {
            if !merging.report.has_fault_within(&syntaxes.span) {
                let message = "accept-transfer-syntaxes: expected at least one transfer syntax";
                merging.fault(&syntaxes.span, message);
            }
        } else {
            negotiation.transfer_syntaxes = accepted;
        }
    }
    if let Some(unregistered) = value(&typed.accept_unregistered_classes) {
        negotiation.promiscuous = unregistered;
    }
    if let Some(required) = value(&typed.require_implementation_class_uid) {
        negotiation.require_implementation_class_uid = required;
    }
    if let Some(bytes) = value(&typed.max_pdu) {
        negotiation.max_pdu_bytes = bytes.0;
    }
}

fn profile(typed: &At<Profile>, merging: &mut Merging<'_>) -> Option<ProfileChoice> {
    let Profile { file, name } = &typed.value;
    for (key, is_missing) in [("file", file.is_none()), ("name", name.is_none())] {
        if is_missing {
            merging.fault(&typed.span, format!("profile: missing key \"{key}\""));
        }
    }
    let file = merging.path(&file.as_ref()?.value);
    Some(ProfileChoice { file, name: name.as_ref()?.value.clone() })
}

/// `None` for all storage classes and no others.
fn classes(typed: &[At<ClassOrAll>]) -> Option<Vec<Uid>> {
    if typed.iter().all(|class| matches!(class.value, ClassOrAll::Storage)) {
        return None;
    }
    let mut classes = Vec::new();
    for class in typed {
        match class.value {
            ClassOrAll::Class(uid) => classes.push(uid),
            ClassOrAll::Storage => {
                let all = sop_class::all().iter();
                classes.extend(all.filter_map(|class| Uid::parse(class.uid.as_bytes()).ok()));
            }
        }
    }
    Some(classes)
}

/// In their order, none twice.
fn transfer_syntaxes(
    typed: &[At<TransferSyntaxes>],
    all: &[&'static TransferSyntax],
) -> Vec<&'static TransferSyntax> {
    let mut syntaxes: Vec<&'static TransferSyntax> = Vec::new();
    for entry in typed {
        let listed = match &entry.value {
            TransferSyntaxes::Listed(listed) => listed.as_slice(),
            TransferSyntaxes::All => all,
        };
        for syntax in listed {
            if !syntaxes.iter().any(|known| known.uid() == syntax.uid()) {
                syntaxes.push(syntax);
            }
        }
    }
    syntaxes
}

/// Compressed data sets are never decompressed, so files cannot be in another transfer syntax.
fn compression(typed: &Treatment, merged: &TreatmentSettings, merging: &mut Merging<'_>) {
    let negotiation = &merged.negotiation;
    let output = merged.output.format.transfer_syntax;
    if output == OutputTransferSyntax::AsReceived || negotiation.profile.is_some() {
        return;
    }
    let compressed = negotiation.transfer_syntaxes.iter().find(|syntax| syntax.encapsulated());
    let place = typed.transfer_syntax.as_ref().map(|it| &it.span);
    let place = typed.accept_transfer_syntaxes.as_ref().map(|it| &it.span).or(place);
    if let (Some(compressed), Some(place)) = (compressed, place) {
        let message = format!(
            "accept-transfer-syntaxes has {compressed}, which is compressed and cannot be written in another transfer \
             syntax: leave it out, or set transfer-syntax = \"as-received\""
        );
        merging.fault(place, message);
    }
}

fn leniency(typed: &Treatment, leniency: &mut Leniency, merging: &mut Merging<'_>) {
    if let Some(lenient) = &typed.lenient {
        let has = |wanted| lenient.value.iter().any(|word| word.value.0 == wanted);
        let named_by = leniency.mismatched_uids.unwrap_or(NamedBy::DataSet);
        leniency.mismatched_uids = has(Lenient::MismatchedUids).then_some(named_by);
        leniency.classes_not_negotiated = has(Lenient::ClassesNotNegotiated);
    }
    if let Some(named_by) = &typed.named_by {
        if leniency.mismatched_uids.is_none() {
            let message = "named-by has no effect without lenient = [\"mismatched-uids\"]";
            merging.fault(&named_by.span, message);
        } else {
            leniency.mismatched_uids = Some(named_by.value.0);
        }
    }
    if let Some(terms) = value(&typed.default_character_set) {
        leniency.default_character_set = Some(terms.0);
    }
}

fn commands(typed: &Commands, base: &mut TreatmentSettings) {
    let commands = &mut base.commands;
    let command = |typed: String| Some(OsString::from(typed)).filter(|it| !it.is_empty());
    if let Some(line) = value(&typed.on_reception) {
        commands.on_reception = command(line);
    }
    if let Some(line) = value(&typed.on_end_of_study) {
        commands.on_end_of_study = command(line);
    }
    if let Some(rename) = value(&typed.rename_on_end_of_study) {
        commands.rename_on_end_of_study = rename;
    }
    if let Some(timeout) = value(&typed.end_of_study_timeout) {
        commands.end_of_study_timeout = Some(timeout.0);
    }
    if let Some(wait) = value(&typed.wait) {
        commands.wait = wait;
    }
    if let Some(journal) = value(&typed.journal) {
        commands.journal = journal;
    }
}

/// To whom objects are delivered, each named once, and how long files are kept.
fn deliveries(typed: &Treatment, base: &mut TreatmentSettings) {
    if let Some(deliver) = &typed.deliver {
        base.deliver.clear();
        for name in &deliver.value.0 {
            if !base.deliver.contains(&name.value) {
                base.deliver.push(name.value.clone());
            }
        }
    }
    if let Some(keep) = value(&typed.keep) {
        base.keep = keep.0;
    }
}

/// Studies end only where objects are sorted.
fn ends_of_studies(typed: &Treatment, base: &mut TreatmentSettings, merging: &mut Merging<'_>) {
    const STUDIES: [&str; 3] =
        ["on_end_of_study", "rename_on_end_of_study", "end_of_study_timeout"];

    if base.output.sorting.is_some() {
        return;
    }
    let typed_here = typed.commands.as_ref().map(|it| it.value.typed()).unwrap_or_default();
    let is_timeout_alone = !base.commands.at_end_of_study();
    let here = typed_here.iter().rfind(|(field, _)| {
        STUDIES.contains(field) && (*field == "end_of_study_timeout") == is_timeout_alone
    });
    if let Some((field, span)) = here {
        let key = field.replace('_', "-");
        merging.fault(span, format!("commands.{key} needs sort: only then studies have an end"));
    } else if base.commands.at_end_of_study() {
        let place = [
            ("file", typed.file.as_ref().map(|it| it.span.clone())),
            ("sort", typed.sort.as_ref().map(|it| it.span.clone())),
        ];
        if let Some((key, span)) = place.into_iter().find_map(|(key, span)| Some((key, span?))) {
            let message = format!(
                "{key} leaves no sort, which the commands at the end of a study need: set \
                 commands.on-end-of-study = \"\" and commands.rename-on-end-of-study = false here too"
            );
            merging.fault(&span, message);
        }
    } else {
        base.commands.end_of_study_timeout = None;
    }
}
