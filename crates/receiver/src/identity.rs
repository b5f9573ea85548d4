//! Who we say we are.

use dataset::Uid;
use proto::VersionName;

/// Who we say we are (PS3.7 §D.3.3.2).
#[derive(Debug, Clone)]
pub struct Identity {
    /// Our implementation class UID.
    pub implementation_class_uid: Uid,
    /// Our implementation version name.
    pub implementation_version_name: VersionName,
    /// The longest P-DATA-TF that we take, in bytes.
    pub max_pdu_bytes: u32,
}
