//! The directories and studies that treatments share, of all generations that are in use.

use crate::commands::{CommandPool, CommandSettings, Commands};
use crate::error::Error;
use crate::rules::TreatmentSettings;
use dataset::Dictionary;
use receiver::output::studies::{FolderTimes, Studies, Timing};
use receiver::{Durability, LogPath, Output, OutputSettings, thread_builder};
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use storage::{Directory, Storage};

/// What is open for objects. Treatments with the same output directory and durability share one
/// [`Directory`]; those that sort into the same directory in the same way, with the same ends of studies, share their
/// open studies, whatever else differs; if all settings of their output are the same, one [`Output`] too. So do those of
/// the generation before and of the next one.
pub(crate) struct Outputs {
    pool: Arc<CommandPool>,
    /// One thread at a time adds to it: the one that makes a generation.
    open: Mutex<Open>,
    /// Studies, until they have ended.
    keepers: Mutex<Vec<Keeper>>,
    /// Several outputs may have folders of studies in the same directory.
    times: FolderTimes,
}

#[derive(Default)]
struct Open {
    directories: HashMap<(PathBuf, Durability), Weak<KeptDirectory>>,
    /// By the [`bucket`] of their settings.
    places: HashMap<u64, Vec<Weak<Place>>>,
    /// By the [`bucket`] of directory, sorting, and what happens at their end.
    studies: HashMap<u64, Vec<Weak<KeptStudies>>>,
}

/// An output, and its studies.
pub(super) struct Place {
    pub(super) output: Arc<Output>,
    _directory: Arc<KeptDirectory>,
    dictionary: Arc<Dictionary>,
    _studies: Option<Arc<KeptStudies>>,
    end_of_study: CommandSettings,
}

/// Studies, and what happens at their end. Once the last association and the last generation that use them have
/// ended, so do they.
struct KeptStudies {
    studies: Arc<Studies>,
    _directory: Arc<KeptDirectory>,
    /// That of the first who used them: the others have its directory and sorting.
    output: OutputSettings,
    end_of_study: CommandSettings,
    commands: Arc<Commands>,
}

/// A directory, from which storage removes what it has made there when nothing uses it any more.
pub(super) struct KeptDirectory {
    pub(super) directory: Arc<Directory>,
    /// What a crash left there has been dealt with.
    is_recovered: AtomicBool,
}

/// Studies, and the commands of their end.
pub(super) struct Ending {
    pub(super) studies: Arc<Studies>,
    pub(super) commands: Arc<Commands>,
}

/// Studies that are open, or may be.
struct Keeper {
    studies: Arc<Studies>,
    /// Those of their end.
    commands: Arc<Commands>,
    output: OutputSettings,
    /// The thread that waits for studies to time out; `None` as long as there is none.
    watch: Option<JoinHandle<()>>,
    /// Gone if no more objects will come.
    kept: Weak<KeptStudies>,
}

impl Outputs {
    /// With nothing open.
    pub(crate) fn new(pool: Arc<CommandPool>) -> Self {
        let (open, keepers) = (Mutex::default(), Mutex::default());
        Self { pool, open, keepers, times: FolderTimes::default() }
    }

    /// Where objects with these settings go: opened and probed, unless it is open. To be called by one thread at a
    /// time.
    ///
    /// # Errors
    /// The directory is missing, takes no files, or cannot do what the settings need; a command cannot be used.
    pub(super) fn place(
        &self,
        settings: &TreatmentSettings,
        dictionary: &Arc<Dictionary>,
    ) -> Result<Arc<Place>, Error> {
        let (output, commands) = (&settings.output, &settings.commands);
        let end_of_study = CommandSettings {
            on_reception: None,
            wait: false,
            max_commands: 1,
            ..commands.clone()
        };
        let same = |place: &Arc<Place>| {
            place.output.settings() == output
                && place.end_of_study == end_of_study
                && Arc::ptr_eq(&place.dictionary, dictionary)
        };
        let bucket = bucket(&(output, &end_of_study));
        let known = alive(&lock(&self.open).places, bucket);
        if let Some(place) = known.into_iter().find(same) {
            return Ok(place);
        }
        let directory = self.directory(output)?;
        let place = self.open(output, directory, dictionary, end_of_study)?;
        lock(&self.open).places.entry(bucket).or_default().push(Arc::downgrade(&place));
        Ok(place)
    }

    /// Opened without the lock: a file system that hangs holds up nobody but whoever reloads.
    fn directory(&self, output: &OutputSettings) -> Result<Arc<KeptDirectory>, Error> {
        let key = (output.directory.clone(), output.durability);
        let known = lock(&self.open).directories.get(&key).and_then(Weak::upgrade);
        if let Some(directory) = known {
            return Ok(directory);
        }
        let directory = Output::open_directory(output)?;
        let kept = Arc::new(KeptDirectory { directory, is_recovered: AtomicBool::new(false) });
        lock(&self.open).directories.insert(key, Arc::downgrade(&kept));
        Ok(kept)
    }

