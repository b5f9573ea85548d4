//! Each method once, with each filter, while [`plans`](super::sqlite) looks at the statements.

use super::open;
use crate::{
    Batch, Catalog, DeliveryFilter, DeliveryId, DeliveryState, EndedAssociation, EventKind,
    InstanceId, Lease, LeaseOrder, NewEvent, ObjectAttributes, Page, ReceivedObject, Refusal,
    Removable, Settlement, StudyFilter, TakenObject, Verdict,
};
use platform::testing::Scratch;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn object(number: u64) -> TakenObject {
    let text = |text: &str| Some(text.to_owned());
    let object = ReceivedObject {
        key: number.to_string(),
        directory: PathBuf::from("/d"),
        file: text("f"),
        spool: None,
        sop_class: String::new(),
        sop_instance: "1.2.3".to_owned(),
        transfer_syntax: String::new(),
        size: 1,
        digest: None,
        received: at(1),
        association: 1,
        calling: String::new(),
        called: String::new(),
        peer: String::new(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: text("1.2"),
            series_instance_uid: text("1.2.1"),
            modality: text("CT"),
            ..ObjectAttributes::default()
        },
    };
    let names = vec!["a".to_owned()];
    TakenObject { object, destinations: names.clone(), study_destinations: names }
}

fn batch() -> Batch {
    let text = |text: &str| text.to_owned();
    Batch {
        objects: vec![object(1), object(2)],
        events: vec![NewEvent {
            key: text("e"),
            kind: EventKind::Refused,
            time: at(1),
            data: serde_json::Value::Null,
            destinations: vec![text("a")],
        }],
        associations: vec![EndedAssociation {
            key: text("s"),
            number: 1,
            ended: at(1),
            duration: Duration::ZERO,
            calling: text(""),
            called: text(""),
            peer: text(""),
            rule: None,
            objects: 1,
            refused: 0,
            bytes: 1,
            end: text("released"),
        }],
        refusals: vec![Refusal {
            key: text("r"),
            time: at(1),
            what: text("object"),
            association: None,
            calling: None,
            called: None,
            peer: text(""),
            rule: None,
            status: None,
            sop_class: None,
            sop_instance: None,
            reason: text(""),
        }],
        now: Some(at(1)),
        ..Batch::default()
    }
}

/// Everything that changes something.
fn change(catalog: &dyn Catalog) {
    catalog.take_in(&batch()).unwrap();
    assert_eq!(catalog.end_studies(at(2), 10).unwrap().len(), 1);
    catalog.shift_ends_of_studies(Duration::ZERO, true).unwrap();
    for order in [LeaseOrder::None, LeaseOrder::Study] {
        let (owner, destination) = ("run".to_owned(), "a".to_owned());
        let duration = Duration::from_secs(9);
        let lease = Lease { destination, most: 1, order, owner, now: at(3), duration };
        assert_eq!(catalog.lease(&lease).unwrap().len(), 1);
    }
    let ids = [DeliveryId(1), DeliveryId(2), DeliveryId(3)];
    catalog.renew("run", &ids, at(20)).unwrap();
    catalog.settle("run", &[Settlement { id: ids[0], verdict: Verdict::Done }], at(3)).unwrap();
    catalog.release_leases("other").unwrap();
    catalog.pause("a", false).unwrap();
    catalog.park(&ids, "why", at(4)).unwrap();
    catalog.retry(&ids, at(5)).unwrap();
    catalog.drop_deliveries(&ids, "why", at(6)).unwrap();
    catalog.set_digests(&[(InstanceId(1), [0; 32])]).unwrap();
    catalog.set_files(&[(InstanceId(1), Some("f".to_owned())), (InstanceId(2), None)]).unwrap();
    catalog.forget_done(None, at(99), 10).unwrap();
    catalog.forget_history(at(99), 10).unwrap();
    catalog.make_durable().unwrap();
}

/// Everything that is read.
fn look(catalog: &dyn Catalog) {
    let page = Page { after: Some(1), most: 10 };
    let some = |text: &str| Some(text.to_owned());
    catalog.next_end_of_study().unwrap();
    catalog.next_attempt("a", at(1)).unwrap();
    catalog.owed(&["1".to_owned()]).unwrap();
    catalog.counts(&[]).unwrap();
    catalog.statistics().unwrap();
    catalog.instance_at(Path::new("/d"), "f").unwrap();
    for study in [None, Some("1.2")] {
        catalog.series(study, page).unwrap();
        catalog.instances(study, page).unwrap();
    }
    for filter in [
        DeliveryFilter::default(),
        DeliveryFilter { destination: some("a"), ..DeliveryFilter::default() },
        DeliveryFilter { state: Some(DeliveryState::Done), ..DeliveryFilter::default() },
        DeliveryFilter { study: some("1.2"), ..DeliveryFilter::default() },
        DeliveryFilter { sop_instance: some("1.2.3"), ..DeliveryFilter::default() },
    ] {
        catalog.deliveries(&filter, page).unwrap();
    }
    for text in ["x", "x*"] {
        let filter = StudyFilter {
            patient_name: some(text),
            modality: some(text),
            calling: some(text),
            ..StudyFilter::default()
        };
        catalog.studies(&filter, page).unwrap();
    }
    for filter in [
        StudyFilter { study_instance_uid: some("1.2"), ..StudyFilter::default() },
        StudyFilter { patient_id: some("1.2"), ..StudyFilter::default() },
        StudyFilter { from_date: some("2"), to_date: some("3"), ..StudyFilter::default() },
        StudyFilter { open: Some(true), ..StudyFilter::default() },
    ] {
        catalog.studies(&filter, page).unwrap();
    }
    let which = Removable {
        directory: PathBuf::from("/d"),
        rule: None,
        before: at(99),
        delivered: false,
        even_owed: true,
        most: 10,
    };
    catalog.removable(&which).unwrap();
}

#[test]
fn no_statement_reads_a_large_table_row_by_row() {
    let scratch = Scratch::in_memory("catalog-plans");
    let url = format!("sqlite:{}", scratch.0.join("catalog.sqlite").display());
    let catalog = open(&url).unwrap();
    look(&*catalog);
    change(&*catalog);
    look(&*catalog);
}
