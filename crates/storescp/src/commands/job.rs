//! The jobs after an object or a study.

use dataset::Uid;
use receiver::output::studies::{EndedStudy, unpadded};
use receiver::{Peer, StoredObject};
use std::borrow::Cow;
use storage::FileName;

/// A job: the command of an object, or command and renaming of a study.
pub(crate) enum Job {
    /// An object was received.
    Reception(Box<Reception>),
    /// A study has ended.
    EndOfStudy(EndedStudy),
}

/// By which the journal knows a job.
#[derive(Clone, Copy, Debug)]
pub(super) enum JobKey {
    /// The number of its record, if it has one.
    Reception(Option<u64>),
    /// The number of the study.
    EndOfStudy(u64),
}

impl Job {
    /// By which the journal knows it.
    pub(super) fn key(&self) -> JobKey {
        match self {
            Job::Reception(it) => JobKey::Reception(it.entry),
            Job::EndOfStudy(study) => JobKey::EndOfStudy(study.number),
        }
    }

    /// Who sent the object, or the last one of the study.
    pub(super) fn peer(&self) -> &Peer {
        match self {
            Job::Reception(it) => &it.peer,
            Job::EndOfStudy(study) => &study.peer,
        }
    }
}

/// An object that was received: what commands need of a [`StoredObject`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    /// The subdirectories that it is in, one in the other, the outermost first.
    pub(super) folders: Box<[FileName]>,
    /// Its file, if it is stored.
    pub(super) file: Option<FileName>,
    pub(super) peer: Peer,
    pub(super) sop_class: Uid,
    pub(super) sop_instance: Uid,
    /// Study Instance UID as it was sent, without padding.
    pub(super) study: Option<Box<[u8]>>,
    /// That of the file, if it is stored.
    pub(super) transfer_syntax: Option<Cow<'static, str>>,
    /// Its number in the journal, if it is in there.
    pub(crate) entry: Option<u64>,
}

impl Reception {
    pub(super) fn of(object: &StoredObject<'_>) -> Self {
        let file = object.file.as_ref();
        Self {
            folders: file.map(|file| file.folders.into()).unwrap_or_default(),
            file: file.map(|file| file.name.clone()),
            peer: *object.peer,
            sop_class: *object.sop_class,
            sop_instance: *object.sop_instance,
            study: file.and_then(|file| file.study).map(unpadded),
            transfer_syntax: file.map(|file| file.transfer_syntax.into()),
            entry: None,
        }
    }
}
