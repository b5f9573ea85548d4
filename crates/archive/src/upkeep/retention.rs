//! Removes files that are kept no longer.
//!
//! Only final names go: what is still owed has its bytes in the spool. A file is removed only if it is still the one that
//! the catalogue has, as [`Folder::remove`](storage::Folder::remove) makes sure.

use crate::Error;
use crate::files::Place;
use crate::files::Tree;
use crate::limits::REMOVED_FILES;
use crate::report::{Counters, Listener, Removed};
use crate::settings::Keep;
use catalog::{Catalog, InstanceId, InstanceRow, Removable};
use platform::sync::Arc;
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;
use storage::{FileIdentity, FileName, Folder};

/// How long the files of some senders are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// In this output directory.
    pub directory: PathBuf,
    /// Of senders that this rule names; `None` of those that no rule names.
    pub rule: Option<String>,
    /// How long.
    pub keep: Keep,
}

/// Removes files.
pub(super) struct Retention<'a> {
    pub(super) catalog: &'a dyn Catalog,
    pub(super) counters: &'a Counters,
    pub(super) listener: &'a dyn Listener,
    /// The time by the wall clock.
    pub(super) now: SystemTime,
    /// How much of the file system of a directory is used, in percent.
    pub(super) used: &'a dyn Fn(&Place) -> io::Result<f64>,
    pub(super) is_ending: &'a dyn Fn() -> bool,
}

/// Which files a pass removes.
struct Pass {
    removable: Removable,
    /// As long as more of the disk is used than this.
    percent: Option<u8>,
    reason: &'static str,
}

impl Retention<'_> {
    /// Removes what a policy keeps no longer.
    ///
    /// # Errors
    /// The catalogue is unavailable. What was removed is removed, and its rows say so at the next try.
    pub(super) fn apply(&self, place: &Place, policy: &Policy) -> Result<(), Error> {
        for pass in self.passes(policy) {
            self.run(place, pass)?;
        }
        Ok(())
    }

    fn passes(&self, policy: &Policy) -> Vec<Pass> {
        let removable = |before, delivered, even_owed| Removable {
            directory: policy.directory.clone(),
            rule: policy.rule.clone(),
            before,
            delivered,
            even_owed,
            most: REMOVED_FILES,
        };
        match policy.keep {
            Keep::Forever | Keep::UntilDelivered => Vec::new(),
            Keep::For { time, even_owed } => {
                let Some(before) = self.now.checked_sub(time) else { return Vec::new() };
                let removable = removable(before, false, even_owed);
                vec![Pass { removable, percent: None, reason: "kept for the time that is set" }]
            }
            Keep::Percent { percent, even_owed } => {
                let reason = "more of the disk was used than is set";
                let pass = |delivered, even_owed| Pass {
                    removable: removable(self.now, delivered, even_owed),
                    percent: Some(percent),
                    reason,
                };
                let mut passes = vec![pass(true, false), pass(false, false)];
                if even_owed {
                    passes.push(pass(false, true));
                }
                passes
            }
        }
    }

    fn run(&self, place: &Place, mut pass: Pass) -> Result<(), Error> {
        // Those that cannot be removed now stay among those that may be.
        let mut stuck: HashSet<InstanceId> = HashSet::new();
        while !(self.is_ending)() && self.is_wanted(place, &pass) {
            pass.removable.most = REMOVED_FILES + stuck.len();
            let rows = self.catalog.removable(&pass.removable)?;
            let rows: Vec<_> = rows.into_iter().filter(|row| !stuck.contains(&row.id)).collect();
            if rows.is_empty() {
                break;
            }
            self.remove_all(place, rows, &mut stuck, pass.reason)?;
            if stuck.len() > REMOVED_FILES {
                break;
            }
        }
        if !stuck.is_empty() {
            let (count, directory) = (stuck.len(), place.directory.display());
            tracing::warn!(
                "{count} files of {directory} that are kept no longer cannot be removed; see the lines before"
            );
        }
        Ok(())
    }

    fn is_wanted(&self, place: &Place, pass: &Pass) -> bool {
        let Some(percent) = pass.percent else { return true };
        match (self.used)(place) {
            Ok(used) => used > f64::from(percent),
            Err(error) => {
                let (directory, reason) = (place.directory.display(), platform::reason(&error));
                tracing::warn!("cannot find out how full the disk of {directory} is: {reason}");
                false
            }
        }
    }

    fn remove_all(
        &self,
        place: &Place,
        rows: Vec<InstanceRow>,
        stuck: &mut HashSet<InstanceId>,
        reason: &'static str,
    ) -> Result<(), Error> {
        let (mut gone, mut removed) = (Vec::new(), Vec::new());
        for row in rows {
            match remove(place, &row) {
                Ok(Outcome::Removed) => {
                    tracing::info!(
                        "removed the file of the object {} ({reason})",
                        row.object.sop_instance
                    );
                    self.counters.removed_files.add(1);
                    self.counters.removed_bytes.add(row.object.size);
                    gone.push((row.id, None));
                    removed.push(Removed { object: row.object, reason });
                }
                Ok(Outcome::WasGone) => gone.push((row.id, None)),
                Ok(Outcome::Other) => {
                    tracing::warn!(
                        "the file of the object {} is not removed: another file has its name, which the catalogue \
                         does not have (storescp catalog verify)",
                        row.object.sop_instance
                    );
                    stuck.insert(row.id);
                }
                Err(error) => {
                    let (uid, why) = (&row.object.sop_instance, platform::reason(&error));
                    tracing::warn!("cannot remove the file of the object {uid}: {why}");
                    stuck.insert(row.id);
                }
            }
        }
        if !removed.is_empty() {
            self.listener.removed(&removed);
        }
        Ok(self.catalog.set_files(&gone)?)
    }
}