    fn open(
        &self,
        output: &OutputSettings,
        directory: Arc<KeptDirectory>,
        dictionary: &Arc<Dictionary>,
        end_of_study: CommandSettings,
    ) -> Result<Arc<Place>, Error> {
        let studies = self.studies(output, &directory, &end_of_study)?;
        let opened = Output::open_in(
            output.clone(),
            Arc::clone(&directory.directory),
            Arc::clone(dictionary),
            studies.as_ref().map(|it| Arc::clone(&it.studies)),
            end_of_study.rename_on_end_of_study,
        )?;
        Ok(Arc::new(Place {
            output: Arc::new(opened),
            _directory: directory,
            dictionary: Arc::clone(dictionary),
            _studies: studies,
            end_of_study,
        }))
    }

    /// The studies of objects with these settings: a study that several senders sort into one folder is one. `None` where
    /// objects are not sorted.
    fn studies(
        &self,
        output: &OutputSettings,
        directory: &Arc<KeptDirectory>,
        end_of_study: &CommandSettings,
    ) -> Result<Option<Arc<KeptStudies>>, Error> {
        let Some(sorting) = &output.sorting else { return Ok(None) };
        let bucket = bucket(&(&output.directory, sorting, end_of_study));
        let same = |known: &Arc<KeptStudies>| {
            known.output.directory == output.directory
                && known.output.sorting == output.sorting
                && known.end_of_study == *end_of_study
        };
        let known = alive(&lock(&self.open).studies, bucket);
        if let Some(studies) = known.into_iter().find(same) {
            return Ok(Some(studies));
        }
        let timing = Timing {
            awaited: end_of_study.at_end_of_study(),
            timeout: end_of_study.end_of_study_timeout,
            keeps_files: end_of_study.rename_on_end_of_study,
        };
        let storage: Arc<dyn Storage> = directory.directory.clone();
        let commands = Commands::new(end_of_study, output, Some(storage), Arc::clone(&self.pool))?;
        let kept = Arc::new(KeptStudies {
            studies: Arc::new(Studies::with_times(sorting.clone(), timing, self.times.clone())),
            _directory: Arc::clone(directory),
            output: output.clone(),
            end_of_study: end_of_study.clone(),
            commands: Arc::new(commands),
        });
        lock(&self.open).studies.entry(bucket).or_default().push(Arc::downgrade(&kept));
        lock(&self.keepers).push(Keeper::of(&kept));
        Ok(Some(kept))
    }

    /// Starts the threads that run the commands of studies that time out, where there are none yet.
    ///
    /// # Errors
    /// [`Error::Threads`] if there is no thread to be had.
    pub(crate) fn watch_studies(&self) -> Result<(), Error> {
        lock(&self.open).forget_ended();
        let mut keepers = lock(&self.keepers);
        keepers.retain(Keeper::is_needed);
        for keeper in keepers.iter_mut() {
            if keeper.watch.is_none() && keeper.commands.watch_studies() {
                let (studies, commands) =
                    (Arc::clone(&keeper.studies), Arc::clone(&keeper.commands));
                let watch = move || {
                    while let Some(ended) = studies.wait_for_time_out() {
                        commands.after_studies(ended);
                    }
                };
                keeper.watch = Some(thread_builder().spawn(watch).map_err(Error::Threads)?);
            }
        }
        Ok(())
    }

    /// Processes temporary files that a crash left in the directories that are open, once in each of them, and
    /// warns of file systems that a power loss may damage. With `scans_all` it may take as long as there are files;
    /// without, it warns of nothing.
    pub(crate) fn recover(&self, scans_all: bool) {
        for directory in self.directories() {
            if !directory.is_recovered.swap(true, Ordering::Relaxed) {
                let storage: &dyn Storage = directory.directory.as_ref();
                if scans_all {
                    storage.warn_of_damage();
                }
                storage.recover(scans_all);
            }
        }
    }

    /// Whether there are directories for [`recover`](Self::recover).
    pub(crate) fn need_recovery(&self) -> bool {
        self.directories().iter().any(|it| !it.is_recovered.load(Ordering::Relaxed))
    }

    /// The studies whose end has such commands.
    pub(super) fn ending(&self, is_one: &dyn Fn(&Commands) -> bool) -> Option<Ending> {
        let keepers = lock(&self.keepers);
        let keeper = keepers.iter().find(|keeper| is_one(&keeper.commands))?;
        let (studies, commands) = (Arc::clone(&keeper.studies), Arc::clone(&keeper.commands));
        Some(Ending { studies, commands })
    }

