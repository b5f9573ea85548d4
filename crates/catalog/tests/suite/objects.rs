//! Objects, batches and times of tests.

use catalog::{
    Batch, Catalog, DeliveryId, Lease, LeaseOrder, ObjectAttributes, ReceivedObject, TakenObject,
};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time without objects after which studies end in tests.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// So many seconds into a test.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// An object of a study, which no other has the number of.
pub(crate) fn object(study: &str, number: u64) -> ReceivedObject {
    ReceivedObject {
        key: format!("key-{study}-{number}"),
        directory: PathBuf::from("/data/incoming"),
        file: Some(format!("{study}/{number:05}.dcm")),
        spool: Some(format!(".storescp/spool/{study}-{number}")),
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance: format!("{study}.1.{number}"),
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: 1000 + number,
        digest: None,
        received: at(number),
        association: 7,
        calling: "CT1".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "10.1.2.3:4711".to_owned(),
        rule: Some("ct".to_owned()),
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some(study.to_owned()),
            series_instance_uid: Some(format!("{study}.1")),
            modality: Some("CT".to_owned()),
            instance_number: Some(number.to_string()),
            ..ObjectAttributes::default()
        },
    }
}

/// An object and to whom it is owed.
pub(crate) fn owed(object: ReceivedObject, destinations: &[&str]) -> TakenObject {
    let destinations = destinations.iter().map(|&name| name.to_owned()).collect();
    TakenObject { object, destinations, study_destinations: Vec::new() }
}

/// A batch of these.
pub(crate) fn batch(objects: Vec<TakenObject>, now: SystemTime) -> Batch {
    Batch { objects, now: Some(now), quiet: QUIET, ..Batch::default() }
}

/// Takes in objects `numbers` of a study, owed to these destinations, each in a batch of its own.
pub(crate) fn take_in(
    catalog: &dyn Catalog,
    study: &str,
    numbers: std::ops::Range<u64>,
    destinations: &[&str],
) {
    for number in numbers {
        let objects = vec![owed(object(study, number), destinations)];
        catalog.take_in(&batch(objects, at(number))).unwrap();
    }
}

/// A lease of at most so many for 30 seconds.
pub(crate) fn lease(destination: &str, most: usize, now: SystemTime) -> Lease {
    Lease {
        destination: destination.to_owned(),
        most,
        order: LeaseOrder::None,
        owner: "run 1".to_owned(),
        now,
        duration: Duration::from_secs(30),
    }
}

/// The same in the order of studies.
pub(crate) fn in_order(destination: &str, most: usize, now: SystemTime) -> Lease {
    Lease { order: LeaseOrder::Study, ..lease(destination, most, now) }
}

/// Leases, and returns the keys of the deliveries and of their events.
pub(crate) fn leased(catalog: &dyn Catalog, lease: &Lease) -> Vec<(DeliveryId, String)> {
    let deliveries = catalog.lease(lease).unwrap();
    deliveries.into_iter().map(|delivery| (delivery.id, delivery.event.key)).collect()
}

/// Leases, and returns the keys of the events.
pub(crate) fn leased_keys(catalog: &dyn Catalog, lease: &Lease) -> Vec<String> {
    leased(catalog, lease).into_iter().map(|(_, key)| key).collect()
}
