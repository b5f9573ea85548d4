//! `storescp catalog verify`: compares the files of the output directories with the catalogue.

use super::directories::directories;
use crate::tools::place::Place;
use crate::tools::terminal::{harmless, print};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::catalog_command::rebuild;
    use dataset::part10::{FileMeta, header};
    use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
    use platform::testing::Scratch;

    fn file() -> Vec<u8> {
        let uid = "1.2.3".parse().unwrap();
        header(&FileMeta {
            sop_class: &uid,
            sop_instance: &uid,
            transfer_syntax: EXPLICIT_VR_LITTLE_ENDIAN,
            implementation_class_uid: "1.2",
            implementation_version_name: "TEST",
            source_ae_title: b"CT1",
        })
    }

    #[test]
    fn a_lost_catalogue_is_rebuilt_and_what_changes_after_that_is_found() {
        let scratch = Scratch::new("catalog-command");
        std::fs::create_dir(scratch.0.join("study")).unwrap();
        let path = scratch.0.join("study/object");
        std::fs::write(&path, file()).unwrap();
        let words = ["-od", scratch.0.to_str().unwrap()].map(str::to_owned);
        let (place, _) = Place::take(words.to_vec()).unwrap();
        assert!(run(&place, &[]).unwrap_err().contains("there is no catalogue"));
        rebuild::run(&place, &[]).unwrap();
        rebuild::run(&place, &[]).unwrap();
        assert_eq!(place.open().unwrap().statistics().unwrap().instances, 1);
        let digests = ["--digests".to_owned()];
        run(&place, &digests).unwrap();
        let mut rotten = file();
        rotten[5] = 1;
        std::fs::write(&path, rotten).unwrap();
        run(&place, &[]).unwrap();
        assert_eq!(run(&place, &digests), Err("files and catalogue differ".to_owned()));
        std::fs::write(scratch.0.join(".storescp/catalog.sqlite"), b"no database".repeat(1000))
            .unwrap();
        rebuild::run(&place, &[]).unwrap();
        assert_eq!(place.open().unwrap().statistics().unwrap().instances, 1);
        assert!(run(&place, &["--what".to_owned()]).is_err());
    }

    #[test]
    fn a_file_is_named_on_one_line_whatever_its_name() {
        let kind = archive::DifferenceKind::Missing;
        let difference = Difference { kind, file: "a\nb\u{1b}".to_owned(), sop_instance: None };
        let line = line(&difference);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
}
