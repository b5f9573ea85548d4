//! Destinations.

mod deliver;
mod kinds;

pub(super) use deliver::check;

use crate::cli::Config;
use crate::limits::DESTINATIONS;
use crate::settings::merge::merging::{Merging, value};
use crate::settings::reader::{At, ReadTable, listed};
use crate::settings::typed::{Destination, File, Kind, KindWord};
use delivery::limits::LONGEST_PAUSE;
use delivery::{
    Bounds, DestinationKind, DestinationSettings, Error, On, RetrySettings, is_destination_name,
};
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

/// How long deliveries that are done are remembered unless the file says another time.
const REMEMBER: Duration = Duration::from_secs(86_400);

/// Keys that every kind has.
const COMMON: [&str; 14] = [
    "name",
    "kind",
    "on",
    "filter",
    "concurrency",
    "order",
    "bandwidth",
    "hours",
    "attempts",
    "longest_pause",
    "max_waiting_bytes",
    "max_waiting_age",
    "over",
    "remember",
];

/// Keys of a kind, beside [`COMMON`].
const fn keys_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Exec => &["command", "timeout"],
        Kind::Worker => &["command", "window", "timeout"],
        Kind::Webhook => {
            &["url", "header", "secret", "batch", "timeout", "ca", "certificate", "key"]
        }
        Kind::Dicom => &[
            "address",
            "called",
            "calling",
            "tls",
            "timeout",
            "linger",
            "ca",
            "certificate",
            "key",
        ],
        Kind::Folder => &["directory", "file", "link"],
    }
}

/// The destinations of the file. `config` has the AE title already.
pub(super) fn merge(file: &File, config: &mut Config, merging: &mut Merging<'_>) {
    let Some(typed) = &file.destination else { return };
    if let Some(excess) = typed.value.get(DESTINATIONS) {
        let message =
            format!("there are {} destinations, at most {DESTINATIONS}", typed.value.len());
        merging.fault(&excess.span, message);
        return;
    }
    let mut names = HashMap::new();
    for (index, destination) in typed.value.iter().enumerate() {
        let settings = merging.inside("destination", |merging| {
            let name = name(destination, merging);
            if let Some(name) = &name
                && let Some(first) = names.insert(name.clone(), index)
            {
                let span = destination.value.name.as_ref().map_or(&destination.span, |it| &it.span);
                let message =
                    format!("name: destination {} is called \"{name}\" already", first + 1);
                merging.fault(span, message);
            }
            // Up to the next one.
            let next = typed.value.get(index + 1).map_or(usize::MAX, |next| next.span.start);
            let extent = destination.span.start..next;
            self::destination(&destination.value, &extent, name, config, merging)
        });
        config.destinations.extend(settings);
    }
}

fn name(typed: &At<Destination>, merging: &mut Merging<'_>) -> Option<String> {
    let Some(name) = &typed.value.name else {
        merging.fault(&typed.span, "missing key \"name\"");
        return None;
    };
    if !is_destination_name(&name.value) {
        let what = "1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit";
        merging.fault(&name.span, format!("name: expected {what}"));
        return None;
    }
    Some(name.value.clone())
}

/// A destination, whose table is all of `extent`.
fn destination(
    destination: &Destination,
    extent: &Range<usize>,
    name: Option<String>,
    config: &Config,
    merging: &mut Merging<'_>,
) -> Option<DestinationSettings> {
    let Some(kind) = value(&destination.kind).map(|word| word.0) else {
        if destination.kind.is_none() && !merging.report.has_fault_within(extent) {
            merging.fault(extent, "missing key \"kind\"");
        }
        return None;
    };
    misplaced(destination, kind, merging);
    let on = events(destination, kind, merging);
    let kind_settings = kinds::settings(destination, extent, kind, config, merging);
    let concurrency = value(&destination.concurrency).map_or_else(
        || if kind == Kind::Worker { 1 } else { 4 },
        |number| usize::try_from(number.0).unwrap_or(1),
    );
    let attempts = if kind == Kind::Exec { Some(1) } else { None };
    let settings = DestinationSettings {
        name: name?,
        kind: kind_settings?,
        on,
        filter: value(&destination.filter).map(|filter| filter.0),
        concurrency,
        order_by_study: value(&destination.order).is_some_and(|order| order.0),
        bandwidth: value(&destination.bandwidth).map(|rate| rate.0),
        hours: hours(destination, merging),
        retry: RetrySettings {
            attempts: value(&destination.attempts).map_or(attempts, |attempts| attempts.0),
            longest_pause: value(&destination.longest_pause).map_or(LONGEST_PAUSE, |time| time.0),
        },
        bounds: bounds(destination, merging),
        remember: value(&destination.remember).map_or(REMEMBER, |time| time.0),
    };
    placeholders(destination, &settings, merging);
    Some(settings)
}

