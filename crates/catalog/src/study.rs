//! The end of studies.

use std::time::SystemTime;

/// A study that has ended: its event and its deliveries were written in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedStudy {
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// 1 for the first end, one more for each end after objects that came late.
    pub epoch: u64,
    /// Objects of the study so far.
    pub objects: u64,
    /// When the last of them came.
    pub last: SystemTime,
}