/// What became of a file that was to be removed.
enum Outcome {
    Removed,
    /// It had been removed, or moved, by somebody else.
    WasGone,
    /// Another file has its name.
    Other,
}

fn remove(place: &Place, row: &InstanceRow) -> io::Result<Outcome> {
    let Some(path) = &row.object.file else { return Ok(Outcome::WasGone) };
    let Some(file) = Tree::open(&place.directory)?.open_file(path)? else {
        return Ok(Outcome::WasGone);
    };
    if file.metadata()?.len() != row.object.size {
        return Ok(Outcome::Other);
    }
    let identity = FileIdentity::of(&file)?;
    let mut folders: Vec<(Arc<dyn Folder>, Option<FileName>)> =
        vec![(place.storage.folder()?, None)];
    let mut names: Vec<FileName> = Vec::new();
    for name in path.split('/') {
        let name = FileName::new(name.to_owned()).ok_or(io::ErrorKind::InvalidInput)?;
        names.push(name);
    }
    let Some(name) = names.pop() else { return Ok(Outcome::WasGone) };
    for inner in names {
        let around = folders.last().map(|(folder, _)| Arc::clone(folder));
        let Some(around) = around else { break };
        folders.push((around.subfolder(&inner)?, Some(inner)));
    }
    let Some((folder, _)) = folders.last() else { return Ok(Outcome::WasGone) };
    match folder.remove(identity, &name) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outcome::WasGone),
        Err(error) => return Err(error),
    }
    drop(file);
    remove_empty(place, path, folders);
    Ok(Outcome::Removed)
}

/// Removes the folders that nothing is in any more.
fn remove_empty(place: &Place, path: &str, mut folders: Vec<(Arc<dyn Folder>, Option<FileName>)>) {
    let mut inner = path;
    while let Some((_, Some(name))) = folders.pop() {
        inner = inner.rsplit_once('/').map_or("", |(around, _)| around);
        let Some((around, _)) = folders.last() else { break };
        let listed = std::fs::read_dir(place.directory.join(inner));
        let is_empty = listed.is_ok_and(|mut entries| entries.next().is_none());
        if !is_empty || around.remove_empty(&name).is_err() {
            break;
        }
    }
}

/// How much of the file system of a directory is used, in percent of what this process could use.
pub(super) fn used(place: &Place) -> io::Result<f64> {
    let status = rustix::fs::statvfs(&place.directory)?;
    let used = status.f_blocks.saturating_sub(status.f_bfree);
    let all = used.saturating_add(status.f_bavail);
    Ok(if all == 0 { 0.0 } else { 100.0 * used as f64 / all as f64 })
}
