//! How the receiver introduces itself to peers.

use dataset::Uid;
use proto::VersionName;

/// How the receiver introduces itself (PS3.7 §D.3.3).
#[derive(Debug, Clone)]
pub struct Identity {
    /// Our implementation class UID (PS3.7 §D.3.3.2), also in file meta information.
    pub implementation_class_uid: Uid,
    /// Our implementation version name, likewise.
    pub implementation_version_name: VersionName,
    /// The longest variable field of a P-DATA-TF that we ask for, in bytes (PS3.8 §D.1.1); 0 for no limit. No
    /// memory depends on it.
    pub max_pdu_bytes: u32,
}
