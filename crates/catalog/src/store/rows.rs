//! Rows as the caller knows them.

use super::database::Row;
use super::encoding::{to_path, to_time};
use crate::{
    DeliveryState, Error, Event, EventKind, InstanceId, InstanceRow, ObjectAttributes,
    ReceivedObject,
};
use chrono::{DateTime, SecondsFormat};

/// What [`instance`] reads: of the tables of [`INSTANCE_JOINS`] or [`DELIVERY_JOINS`].
pub(super) const INSTANCE_COLUMNS: &str = "i.id, i.key, p.path, i.file, i.spool, i.sop_class, \
    i.sop_instance, i.transfer_syntax, i.size, i.digest, i.received, i.association, i.calling, \
    i.called, i.peer, i.rule, i.replaced, i.kept, i.gone, i.instance_number, i.number_of_frames, \
    s.uid, s.patient_name, s.patient_id, s.patient_birth_date, s.patient_sex, s.accession_number, \
    s.study_id, s.study_date, s.study_time, s.description, s.referring_physician_name, \
    r.uid, r.modality, r.number, r.description, r.body_part_examined, r.station_name, \
    r.institution_name";

/// Behind `instance i`.
pub(super) const INSTANCE_JOINS: &str = "LEFT JOIN directory p ON p.id = i.directory \
    LEFT JOIN study s ON s.id = i.study LEFT JOIN series r ON r.id = i.series";

/// Behind `delivery d`.
pub(super) const DELIVERY_JOINS: &str = "LEFT JOIN instance i ON i.id = d.instance \
    LEFT JOIN directory p ON p.id = i.directory LEFT JOIN study s ON s.id = d.study \
    LEFT JOIN series r ON r.id = i.series";

/// Reads the columns of [`INSTANCE_COLUMNS`].
pub(super) fn instance(row: &mut Row) -> Result<InstanceRow, Error> {
    let id = InstanceId(row.integer()?);
    let mut gone = false;
    let mut object = ReceivedObject {
        key: row.text()?,
        directory: to_path(&row.text()?),
        file: row.optional_text()?,
        spool: row.optional_text()?,
        sop_class: row.text()?,
        sop_instance: row.text()?,
        transfer_syntax: row.text()?,
        size: row.count()?,
        digest: row.optional_bytes()?.and_then(|bytes| bytes.try_into().ok()),
        received: to_time(row.integer()?),
        association: to_bits(row.integer()?),
        calling: row.text()?,
        called: row.text()?,
        peer: row.text()?,
        rule: Some(row.text()?).filter(|rule| !rule.is_empty()),
        replaced: row.integer()? != 0,
        kept: row.integer()? != 0,
        attributes: {
            gone |= row.integer()? != 0;
            ObjectAttributes::default()
        },
    };
    object.attributes = attributes(row)?;
    Ok(InstanceRow { id, object, gone })
}

fn attributes(row: &mut Row) -> Result<ObjectAttributes, Error> {
    // In the order of the columns.
    Ok(ObjectAttributes {
        instance_number: row.optional_text()?,
        number_of_frames: row.optional_text()?,
        study_instance_uid: row.optional_text()?,
        patient_name: row.optional_text()?,
        patient_id: row.optional_text()?,
        patient_birth_date: row.optional_text()?,
        patient_sex: row.optional_text()?,
        accession_number: row.optional_text()?,
        study_id: row.optional_text()?,
        study_date: row.optional_text()?,
        study_time: row.optional_text()?,
        study_description: row.optional_text()?,
        referring_physician_name: row.optional_text()?,
        series_instance_uid: row.optional_text()?,
        modality: row.optional_text()?,
        series_number: row.optional_text()?,
        series_description: row.optional_text()?,
        body_part_examined: row.optional_text()?,
        station_name: row.optional_text()?,
        institution_name: row.optional_text()?,
    })
}

/// The event of an object that was stored: its instance is all there is of it.
pub(super) fn stored(instance: &InstanceRow) -> Event {
    Event {
        key: instance.object.key.clone(),
        kind: EventKind::ObjectStored,
        time: instance.object.received,
        instance: Some(instance.id),
        data: None,
    }
}

/// Reads key, kind, time and data of an event; `None` if there is none.
pub(super) fn event(row: &mut Row) -> Result<Option<Event>, Error> {
    let (key, kind) = (row.optional_text()?, row.optional_integer()?);
    let (time, data) = (row.optional_integer()?, row.optional_text()?);
    let (Some(key), Some(kind), Some(time)) = (key, kind, time) else { return Ok(None) };
    let data = data.map(|data| serde_json::from_str(&data)).transpose();
    let data =
        data.map_err(|error| Error::Statement(format!("the data of event {key}: {error}")))?;
    Ok(Some(Event { key, kind: to_kind(kind)?, time: to_time(time), instance: None, data }))
}

/// A kind of event as it is kept.
pub(super) fn from_kind(kind: EventKind) -> i64 {
    match kind {
        EventKind::ObjectStored => 0,
        EventKind::StudyEnded => 1,
        EventKind::StudyUpdated => 2,
        EventKind::AssociationEnded => 3,
        EventKind::Refused => 4,
    }
}

/// The kind of [`from_kind`].
pub(super) fn to_kind(number: i64) -> Result<EventKind, Error> {
    Ok(match number {
        0 => EventKind::ObjectStored,
        1 => EventKind::StudyEnded,
        2 => EventKind::StudyUpdated,
        3 => EventKind::AssociationEnded,
        4 => EventKind::Refused,
        _ => return Err(Error::Statement(format!("{number} is no kind of event"))),
    })
}

/// A state as it is kept.
pub(super) fn from_state(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Waiting => 0,
        DeliveryState::Leased => 1,
        DeliveryState::Done => 2,
        DeliveryState::Parked => 3,
        DeliveryState::Dropped => 4,
    }
}

/// The state of [`from_state`].
pub(super) fn to_state(number: i64) -> Result<DeliveryState, Error> {
    Ok(match number {
        0 => DeliveryState::Waiting,
        1 => DeliveryState::Leased,
        2 => DeliveryState::Done,
        3 => DeliveryState::Parked,
        4 => DeliveryState::Dropped,
        _ => return Err(Error::Statement(format!("{number} is no state of a delivery"))),
    })
}

/// Any 64 bits.
pub(super) fn to_bits(number: i64) -> u64 {
    number.cast_unsigned()
}

/// A number that is small and not negative.
pub(super) fn small(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// The modalities of a study.
pub(super) fn modalities(text: &str) -> Vec<String> {
    text.split('\\').filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// A time as RFC 3339 has it, in UTC with microseconds.
pub(super) fn rfc3339(micros: i64) -> String {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