    /// How many studies are open. Waits for no association.
    pub(crate) fn open_study_count(&self) -> usize {
        lock(&self.keepers).iter().map(|keeper| keeper.studies.open_count()).sum()
    }

    /// The folders of studies that are open, at most so many, without what names a patient: of each output the
    /// oldest first.
    pub(crate) fn open_studies(&self, most: usize) -> Vec<String> {
        let mut found = Vec::new();
        for keeper in lock(&self.keepers).iter() {
            found.extend(keeper.names(most.saturating_sub(found.len())));
        }
        found
    }

    /// The program ends: ends studies, and runs their commands; logs a warning about those that have not timed
    /// out. To be called once no association is served any more.
    pub(crate) fn close_studies(&self, named: usize) {
        let keepers = std::mem::take(&mut *lock(&self.keepers));
        let (mut open, mut names, mut go_on) = (0, Vec::new(), true);
        for keeper in &keepers {
            let (ended, still_open) = keeper.studies.close();
            keeper.commands.after_studies(ended);
            open += still_open;
            go_on &= still_open == 0 || keeper.commands.journal().is_some();
            if still_open > 0 && names.len() < named {
                names.extend(keeper.names(named - names.len()));
            }
        }
        if open > 0 {
            warn_of_open_studies(open, &names, go_on);
        }
        // They may hold studies that have timed out.
        for watch in keepers.into_iter().filter_map(|keeper| keeper.watch) {
            let _ = watch.join();
        }
    }

    /// Removes the receiver's own files from the output directories.
    pub(crate) fn clean_up(&self) {
        for directory in self.directories() {
            directory.directory.clean_up();
        }
    }

    /// How many threads wait for studies to time out.
    #[cfg(test)]
    pub(super) fn watched(&self) -> usize {
        lock(&self.keepers).iter().filter(|keeper| keeper.watch.is_some()).count()
    }

    /// How many directories are open.
    #[cfg(test)]
    pub(super) fn open_directories(&self) -> usize {
        self.directories().len()
    }

    fn directories(&self) -> Vec<Arc<KeptDirectory>> {
        lock(&self.open).directories.values().filter_map(Weak::upgrade).collect()
    }
}

impl Open {
    /// Forgets what is gone.
    fn forget_ended(&mut self) {
        forget_gone(&mut self.places);
        forget_gone(&mut self.studies);
        self.directories.retain(|_, directory| directory.strong_count() > 0);
    }
}

impl Keeper {
    fn of(kept: &Arc<KeptStudies>) -> Self {
        Self {
            studies: Arc::clone(&kept.studies),
            commands: Arc::clone(&kept.commands),
            output: kept.output.clone(),
            watch: None,
            kept: Arc::downgrade(kept),
        }
    }

    fn is_needed(&self) -> bool {
        let is_watching = |watch: &JoinHandle<()>| !watch.is_finished();
        self.kept.strong_count() > 0 || self.watch.as_ref().is_some_and(is_watching)
    }

    fn names(&self, most: usize) -> Vec<String> {
        let path =
            |folder| LogPath::new(&self.output, std::slice::from_ref(folder), None).to_string();
        self.studies.open_folders(most).iter().map(path).collect()
    }
}

/// `go_on`: they are in the journal.
fn warn_of_open_studies(open: usize, names: &[String], go_on: bool) {
    let more = match open.saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (subject, possessive) = if open == 1 { ("study", "its") } else { ("studies", "their") };
    let commands = if open == 1 { "command runs" } else { "commands run" };
    let when = if go_on {
        "after the restart, once that time has passed".to_owned()
    } else {
        format!("only if more of {possessive} objects arrive after the restart")
    };
    tracing::warn!(
        "{open} {subject} had not timed out; {possessive} {commands} {when}: {}{more}",
        names.join(", ")
    );
}

/// A number that is the same for the same settings, and differs for most others: so 10,000 rules are not compared with
/// each other.
pub(crate) fn bucket(settings: &impl fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{settings:?}").hash(&mut hasher);
    hasher.finish()
}

/// Those of a bucket: collected, so that none of them can come to its end under the lock.
fn alive<T>(known: &HashMap<u64, Vec<Weak<T>>>, bucket: u64) -> Vec<Arc<T>> {
    known.get(&bucket).into_iter().flatten().filter_map(Weak::upgrade).collect()
}

fn forget_gone<T>(known: &mut HashMap<u64, Vec<Weak<T>>>) {
    known.retain(|_, those| {
        those.retain(|it| it.strong_count() > 0);
        !those.is_empty()
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for KeptStudies {
    fn drop(&mut self) {
        self.commands.after_studies(self.studies.retire());
    }
}

impl Drop for KeptDirectory {
    fn drop(&mut self) {
        self.directory.clean_up();
    }
}
