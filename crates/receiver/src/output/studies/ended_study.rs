//! What is told of a study that has ended.

use crate::peer::Peer;
use storage::{FileIdentity, FileName};

/// A study that has ended.
#[derive(Clone, Debug)]
pub struct EndedStudy {
    /// The name of its folder.
    pub folder: FileName,
    /// Study Instance UID as it was sent first, without padding.
    pub uid: Box<[u8]>,
    /// Why it has ended.
    pub reason: Reason,
    /// Its files, in the order in which they were stored, if they are wanted.
    pub files: Vec<StudyFile>,
    /// Who sent the last of them.
    pub peer: Peer,
    /// Its number: no other study of all that share [`FolderTimes`](super::FolderTimes) has it. That of the
    /// [`StoredFile::open_study`](crate::StoredFile::open_study) of its objects.
    pub number: u64,
}

/// Why a study has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `--eostudy-timeout` is over.
    Timeout,
    /// The last association whose current study it was went on to another one.
    NextStudy,
    /// No association had it as current, and an object of another study was stored.
    Release,
    /// The program ends.
    Stop,
}

/// A file of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyFile {
    /// Its name when it was stored.
    pub name: FileName,
    /// The letters of its SOP class.
    pub prefix: &'static str,
    /// Which file that is, if it is wanted at the end of the study.
    pub id: Option<FileIdentity>,
}
