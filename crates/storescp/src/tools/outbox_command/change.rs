//! `storescp outbox retry | park | drop | pause | resume`: what an operator decides.

use super::selection::Selection;
use super::show;
use crate::tools::place::Place;
use crate::tools::terminal::{harmless, print};
use catalog::{Catalog, DeliveryId, DeliveryState, SpooledObject};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use storage::{Directory, Durability, IntentName, Intents, Storage};

const OPTIONS: [&str; 6] =
    ["--destination", "--state", "--study", "--sop-instance", "--all", "--reason"];

/// Deliveries that are changed in one transaction.
const AT_ONCE: usize = 1000;

/// Retries, parks or drops deliveries: those that are numbered, or all that a filter has.
pub(super) fn run(place: &Place, command: &str, words: Vec<String>) -> Result<(), String> {
    let mut selection = Selection::read(words, &OPTIONS)?;
    let is_narrow = selection.is_filtered() || selection.is_all;
    if selection.ids.is_empty() != is_narrow {
        return Err(format!(
            "say which: storescp outbox {command} NUMBER…, or --destination, --state, --study, --sop-instance or --all"
        ));
    }
    if command == "retry" && selection.reason.is_some() {
        return Err("--reason is for park and drop".to_owned());
    }
    let catalog = place.open()?;
    let ids = match std::mem::take(&mut selection.ids) {
        ids if ids.is_empty() => find(&*catalog, command, &mut selection)?,
        ids => ids,
    };
    let reason = selection.reason.as_deref().unwrap_or("by an operator");
    let mut spools = Spools::default();
    let mut count = 0;
    for ids in ids.chunks(AT_ONCE) {
        let now = SystemTime::now();
        let changed = match command {
            "retry" => catalog.retry(ids, now),
            "park" => catalog.park(ids, reason, now),
            _ => {
                let ids = droppable(&*catalog, ids)?;
                catalog.drop_deliveries(&ids, reason, now).map(|released| {
                    spools.release(&released);
                    ids.len() as u64
                })
            }
        };
        count += changed.map_err(|error| error.to_string())?;
    }
    let done = match command {
        "retry" => "to be tried again",
        "park" => "parked",
        _ => "dropped",
    };
    print(&format!("{count} of {} deliveries {done}\n", ids.len()))?;
    if is_narrow || count == ids.len() as u64 {
        return Ok(());
    }
    let why = "no delivery has such a number, or its state does not allow this: see storescp outbox show NUMBER";
    if count == 0 {
        return Err(why.to_owned());
    }
    eprintln!("warning: of the others: {why}");
    Ok(())
}

/// Those that are neither done nor dropped.
fn droppable(catalog: &dyn Catalog, ids: &[DeliveryId]) -> Result<Vec<DeliveryId>, String> {
    let mut found = Vec::new();
    for id in ids {
        let state = show::find(catalog, *id)?.map(|row| row.state);
        if state.is_some_and(|it| !matches!(it, DeliveryState::Done | DeliveryState::Dropped)) {
            found.push(*id);
        }
    }
    Ok(found)
}

/// Those of a filter that the command may be about: with no state given, parked ones are retried, waiting ones parked,
/// and waiting and parked ones dropped.
fn find(
    catalog: &dyn Catalog,
    command: &str,
    selection: &mut Selection,
) -> Result<Vec<DeliveryId>, String> {
    if command == "retry" && selection.filter.state.is_none() {
        selection.filter.state = Some(DeliveryState::Parked);
    }
    let mut ids = Vec::new();
    selection.pages(catalog, |rows| {
        let wanted = rows.iter().filter(|row| match command {
            "park" => row.state != DeliveryState::Parked,
            _ => true,
        });
        ids.extend(wanted.map(|row| row.id));
        Ok(())
    })?;
    Ok(ids)
}

/// The spools of output directories, as far as they are on this machine. What stays in one is removed by the receiver at
/// its next start.
#[derive(Default)]
struct Spools(HashMap<PathBuf, Option<Arc<dyn Intents>>>);

impl Spools {
    fn release(&mut self, objects: &[SpooledObject]) {
        for object in objects {
            let intents = self.0.entry(object.directory.clone()).or_insert_with(|| {
                let opened = Directory::open(&object.directory, Durability::Full);
                opened.ok().and_then(|directory| directory.intents())
            });
            let (Some(intents), Some(name)) = (intents, IntentName::parse(&object.key)) else {
                continue;
            };
            if let Err(error) = intents.release(&name) {
                let directory = object.directory.display();
                eprintln!(
                    "warning: the bytes of {} stay in {directory}: {}",
                    harmless(&object.key),
                    platform::reason(&error)
                );
            }
        }
    }
}

/// Pauses or resumes destinations.
pub(super) fn pause(place: &Place, paused: bool, names: &[String]) -> Result<(), String> {
    let command = if paused { "pause" } else { "resume" };
    if names.is_empty() || names.iter().any(|name| name.starts_with('-')) {
        return Err(format!("say which: storescp outbox {command} DESTINATION…"));
    }
    let catalog = place.open()?;
    if paused {
        let counts = catalog.counts(&[]).map_err(|error| error.to_string())?;
        let of_settings = place.config()?.destinations.into_iter().map(|it| it.name);
        let known: Vec<_> =
            counts.into_iter().map(|it| it.destination).chain(of_settings).collect();
        for name in names.iter().filter(|name| !known.contains(name)) {
            eprintln!(
                "warning: {} is neither a destination of the settings file (--settings) nor owed anything",
                harmless(name)
            );
        }
    }
    for name in names {
        catalog.pause(name, paused).map_err(|error| error.to_string())?;
        print(&format!("{}: {command}d\n", harmless(name)))?;
    }
    Ok(())
}
