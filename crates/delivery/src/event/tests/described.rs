//! The `data` of events that the catalogue keeps as JSON, as they are described.

use schemars::JsonSchema;

/// `storescp.study.ended`: no object of the study has come for a while (`[catalog] quiet`), over all associations.
/// `storescp.study.updated`: the same, after objects that came late.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes")]
pub(super) struct StudyData {
    /// Study Instance UID.
    study_instance_uid: String,
    /// Which end it is: 1 for `storescp.study.ended`, one more for each `storescp.study.updated`.
    #[schemars(range(min = 1))]
    epoch: u64,
    /// Objects of the study so far.
    objects: u64,
    /// Series of the study so far.
    series: Option<u64>,
    /// Bytes of its files.
    bytes: Option<u64>,
    /// Whether nothing is known to be missing; false if the study ended otherwise than by being quiet.
    complete: bool,
    /// When the first object came.
    #[schemars(extend("format" = "date-time"))]
    first: Option<String>,
    /// When the last object came.
    #[schemars(extend("format" = "date-time"))]
    last: Option<String>,
    /// The calling AE title of the last object.
    calling_ae_title: Option<String>,
    /// The called AE title of the last object.
    called_ae_title: Option<String>,
    /// The address that the last object came from.
    peer: Option<String>,
    /// The number of the last object's association, as in the log.
    association: Option<u64>,
    /// The output directory of the last object.
    directory: Option<String>,
    /// What its objects' data sets say of the study.
    attributes: Option<StudyAttributesData>,
}

/// Attributes of the study, as UTF-8; those that it has not, or that are empty, are absent.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes")]
struct StudyAttributesData {
    /// (0010,0010), component groups with `=`.
    patient_name: Option<String>,
    /// (0010,0020).
    patient_id: Option<String>,
    /// (0010,0030).
    patient_birth_date: Option<String>,
    /// (0010,0040).
    patient_sex: Option<String>,
    /// (0008,0050).
    accession_number: Option<String>,
    /// (0020,0010).
    study_id: Option<String>,
    /// (0008,0020), `YYYYMMDD`.
    study_date: Option<String>,
    /// (0008,0030), `HHMMSS.FFFFFF`.
    study_time: Option<String>,
    /// (0008,1030).
    study_description: Option<String>,
    /// (0008,0090).
    referring_physician_name: Option<String>,
    /// (0008,0060) of its series, each once.
    modalities: Option<Vec<String>>,
}

/// `storescp.association.ended`: an association has ended, or was given up.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes")]
pub(super) struct AssociationData {
    /// The number of the association, as in the log.
    association: u64,
    /// Calling AE title, without padding.
    calling_ae_title: Option<String>,
    /// Called AE title, without padding.
    called_ae_title: Option<String>,
    /// Address of the peer.
    peer: Option<String>,
    /// The name of the rule that decided about the association; absent if none did.
    rule: Option<String>,
    /// Objects that were stored.
    objects: u64,
    /// Objects that were refused.
    refused: u64,
    /// Bytes of data sets that came.
    bytes: u64,
    /// How long it lasted.
    #[schemars(range(min = 0))]
    seconds: f64,
    /// How it ended, for people.
    end: String,
    /// Whether the peer released it, so nothing was broken off.
    complete: bool,
}

/// `storescp.object.refused`, `storescp.association.refused`, `storescp.connection.refused`: something was refused, and
/// its sender knows.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes")]
pub(super) struct RefusalData {
    /// What was refused.
    refused: RefusedThing,
    /// Why, for people.
    reason: String,
    /// The number of the association, as in the log.
    association: Option<u64>,
    /// Calling AE title, without padding.
    calling_ae_title: Option<String>,
    /// Called AE title, without padding.
    called_ae_title: Option<String>,
    /// Address of the peer.
    peer: Option<String>,
    /// The name of the rule that decided about the association; absent if none did.
    rule: Option<String>,
    /// Of an object: the status of the C-STORE-RSP.
    #[schemars(range(max = 65535))]
    status: Option<u64>,
    /// Of an object: SOP Class UID.
    sop_class_uid: Option<String>,
    /// Of an object: SOP Instance UID.
    sop_instance_uid: Option<String>,
}

/// What was refused.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes")]
enum RefusedThing {
    /// A C-STORE.
    Object,
    /// An A-ASSOCIATE, or all presentation contexts of a class.
    Association,
    /// A TCP connection.
    Connection,
}
