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
/// [`Directory`]; if all settings of their output and of the ends of studies are the same, one [`Output`] with its
/// open studies too. So do those of the generation before and of the next one.
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
}

/// An output, its studies, and what happens at their end. Once the last association and the last generation that use
/// it have ended, so do its studies.
pub(super) struct Place {
    pub(super) output: Arc<Output>,
    _directory: Arc<KeptDirectory>,
    dictionary: Arc<Dictionary>,
    studies: Option<Arc<Studies>>,
    end_of_study: CommandSettings,
    commands: Arc<Commands>,
}

/// A directory, from which storage removes what it has made there when nothing uses it any more.
pub(super) struct KeptDirectory {
    pub(super) directory: Arc<Directory>,
    /// What a crash left there has been dealt with.
    is_recovered: AtomicBool,
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
    place: Weak<Place>,
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
        if let Some(place) = lock(&self.open).places(bucket).into_iter().find(same) {
            return Ok(place);
        }
        let directory = self.directory(output)?;
        let place = self.open(output, directory, dictionary, end_of_study)?;
        lock(&self.open).places.entry(bucket).or_default().push(Arc::downgrade(&place));
        lock(&self.keepers).extend(Keeper::of(&place));
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
        let timing = Timing {
            awaited: end_of_study.at_end_of_study(),
            timeout: end_of_study.end_of_study_timeout,
            keeps_files: end_of_study.rename_on_end_of_study,
        };
        let studies = output
            .sorting
            .clone()
            .map(|sorting| Arc::new(Studies::with_times(sorting, timing, self.times.clone())));
        let opened = Output::open_in(
            output.clone(),
            Arc::clone(&directory.directory),
            Arc::clone(dictionary),
            studies.clone(),
            end_of_study.rename_on_end_of_study,
        )?;
        let storage: Arc<dyn Storage> = Arc::clone(opened.storage());
        let commands = Commands::new(&end_of_study, output, Some(storage), Arc::clone(&self.pool))?;
        Ok(Arc::new(Place {
            output: Arc::new(opened),
            _directory: directory,
            dictionary: Arc::clone(dictionary),
            studies,
            end_of_study,
            commands: Arc::new(commands),
        }))
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
        let (mut open, mut names) = (0, Vec::new());
        for keeper in &keepers {
            let (ended, still_open) = keeper.studies.close();
            keeper.commands.after_studies(ended);
            open += still_open;
            if still_open > 0 && names.len() < named {
                names.extend(keeper.names(named - names.len()));
            }
        }
        if open > 0 {
            warn_of_open_studies(open, &names);
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
    /// Those of a bucket: collected, so that none of them can come to its end under the lock.
    fn places(&self, bucket: u64) -> Vec<Arc<Place>> {
        self.places.get(&bucket).into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// Forgets what is gone.
    fn forget_ended(&mut self) {
        self.places.retain(|_, places| {
            places.retain(|place| place.strong_count() > 0);
            !places.is_empty()
        });
        self.directories.retain(|_, directory| directory.strong_count() > 0);
    }
}

impl Keeper {
    /// `None` where objects are not sorted.
    fn of(place: &Arc<Place>) -> Option<Self> {
        Some(Self {
            studies: Arc::clone(place.studies.as_ref()?),
            commands: Arc::clone(&place.commands),
            output: place.output.settings().clone(),
            watch: None,
            place: Arc::downgrade(place),
        })
    }

    fn is_needed(&self) -> bool {
        let is_watching = |watch: &JoinHandle<()>| !watch.is_finished();
        self.place.strong_count() > 0 || self.watch.as_ref().is_some_and(is_watching)
    }

    fn names(&self, most: usize) -> Vec<String> {
        let path =
            |folder| LogPath::new(&self.output, std::slice::from_ref(folder), None).to_string();
        self.studies.open_folders(most).iter().map(path).collect()
    }
}

fn warn_of_open_studies(open: usize, names: &[String]) {
    let more = match open.saturating_sub(names.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (subject, possessive) = if open == 1 { ("study", "its") } else { ("studies", "their") };
    let commands = if open == 1 { "command runs" } else { "commands run" };
    tracing::warn!(
        "{open} {subject} had not timed out; {possessive} {commands} only if more of {possessive} \
         objects arrive after the restart: {}{more}",
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(studies) = &self.studies {
            self.commands.after_studies(studies.retire());
        }
    }
}

impl Drop for KeptDirectory {
    fn drop(&mut self) {
        self.directory.clean_up();
    }
}
