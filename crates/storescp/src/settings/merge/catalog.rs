//! The catalogue.

use super::{Merging, value};
use crate::cli::Config;
use crate::rules::Decision;
use crate::settings::reader::At;
use crate::settings::typed::{Catalog, File};
use archive::{CatalogSettings, CatalogUrl, Keep};
use std::ops::Range;

/// Puts the catalogue into `config`, whose destinations and rules are there already: what needs one implies one.
pub(super) fn merge(file: &File, config: &mut Config, merging: &mut Merging<'_>) {
    let needed_by = needed_by(file, config);
    let before = config.catalog.take();
    config.catalog = match &file.catalog {
        Some(typed) => {
            merging.inside("catalog", |merging| own(typed, before, needed_by.as_ref(), merging))
        }
        None => before.or_else(|| {
            needed_by.is_some().then(|| CatalogSettings::at(CatalogUrl::InOutputDirectory))
        }),
    };
    if config.inetd && config.catalog.is_some() {
        let place = file.catalog.as_ref().map(|it| it.span.clone());
        if let Some(span) = place.or(needed_by.map(|(_, span)| span)) {
            let message = "there is no catalogue with --inetd, where each connection has a program of its own";
            merging.fault(&span, message);
        }
    }
}

fn own(
    typed: &At<Catalog>,
    before: Option<CatalogSettings>,
    needed_by: Option<&(&'static str, Range<usize>)>,
    merging: &mut Merging<'_>,
) -> Option<CatalogSettings> {
    let catalog = &typed.value;
    if let Some(enabled) = catalog.enabled.as_ref().filter(|enabled| !enabled.value) {
        if let Some((what, _)) = needed_by {
            let message = format!("enabled: {what} needs the catalogue: leave one of them out");
            merging.fault(&enabled.span, message);
        }
        return None;
    }
    let mut settings = before.unwrap_or_else(|| CatalogSettings::at(CatalogUrl::InOutputDirectory));
    if let Some(url) = value(&catalog.url) {
        settings.url = match url.0 {
            CatalogUrl::Sqlite(path) => CatalogUrl::Sqlite(merging.path(&path)),
            other => other,
        };
    }
    if let Some(source) = &catalog.password {
        match (&mut settings.url, source.value.secret(merging.folder)) {
            (CatalogUrl::Postgres { password, .. }, Ok(secret)) => {
                *password = Some(secret.reveal().to_owned());
            }
            (_, Err(why)) => merging.fault(&source.span, format!("password: {why}")),
            _ => {
                let message = "password has no effect without url = \"postgres://…\"";
                merging.fault(&source.span, message);
            }
        }
    }
    settings.quiet = value(&catalog.quiet).map_or(settings.quiet, |quiet| quiet.0);
    settings.verify = value(&catalog.verify).map_or(settings.verify, |word| word.0);
    if let Some(rate) = value(&catalog.verify_rate) {
        settings.verify_bytes_per_second = rate.0;
    }
    Some(settings)
}

/// What cannot be without a catalogue: a word for it, and where it stands.
fn needed_by(file: &File, config: &Config) -> Option<(&'static str, Range<usize>)> {
    let destination = file.destination.iter().flat_map(|list| &list.value).next();
    if let Some(destination) = destination {
        return Some(("[[destination]]", destination.span.clone()));
    }
    let is_kept_all = |keep: Keep| keep == Keep::Forever;
    let top = (!is_kept_all(config.keep)).then_some(file.treatment.keep.as_ref()).flatten();
    let rules = file.rule.iter().flat_map(|list| &list.value).zip(&config.rules);
    let in_rules = rules.filter_map(|(typed, rule)| match &rule.decision {
        Decision::Accept(settings) if !is_kept_all(settings.keep) => {
            typed.value.treatment.keep.as_ref()
        }
        _ => None,
    });
    top.into_iter().chain(in_rules).next().map(|keep| ("keep", keep.span.clone()))
}
