//! Destinations that fail, hang, panic, lie or are slow.

use super::{Bench, Fake, again, settings, until};
use crate::{FailureClass, Outcome};
use catalog::DeliveryState::{Done, Parked, Waiting};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

fn count(bench: &Bench, class: FailureClass) -> u64 {
    bench.report().failures.iter().find(|(one, _)| *one == class).unwrap().1
}

#[test]
fn everything_is_delivered_then_settled_then_released() {
    let bench = Bench::new(vec![settings(3)], Fake::each(|_| Outcome::Done));
    let ids = bench.owe(500, None);
    until("all are done", || bench.in_state(Done) == 500);
    until("all are released", || bench.spool.released.lock().unwrap().len() == 500);
    for id in ids {
        assert_eq!(bench.model.inner().durable[&id].state, Done, "released before it was durable");
    }
    let report = bench.report();
    assert_eq!((report.attempts, report.delivered, report.delivered_bytes), (500, 500, 500_000));
    assert_eq!(report.time_to_deliver.counts.iter().sum::<u64>(), 500);
    assert!(bench.model.inner().settles < 250, "outcomes are settled together");
}

#[test]
fn a_failure_is_tried_again_and_given_up_after_the_attempts_that_are_set() {
    let mut settings = settings(1);
    settings.retry.attempts = Some(3);
    let bench = Bench::new(
        vec![settings],
        Fake::each(|item| {
            if item.delivery.id.0 == 2 { again("507 \r\n full\u{1b}[31m") } else { Outcome::Done }
        }),
    );
    bench.owe(3, None);
    until("the second one is parked", || bench.in_state(Parked) == 1 && bench.in_state(Done) == 2);
    let reason = bench.row(2).reason.unwrap();
    assert_eq!(reason, "given up after 3 attempts: 507    full [31m");
    assert_eq!(
        (count(&bench, FailureClass::Again), count(&bench, FailureClass::Exhausted)),
        (2, 1)
    );
}

#[test]
fn what_cannot_succeed_is_parked_at_once_and_keeps_its_bytes() {
    let parked = || Outcome::Park { reason: "C000: cannot understand".to_owned() };
    let bench = Bench::new(vec![settings(2)], Fake::each(move |_| parked()));
    let ids = bench.owe(20, None);
    until("all are parked", || bench.in_state(Parked) == 20);
    assert_eq!(bench.row(ids[0]).reason.unwrap(), "C000: cannot understand");
    assert_eq!(bench.report().attempts, 20);
    bench.outbox.stop(Duration::from_secs(5));
    assert!(bench.spool.released.lock().unwrap().is_empty());
}

#[test]
fn a_session_that_panics_is_made_anew_and_others_go_on() {
    let panics = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&panics);
    let counted = AtomicUsize::new(0);
    let fake = Fake::each(move |item| {
        if item.delivery.id.0 == 5 && seen.fetch_add(1, Ordering::SeqCst) < 2 {
            panic!("a mistake");
        }
        // Such a message may quote a data set.
        if item.delivery.id.0 == 6 && counted.fetch_add(1, Ordering::SeqCst) < 1 {
            panic!("not at the end of a character of {:?}", "Doe^Jane");
        }
        Outcome::Done
    });
    let opened = Arc::clone(&fake.opened);
    let bench = Bench::new(vec![settings(1)], fake);
    bench.owe(10, None);
    until("all are done", || bench.in_state(Done) == 10);
    assert_eq!((panics.load(Ordering::SeqCst), opened.load(Ordering::SeqCst)), (3, 4));
    assert_eq!((bench.row(5).attempts, count(&bench, FailureClass::Panicked)), (2, 3));
    assert!(bench.row(5).reason.unwrap().ends_with(": a mistake"));
    assert!(bench.row(6).reason.unwrap().ends_with(": it panicked"));
}

/// A mistake of this program in one of the outbox's own threads: it goes on, and everything is delivered and released.
#[test]
fn the_outbox_goes_on_after_a_panic() {
    let bench = Bench::new(vec![settings(1)], Fake::each(|_| Outcome::Done));
    bench.owe(1, None);
    until("the first is done", || bench.in_state(Done) == 1);
    for call in ["lease", "settle", "make_durable"] {
        let done = bench.in_state(Done);
        bench.model.inner().panics.insert(call);
        bench.owe(10, None);
        until("all are done", || bench.in_state(Done) == done + 10);
        until("it has panicked", || bench.model.inner().panics.is_empty());
    }
    until("all are released", || bench.spool.released.lock().unwrap().len() == 31);
}

