//! Where objects go, under which names, and in which form.

use super::naming::{FileNaming, NameStyle};
use super::studies::Studies;
use crate::Error;
use dataset::{Dictionary, OutputFormat, format};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use storage::{Directory, Durability, MinFree, Needs, Storage};

/// Where received objects go and in which form, as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSettings {
    /// The output directory, without trailing slashes, and what of the prefix of subdirectories is a path.
    pub directory: PathBuf,
    /// Whether files have preamble and file meta information (PS3.10 §7.1).
    pub write_file_format: bool,
    /// How data sets are written.
    pub format: OutputFormat,
    /// What success promises.
    pub durability: Durability,
    /// The room below which nothing new is taken in.
    pub min_free: Option<MinFree>,
    /// How files are called.
    pub file_naming: FileNaming,
    /// Into which subdirectories objects are sorted, if they are.
    pub sorting: Option<Sorting>,
}

impl OutputSettings {
    /// What is done without any option: objects go into `directory` as they come, with file meta information.
    #[must_use]
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            write_file_format: true,
            format: OutputFormat::default(),
            durability: Durability::default(),
            min_free: None,
            file_naming: FileNaming::default(),
            sorting: None,
        }
    }

    /// Whether files are written, with their meta information, in the transfer syntax received.
    #[must_use]
    pub fn writes_same_file(&self) -> bool {
        let format = &self.format;
        let same = format.bit_preserving || format.transfer_syntax == format::OutputSyntax::Same;
        self.write_file_format && same
    }
}

/// What the subdirectory of a study is named by. A prefix is text without separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sorting {
    /// The time at which the study began.
    ByTime {
        /// What the name begins with.
        prefix: String,
    },
    /// Study Instance UID.
    ByStudyUid {
        /// What the name begins with.
        prefix: String,
    },
    /// Patient's Name, and the time.
    ByPatientName,
}

/// An output directory that is open, and all that is needed to write into it.
pub struct Output {
    pub(crate) settings: OutputSettings,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) studies: Option<Arc<Studies>>,
}

impl Output {
    /// Opens the directory and tries out what its file system can do. With `renames`, files get other names
    /// later, so that it has to be able to do that safely. Where objects are sorted, `studies` gives folders.
    ///
    /// # Errors
    /// [`Error::NoOutputDirectory`], [`Error::OutputDirectoryNotWritable`],
    /// [`Error::OutputDirectoryLacks`].
    pub fn open(
        settings: OutputSettings,
        dictionary: Arc<Dictionary>,
        studies: Option<Arc<Studies>>,
        renames: bool,
    ) -> Result<Self, Error> {
        let path = &settings.directory;
        Self::exists(path)?;
        let directory = Directory::open(path, settings.durability)
            .map_err(|source| Error::OutputDirectoryNotWritable { path: path.clone(), source })?;
        let free_names = settings.file_naming.style != NameStyle::SopInstance || renames;
        let checked = directory.check(Needs { free_names });
        checked.map_err(|lacking| Error::OutputDirectoryLacks { path: path.clone(), lacking })?;
        Ok(Self::with_storage(settings, Arc::new(directory), dictionary, studies))
    }

    /// The same with another kind of storage than a directory.
    #[must_use]
    pub fn with_storage(
        settings: OutputSettings,
        storage: Arc<dyn Storage>,
        dictionary: Arc<Dictionary>,
        studies: Option<Arc<Studies>>,
    ) -> Self {
        Self { settings, storage, dictionary, studies }
    }

    /// Whether there is a directory at `path`.
    ///
    /// # Errors
    /// [`Error::NoOutputDirectory`] if not.
    pub fn exists(path: &Path) -> Result<(), Error> {
        let is_there = std::fs::metadata(path).is_ok_and(|found| found.is_dir());
        if is_there { Ok(()) } else { Err(Error::NoOutputDirectory { path: path.to_owned() }) }
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

    /// Says so if there is less room than the settings want left.
    pub(crate) fn shortage(&self) -> Option<String> {
        Some(self.settings.min_free?.shortage(self.storage.as_ref())?.to_string())
    }
}
