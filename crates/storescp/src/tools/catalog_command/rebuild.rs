//! `storescp catalog rebuild`: takes the files of the output directories into the catalogue, from the files alone.

use super::directories::directories;
use crate::tools::place::Place;
use crate::tools::terminal::print;
use archive::{Rebuild, request_spool_scan};
use catalog::Catalog;
use dataset::Dictionary;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub(super) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    if !words.is_empty() {
        return Err("storescp catalog rebuild knows no options of its own".to_owned());
    }
    let config = place.config()?;
    let settings = config.catalog.as_ref().ok_or("there is no catalogue")?;
    let top = &config.output.directory;
    let url = settings.url.connection(top).map_err(|error| error.to_string())?;
    let catalog = open(&url)?;
    let dictionary = Arc::new(Dictionary::built_in());
    for directory in directories(&config) {
        let shown = directory.display();
        // What the new one does not know and is owed, the receiver finds in the spool.
        request_spool_scan(&directory).map_err(|error| format!("{shown}: {error}"))?;
        let rebuild = Rebuild {
            catalog: catalog.as_ref(),
            availability: None,
            directory: &directory,
            dictionary: Arc::clone(&dictionary),
            until: None,
            now: &SystemTime::now,
            quiet: settings.quiet,
            pause: &|time: Duration| {
                std::thread::sleep(time);
                false
            },
        };
        let progress = &mut |rebuilt: &archive::Rebuilt| {
            let _ = print(&format!("{shown}: {rebuilt} so far\n"));
        };
        let rebuilt = rebuild.run(progress).map_err(|error| error.to_string())?;
        print(&format!("{shown}: {rebuilt}\n"))?;
    }
    Ok(())
}

/// Opens the catalogue, made if it is not there. A damaged one is set aside.
fn open(url: &str) -> Result<Arc<dyn Catalog>, String> {
    match catalog::open(url) {
        Err(error @ catalog::Error::Damaged { .. }) => {
            let path = catalog::set_aside(url).map_err(|error| error.to_string())?;
            print(&format!("{error}: set aside as {}\n", path.display()))?;
            catalog::open(url).map_err(|error| error.to_string())
        }
        opened => opened.map_err(|error| error.to_string()),
    }
}
