//! The `data` of events, by kind. Their fields and comments are those of `docs/events.md`.

use catalog::{ObjectAttributes, StoredInstance};
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::SystemTime;

/// A time as RFC 3339 in UTC with microseconds.
pub(crate) fn time_text(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// `storescp.object.stored`: an object is durable, and its sender was told so.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ObjectData<'a> {
    /// SOP Instance UID: by which objects are known everywhere.
    sop_instance_uid: &'a str,
    /// SOP Class UID.
    sop_class_uid: &'a str,
    /// Series Instance UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    series_instance_uid: Option<&'a str>,
    /// Study Instance UID.
    #[serde(skip_serializing_if = "Option::is_none")]
    study_instance_uid: Option<&'a str>,
    #[serde(flatten)]
    path: PathData,
    /// The output directory.
    directory: String,
    /// The final name beneath `directory`; absent of objects that get none.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// Length of the file in bytes.
    size: u64,
    /// SHA-256 of the file, `sha256:` and 64 hexadecimal digits, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^sha256:[0-9a-f]{64}$"))]
    digest: Option<String>,
    /// Transfer Syntax UID of the file.
    transfer_syntax_uid: &'a str,
    /// Calling AE title, without padding.
    calling_ae_title: &'a str,
    /// Called AE title, without padding.
    called_ae_title: &'a str,
    /// Address of the sender.
    peer: &'a str,
    /// The number of its association, as in the log.
    association: u64,
    /// The name of the rule that decided about the association; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// When the object began to come.
    #[schemars(extend("format" = "date-time"))]
    received: String,
    /// Whether it took the place of an older file of that name.
    replaced: bool,
    /// Whether an equal file was there already and was kept.
    kept: bool,
    /// What the data set says, as far as people search by it.
    attributes: AttributesData<'a>,
}

/// A path: `path`, and `pathBase64` where that cannot be told in JSON.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PathData {
    /// The file to read the object from. Its bytes stay the same until the delivery is settled, whatever becomes of `file`;
    /// never to be written to. Absent if there are none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Only if `path` is not UTF-8, and so has U+FFFD in places: its bytes, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
}

/// Attributes of the object's data set, as UTF-8; those that it has not, or that are empty, are absent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AttributesData<'a> {
    /// (0010,0010), component groups with `=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_name: Option<&'a str>,
    /// (0010,0020).
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_id: Option<&'a str>,
    /// (0010,0030).
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_birth_date: Option<&'a str>,
    /// (0010,0040).
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_sex: Option<&'a str>,
    /// (0008,0050).
    #[serde(skip_serializing_if = "Option::is_none")]
    accession_number: Option<&'a str>,
    /// (0020,0010).
    #[serde(skip_serializing_if = "Option::is_none")]
    study_id: Option<&'a str>,
    /// (0008,0020), `YYYYMMDD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    study_date: Option<&'a str>,
    /// (0008,0030), `HHMMSS.FFFFFF`.
    #[serde(skip_serializing_if = "Option::is_none")]
    study_time: Option<&'a str>,
    /// (0008,1030).
    #[serde(skip_serializing_if = "Option::is_none")]
    study_description: Option<&'a str>,
    /// (0008,0090).
    #[serde(skip_serializing_if = "Option::is_none")]
    referring_physician_name: Option<&'a str>,
    /// (0008,0060).
    #[serde(skip_serializing_if = "Option::is_none")]
    modality: Option<&'a str>,
    /// (0020,0011), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    series_number: Option<&'a str>,
    /// (0008,103E).
    #[serde(skip_serializing_if = "Option::is_none")]
    series_description: Option<&'a str>,
    /// (0018,0015).
    #[serde(skip_serializing_if = "Option::is_none")]
    body_part_examined: Option<&'a str>,
    /// (0008,1010).
    #[serde(skip_serializing_if = "Option::is_none")]
    station_name: Option<&'a str>,
    /// (0008,0080).
    #[serde(skip_serializing_if = "Option::is_none")]
    institution_name: Option<&'a str>,
    /// (0020,0013), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_number: Option<&'a str>,
    /// (0028,0008), as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    number_of_frames: Option<&'a str>,
}

impl<'a> ObjectData<'a> {
    /// Of an object, whose bytes are at `path`.
    pub(super) fn of(instance: &'a StoredInstance, path: Option<&Path>) -> Self {
        let object = &instance.object;
        let attributes = &object.attributes;
        Self {
            sop_instance_uid: &object.sop_instance,
            sop_class_uid: &object.sop_class,
            series_instance_uid: attributes.series_instance_uid.as_deref(),
            study_instance_uid: attributes.study_instance_uid.as_deref(),
            path: PathData::of(path),
            directory: object.directory.to_string_lossy().into_owned(),
            file: object.file.as_deref(),
            size: object.size,
            digest: object.digest.as_ref().map(digest_text),
            transfer_syntax_uid: &object.transfer_syntax,
            calling_ae_title: &object.calling,
            called_ae_title: &object.called,
            peer: &object.peer,
            association: object.association,
            rule: object.rule.as_deref(),
            received: time_text(object.received),
            replaced: object.replaced,
            kept: object.kept,
            attributes: AttributesData::of(attributes),
        }
    }
}

impl PathData {
    fn of(path: Option<&Path>) -> Self {
        let bytes = path.map(|path| path.as_os_str().as_bytes());
        let is_text = path.is_none_or(|path| path.to_str().is_some());
        Self {
            path: path.map(|path| path.to_string_lossy().into_owned()),
            path_base64: bytes.filter(|_| !is_text).map(openssl::base64::encode_block),
        }
    }
}

impl<'a> AttributesData<'a> {
    fn of(attributes: &'a ObjectAttributes) -> Self {
        Self {
            patient_name: attributes.patient_name.as_deref(),
            patient_id: attributes.patient_id.as_deref(),
            patient_birth_date: attributes.patient_birth_date.as_deref(),
            patient_sex: attributes.patient_sex.as_deref(),
            accession_number: attributes.accession_number.as_deref(),
            study_id: attributes.study_id.as_deref(),
            study_date: attributes.study_date.as_deref(),
            study_time: attributes.study_time.as_deref(),
            study_description: attributes.study_description.as_deref(),
            referring_physician_name: attributes.referring_physician_name.as_deref(),
            modality: attributes.modality.as_deref(),
            series_number: attributes.series_number.as_deref(),
            series_description: attributes.series_description.as_deref(),
            body_part_examined: attributes.body_part_examined.as_deref(),
            station_name: attributes.station_name.as_deref(),
            institution_name: attributes.institution_name.as_deref(),
            instance_number: attributes.instance_number.as_deref(),
            number_of_frames: attributes.number_of_frames.as_deref(),
        }
    }
}

fn digest_text(digest: &[u8; 32]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
