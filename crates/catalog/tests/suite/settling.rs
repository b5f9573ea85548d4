//! What becomes of deliveries.

use crate::objects::{at, batch, lease, leased, object, owed, take_in};
use catalog::{
    Catalog, DeliveryFilter, DeliveryId, DeliveryState, Page, Removable, Settlement, SpooledObject,
    Verdict,
};
use std::path::PathBuf;

const ALL: Page = Page { after: None, most: 1000 };

fn spooled(key: &str) -> SpooledObject {
    SpooledObject { key: key.to_owned(), directory: PathBuf::from("/data/incoming") }
}

fn done(id: DeliveryId) -> Settlement {
    Settlement { id, verdict: Verdict::Done }
}

/// State and reason of all deliveries of a destination.
fn states(catalog: &dyn Catalog, destination: &str) -> Vec<(DeliveryState, Option<String>)> {
    let mut found = Vec::new();
    for state in [
        DeliveryState::Waiting,
        DeliveryState::Leased,
        DeliveryState::Done,
        DeliveryState::Parked,
        DeliveryState::Dropped,
    ] {
        let filter = DeliveryFilter {
            destination: Some(destination.to_owned()),
            state: Some(state),
            ..DeliveryFilter::default()
        };
        found.extend(catalog.deliveries(&filter, ALL).unwrap());
    }
    found.sort_by_key(|row| row.id);
    found.into_iter().map(|row| (row.state, row.reason)).collect()
}

fn removable(delivered: bool, even_owed: bool) -> Removable {
    Removable {
        directory: PathBuf::from("/data/incoming"),
        rule: Some("ct".to_owned()),
        before: at(1000),
        delivered,
        even_owed,
        most: 100,
    }
}

fn removable_keys(catalog: &dyn Catalog, delivered: bool, even_owed: bool) -> Vec<String> {
    let found = catalog.removable(&removable(delivered, even_owed)).unwrap();
    found.into_iter().map(|row| row.object.key).collect()
}

