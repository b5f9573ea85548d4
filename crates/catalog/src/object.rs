//! What is known of a stored object.

use std::path::PathBuf;
use std::time::SystemTime;

/// The key of an instance in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub i64);

/// An object that was stored: what [`Catalog::take_in`](crate::Catalog::take_in) makes rows from.
///
/// Texts are UTF-8 and may be anything that a peer sends, within [`TEXT_BYTES`](crate::limits::TEXT_BYTES).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedObject {
    /// By which the object is known while it is owed: the name of its intent, or another text that no other object
    /// has. Taking in the same key again changes nothing. At most [`KEY_BYTES`](crate::limits::KEY_BYTES).
    pub key: String,
    /// The output directory.
    pub directory: PathBuf,
    /// The file beneath it, `/` between names; `None` if it has no final name.
    pub file: Option<String>,
    /// Where the bytes stay for deliveries, beneath the output directory; `None` if nothing is owed, or there
    /// were no hard links.
    pub spool: Option<String>,
    /// SOP Class UID.
    pub sop_class: String,
    /// SOP Instance UID.
    pub sop_instance: String,
    /// Transfer Syntax UID of the file.
    pub transfer_syntax: String,
    /// Length of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file, once it is known.
    pub digest: Option<[u8; 32]>,
    /// When its C-STORE-RQ came.
    pub received: SystemTime,
    /// The number of its association.
    pub association: u64,
    /// Calling AE title, without padding.
    pub calling: String,
    /// Called AE title, without padding.
    pub called: String,
    /// Address of the peer.
    pub peer: String,
    /// The rule that decided about its association.
    pub rule: Option<String>,
    /// It took the place of an older file of that name.
    pub replaced: bool,
    /// An equal file was kept in its place; `file` is that one.
    pub kept: bool,
    /// What its data set says.
    pub attributes: ObjectAttributes,
}

/// The attributes of a data set that people search by, as UTF-8; `None` where the data set has none, or an empty
/// one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectAttributes {
    /// Study Instance UID (0020,000D).
    pub study_instance_uid: Option<String>,
    /// Series Instance UID (0020,000E).
    pub series_instance_uid: Option<String>,
    /// Patient's Name (0010,0010), as sent, component groups with `=`.
    pub patient_name: Option<String>,
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Patient's Birth Date (0010,0030).
    pub patient_birth_date: Option<String>,
    /// Patient's Sex (0010,0040).
    pub patient_sex: Option<String>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<String>,
    /// Study ID (0020,0010).
    pub study_id: Option<String>,
    /// Study Date (0008,0020).
    pub study_date: Option<String>,
    /// Study Time (0008,0030).
    pub study_time: Option<String>,
    /// Study Description (0008,1030).
    pub study_description: Option<String>,
    /// Referring Physician's Name (0008,0090).
    pub referring_physician_name: Option<String>,
    /// Modality (0008,0060).
    pub modality: Option<String>,
    /// Series Number (0020,0011).
    pub series_number: Option<String>,
    /// Series Description (0008,103E).
    pub series_description: Option<String>,
    /// Body Part Examined (0018,0015).
    pub body_part_examined: Option<String>,
    /// Station Name (0008,1010).
    pub station_name: Option<String>,
    /// Institution Name (0008,0080).
    pub institution_name: Option<String>,
    /// Instance Number (0020,0013).
    pub instance_number: Option<String>,
    /// Number of Frames (0028,0008).
    pub number_of_frames: Option<String>,
}

/// An instance as a delivery needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInstance {
    /// Its key in the catalogue.
    pub id: InstanceId,
    /// What was taken in. `digest` and `file` as they are known by now; `spool` is `None` once nothing is owed; the
    /// attributes of the patient, the study and the series are those of the latest objects that have them.
    pub object: ReceivedObject,
}
