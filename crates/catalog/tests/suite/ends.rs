//! Ends of studies.

use crate::objects::{QUIET, at, batch, lease, object, owed, take_in};
use catalog::{Catalog, EventKind, Page, StudyFilter, TakenObject};
use std::time::Duration;

const ALL: Page = Page { after: None, most: 1000 };

/// An object whose study's end is told to these.
fn told(study: &str, number: u64, destinations: &[&str]) -> TakenObject {
    let study_destinations = destinations.iter().map(|&name| name.to_owned()).collect();
    TakenObject { study_destinations, ..owed(object(study, number), &[]) }
}

on_each_database! {
    /// Each end is one event, with deliveries to all that want it; objects after it open the study again.
    fn each_epoch_ends_once(catalog: &dyn Catalog) {
        catalog.take_in(&batch(vec![told("1.2", 1, &["a", "b"]), told("1.2", 2, &["b"])], at(2))).unwrap();
        assert_eq!(catalog.next_end_of_study().unwrap(), Some(at(62)));
        assert!(catalog.end_studies(at(61), 10).unwrap().is_empty());
        let ended = catalog.end_studies(at(62), 10).unwrap();
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].study_instance_uid.as_str(), ended[0].epoch), ("1.2", 1));
        assert_eq!((ended[0].objects, ended[0].last), (2, at(2)));
        assert!(catalog.end_studies(at(1000), 10).unwrap().is_empty());
        assert_eq!(catalog.next_end_of_study().unwrap(), None);
        assert!(!catalog.studies(&StudyFilter::default(), ALL).unwrap()[0].open);

        catalog.take_in(&batch(vec![told("1.2", 3, &[])], at(100))).unwrap();
        let study = &catalog.studies(&StudyFilter::default(), ALL).unwrap()[0];
        assert_eq!((study.epoch, study.open), (2, true));
        catalog.take_in(&batch(vec![told("1.2", 3, &[])], at(120))).unwrap();
        assert_eq!(catalog.end_studies(at(160), 10).unwrap()[0].epoch, 2);

        for name in ["a", "b"] {
            let leased = catalog.lease(&lease(name, 10, at(200))).unwrap();
            let kinds: Vec<_> = leased.iter().map(|delivery| delivery.event.kind).collect();
            assert_eq!(kinds, [EventKind::StudyEnded, EventKind::StudyUpdated]);
            assert_ne!(leased[0].event.key, leased[1].event.key);
            assert_eq!(leased[0].study.as_deref(), Some("1.2"));
            let data = leased[1].event.data.as_ref().unwrap();
            assert_eq!((&data["studyInstanceUid"], &data["epoch"]), (&"1.2".into(), &2.into()));
            assert_eq!((&data["objects"], &data["series"]), (&3.into(), &1.into()));
            assert_eq!(data["attributes"]["modalities"], serde_json::json!(["CT"]));
            assert_eq!((&data["callingAeTitle"], &data["complete"]), (&"CT1".into(), &true.into()));
            assert_eq!(data["last"], "2027-01-15T08:00:03.000000Z");
        }
    }

    /// The earliest end first, and no more than are asked for.
    fn ends_come_in_their_order(catalog: &dyn Catalog) {
        for (study, now) in [("1.1", 30), ("1.2", 10), ("1.3", 20)] {
            catalog.take_in(&batch(vec![told(study, 1, &["a"])], at(now))).unwrap();
        }
        let ended = |most| {
            let ended = catalog.end_studies(at(85), most).unwrap();
            ended.into_iter().map(|study| study.study_instance_uid).collect::<Vec<_>>()
        };
        assert_eq!(ended(1), ["1.2"]);
        assert_eq!(ended(10), ["1.3"]);
        assert_eq!(catalog.next_end_of_study().unwrap(), Some(at(30) + QUIET));
        assert_eq!(catalog.statistics().unwrap().open_studies, 1);
    }

    /// A clock that was set moves the ends along.
    fn ends_move_with_the_clock(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &[]);
        catalog.shift_ends_of_studies(Duration::from_secs(3600), true).unwrap();
        assert_eq!(catalog.next_end_of_study().unwrap(), Some(at(3661)));
        catalog.shift_ends_of_studies(Duration::from_secs(3000), false).unwrap();
        assert_eq!(catalog.next_end_of_study().unwrap(), Some(at(661)));
        assert!(catalog.end_studies(at(660), 1).unwrap().is_empty());
        assert_eq!(catalog.end_studies(at(661), 1).unwrap().len(), 1);
    }

    /// Nobody wants to be told: the study ends all the same, and its event is forgotten with the others.
    fn an_end_may_be_told_to_nobody(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &["pacs"]);
        assert_eq!(catalog.end_studies(at(100), 1).unwrap().len(), 1);
        assert_eq!(catalog.forget_history(at(101), 10).unwrap(), 1);
        assert_eq!(catalog.counts(&[]).unwrap().len(), 1);
    }
}
