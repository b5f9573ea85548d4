//! Deliveries for the tests of programs.

use crate::{Destination, Item, Outcome, Stop};
use catalog::{
    Delivery, DeliveryId, Event, EventKind, InstanceId, ObjectAttributes, ReceivedObject,
    StoredInstance,
};
use std::time::{Duration, Instant, SystemTime};

/// A delivery of an object whose event has this key.
pub(in crate::kinds) fn item(key: &str) -> Item {
    let object = ReceivedObject {
        key: key.to_owned(),
        directory: "/data".into(),
        file: Some("folder/CT.1.2".to_owned()),
        spool: None,
        sop_class: "1.2.840.10008.5.1.4.1.1.2".to_owned(),
        sop_instance: "1.2".to_owned(),
        transfer_syntax: "1.2.840.10008.1.2.1".to_owned(),
        size: 4096,
        digest: None,
        received: SystemTime::UNIX_EPOCH,
        association: 3,
        calling: "CT; $(1)".to_owned(),
        called: "STORESCP".to_owned(),
        peer: "10.0.0.1".to_owned(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some("1.2.3".to_owned()),
            patient_id: Some("p 1".to_owned()),
            ..ObjectAttributes::default()
        },
    };
    let event = Event {
        key: key.to_owned(),
        kind: EventKind::ObjectStored,
        time: SystemTime::UNIX_EPOCH,
        instance: Some(InstanceId(1)),
        data: None,
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        destination: "test".to_owned(),
        event,
        instance: Some(StoredInstance { id: InstanceId(1), object }),
        study: Some("1.2.3".to_owned()),
        attempts: 0,
        since: SystemTime::UNIX_EPOCH,
    };
    let path = Some("/data/.storescp/spool/a b".into());
    Item { delivery, path, missing: false, source: "//test".into() }
}

/// Delivers by one session of a destination; what becomes of each, in the order in which that was told.
pub(in crate::kinds) fn deliver(
    destination: &dyn Destination,
    items: &[Item],
    stop: &Stop,
) -> Vec<(usize, Outcome)> {
    let mut told = Vec::new();
    destination.open().deliver(items, stop, &mut |index, outcome| told.push((index, outcome)));
    told
}

/// Waits until something is so.
pub(in crate::kinds) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there, also one that has ended and waits to be reaped.
pub(in crate::kinds) fn is_there(number: &str) -> bool {
    std::path::Path::new("/proc").join(number.trim()).exists()
}
