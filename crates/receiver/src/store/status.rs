//! Why an object is not stored, and the status that its C-STORE is answered with: the only place where one
//! becomes the other.

use crate::limits::SAME_PATH_FILES;
use dataset::{Cause, Uid, uid_names};
use proto::{Status, StatusKind};
use std::fmt;
use std::io;

/// Why an object is not stored. Its text is the Error Comment of the C-STORE-RSP (PS3.7 §9.3.1.2).
#[derive(Debug)]
pub(crate) enum Failure {
    /// The SOP class was not negotiated in this association.
    ClassNotNegotiated,
    /// There is less room than `--min-free` wants left.
    NoRoom(String),
    /// The file could not be written, synced or named.
    Storage(storage::Error),
    /// The name of its file would be longer than file systems take.
    NameTooLong,
    /// As many files as a path template may give one name have the name of its file.
    PathTaken,
    /// The data set breaks rules, or its sink failed.
    DataSet(dataset::Error),
    /// The data set lacks this UID.
    NoUid(&'static str),
    /// A UID of the data set is not the one that the command announced.
    UidDiffers(Box<DifferingUid>),
    /// The data set has two different UIDs of this kind.
    TwoUids(&'static str),
    /// Its SOP Instance UID is stored already, and is to stay the only one.
    Duplicate,
    /// Objects are sorted by study, and the data set names none.
    NoStudy,
    /// The Study Instance UID cannot name a directory.
    UnusableStudyUid,
    /// A fault on purpose ([`crate::faults`]), which says what is answered.
    Provoked(Status),
    /// A fault on purpose, and nothing is answered.
    Withheld,
}

/// A UID that a data set and the command before it do not agree on.
#[derive(Debug)]
pub(crate) struct DifferingUid {
    /// Which UID.
    pub(crate) which: &'static str,
    /// What the command says.
    pub(crate) announced: Uid,
    /// What the data set says; `None` if that is no UID.
    pub(crate) found: Option<Uid>,
}

impl DifferingUid {
    /// Both values, for the log. Nothing that is no UID is shown: it could be anything, a name too.
    pub(crate) fn describe(&self) -> String {
        let shown = |uid: &Uid| match uid.is_conformant() {
            true => class_name(uid),
            false => "not a UID".to_owned(),
        };
        let found = self.found.as_ref().map_or_else(|| "not a UID".to_owned(), shown);
        format!("{found} in the data set, {} in the command", shown(&self.announced))
    }
}

impl Failure {
    /// What the log says beside the Error Comment, which has no room for it.
    pub(crate) fn details(&self) -> String {
        match self {
            Self::UidDiffers(it) => format!(": {}", it.describe()),
            _ => String::new(),
        }
    }

    /// Whether it could have been stored if there were more room on the disk, or of the quota.
    pub(crate) fn is_want_of_room(&self) -> bool {
        let error = match self {
            Self::NoRoom(_) => return true,
            Self::Storage(error) => &error.source,
            Self::DataSet(dataset::Error::Sink(error)) => error,
            _ => return false,
        };
        matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// What is said to be answered of an object that is dropped on purpose, though it could be stored; `None` of
    /// one that is refused.
    pub(crate) fn pretended(&self) -> Option<String> {
        match self {
            Self::Provoked(status)
                if matches!(status.kind(), StatusKind::Success | StatusKind::Warning) =>
            {
                Some(format!("answered {status}"))
            }
            Self::Withheld => Some("not answered".to_owned()),
            _ => None,
        }
    }

    /// The status of the C-STORE-RSP (PS3.4 §B.2.3, PS3.7 Annex C).
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Provoked(status) => *status,
            // It is not sent.
            Self::Withheld => Status::PROCESSING_FAILURE,
            Self::ClassNotNegotiated => Status::SOP_CLASS_NOT_SUPPORTED,
            Self::NoRoom(_) | Self::Storage(_) | Self::NameTooLong | Self::PathTaken => {
                Status::OUT_OF_RESOURCES
            }
            Self::DataSet(error) => match error.cause() {
                Cause::DataSet => Status::CANNOT_UNDERSTAND,
                Cause::Storage => Status::OUT_OF_RESOURCES,
            },
            Self::UidDiffers(_) | Self::TwoUids(_) => Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
            Self::Duplicate => Status::DUPLICATE_SOP_INSTANCE,
            Self::NoUid(_) | Self::NoStudy | Self::UnusableStudyUid => Status::CANNOT_UNDERSTAND,
        }
    }
}

/// The name of a SOP class; of another UID the UID itself.
pub(crate) fn class_name(uid: &Uid) -> String {
    uid_names::name_of(uid.as_str()).map_or_else(|| uid.to_string(), str::to_owned)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClassNotNegotiated => {
                f.write_str("SOP class not negotiated for C-STORE in this association")
            }
            Self::Provoked(_) | Self::Withheld => f.write_str("fault on purpose"),
            Self::NoRoom(shortage) => f.write_str(shortage),
            Self::Storage(error) => error.fmt(f),
            Self::NameTooLong => f.write_str("file name too long"),
            Self::PathTaken => {
                write!(f, "{SAME_PATH_FILES} other files have the name of this object")
            }
            // As all errors of the operating system: without its number.
            Self::DataSet(dataset::Error::Sink(error)) => {
                write!(f, "cannot write: {}", platform::reason(error))
            }
            Self::DataSet(error) => error.fmt(f),
            Self::NoUid(which) => write!(f, "data set has no {which}"),
            Self::UidDiffers(it) => {
                write!(f, "{} differs between data set and command", it.which)
            }
            Self::TwoUids(which) => write!(f, "data set has two different {which}s"),
            Self::Duplicate => f.write_str("SOP instance is stored already"),
            Self::NoStudy => {
                f.write_str("element StudyInstanceUID (0020,000d) absent or empty in data set")
            }
            Self::UnusableStudyUid => {
                f.write_str("Study Instance UID cannot be used as a directory name")
            }
        }
    }
}

