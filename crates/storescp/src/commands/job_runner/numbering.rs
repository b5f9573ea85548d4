//! `--rename-on-eostudy`: the files of a study get numbers for names.

use receiver::output::studies::EndedStudy;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use storage::{FileIdentity, FileName, Folder, Storage};

/// Renames the files of a study, in the order in which they were stored, to the first two letters of
/// their SOP class and a number of six digits. Numbers that files have already are passed over, so
/// nothing is replaced. `path` is the folder as the log may show it.
///
/// # Errors
/// The folder of the study cannot be opened, or not be synced afterwards. A single file that cannot be renamed,
/// or is another one than was stored, keeps its name, and is logged.
pub(in crate::commands) fn number_files(
    storage: &dyn Storage,
    study: &EndedStudy,
    path: &Path,
) -> io::Result<()> {
    let folder = storage.folder()?.subfolder(&study.folder)?;
    let mark = folder.mark();
    let mut numbers = 1..1_000_000;
    // An instance that came twice is one file: the later one.
    let last: HashMap<&FileName, Option<FileIdentity>> =
        study.files.iter().map(|file| (&file.name, file.id)).collect();
    let mut renamed = HashSet::new();
    for file in &study.files {
        if !renamed.insert(&file.name) {
            numbers.next();
            continue;
        }
        let letters: String = file.prefix.chars().take(2).collect();
        let id = last.get(&file.name).copied().flatten();
        if let Err((to, error)) = rename(folder.as_ref(), (id, &file.name), &letters, &mut numbers)
        {
            let (from, to) = (path.join(file.name.as_str()), path.join(to));
            let (from, to) = (from.display(), to.display());
            tracing::warn!("cannot rename file '{from}' to '{to}': {error}");
        }
    }
    folder.sync(mark)
}

/// Gives a file the next free number.
fn rename(
    folder: &dyn Folder,
    (id, from): (Option<FileIdentity>, &FileName),
    letters: &str,
    numbers: &mut std::ops::Range<u32>,
) -> Result<(), (String, io::Error)> {
    for number in numbers {
        let name = format!("{letters}{number:06}");
        let Some(to) = FileName::new(name.clone()) else { continue };
        // What has the name now may be another file than the one that was stored.
        let Some(id) = id else {
            return Err((name, io::Error::other("it is not known which file was stored")));
        };
        match folder.rename(id, from, &to) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map_err(|error| (name, error)),
        }
    }
    Err((letters.to_owned(), io::Error::other("no number is free")))
}
