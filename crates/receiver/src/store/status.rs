//! Why an object is not stored, and the status that its C-STORE is answered with: the only place where one
//! becomes the other.

use dataset::Cause;
use proto::Status;
use std::fmt;

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
    /// The data set breaks rules, or its sink failed.
    DataSet(dataset::Error),
    /// The data set lacks this UID.
    NoUid(&'static str),
    /// This UID of the data set is not the one that the command announced.
    UidDiffers(&'static str),
    /// Objects are sorted by study, and the data set names none.
    NoStudy,
    /// The Study Instance UID cannot name a directory.
    UnusableStudyUid,
    /// A fault on purpose ([`crate::faults`]), which says what is answered.
    Provoked(Status),
}

impl Failure {
    /// The status of the C-STORE-RSP (PS3.4 §B.2.3, PS3.7 Annex C).
    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Provoked(status) => *status,
            Self::ClassNotNegotiated => Status::SOP_CLASS_NOT_SUPPORTED,
            Self::NoRoom(_) | Self::Storage(_) | Self::NameTooLong => Status::OUT_OF_RESOURCES,
            Self::DataSet(error) => match error.cause() {
                Cause::DataSet => Status::CANNOT_UNDERSTAND,
                Cause::Storage => Status::OUT_OF_RESOURCES,
            },
            Self::UidDiffers(_) => Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS,
            Self::NoUid(_) | Self::NoStudy | Self::UnusableStudyUid => Status::CANNOT_UNDERSTAND,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClassNotNegotiated => {
                f.write_str("SOP class not negotiated for C-STORE in this association")
            }
            Self::Provoked(_) => f.write_str("fault on purpose"),
            Self::NoRoom(shortage) => f.write_str(shortage),
            Self::Storage(error) => error.fmt(f),
            Self::NameTooLong => f.write_str("file name too long"),
            Self::DataSet(error) => error.fmt(f),
            Self::NoUid(which) => write!(f, "data set has no {which}"),
            Self::UidDiffers(which) => write!(f, "{which} differs between data set and command"),
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

    /// An Error Comment is an LO of at most 64 characters (PS3.7 §C.4).
    #[test]
    fn texts_of_our_own_fit_an_error_comment() {
        for failure in [
            Failure::ClassNotNegotiated,
            Failure::NameTooLong,
            Failure::NoUid("SOP Instance UID"),
            Failure::UidDiffers("SOP Instance UID"),
            Failure::NoStudy,
            Failure::UnusableStudyUid,
            Failure::Provoked(Status::PROCESSING_FAILURE),
        ] {
            let text = failure.to_string();
            assert!(text.chars().count() <= 64, "{text}");
        }
    }
}
