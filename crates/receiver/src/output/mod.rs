//! Where objects go, under which names, and in which form.
//!
//! [`Output`] is the output directory with all that is needed to write into it. What is stored there is told
//! as a [`StoredObject`](crate::StoredObject).

mod full_disk;
mod log_path;
pub mod naming;
mod settings;
mod stored_file;
pub mod studies;
mod template;

pub(crate) use full_disk::Refusals;
pub use log_path::LogPath;
pub use settings::{Duplicates, IfDifferent, OutputSettings, Sorting};
pub use stored_file::StoredFile;
pub use template::{Naming, PathTemplate, RenderedPath, TemplateError};

use crate::error::Error;
use dataset::Dictionary;
use full_disk::FullDisk;
use naming::NameStyle;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use storage::{Directory, Needs, Storage};
use studies::{Studies, Timing};

/// An output directory that is open, and all that is needed to write into it.
pub struct Output {
    pub(crate) settings: OutputSettings,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) studies: Option<Arc<Studies>>,
    full_disk: FullDisk,
}

impl Output {
    /// Opens the directory and tests what its file system can do. Where objects are sorted, nothing happens at
    /// the end of a study; the data dictionary is the built-in one.
    ///
    /// # Errors
    /// As [`Output::open_with`].
    pub fn open(settings: OutputSettings) -> Result<Self, Error> {
        let studies = settings.sorting.clone().map(|it| Studies::new(it, Timing::default()));
        let dictionary = Arc::new(Dictionary::built_in());
        Self::open_with(settings, dictionary, studies.map(Arc::new), false)
    }

    /// Opens the directory and tries out what its file system can do. With `renames`, files get other names
    /// later, so that it has to be able to do that safely. Where objects are sorted, `studies` gives folders.
    ///
    /// # Errors
    /// [`Error::NoOutputDirectory`], [`Error::OutputDirectoryNotWritable`],
    /// [`Error::OutputDirectoryLacks`].
    pub fn open_with(
        settings: OutputSettings,
        dictionary: Arc<Dictionary>,
        studies: Option<Arc<Studies>>,
        renames: bool,
    ) -> Result<Self, Error> {
        let directory = Self::open_directory(&settings)?;
        Self::open_in(settings, directory, dictionary, studies, renames)
    }

    /// Opens the directory of these settings, to be shared by outputs with the same directory and durability.
    ///
    /// # Errors
    /// [`Error::NoOutputDirectory`], [`Error::OutputDirectoryNotWritable`].
    pub fn open_directory(settings: &OutputSettings) -> Result<Arc<Directory>, Error> {
        let path = &settings.directory;
        Self::exists(path)?;
        Directory::open(path, settings.durability)
            .map(Arc::new)
            .map_err(|source| Error::OutputDirectoryNotWritable { path: path.clone(), source })
    }

    /// As [`Output::open_with`], in a directory that [`Output::open_directory`] has opened with the same settings.
    ///
    /// # Errors
    /// [`Error::OutputDirectoryLacks`].
    pub fn open_in(
        settings: OutputSettings,
        directory: Arc<Directory>,
        dictionary: Arc<Dictionary>,
        studies: Option<Arc<Studies>>,
        renames: bool,
    ) -> Result<Self, Error> {
        let replaces = settings.duplicates == Duplicates::Replace;
        let free_names = settings.file_naming.style != NameStyle::SopInstance
            || settings.path.is_some()
            || renames
            || !replaces;
        let checked = directory.check(Needs { free_names });
        checked.map_err(|lacking| {
            let path = settings.directory.clone();
            Error::OutputDirectoryLacks { path, lacking }
        })?;
        Ok(Self::with_storage(settings, directory, dictionary, studies))
    }

    /// Checks that something can be owed for objects here ([`Treatment::intents`](crate::Treatment::intents)).
    ///
    /// # Errors
    /// [`Error::OutputDirectoryLacks`].
    pub fn check_intents(&self) -> Result<(), Error> {
        self.storage.check_intents().map_err(|lacking| {
            let path = self.settings.directory.clone();
            Error::OutputDirectoryLacks { path, lacking }
        })
    }

    /// The same with another kind of storage than a directory.
    #[must_use]
    pub fn with_storage(
        settings: OutputSettings,
        storage: Arc<dyn Storage>,
        dictionary: Arc<Dictionary>,
        studies: Option<Arc<Studies>>,
    ) -> Self {
        // With a template, objects are not sorted by studies.
        let studies = studies.filter(|_| settings.path.is_none());
        Self { settings, storage, dictionary, studies, full_disk: FullDisk::default() }
    }

    /// Whether there is a directory at `path`.
    ///
    /// # Errors
    /// [`Error::NoOutputDirectory`] if not.
    pub fn exists(path: &Path) -> Result<(), Error> {
        let is_there = std::fs::metadata(path).is_ok_and(|found| found.is_dir());
        if is_there { Ok(()) } else { Err(Error::NoOutputDirectory { path: path.to_owned() }) }
    }

    /// Logs a warning if a power loss may damage the file system of the directory. Finding out may take a sync or
    /// two.
    pub fn warn_of_damage(&self) {
        self.storage.warn_of_damage();
    }

    /// Deals with what a crash of an earlier run left: restores files that were being replaced, and deletes
    /// incomplete ones. To be called once, after the port is open, so that it delays no sender. `scans_all`
    /// allows it to take as long as there are files. What it does is logged.
    pub fn recover(&self, scans_all: bool) {
        self.storage.recover(scans_all);
    }

    /// Removes the receiver's own folder from the directory, unless files are on their way. To be called when
    /// the receiver has ended.
    pub fn clean_up(&self) {
        self.storage.clean_up();
    }

    /// What it was made with.
    #[must_use]
    pub fn settings(&self) -> &OutputSettings {
        &self.settings
    }

    /// What keeps its files.
    #[must_use]
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// An object or an association was refused since there is no room, as `reason` says: says so now and then.
    pub(crate) fn refused_for_want_of_room(&self, what: Refusals, reason: &dyn fmt::Display) {
        self.full_disk.refused(what, LogPath::new(&self.settings, &[], None), reason);
    }

    /// An object was stored: says so if there was no room before.
    pub(crate) fn has_stored(&self) {
        if self.full_disk.is_told() {
            self.full_disk.stored(LogPath::new(&self.settings, &[], None));
        }
    }

    /// Says so if there is less room than the settings want left.
    pub(crate) fn shortage(&self) -> Option<String> {
        let min_free = self.settings.min_free?;
        min_free.shortage(self.storage.as_ref()).map(|space| min_free.describe(space))
    }
}