impl From<dataset::Error> for Failure {
    fn from(error: dataset::Error) -> Self {
        Self::DataSet(error)
    }
}

impl From<storage::Error> for Failure {
    fn from(error: storage::Error) -> Self {
        Self::Storage(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differs(found: Option<&[u8]>) -> Failure {
        let announced = Uid::parse(b"1.2.840.10008.5.1.4.1.1.2").unwrap();
        let found = found.map(|it| Uid::parse(it).unwrap());
        Failure::UidDiffers(Box::new(DifferingUid { which: "SOP Instance UID", announced, found }))
    }

    #[test]
    fn both_values_are_told_where_two_differ() {
        for (found, shown) in [
            (Some(&b"1.2.840.10008.5.1.4.1.1.4"[..]), "MRImageStorage"),
            (Some(b"2.25.1"), "2.25.1"),
            (Some(b"MUELLER-HANS_19450301"), "not a UID"),
            (None, "not a UID"),
        ] {
            let details = format!(": {shown} in the data set, CTImageStorage in the command");
            assert_eq!(differs(found).details(), details);
        }
        assert_eq!(Failure::NoStudy.details(), "");
    }

    #[test]
    fn errors_of_the_system_are_words_without_a_number() {
        let full = dataset::Error::Sink(io::Error::from_raw_os_error(28));
        assert_eq!(Failure::DataSet(full).to_string(), "cannot write: No space left on device");
    }

    /// An Error Comment is an LO of at most 64 characters (PS3.7 §C.4).
    #[test]
    fn texts_of_our_own_fit_an_error_comment() {
        for failure in [
            Failure::ClassNotNegotiated,
            Failure::NameTooLong,
            Failure::NoUid("SOP Instance UID"),
            Failure::TwoUids("SOP Instance UID"),
            Failure::Duplicate,
            differs(None),
            Failure::NoStudy,
            Failure::UnusableStudyUid,
            Failure::Provoked(Status::PROCESSING_FAILURE),
        ] {
            let text = failure.to_string();
            assert!(text.chars().count() <= 64, "{text}");
        }
    }
}