/// Of a command, what stands in braces has to be a field of events.
fn placeholders(
    destination: &Destination,
    settings: &DestinationSettings,
    merging: &mut Merging<'_>,
) {
    if let Some(command) = &destination.command
        && matches!(settings.kind, DestinationKind::Exec(_) | DestinationKind::Worker(_))
        && let Err(Error::Destination { reason, .. }) = delivery::build(settings)
    {
        merging.fault(&command.span, format!("command: {reason}"));
    }
}

/// Faults for keys that belong to other kinds.
fn misplaced(destination: &Destination, kind: Kind, merging: &mut Merging<'_>) {
    let of_kind = keys_of(kind);
    for (field, span) in destination.typed() {
        if COMMON.contains(&field) || of_kind.contains(&field) {
            continue;
        }
        let others = KindWord::WORDS.iter().filter(|it| keys_of(it.value).contains(&field));
        let others: Vec<String> = others.map(|it| format!("\"{}\"", it.word)).collect();
        let message = format!(
            "{} has no effect with kind = \"{}\", but with {}",
            field.replace('_', "-"),
            word(kind),
            listed(others.iter().map(String::as_str))
        );
        merging.fault(&span, message);
    }
}

fn word(kind: Kind) -> &'static str {
    KindWord::WORDS.iter().find(|it| it.value == kind).map_or("", |it| it.word)
}

/// Which events it gets: objects unless something else is typed, each once.
fn events(destination: &Destination, kind: Kind, merging: &mut Merging<'_>) -> Vec<On> {
    let Some(typed) = &destination.on else { return vec![On::Object] };
    let mut events = Vec::new();
    for entry in &typed.value.0 {
        let On::Object = entry.value.0 else {
            if matches!(kind, Kind::Dicom | Kind::Folder) {
                let message =
                    format!("on: a destination of kind \"{}\" gets objects only", word(kind));
                merging.fault(&entry.span, message);
            }
            if !events.contains(&entry.value.0) {
                events.push(entry.value.0);
            }
            continue;
        };
        if !events.contains(&On::Object) {
            events.push(On::Object);
        }
    }
    if typed.value.0.is_empty() && !merging.report.has_fault_within(&typed.span) {
        merging.fault(&typed.span, "on: expected at least one entry");
    }
    let is_about_objects = events.iter().any(|it| matches!(it, On::Object | On::Study));
    if let Some(filter) = &destination.filter
        && !is_about_objects
    {
        let message = "filter has no effect: only objects and studies have attributes";
        merging.fault(&filter.span, message);
    }
    events
}

fn hours(destination: &Destination, merging: &mut Merging<'_>) -> Vec<delivery::Hours> {
    let Some(typed) = &destination.hours else { return Vec::new() };
    if typed.value.0.is_empty() && !merging.report.has_fault_within(&typed.span) {
        merging
            .fault(&typed.span, "hours: expected at least one entry; leave hours out for always");
    }
    typed.value.0.iter().map(|hours| hours.value.0).collect()
}

fn bounds(destination: &Destination, merging: &mut Merging<'_>) -> Bounds {
    let bytes = value(&destination.max_waiting_bytes).map(|bytes| bytes.0);
    let age = value(&destination.max_waiting_age).map(|age| age.0);
    if let Some(over) = &destination.over
        && destination.max_waiting_bytes.is_none()
        && destination.max_waiting_age.is_none()
    {
        let message = "over has no effect without max-waiting-bytes or max-waiting-age";
        merging.fault(&over.span, message);
    }
    Bounds { bytes, age, over: value(&destination.over).map(|over| over.0).unwrap_or_default() }
}

/// Whether a destination gets objects.
fn gets_objects(destination: &DestinationSettings) -> bool {
    destination.on.contains(&On::Object)
}

/// Whether it is another application entity.
fn is_dicom(destination: &DestinationSettings) -> bool {
    matches!(destination.kind, DestinationKind::Dicom(_))
}