#[test]
fn lies_about_indices_do_no_harm() {
    let mut fake = Fake::new(|items, _, tell| {
        tell(items.len(), Outcome::Done);
        tell(usize::MAX, again("nobody"));
        for index in 0..items.len() {
            tell(index, Outcome::Done);
            tell(index, Outcome::Park { reason: "told twice".to_owned() });
        }
    });
    fake.batch = 4;
    let bench = Bench::new(vec![settings(2)], fake);
    bench.owe(50, None);
    until("all are done", || bench.in_state(Done) == 50);
    assert_eq!(bench.report().attempts, 50);
}

#[test]
fn what_is_told_nothing_of_is_tried_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let mut fake = Fake::new(move |items, _, tell| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => {}
        1 => tell(items.len() - 1, Outcome::Done),
        _ => (0..items.len()).for_each(|index| tell(index, Outcome::Done)),
    });
    fake.batch = 3;
    let bench = Bench::new(vec![settings(1)], fake);
    bench.owe(6, None);
    until("all are done", || bench.in_state(Done) == 6);
    assert!(calls.load(Ordering::SeqCst) >= 4);
    assert_eq!(bench.rows(|row| row.attempts > 0), 1, "only the first one counts as tried");
}

#[test]
fn a_session_that_hangs_holds_up_no_other_and_not_the_end() {
    let released = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&released);
    let fake = Fake::each(move |item| {
        while item.delivery.id.0 == 1 && !seen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        Outcome::Done
    });
    let bench = Bench::new(vec![settings(2)], fake);
    bench.owe(100, None);
    until("the others are done", || bench.in_state(Done) == 99);
    let stopped = bench.outbox.stop(Duration::from_secs(8));
    assert_eq!((stopped.hanging, stopped.unsettled), (1, false));
    assert_eq!(
        bench.rows(|row| row.state == Waiting),
        0,
        "nobody else gets it while it is under way"
    );
    released.store(true, Ordering::SeqCst);
}

#[test]
fn stopping_gives_back_what_has_not_begun_without_an_attempt() {
    let (entered, leave) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let (seen, left) = (Arc::clone(&entered), Arc::clone(&leave));
    let fake = Fake::new(move |_, stop, tell| {
        seen.wait();
        while !stop.is_set() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if left.load(Ordering::SeqCst) {
            tell(0, Outcome::Done);
        }
    });
    let bench = Bench::new(vec![settings(1)], fake);
    bench.owe(40, None);
    entered.wait();
    let stopped = bench.outbox.stop(Duration::from_secs(10));
    assert_eq!((stopped.hanging, stopped.unsettled), (0, false));
    assert_eq!((bench.in_state(Waiting), bench.rows(|row| row.attempts > 0)), (40, 0));
}

#[test]
fn the_objects_of_a_study_come_one_after_the_other() {
    let order: Arc<Mutex<HashMap<String, Vec<i64>>>> = Arc::default();
    let failed = Arc::new(AtomicUsize::new(0));
    let (seen, fails) = (Arc::clone(&order), Arc::clone(&failed));
    let mut fake = Fake::each(move |item| {
        if item.delivery.id.0 % 10 == 3 && fails.fetch_add(1, Ordering::SeqCst) % 3 != 2 {
            return again("not now");
        }
        let study = item.delivery.study.clone().unwrap();
        seen.lock().unwrap().entry(study).or_default().push(item.delivery.id.0);
        Outcome::Done
    });
    fake.batch = 4;
    let mut settings = settings(3);
    settings.order_by_study = true;
    let bench = Bench::new(vec![settings], fake);
    for _ in 0..20 {
        for study in ["a", "b", "c"] {
            bench.owe(1, Some(study));
        }
    }
    until("all are done", || bench.in_state(Done) == 60);
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 3);
    for ids in order.values() {
        assert!(ids.len() == 20 && ids.is_sorted(), "{ids:?}");
    }
}

#[test]
fn a_file_that_is_gone_parks_the_delivery_and_one_that_cannot_be_found_waits() {
    let bench = Bench::new(vec![settings(1)], Fake::each(|_| Outcome::Done));
    bench.spool.missing.lock().unwrap().insert("2".to_owned());
    bench.spool.unreadable.lock().unwrap().insert("3".to_owned());
    bench.owe(4, None);
    until("one is parked, the rest done", || {
        bench.in_state(Parked) == 1 && bench.in_state(Done) == 3
    });
    assert!(bench.row(2).reason.unwrap().contains("is gone"));
    assert!(bench.row(3).reason.unwrap().contains("stale handle"));
    assert_eq!((count(&bench, FailureClass::Missing), bench.row(3).attempts), (1, 0));
}
