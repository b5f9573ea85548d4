//! Operators: pauses, retries, drops, other settings, bounds.

use super::{Bench, Fake, again, settings, until};
use crate::{Bounds, Hours, Outcome, OverBounds};
use catalog::DeliveryState::{Done, Dropped, Leased, Parked, Waiting};
use catalog::{Catalog, DeliveryId};
use chrono::{Local, Timelike};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

#[test]
fn a_paused_destination_gets_nothing_also_if_another_process_pauses_it() {
    let slow = || {
        Fake::each(|_| {
            std::thread::sleep(Duration::from_millis(2));
            Outcome::Done
        })
    };
    let bench = Bench::new(vec![settings(1)], slow());
    bench.outbox.pause("pacs", true).unwrap();
    bench.owe(2000, None);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(bench.in_state(Done), 0);
    bench.outbox.pause("pacs", false).unwrap();
    until("it goes on", || bench.in_state(Done) > 0);
    // As the command line of another process does.
    bench.model.pause("pacs", true).unwrap();
    until("that is noticed", || bench.report().paused && bench.in_state(Leased) == 0);
    let done = bench.in_state(Done);
    assert!(done < 2000);
    bench.model.pause("pacs", false).unwrap();
    until("it goes on", || bench.in_state(Done) > done + 10);
}

#[test]
fn parked_deliveries_are_tried_at_once_when_an_operator_says_so() {
    let tries = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&tries);
    let bench = Bench::new(
        vec![settings(1)],
        Fake::each(move |_| {
            if seen.fetch_add(1, Ordering::SeqCst) == 0 {
                return Outcome::Park { reason: "no".to_owned() };
            }
            Outcome::Done
        }),
    );
    let ids = bench.owe(1, None);
    until("it is parked", || bench.in_state(Parked) == 1);
    assert_eq!(bench.outbox.retry(&[DeliveryId(ids[0])]).unwrap(), 1);
    until("it is done", || bench.in_state(Done) == 1);
}

#[test]
fn what_is_dropped_releases_its_bytes_once_that_is_durable() {
    let bench = Bench::new(vec![settings(1)], Fake::each(|_| Outcome::Done));
    bench.outbox.pause("pacs", true).unwrap();
    let ids = bench.owe(2, None);
    assert_eq!(bench.outbox.park(&[DeliveryId(ids[0])], "wait\n").unwrap(), 1);
    assert_eq!(bench.row(ids[0]).reason.unwrap(), "wait");
    let ids: Vec<_> = ids.into_iter().map(DeliveryId).collect();
    bench.outbox.drop_deliveries(&ids, "not wanted").unwrap();
    until("both are released", || bench.spool.released.lock().unwrap().len() == 2);
    assert_eq!(bench.in_state(Dropped), 2);
    assert_eq!(bench.model.inner().durable[&1].state, Dropped);
}

#[test]
fn destinations_are_replaced_while_deliveries_go_on() {
    let bench = Bench::new(
        vec![settings(2)],
        Fake::each(|_| {
            std::thread::sleep(Duration::from_millis(1));
            Outcome::Done
        }),
    );
    bench.owe(1500, None);
    for concurrency in [1, 4, 2] {
        let more = bench.in_state(Done) + 50;
        until("it goes on", || bench.in_state(Done) > more);
        bench.outbox.replace(vec![settings(concurrency)]).unwrap();
    }
    bench.outbox.replace(Vec::new()).unwrap();
    until("what was leased is given back", || bench.in_state(Leased) == 0);
    assert!(bench.in_state(Waiting) > 0 && bench.rows(|row| row.attempts > 0) == 0);
    until("it is told", || {
        let reports = bench.outbox.reports();
        reports.iter().any(|it| it.kind == "unknown" && it.name == "pacs" && it.waiting > 0)
    });
    bench.outbox.replace(vec![settings(4)]).unwrap();
    until("all are done", || bench.in_state(Done) == 1500);
}

