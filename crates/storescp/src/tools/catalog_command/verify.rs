//! `storescp catalog verify`: compares the files of the output directories with the catalogue.

use super::directories::directories;
use crate::tools::place::Place;
use crate::tools::{harmless, print};
use archive::{Counters, Difference, Differences, Verify};
use dataset::Dictionary;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn run(place: &Place, words: &[String]) -> Result<(), String> {
    let digests = match words {
        [] => false,
        [word] if word == "--digests" => true,
        _ => return Err("storescp catalog verify knows only --digests".to_owned()),
    };
    let config = place.config()?;
    let catalog = place.open()?;
    let rate = config.catalog.as_ref().map(|settings| settings.verify_bytes_per_second);
    let (counters, dictionary) = (Counters::default(), Arc::new(Dictionary::built_in()));
    let mut is_clean = true;
    for directory in directories(&config) {
        let verify = Verify {
            catalog: catalog.as_ref(),
            directory: &directory,
            dictionary: Arc::clone(&dictionary),
            digests,
            bytes_per_second: rate.filter(|_| digests),
            until: None,
            counters: &counters,
            pause: &|time: Duration| {
                std::thread::sleep(time);
                false
            },
        };
        let told = verify.run(&mut |difference| {
            let _ = print(&line(difference));
        });
        let (found, _) = told.map_err(|error| error.to_string())?;
        print(&format!("{}: {}\n", directory.display(), summary(&found)))?;
        is_clean &= found.is_clean();
    }
    if is_clean { Ok(()) } else { Err("files and catalogue differ".to_owned()) }
}

/// Tab between file, what is wrong, and SOP Instance UID.
fn line(difference: &Difference) -> String {
    let uid = difference.sop_instance.as_deref().unwrap_or("-");
    let (file, words) = (harmless(&difference.file), difference.kind.words());
    format!("{file}\t{words}\t{}\n", harmless(uid))
}

fn summary(found: &Differences) -> String {
    let Differences { files, unknown_files, missing_files, changed_files, unreadable_files } =
        found;
    format!(
        "{files} files: {unknown_files} not in the catalogue, {missing_files} missing, {changed_files} changed, \
         {unreadable_files} unreadable"
    )
}