on_each_database! {
    /// The spooled bytes go when the last delivery is done, and are told of once.
    fn the_last_delivery_releases_the_object(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..3, &["a", "b"]);
        let a = leased(catalog, &lease("a", 9, at(10)));
        let b = leased(catalog, &lease("b", 9, at(10)));
        assert!(catalog.settle("run 1", &[done(a[0].0)], at(11)).unwrap().is_empty());
        let keys = ["key-1.2-1".to_owned(), "key-1.2-2".to_owned(), "unknown".to_owned()];
        assert_eq!(catalog.owed(&keys).unwrap(), [Some(true), Some(true), None]);
        let released = catalog.settle("run 1", &[done(b[0].0), done(b[1].0)], at(12)).unwrap();
        assert_eq!(released, [spooled("key-1.2-1")]);
        assert_eq!(catalog.owed(&keys).unwrap(), [Some(false), Some(true), None]);
        let again = catalog.settle("run 1", &[done(b[0].0), done(a[0].0)], at(13)).unwrap();
        assert!(again.is_empty());
        let rows = catalog.instances(None, ALL).unwrap();
        assert_eq!(rows[0].object.spool, None);
        assert!(rows[1].object.spool.is_some());
        let counts = catalog.counts(&[]).unwrap();
        assert_eq!(counts.len(), 1);
        assert_eq!((counts[0].destination.as_str(), counts[0].waiting), ("a", 1));
        assert_eq!((counts[0].waiting_bytes, counts[0].oldest), (1002, Some(at(2))));
    }

    /// Settling twice in one call, or what another has, changes nothing more.
    fn settling_is_for_the_owner(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..3, &["a"]);
        let a = leased(catalog, &lease("a", 1, at(10)));
        assert!(catalog.settle("run 2", &[done(a[0].0)], at(11)).unwrap().is_empty());
        assert_eq!(catalog.counts(&[]).unwrap()[0].waiting, 2);
        let park = Settlement { id: a[0].0, verdict: Verdict::Park { reason: "x".to_owned() } };
        let released = catalog.settle("run 1", &[done(a[0].0), park], at(11)).unwrap();
        assert_eq!(released, [spooled("key-1.2-1")]);
        let unknown = done(DeliveryId(4711));
        assert!(catalog.settle("run 1", &[unknown], at(11)).unwrap().is_empty());
        let counts = &catalog.counts(&[]).unwrap()[0];
        assert_eq!((counts.waiting, counts.parked), (1, 0));
    }

    /// An operator parks, retries and drops.
    fn operators_decide(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..5, &["a"]);
        let ids: Vec<_> =
            catalog.deliveries(&DeliveryFilter::default(), ALL).unwrap().iter().map(|it| it.id).collect();
        let first = leased(catalog, &lease("a", 1, at(10)));
        assert_eq!(catalog.park(&ids[..2], "by hand", at(11)).unwrap(), 2);
        assert_eq!(catalog.park(&ids[..2], "again", at(11)).unwrap(), 0);
        // Whoever had leased it learns of nothing, and changes nothing.
        assert!(catalog.settle("run 1", &[done(first[0].0)], at(12)).unwrap().is_empty());
        let counts = &catalog.counts(&[]).unwrap()[0];
        assert_eq!((counts.waiting, counts.parked, counts.waiting_bytes), (2, 2, 2007));
        let dropped = catalog.drop_deliveries(&ids[1..3], "not wanted", at(13)).unwrap();
        assert_eq!(dropped, [spooled("key-1.2-2"), spooled("key-1.2-3")]);
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(
            states(catalog, "a"),
            [
                (DeliveryState::Parked, told("by hand")),
                (DeliveryState::Dropped, told("not wanted")),
                (DeliveryState::Dropped, told("not wanted")),
                (DeliveryState::Waiting, None),
            ]
        );
        assert_eq!(catalog.retry(&ids, at(14)).unwrap(), 4);
        let counts = &catalog.counts(&[]).unwrap()[0];
        assert_eq!((counts.waiting, counts.parked, counts.waiting_bytes), (4, 0, 4010));
        assert_eq!(catalog.owed(&["key-1.2-2".to_owned()]).unwrap(), [Some(true)]);
        assert_eq!(leased(catalog, &lease("a", 9, at(14))).len(), 4);
    }

    /// What is done is not tried again.
    fn done_is_done(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &["a"]);
        let ids: Vec<_> = leased(catalog, &lease("a", 1, at(10))).iter().map(|it| it.0).collect();
        catalog.settle("run 1", &[done(ids[0])], at(11)).unwrap();
        assert_eq!(catalog.retry(&ids, at(12)).unwrap(), 0);
        assert_eq!(catalog.park(&ids, "no", at(12)).unwrap(), 0);
        assert!(catalog.drop_deliveries(&ids, "no", at(12)).unwrap().is_empty());
        assert_eq!(states(catalog, "a"), [(DeliveryState::Done, None)]);
    }

    /// Done and dropped deliveries are forgotten after their time, and events with their last delivery.
    fn what_is_over_is_forgotten(catalog: &dyn Catalog) {
        let mut batch = batch(vec![owed(object("1.2", 1), &["a", "b"])], at(1));
        batch.objects[0].study_destinations = vec!["a".to_owned(), "b".to_owned()];
        catalog.take_in(&batch).unwrap();
        catalog.end_studies(at(100), 1).unwrap();
        for (name, now) in [("a", 110), ("b", 120)] {
            let ids = leased(catalog, &lease(name, 9, at(now)));
            assert_eq!(ids.len(), 2);
            let all: Vec<_> = ids.iter().map(|it| done(it.0)).collect();
            catalog.settle("run 1", &all, at(now)).unwrap();
        }
        assert_eq!(catalog.forget_done(Some("b"), at(119), 10).unwrap(), 0);
        assert_eq!(catalog.forget_done(None, at(119), 1).unwrap(), 1);
        assert_eq!(catalog.forget_done(None, at(119), 10).unwrap(), 1);
        assert_eq!(states(catalog, "b").len(), 2);
        assert_eq!(catalog.forget_done(Some("b"), at(121), 10).unwrap(), 2);
        assert!(states(catalog, "a").is_empty() && states(catalog, "b").is_empty());
        assert_eq!(catalog.forget_history(at(1000), 10).unwrap(), 0);
        assert_eq!(removable_keys(catalog, true, false), ["key-1.2-1"]);
    }

    /// Which files may be removed.
    fn files_that_may_be_removed(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &[]);
        take_in(catalog, "1.2", 2..5, &["a"]);
        let ids = leased(catalog, &lease("a", 2, at(10)));
        catalog.settle("run 1", &[done(ids[0].0)], at(10)).unwrap();
        let park = Settlement { id: ids[1].0, verdict: Verdict::Park { reason: "x".to_owned() } };
        catalog.settle("run 1", &[park], at(10)).unwrap();
        assert_eq!(removable_keys(catalog, false, false), ["key-1.2-1", "key-1.2-2"]);
        assert_eq!(removable_keys(catalog, true, false), ["key-1.2-2"]);
        let all = removable_keys(catalog, false, true);
        assert_eq!(all, ["key-1.2-1", "key-1.2-2", "key-1.2-3", "key-1.2-4"]);
        let none = [
            Removable { rule: None, ..removable(false, true) },
            Removable { directory: PathBuf::from("/other"), ..removable(false, true) },
            Removable { before: at(1), ..removable(false, true) },
            Removable { most: 0, ..removable(false, true) },
        ];
        for which in none {
            assert!(catalog.removable(&which).unwrap().is_empty(), "{which:?}");
        }
        let first = catalog.removable(&Removable { most: 1, ..removable(false, false) }).unwrap();
        catalog.set_files(&[(first[0].id, None)]).unwrap();
        assert_eq!(removable_keys(catalog, false, false), ["key-1.2-2"]);
    }

    /// Files get other names, and digests are known later.
    fn files_and_digests_change(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..4, &[]);
        let ids: Vec<_> = catalog.instances(None, ALL).unwrap().iter().map(|it| it.id).collect();
        catalog.set_digests(&[(ids[0], [1; 32]), (ids[1], [2; 32])]).unwrap();
        let files = [
            (ids[0], Some("1.2/00002.dcm".to_owned())),
            (ids[1], Some("other".to_owned())),
            (ids[2], None),
        ];
        catalog.set_files(&files).unwrap();
        let rows = catalog.instances(None, ALL).unwrap();
        let found: Vec<_> = rows.iter().map(|it| (it.object.file.as_deref(), it.gone)).collect();
        assert_eq!(found, [(Some("1.2/00002.dcm"), false), (Some("other"), false), (None, true)]);
        assert_eq!(rows[0].object.digest, Some([1; 32]));
        let statistics = catalog.statistics().unwrap();
        assert_eq!((statistics.instances, statistics.bytes), (2, 2003));
        catalog.set_files(&[(ids[0], Some("other".to_owned()))]).unwrap();
        let rows = catalog.instances(None, ALL).unwrap();
        assert_eq!((rows[0].object.file.as_deref(), rows[1].gone), (Some("other"), true));
        assert_eq!(catalog.statistics().unwrap().instances, 1);
    }
}
