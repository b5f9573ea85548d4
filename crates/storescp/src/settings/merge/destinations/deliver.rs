//! Whether `deliver` and `keep`, at the top and in rules, fit the destinations that there are.

use super::{gets_objects, is_dicom};
use crate::cli::Config;
use crate::rules::{Decision, TreatmentSettings};
use crate::settings::merge::merging::Merging;
use crate::settings::reader::meant;
use crate::settings::typed::{File, Treatment};
use archive::Keep;
use delivery::{DestinationSettings, Filter, On};
use receiver::Duplicates;
use receiver::limits::INTENT_ATTRIBUTES;
use std::collections::HashSet;
use std::ops::Range;

/// Checks what is in `config`: the destinations, the top and the rules.
pub(in crate::settings::merge) fn check(file: &File, config: &Config, merging: &mut Merging<'_>) {
    let mut used = HashSet::new();
    let top = config.treatment();
    let typed = file.destination.iter().flat_map(|list| &list.value);
    // Also of those with which something is wrong.
    let names: Vec<&str> =
        typed.filter_map(|it| it.value.name.as_ref()).map(|name| name.value.as_str()).collect();
    used.extend(treatment(&file.treatment, &top, config, &names, merging));
    for (typed, rule) in file.rule.iter().flat_map(|list| &list.value).zip(&config.rules) {
        if let Decision::Accept(settings) = &rule.decision {
            used.extend(merging.inside("rule", |merging| {
                treatment(&typed.value.treatment, settings, config, &names, merging)
            }));
        }
    }
    for typed in file.destination.iter().flat_map(|list| &list.value) {
        let Some(name) = &typed.value.name else { continue };
        let known = config.destinations.iter().find(|it| it.name == name.value);
        // Refusals belong to no rule.
        let is_told_anyway = known.is_none_or(|it| it.on.contains(&On::Refusal));
        if !used.contains(&name.value) && !is_told_anyway {
            let name = &name.value;
            let message = format!(
                "destination \"{name}\" gets nothing: no deliver names it, neither at the top nor in a rule"
            );
            merging.report.warn(&typed.span, message);
        }
    }
}

/// Checks one treatment, and gives the names that it delivers to.
fn treatment(
    typed: &Treatment,
    settings: &TreatmentSettings,
    config: &Config,
    names: &[&str],
    merging: &mut Merging<'_>,
) -> Vec<String> {
    for entry in typed.deliver.iter().flat_map(|list| &list.value.0) {
        if !names.contains(&entry.value.as_str()) {
            let message = format!(
                "deliver: there is no [[destination]] with name = {:?}{}",
                entry.value,
                meant(&entry.value, names.iter().copied())
            );
            merging.fault(&entry.span, message);
        }
    }
    let destinations: Vec<&DestinationSettings> =
        config.destinations.iter().filter(|it| settings.deliver.contains(&it.name)).collect();
    stored(typed, settings, &destinations, merging);
    attributes(typed, &destinations, merging);
    if settings.keep == Keep::UntilDelivered {
        until_delivered(typed, settings, &destinations, merging);
    }
    settings.deliver.clone()
}

/// Attributes are noted while a data set passes: there is a bound on them.
fn attributes(typed: &Treatment, destinations: &[&DestinationSettings], merging: &mut Merging<'_>) {
    let Some(deliver) = &typed.deliver else { return };
    let filters = destinations.iter().filter_map(|it| it.filter.as_ref());
    let looked_at = filters.flat_map(Filter::attributes);
    let all: HashSet<_> = archive::attributes::catalogued().chain(looked_at).collect();
    if all.len() > INTENT_ATTRIBUTES {
        let most = INTENT_ATTRIBUTES - archive::attributes::catalogued().count();
        let message = format!(
            "deliver: the filters of these destinations look at too many attributes: at most {most} that the catalogue \
             does not keep"
        );
        merging.fault(&deliver.span, message);
    }
}

/// What is delivered has to be stored, in a form that the other side can take.
fn stored(
    typed: &Treatment,
    settings: &TreatmentSettings,
    destinations: &[&DestinationSettings],
    merging: &mut Merging<'_>,
) {
    if let (Some(store), Some(deliver)) = (&typed.store, &typed.deliver)
        && !store.value
        && !deliver.value.0.is_empty()
    {
        merging.fault(
            &deliver.span,
            "deliver has no effect with store = false: leave one of them out",
        );
    }
    let places = [span(&typed.file_format), span(&typed.deliver)];
    if !settings.output.write_file_format
        && let Some(dicom) = destinations.iter().find(|it| is_dicom(it))
        && let Some(place) = places.into_iter().flatten().next()
    {
        let message = format!(
            "file-format = \"data-set\" leaves out the transfer syntax, which the destination \"{}\" needs",
            dicom.name
        );
        merging.fault(&place, message);
    }
}

/// Files that are there only until they are delivered.
fn until_delivered(
    typed: &Treatment,
    settings: &TreatmentSettings,
    destinations: &[&DestinationSettings],
    merging: &mut Merging<'_>,
) {
    let keep = span(&typed.keep);
    let deliver = span(&typed.deliver);
    let getting: Vec<_> = destinations.iter().filter(|it| gets_objects(it)).collect();
    let may_be_left = getting.iter().all(|it| it.filter.is_some());
    if let Some(place) = keep.clone().or(deliver)
        && !merging.report.has_fault_within(&place)
    {
        if getting.is_empty() {
            let message = "keep = \"until-delivered\" needs a destination in deliver that gets objects (on = \"object\"): \
                           without one nothing is ever delivered";
            merging.fault(&place, message);
        } else if may_be_left {
            let message = "with keep = \"until-delivered\", objects that no filter of a destination takes keep their files \
                           in the directory, until you remove them";
            merging.report.warn(&place, message);
        }
    }
    if settings.output.duplicates != Duplicates::Replace
        && !may_be_left
        && let Some(place) = span(&typed.duplicates).or(keep.clone())
    {
        let message = "duplicates has no effect with keep = \"until-delivered\": nothing is there that a new object could repeat";
        merging.fault(&place, message);
    }
    if settings.commands.do_something()
        && let Some(place) = span(&typed.commands).or(keep)
    {
        let message = "commands need files, which keep = \"until-delivered\" does not leave: use a destination of kind \"exec\"";
        merging.fault(&place, message);
    }
}

fn span<T>(typed: &Option<crate::settings::reader::At<T>>) -> Option<Range<usize>> {
    typed.as_ref().map(|it| it.span.clone())
}
