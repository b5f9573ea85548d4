//! `storescp outbox show`: all that is known of deliveries.

use super::list::as_json;
use super::selection::{STATES, Selection};
use crate::tools::place::Place;
use crate::tools::terminal::{harmless, print};
use catalog::{Catalog, DeliveryFilter, DeliveryId, DeliveryRow, Page};
use serde_json::Value;

pub(super) fn run(place: &Place, words: Vec<String>) -> Result<(), String> {
    let selection = Selection::read(words, &["--json"])?;
    if selection.ids.is_empty() {
        return Err("say which: storescp outbox show NUMBER…".to_owned());
    }
    let catalog = place.open()?;
    for id in selection.ids {
        let row = find(&*catalog, id)?.ok_or_else(|| format!("there is no delivery {}", id.0))?;
        let json = as_json(&row);
        if selection.is_json {
            print(&format!("{json}\n"))?;
        } else {
            print(&format!("{}\n", lines(&json)))?;
        }
    }
    Ok(())
}

/// The delivery with this number, in whatever state.
pub(super) fn find(catalog: &dyn Catalog, id: DeliveryId) -> Result<Option<DeliveryRow>, String> {
    for (state, _) in STATES {
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        let page = Page { after: Some(id.0 - 1), most: 1 };
        let rows = catalog.deliveries(&filter, page).map_err(|error| error.to_string())?;
        if let Some(row) = rows.into_iter().find(|row| row.id == id) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Each member that has a value on a line.
fn lines(json: &Value) -> String {
    let members = json.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), harmless);
            format!("{name}: {value}\n")
        })
        .collect()
}
