//! `storescp catalog stats`: what the catalogue holds, in numbers.

use crate::tools::place::Place;
use crate::tools::terminal::{harmless, print, shown};
use serde_json::{Value, json};

pub(super) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    let is_json = match words {
        [] => false,
        [word] if word == "--json" => true,
        _ => return Err("storescp catalog stats knows only --json".to_owned()),
    };
    let found = place.open()?.statistics().map_err(|error| error.to_string())?;
    if is_json {
        let destinations: Vec<Value> = found
            .destinations
            .iter()
            .map(|one| {
                json!({
                    "destination": one.destination,
                    "waiting": one.waiting,
                    "waitingBytes": one.waiting_bytes,
                    "oldest": one.oldest.map(shown),
                    "parked": one.parked,
                    "paused": one.paused,
                })
            })
            .collect();
        let all = json!({
            "studies": found.studies,
            "series": found.series,
            "objects": found.instances,
            "bytes": found.bytes,
            "openStudies": found.open_studies,
            "destinations": destinations,
            "databaseBytes": found.database_bytes,
            "schema": found.schema,
        });
        return print(&format!("{all}\n"));
    }
    let mut text = format!(
        "studies: {}, of which {} have not ended\nseries: {}\nobjects with a file: {}\nbytes: {}\n",
        found.studies, found.open_studies, found.series, found.instances, found.bytes
    );
    if let Some(bytes) = found.database_bytes {
        text.push_str(&format!("bytes of the database: {bytes}\n"));
    }
    text.push_str(&format!("version of the tables: {}\n", found.schema));
    for one in &found.destinations {
        let paused = if one.paused { ", paused" } else { "" };
        text.push_str(&format!(
            "destination {}: {} waiting, {} parked{paused}\n",
            harmless(&one.destination),
            one.waiting,
            one.parked
        ));
    }
    print(&text)
}
