//! Leases.

use crate::objects::{at, batch, in_order, lease, leased, leased_keys, object, owed, take_in};
use catalog::{Catalog, DeliveryId, Lease, Settlement, Verdict};
use std::time::Duration;

/// Settles one delivery.
fn settle(catalog: &dyn Catalog, id: DeliveryId, verdict: Verdict, now: u64) {
    catalog.settle("run 1", &[Settlement { id, verdict }], at(now)).unwrap();
}

fn again(seconds: u64) -> Verdict {
    Verdict::Again { at: at(seconds), reason: "busy".to_owned(), attempted: true }
}

on_each_database! {
    /// What is leased comes with all that is needed, and to nobody else.
    fn a_lease_is_whole_and_exclusive(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..4, &["pacs", "research"]);
        let first = catalog.lease(&lease("pacs", 2, at(10))).unwrap();
        assert_eq!(first.len(), 2);
        let delivery = &first[0];
        let instance = delivery.instance.as_ref().unwrap();
        assert_eq!(instance.object, object("1.2", 1));
        assert_eq!(delivery.event.key, "key-1.2-1");
        assert_eq!((delivery.event.instance, delivery.event.time), (Some(instance.id), at(1)));
        assert_eq!((delivery.study.as_deref(), delivery.attempts), (Some("1.2"), 0));
        assert_eq!((delivery.since, delivery.destination.as_str()), (at(1), "pacs"));
        assert_eq!(leased_keys(catalog, &lease("pacs", 5, at(10))), ["key-1.2-3"]);
        assert!(leased_keys(catalog, &lease("pacs", 5, at(10))).is_empty());
        assert_eq!(leased_keys(catalog, &lease("research", 5, at(10))).len(), 3);
        assert!(leased_keys(catalog, &lease("unknown", 5, at(10))).is_empty());
        assert!(leased_keys(catalog, &lease("pacs", 0, at(100))).is_empty());
    }

    /// A lease that runs out counts as waiting; its former owner cannot settle it any more.
    fn a_lease_runs_out(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &["pacs"]);
        let (id, _) = leased(catalog, &lease("pacs", 1, at(10))).remove(0);
        assert!(leased(catalog, &lease("pacs", 1, at(39))).is_empty());
        assert_eq!(catalog.next_attempt("pacs", at(39)).unwrap(), Some(at(40)));
        let other = Lease { owner: "run 2".to_owned(), ..lease("pacs", 1, at(40)) };
        assert_eq!(leased(catalog, &other), [(id, "key-1.2-1".to_owned())]);
        settle(catalog, id, Verdict::Done, 41);
        assert_eq!(catalog.counts(&[]).unwrap()[0].waiting, 1);
    }

    /// A lease is renewed by its owner only.
    fn a_lease_is_renewed(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..3, &["pacs"]);
        let ids: Vec<_> = leased(catalog, &lease("pacs", 2, at(10))).iter().map(|it| it.0).collect();
        assert_eq!(catalog.renew("run 2", &ids, at(500)).unwrap(), 0);
        assert_eq!(catalog.renew("run 1", &ids[..1], at(100)).unwrap(), 1);
        assert_eq!(leased(catalog, &lease("pacs", 2, at(99)))[0].0, ids[1]);
        assert_eq!(catalog.next_attempt("pacs", at(99)).unwrap(), Some(at(100)));
    }

    /// At a new start, leases of earlier runs are given back.
    fn leases_of_earlier_runs_are_given_back(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..4, &["pacs", "research"]);
        leased(catalog, &lease("pacs", 2, at(10)));
        leased(catalog, &Lease { owner: "run 2".to_owned(), ..lease("research", 2, at(10)) });
        assert_eq!(catalog.release_leases("run 2").unwrap(), 2);
        assert_eq!(leased_keys(catalog, &lease("pacs", 9, at(10))).len(), 3);
        assert_eq!(leased_keys(catalog, &lease("research", 9, at(10))).len(), 1);
    }

    /// Others overtake what waits for another attempt.
    fn the_next_attempt_waits_for_its_time(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..4, &["pacs"]);
        let (id, _) = leased(catalog, &lease("pacs", 1, at(10))).remove(0);
        settle(catalog, id, again(50), 11);
        assert_eq!(leased_keys(catalog, &lease("pacs", 9, at(49))), ["key-1.2-2", "key-1.2-3"]);
        assert_eq!(catalog.next_attempt("pacs", at(49)).unwrap(), Some(at(50)));
        let delivery = catalog.lease(&lease("pacs", 9, at(50))).unwrap().remove(0);
        assert_eq!((delivery.id, delivery.attempts), (id, 1));
        let not_tried = Verdict::Again { at: at(60), reason: "ends".to_owned(), attempted: false };
        settle(catalog, id, not_tried, 51);
        assert_eq!(catalog.lease(&lease("pacs", 9, at(60))).unwrap()[0].attempts, 1);
        assert_eq!(catalog.next_attempt("unknown", at(0)).unwrap(), None);
    }

    /// A destination that is paused leases nothing.
    fn a_paused_destination_leases_nothing(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..2, &["pacs"]);
        catalog.pause("pacs", true).unwrap();
        catalog.pause("other", true).unwrap();
        assert!(leased(catalog, &lease("pacs", 1, at(10))).is_empty());
        assert!(leased(catalog, &in_order("pacs", 1, at(10))).is_empty());
        let counts = catalog.counts(&["third".to_owned()]).unwrap();
        let paused: Vec<_> = counts.iter().map(|it| (it.destination.as_str(), it.paused)).collect();
        assert_eq!(paused, [("other", true), ("pacs", true), ("third", false)]);
        catalog.pause("pacs", false).unwrap();
        assert_eq!(leased(catalog, &lease("pacs", 1, at(10))).len(), 1);
    }

    /// In the order of studies, a study goes on only when what came before is over.
    fn a_study_keeps_its_order(catalog: &dyn Catalog) {
        for number in 1..4 {
            for study in ["1.1", "1.2"] {
                take_in(catalog, study, number..number + 1, &["pacs"]);
            }
        }
        let first = leased(catalog, &in_order("pacs", 2, at(10)));
        assert_eq!(first[0].1, "key-1.1-1");
        assert_eq!(first[1].1, "key-1.1-2");
        // The third of the first study waits, although nobody has it.
        let second = leased(catalog, &in_order("pacs", 9, at(10)));
        let keys: Vec<_> = second.iter().map(|it| it.1.as_str()).collect();
        assert_eq!(keys, ["key-1.2-1", "key-1.2-2", "key-1.2-3"]);
        settle(catalog, first[0].0, again(50), 11);
        settle(catalog, first[1].0, Verdict::Done, 11);
        assert!(leased(catalog, &in_order("pacs", 9, at(12))).is_empty());
        assert_eq!(catalog.next_attempt("pacs", at(12)).unwrap(), Some(at(40)));
        let third = leased_keys(catalog, &in_order("pacs", 9, at(50)));
        assert_eq!(&third[..2], ["key-1.1-1", "key-1.1-3"]);
    }

    /// What is parked holds up nothing; neither does what belongs to no study.
    fn parked_ones_hold_up_nothing(catalog: &dyn Catalog) {
        take_in(catalog, "1.1", 1..3, &["pacs"]);
        let mut loners = Vec::new();
        for number in 10..12 {
            let mut loner = object("9.9", number);
            loner.attributes.study_instance_uid = None;
            loners.push(owed(loner, &["pacs"]));
        }
        catalog.take_in(&batch(loners, at(20))).unwrap();
        let one = leased(catalog, &in_order("pacs", 1, at(20))).remove(0);
        settle(catalog, one.0, Verdict::Park { reason: "A900".to_owned() }, 20);
        let rest = leased_keys(catalog, &in_order("pacs", 9, at(20)));
        assert_eq!(rest, ["key-1.1-2", "key-9.9-10", "key-9.9-11"]);
    }

    /// Many studies that are all held up are stepped over.
    fn studies_that_wait_are_stepped_over(catalog: &dyn Catalog) {
        let objects: Vec<_> = (1..200).map(|it| owed(object(&format!("1.{it:03}"), 1), &["pacs"])).collect();
        catalog.take_in(&batch(objects, at(1))).unwrap();
        let held = leased(catalog, &in_order("pacs", 150, at(1)));
        assert_eq!(held.len(), 150);
        let next = leased_keys(catalog, &in_order("pacs", 2, at(2)));
        assert_eq!(next, ["key-1.151-1", "key-1.152-1"]);
        let long = Lease { duration: Duration::from_secs(900), ..in_order("pacs", 1000, at(2)) };
        assert_eq!(leased(catalog, &long).len(), 47);
    }
}
