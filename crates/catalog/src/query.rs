//! Looking into the catalogue, page by page: each page begins behind the key that the one before ended with, so a page
//! costs the same however many rows there are.

use crate::{DeliveryId, DeliveryState, DestinationCounts, EventKind, InstanceId};
use std::time::SystemTime;

/// Which page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Behind the row with this key; `None` for the first page.
    pub after: Option<i64>,
    /// At most so many rows, up to [`PAGE_ROWS`](crate::limits::PAGE_ROWS).
    pub most: usize,
}

/// Which deliveries are wanted: all that match everything that is given, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Of this destination.
    pub destination: Option<String>,
    /// In this state; without, all but those that are done or dropped.
    pub state: Option<DeliveryState>,
    /// For objects or the end of this study.
    pub study: Option<String>,
    /// For this SOP instance.
    pub sop_instance: Option<String>,
}

/// A delivery, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its key.
    pub id: DeliveryId,
    /// To whom.
    pub destination: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// What for.
    pub event: EventKind,
    /// The key of the event.
    pub event_key: String,
    /// The study that it is about.
    pub study: Option<String>,
    /// The SOP instance that it is about.
    pub sop_instance: Option<String>,
    /// Bytes of the object.
    pub size: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made.
    pub since: SystemTime,
    /// When it is tried again, at the earliest; of a lease, when that runs out; of others, when they came to this
    /// state.
    pub at: SystemTime,
    /// Why the last attempt failed, or it was parked.
    pub reason: Option<String>,
}

/// Which studies are wanted: all that match everything that is given, the latest first. Texts match as a whole and
/// without regard to case, with `*` and `?` as wildcards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyFilter {
    /// Study Instance UID, without wildcards.
    pub study_instance_uid: Option<String>,
    /// Patient's name.
    pub patient_name: Option<String>,
    /// Patient ID.
    pub patient_id: Option<String>,
    /// Accession number.
    pub accession_number: Option<String>,
    /// Study dates from this one on, `YYYYMMDD`.
    pub from_date: Option<String>,
    /// Study dates up to this one.
    pub to_date: Option<String>,
    /// One of its series has this modality.
    pub modality: Option<String>,
    /// Study description.
    pub description: Option<String>,
    /// One of its objects came from this calling AE title.
    pub calling: Option<String>,
    /// Whether it is still open.
    pub open: Option<bool>,
}

/// A study, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StudyRow {
    /// Its key.
    pub id: i64,
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Patient's name.
    pub patient_name: Option<String>,
    /// Patient ID.
    pub patient_id: Option<String>,
    /// Patient's birth date.
    pub patient_birth_date: Option<String>,
    /// Patient's sex.
    pub patient_sex: Option<String>,
    /// Accession number.
    pub accession_number: Option<String>,
    /// Study ID.
    pub study_id: Option<String>,
    /// Study date.
    pub study_date: Option<String>,
    /// Study time.
    pub study_time: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Referring physician's name.
    pub referring_physician_name: Option<String>,
    /// Modalities of its series, each once, sorted.
    pub modalities: Vec<String>,
    /// How many series it has.
    pub series: u64,
    /// How many objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the first came.
    pub first: Option<SystemTime>,
    /// When the last came.
    pub last: Option<SystemTime>,
    /// The calling AE title of the last.
    pub calling: String,
    /// Which end is the next one, or was the last: 1 for the first.
    pub epoch: u64,
    /// Whether it has not ended yet, or objects have come since.
    pub open: bool,
}

/// A series, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesRow {
    /// Its key.
    pub id: i64,
    /// Study Instance UID.
    pub study_instance_uid: String,
    /// Series Instance UID.
    pub series_instance_uid: String,
    /// Modality.
    pub modality: Option<String>,
    /// Series Number.
    pub number: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Body Part Examined.
    pub body_part_examined: Option<String>,
    /// Station Name.
    pub station_name: Option<String>,
    /// Institution Name.
    pub institution_name: Option<String>,
}

/// An instance, for people and for verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceRow {
    /// Its key.
    pub id: InstanceId,
    /// What is known of it: attributes of the patient, the study and the series as the latest of their objects have
    /// them.
    pub object: crate::ReceivedObject,
    /// Another object has taken the place of its file, or the file was removed: it has none any more.
    pub gone: bool,
}

/// What the catalogue holds, in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Studies.
    pub studies: u64,
    /// Series.
    pub series: u64,
    /// Instances with a file.
    pub instances: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Studies that have not ended.
    pub open_studies: u64,
    /// Each destination.
    pub destinations: Vec<DestinationCounts>,
    /// Bytes of the database; `None` where it cannot be known.
    pub database_bytes: Option<u64>,
    /// The version of the schema.
    pub schema: u32,
}
