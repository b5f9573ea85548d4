//! Settings of the output directory and of the form of files.

use super::naming::{FileNaming, NameStyle};
use super::template::PathTemplate;
use dataset::{OutputFormat, format};
use std::path::PathBuf;
use storage::{Durability, MinFree};

/// Settings of where received objects go and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSettings {
    /// The output directory, without trailing slashes, including any path in the prefix of subdirectories.
    pub directory: PathBuf,
    /// Whether files have preamble and file meta information (PS3.10 §7.1).
    pub write_file_format: bool,
    /// How data sets are written.
    pub format: OutputFormat,
    /// What success promises.
    pub durability: Durability,
    /// Minimum free space; below it, objects are refused.
    pub min_free: Option<MinFree>,
    /// How files are called.
    pub file_naming: FileNaming,
    /// Into which subdirectories objects are sorted, if they are.
    pub sorting: Option<Sorting>,
    /// Where each file goes beneath the directory, in place of `sorting` and `file_naming`.
    pub path: Option<PathTemplate>,
    /// What becomes of an object whose SOP Instance UID is stored already.
    pub duplicates: Duplicates,
}

/// What becomes of an object when its SOP Instance UID is stored already: in the place where it would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// It takes the place of the older one.
    #[default]
    Replace,
    /// The older one stays, and success is answered.
    Keep,
    /// If the content is equal, the older one stays and success is answered; if not, as said here. Content is the data
    /// set as it is written, and its transfer syntax; file meta information, which names the sender, may differ.
    KeepIfEqual(IfDifferent),
    /// It is refused with 0111H (duplicate SOP instance, PS3.7 Annex C).
    Reject,
    /// Both are kept: its name gets a number, at most [`DUPLICATES_KEPT`](crate::limits::DUPLICATES_KEPT).
    Both,
}

impl Duplicates {
    /// Whether an object may not be stored because of another one, however that differs.
    pub(crate) fn may_drop_unequal(self) -> bool {
        matches!(self, Self::Keep | Self::Reject | Self::KeepIfEqual(IfDifferent::Reject))
    }

    /// The same for an object that is not the older one for sure: it may be refused, but is never acknowledged at the
    /// cost of one of the two.
    pub(crate) fn beside(self) -> Self {
        match self {
            Self::Reject | Self::Both | Self::KeepIfEqual(IfDifferent::Reject) => self,
            Self::Replace | Self::Keep | Self::KeepIfEqual(_) => {
                Self::KeepIfEqual(IfDifferent::Both)
            }
        }
    }

    /// Whether an object may take the place of an older one.
    pub(crate) fn may_replace(self) -> bool {
        matches!(self, Self::Replace | Self::KeepIfEqual(IfDifferent::Replace))
    }
}

/// What becomes of an object that differs from the one stored under its SOP Instance UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfDifferent {
    /// As [`Duplicates::Replace`].
    Replace,
    /// As [`Duplicates::Reject`].
    Reject,
    /// As [`Duplicates::Both`].
    Both,
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
            path: None,
            duplicates: Duplicates::default(),
        }
    }

    /// Whether an object that is stored already is found when it comes again: by its name, which has its SOP Instance
    /// UID. New UIDs and times as names ([`NameStyle`]) tell nothing: then all objects are kept, as with
    /// [`Duplicates::Both`], whatever [`OutputSettings::duplicates`] says.
    #[must_use]
    pub fn recognizes_duplicates(&self) -> bool {
        self.path.is_some() || self.file_naming.style == NameStyle::SopInstance
    }

    /// Whether files are written, with their meta information, in the transfer syntax received.
    #[must_use]
    pub fn writes_same_file(&self) -> bool {
        let format = &self.format;
        let same = format.bit_preserving
            || format.transfer_syntax == format::OutputTransferSyntax::AsReceived;
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
