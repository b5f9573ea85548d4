//! How the receiver introduces itself to peers.

use crate::error::Error;
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

/// The longest P-DATA-TF that is taken where nothing else is asked for, in bytes: DCMTK's.
const MAX_PDU_BYTES: u32 = 16384;

impl Identity {
    /// An implementation class UID of one's own (PS3.5 §B), and a version name of at most 16 characters.
    ///
    /// # Errors
    /// [`Error::Identity`] if one of them is not what it should be.
    pub fn new(class_uid: &str, version_name: &str) -> Result<Self, Error> {
        let implementation_class_uid = Uid::parse(class_uid.as_bytes()).map_err(|_| {
            Error::Identity { what: "implementation class UID", value: class_uid.into() }
        })?;
        let implementation_version_name = VersionName::parse(version_name.as_bytes())
            .filter(|name| name.as_str() == version_name)
            .ok_or_else(|| Error::Identity {
                what: "implementation version name",
                value: version_name.into(),
            })?;
        Ok(Self {
            implementation_class_uid,
            implementation_version_name,
            max_pdu_bytes: MAX_PDU_BYTES,
        })
    }
}