#[test]
fn too_much_refuses_senders_or_parks_the_oldest() {
    let mut refusing = settings(1);
    refusing.bounds = Bounds { bytes: Some(10_000), age: None, over: OverBounds::Refuse };
    let bench = Bench::new(vec![refusing.clone()], Fake::each(|_| Outcome::Done));
    bench.outbox.pause("pacs", true).unwrap();
    bench.owe(20, None);
    until("senders are refused", || bench.outbox.is_over_bounds("pacs"));
    assert!(bench.report().over_bounds && !bench.outbox.is_over_bounds("another"));
    refusing.bounds.over = OverBounds::Park;
    bench.outbox.replace(vec![refusing]).unwrap();
    until("the oldest are parked", || bench.in_state(Parked) == 10);
    assert_eq!((bench.row(10).state, bench.row(11).state), (Parked, Waiting));
    assert!(bench.row(10).reason.unwrap().contains("oldest"));
    assert!(!bench.outbox.is_over_bounds("pacs"));
    bench.outbox.pause("pacs", false).unwrap();
    until("the others are done", || bench.in_state(Done) == 10);
}

#[test]
fn what_waits_for_too_long_is_parked() {
    let mut settings = settings(1);
    let age = Some(Duration::from_secs(3600));
    settings.bounds = Bounds { bytes: None, age, over: OverBounds::Park };
    let bench = Bench::new(vec![settings], Fake::each(|_| again("never")));
    let old = SystemTime::now() - Duration::from_secs(4000);
    let (first, second) = (
        bench.model.add("pacs", None, 1, old),
        bench.model.add("pacs", None, 1, SystemTime::now()),
    );
    until("it is parked", || bench.row(first).state == Parked);
    assert!(bench.row(first).reason.unwrap().contains("longer"));
    assert_ne!(bench.row(second).state, Parked);
}

#[test]
fn outside_its_hours_a_destination_gets_nothing() {
    let minute = Local::now().hour() * 60 + Local::now().minute();
    let at = |later: u32| u16::try_from((minute + later) % 1440).unwrap();
    let mut closed = settings(1);
    closed.hours = vec![Hours { from: at(600), to: at(660) }];
    let bench = Bench::new(vec![closed.clone()], Fake::each(|_| Outcome::Done));
    bench.owe(5, None);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(bench.in_state(Waiting), 5);
    closed.hours = vec![Hours { from: at(1380), to: at(60) }];
    bench.outbox.replace(vec![closed]).unwrap();
    until("it opens", || bench.in_state(Done) == 5);
}

#[test]
fn bandwidth_is_kept() {
    let mut settings = settings(4);
    settings.bandwidth = Some(50_000);
    let bench = Bench::new(vec![settings], Fake::each(|_| Outcome::Done));
    let start = Instant::now();
    bench.owe(120, None);
    until("all are done", || bench.in_state(Done) == 120);
    let took = start.elapsed();
    assert!(took > Duration::from_millis(1200), "120 kB at 50 kB/s, 50 at once, took {took:?}");
}

#[test]
fn what_is_done_is_forgotten_after_its_time() {
    let mut settings = settings(1);
    settings.remember = Duration::ZERO;
    let bench = Bench::new(vec![settings.clone()], Fake::each(|_| Outcome::Done));
    bench.owe(5, None);
    until("all are done", || bench.rows(|row| row.state != Done) == 0);
    bench.outbox.stop(Duration::from_secs(5));
    let next = Bench::of(Arc::clone(&bench.model), vec![settings], Fake::each(|_| Outcome::Done));
    until("they are forgotten", || next.rows(|_| true) == 0);
}

#[test]
fn idle_destinations_have_no_threads() {
    let mut fake = Fake::each(|_| Outcome::Done);
    fake.linger = Duration::from_millis(50);
    let bench = Bench::new(vec![settings(4)], fake);
    assert_eq!(bench.report().sessions, 0);
    bench.owe(20, None);
    until("all are done", || bench.in_state(Done) == 20);
    until("their threads end", || bench.report().sessions == 0);
    bench.owe(20, None);
    until("all are done", || bench.in_state(Done) == 40);
}
