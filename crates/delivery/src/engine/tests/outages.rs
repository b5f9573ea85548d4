//! A destination that is gone, and a catalogue that is.

use super::{Bench, Fake, settings, unreachable, until};
use crate::{BreakerReport, Outcome};
use catalog::DeliveryId;
use catalog::DeliveryState::{Done, Leased, Waiting};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

#[test]
fn a_destination_that_is_gone_is_probed_and_drained_when_it_is_back() {
    let (is_there, attempts) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (there, tried) = (Arc::clone(&is_there), Arc::clone(&attempts));
    let fake = Fake::each(move |_| {
        if there.load(Ordering::SeqCst) {
            return Outcome::Done;
        }
        tried.fetch_add(1, Ordering::SeqCst);
        unreachable("connection refused")
    });
    let bench = Bench::new(vec![settings(4)], fake);
    let start = Instant::now();
    bench.owe(2000, None);
    until("it was probed", || attempts.load(Ordering::SeqCst) >= 8);
    // Pauses are 20 ms at least.
    let most = 8 + start.elapsed().as_millis() / 20;
    assert!((attempts.load(Ordering::SeqCst) as u128) <= most);
    let BreakerReport::Open { reason, next, since } = bench.report().breaker else {
        panic!("{:?}", bench.report())
    };
    assert_eq!(reason, "connection refused");
    assert!(next < SystemTime::now() + Duration::from_secs(1) && since <= SystemTime::now());
    until("what is leased is given back", || bench.in_state(Leased) <= 1);
    assert_eq!(bench.rows(|row| row.attempts > 0), 0, "the destination failed, not the deliveries");
    is_there.store(true, Ordering::SeqCst);
    until("all are done", || bench.in_state(Done) == 2000);
    assert_eq!(bench.report().breaker, BreakerReport::Closed);
}

#[test]
fn a_destination_that_takes_fewer_sessions_gets_fewer_and_stays_closed() {
    let inside = Arc::new(AtomicUsize::new(0));
    let refused = Arc::new(AtomicUsize::new(0));
    let (within, count) = (Arc::clone(&inside), Arc::clone(&refused));
    let fake = Fake::each(move |_| {
        let others = within.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
        within.fetch_sub(1, Ordering::SeqCst);
        if others < 2 {
            return Outcome::Done;
        }
        count.fetch_add(1, Ordering::SeqCst);
        unreachable("too many associations")
    });
    let bench = Bench::new(vec![settings(8)], fake);
    bench.owe(1000, None);
    until("all are done", || bench.in_state(Done) == 1000);
    let refused = refused.load(Ordering::SeqCst);
    assert!(refused < 100, "{refused} times refused");
}

#[test]
fn a_delivery_at_which_the_destination_falls_over_does_not_hold_up_the_others() {
    let bench = Bench::new(
        vec![{
            let mut settings = settings(1);
            settings.retry.attempts = Some(2);
            settings
        }],
        Fake::each(|item| {
            if item.delivery.id.0 == 1 { unreachable("connection reset") } else { Outcome::Done }
        }),
    );
    bench.owe(200, None);
    until("the others are done", || bench.in_state(Done) == 199);
    let more = |bench: &Bench| {
        bench.owe(1, None);
        bench.in_state(catalog::DeliveryState::Parked) == 1
    };
    until("it is parked in the end", || more(&bench));
    assert!(bench.row(1).reason.unwrap().contains("connection reset"));
}

#[test]
fn a_catalogue_that_is_unavailable_costs_nothing() {
    let bench = Bench::new(vec![settings(2)], Fake::each(|_| Outcome::Done));
    bench.owe(300, None);
    until("some are done", || bench.in_state(Done) > 0);
    bench.model.inner().unavailable = true;
    let ids: Vec<i64> =
        (0..300).map(|_| bench.model.add("pacs", None, 1, SystemTime::now())).collect();
    bench.outbox.wake("pacs");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(bench.row(ids[0]).state, Waiting);
    assert!(bench.outbox.pause("pacs", true).is_err());
    bench.model.inner().unavailable = false;
    until("all are done", || bench.in_state(Done) == 600);
    until("all are released", || bench.spool.released.lock().unwrap().len() == 600);
}

#[test]
fn an_outcome_that_the_catalogue_refuses_holds_up_no_other() {
    let bench = Bench::new(vec![settings(1)], Fake::each(|_| Outcome::Done));
    bench.model.inner().refuses = Some(DeliveryId(7));
    bench.owe(50, None);
    until("the others are done", || bench.in_state(Done) == 49);
    assert_eq!(bench.row(7).state, Leased, "it is repeated when its lease has run out");
    assert_eq!(bench.report().under_way, 0);
}

#[test]
fn what_an_earlier_run_had_leased_is_delivered_at_once() {
    let bench = Bench::new(vec![settings(1)], Fake::new(|_, _, _| {}));
    bench.outbox.stop(Duration::from_secs(5));
    let now = SystemTime::now();
    let id = bench.model.add("pacs", None, 1, now);
    {
        let mut inner = bench.model.inner();
        let row = inner.rows.get_mut(&id).unwrap();
        (row.state, row.owner) = (Leased, "a run that was killed".to_owned());
        row.at = now + Duration::from_secs(3600);
    }
    let model = Arc::clone(&bench.model);
    let next = Bench::of(model, vec![settings(1)], Fake::each(|_| Outcome::Done));
    until("it is done", || next.in_state(Done) == 1);
}

#[test]
fn what_a_clock_that_was_ahead_has_put_off_is_delivered() {
    let bench = Bench::new(vec![settings(1)], Fake::each(|_| Outcome::Done));
    let later = SystemTime::now() + Duration::from_secs(10 * 366 * 86_400);
    bench.model.add("pacs", None, 1, later);
    until("it is done", || bench.in_state(Done) == 1);
}
