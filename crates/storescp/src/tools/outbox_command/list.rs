//! `storescp outbox list`: deliveries, or how many there are.

use super::selection::{Selection, event_name, state_name};
use crate::tools::place::Place;
use crate::tools::terminal::{harmless, print, shown};
use catalog::{Catalog, DeliveryRow, DestinationCounts};
use serde_json::{Value, json};
use std::time::SystemTime;

const OPTIONS: [&str; 8] = [
    "--destination",
    "--state",
    "--study",
    "--sop-instance",
    "--after",
    "--limit",
    "--json",
    "--counts",
];

/// Deliveries that are listed if no limit is given.
const LIMIT: usize = 100;

pub(super) fn run(place: &Place, words: Vec<String>) -> Result<(), String> {
    let mut selection = Selection::read(words, &OPTIONS)?;
    if !selection.ids.is_empty() {
        return Err("storescp outbox show takes numbers of deliveries, list takes none".to_owned());
    }
    let catalog = place.open()?;
    if selection.is_counts {
        // Also those for which nothing waits.
        let known = place.config()?.destinations.into_iter().map(|it| it.name).collect();
        return counts(&*catalog, &selection, known);
    }
    let limit = *selection.limit.get_or_insert(LIMIT);
    let (mut listed, mut last) = (0, None);
    selection.pages(&*catalog, |rows| {
        listed += rows.len();
        last = rows.last().map(|row| row.id.0);
        let lines = rows
            .iter()
            .map(|row| if selection.is_json { format!("{}\n", as_json(row)) } else { line(row) });
        print(&lines.collect::<String>())
    })?;
    if let (true, Some(last)) = (listed == limit, last) {
        eprintln!("there may be more: --after {last}, or --limit 0 for all of them");
    }
    Ok(())
}

/// A delivery on one line.
fn line(row: &DeliveryRow) -> String {
    let about = row.sop_instance.as_ref().or(row.study.as_ref()).unwrap_or(&row.event_key);
    let reason = row.reason.as_deref().map(|reason| format!("  {}", harmless(reason)));
    format!(
        "{:>8}  {:<7}  {}  {}  {:<17}  attempts {}  {}{}\n",
        row.id.0,
        state_name(row.state),
        harmless(&row.destination),
        shown(row.since),
        event_name(row.event),
        row.attempts,
        harmless(about),
        reason.unwrap_or_default()
    )
}

/// A delivery as JSON, with the names of the API.
pub(super) fn as_json(row: &DeliveryRow) -> Value {
    json!({
        "id": row.id.0,
        "destination": row.destination,
        "state": state_name(row.state),
        "event": event_name(row.event),
        "eventKey": row.event_key,
        "studyInstanceUid": row.study,
        "sopInstanceUid": row.sop_instance,
        "size": row.size,
        "attempts": row.attempts,
        "since": shown(row.since),
        "at": shown(row.at),
        "reason": row.reason,
    })
}

fn counts(catalog: &dyn Catalog, selection: &Selection, known: Vec<String>) -> Result<(), String> {
    let only = selection.filter.destination.clone();
    let names = only.clone().map_or(known, |only| vec![only]);
    let mut counts = catalog.counts(&names).map_err(|error| error.to_string())?;
    counts.retain(|one| only.as_ref().is_none_or(|only| *only == one.destination));
    let now = SystemTime::now();
    let age = |one: &DestinationCounts| {
        one.oldest.map(|oldest| now.duration_since(oldest).unwrap_or_default().as_secs())
    };
    if selection.is_json {
        let rows: Vec<Value> = counts
            .iter()
            .map(|one| {
                json!({
                    "destination": one.destination,
                    "waiting": one.waiting,
                    "waitingBytes": one.waiting_bytes,
                    "oldest": one.oldest.map(shown),
                    "oldestSeconds": age(one),
                    "parked": one.parked,
                    "paused": one.paused,
                })
            })
            .collect();
        return print(&format!("{}\n", Value::Array(rows)));
    }
    let lines = counts.iter().map(|one| {
        let oldest = age(one).map(|age| format!(", the oldest for {age} s")).unwrap_or_default();
        format!(
            "{}: {} waiting ({} bytes{oldest}), {} parked{}\n",
            harmless(&one.destination),
            one.waiting,
            one.waiting_bytes,
            one.parked,
            if one.paused { ", paused" } else { "" }
        )
    });
    print(&lines.collect::<String>())
}
