use super::*;
use crate::limits::{RECOVERED_INTENTS, UNREADABLE_INTENTS, WAITING_OBJECTS};
use crate::testing::{Fixture, envelope, wait_until};
use catalog::{Batch, EventKind};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::mpsc;

/// What the threads do, step by step.
struct Steps {
    drain: Drain,
    recovery: Recovery,
    shared: Arc<Shared>,
}

impl Steps {
    fn of(fixture: &Fixture) -> Self {
        let shared = Arc::new(Shared::new(fixture.parts()));
        shared.add_place(fixture.place());
        let (drain, recovery) =
            (Drain::new(Arc::clone(&shared)), Recovery::new(Arc::clone(&shared)));
        Self { drain, recovery, shared }
    }

    fn push(&self, arrival: Arrival) {
        let now = self.shared.clock.time().now;
        self.shared.queue.push(arrival, now);
    }

    fn recover(&mut self) {
        self.shared.request_recovery();
        self.recovery.step(&|| false);
    }
}

#[test]
fn what_is_told_is_taken_in_and_its_intent_settled_once_that_is_durable() {
    let fixture = Fixture::new("archive-taken-in");
    let mut steps = Steps::of(&fixture);
    for (number, modality) in [(1, "CT"), (2, "MR"), (3, "CT")] {
        steps.push(fixture.store(number, modality));
    }
    steps.drain.step();
    let rows = fixture.rows();
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["1.2.3.1", "1.2.3.2", "1.2.3.3"]);
    assert_eq!(fixture.counters.batches.count(), 1, "in one transaction");
    assert_eq!(fixture.pending(), 3, "not durable yet");
    fixture.clock.pass(crate::limits::DURABLE_TIME);
    steps.drain.step();
    assert_eq!((fixture.pending(), fixture.spooled()), (0, 2), "two are owed to pacs");
    assert!(steps.drain.is_idle());
    let owed = fixture.leased("pacs");
    assert_eq!(owed.len(), 2);
    assert!(owed.iter().all(|event| event.kind == EventKind::ObjectStored));
    assert_eq!(*fixture.listener.owed.lock().unwrap(), BTreeSet::from(["pacs".to_owned()]));
}

#[test]
fn after_a_crash_what_is_pending_is_taken_in_as_memory_would_have_told_it() {
    let fixture = Fixture::new("archive-recovered");
    let told: Vec<_> = [(1, "CT"), (2, "MR")].map(|(n, it)| fixture.store(n, it)).into();
    // The process was killed: nobody told.
    let mut steps = Steps::of(&fixture);
    steps.recover();
    assert!(!steps.shared.is_behind());
    let rows = fixture.rows();
    for arrival in &told {
        let row = &rows[&arrival.object.sop_instance];
        assert_eq!(row.object, arrival.object);
    }
    assert_eq!((fixture.pending(), fixture.spooled()), (0, 1));
    assert_eq!(fixture.leased("pacs").len(), 1);
    assert_eq!(fixture.counters.recovered.count(), 2);
    // Again, with memory that tells all the same: nothing is there twice.
    for arrival in told {
        steps.push(arrival);
    }
    steps.drain.step();
    fixture.clock.pass(Duration::from_secs(5));
    steps.drain.step();
    assert_eq!(fixture.catalog.statistics().unwrap().instances, 2);
    assert_eq!(fixture.leased("pacs").len(), 1, "the lease has run out; it is the same one");
}

#[test]
fn after_a_crash_an_object_that_nobody_takes_keeps_its_only_name() {
    let fixture = Fixture::new("archive-untaken");
    fixture.store_alone(1, "MR");
    fixture.store_alone(2, "CT");
    for _ in 0..2 {
        let mut steps = Steps::of(&fixture);
        steps.recover();
        assert_eq!(fixture.rows().keys().collect::<Vec<_>>(), ["1.2.3.2"]);
        assert_eq!((fixture.pending(), fixture.spooled()), (1, 1), "at each start");
    }
    assert_eq!(fixture.leased("pacs").len(), 1);
}

/// However many stay pending, the pass comes to its end and takes in what is younger.
#[test]
fn what_stays_pending_keeps_nothing_back() {
    let fixture = Fixture::new("archive-many-untaken");
    let many = (RECOVERED_INTENTS + UNREADABLE_INTENTS + 1) as u32;
    for number in 1..=many {
        fixture.store_alone(number, "MR");
    }
    fixture.store_alone(many + 1, "CT");
    let mut steps = Steps::of(&fixture);
    steps.shared.request_recovery();
    let batches = Cell::new(0);
    let is_long = || {
        batches.set(batches.get() + 1);
        batches.get() > 1000
    };
    steps.recovery.step(&is_long);
    assert!(!is_long(), "it has come to its end");
    assert_eq!(fixture.rows().keys().collect::<Vec<_>>(), [&format!("1.2.3.{}", many + 1)]);
    assert_eq!((fixture.pending(), fixture.spooled()), (many as usize, 1));
}

#[test]
fn what_was_pending_is_taken_in_in_the_order_in_which_it_came() {
    let fixture = Fixture::new("archive-order");
    let mut numbers: Vec<u32> = (0..40).collect();
    numbers.sort_by_key(|number| number * 7 % 40);
    for &number in &numbers {
        fixture.store(number, "CT");
    }
    let mut steps = Steps::of(&fixture);
    steps.recover();
    let keys: Vec<_> = fixture.leased("pacs").into_iter().map(|it| it.key).collect();
    let begin = fixture.steady.time().now;
    let expected: Vec<_> = (0..40).map(|it| envelope(it, begin).name().to_string()).collect();
    assert_eq!(keys, expected);
}

/// A mistake of this program in the middle of a batch: the thread goes on, and what it held is read from disk.
#[test]
fn a_panic_costs_no_object() {
    let fixture = Fixture::new("archive-panic");
    let cataloguer = Cataloguer::start(fixture.parts()).unwrap();
    cataloguer.add_place(fixture.place());
    let panics = std::sync::atomic::AtomicUsize::new(0);
    fixture.catalog.trouble(move |call, _| {
        let is_first = call == "take_in" && panics.fetch_add(1, Ordering::SeqCst) == 0;
        if is_first {
            panic!("of no use");
        }
        Ok(())
    });
    for number in 1..4 {
        cataloguer.stored(fixture.store(number, "CT"));
    }
    wait_until("all are in", || fixture.rows().len() == 3);
    cataloguer.stored(fixture.store(4, "CT"));
    wait_until("the next one too", || fixture.rows().len() == 4);
    cataloguer.finish(Instant::now() + Duration::from_secs(20));
    assert_eq!((fixture.pending(), fixture.spooled()), (0, 4));
}

#[test]
fn a_catalogue_that_is_unavailable_costs_no_object() {
    let fixture = Fixture::new("archive-unavailable");
    let mut steps = Steps::of(&fixture);
    fixture.catalog.trouble(|_, _| Err(catalog::Error::Unavailable("locked".to_owned())));
    steps.push(fixture.store(1, "CT"));
    let first = steps.drain.step();
    let second = steps.drain.step();
    assert!(!first.is_zero() && second > first, "{first:?} {second:?}");
    assert!(!fixture.availability.is_available());
    assert_eq!(steps.shared.queue.len(), 1);
    fixture.catalog.mend();
    steps.drain.step();
    assert!(fixture.availability.is_available());
    assert_eq!(fixture.rows().len(), 1);
}

#[test]
fn past_the_bound_nothing_waits_for_an_unavailable_catalogue_and_intents_are_read_later() {
    let fixture = Fixture::new("archive-overflow");
    let mut steps = Steps::of(&fixture);
    fixture.catalog.trouble(|_, _| Err(catalog::Error::Unavailable("down".to_owned())));
    let first = fixture.store(1, "CT");
    steps.push(first.clone());
    steps.drain.step();
    // As many as fit, which are about no file of their own.
    for number in 0..WAITING_OBJECTS - 1 {
        let mut arrival = first.clone();
        arrival.object.key = format!("filling{number}");
        (arrival.intent, arrival.object.file) = (None, None);
        steps.push(arrival);
    }
    let let_go = fixture.store(2, "CT");
    steps.push(let_go);
    assert_eq!(steps.shared.queue.len(), WAITING_OBJECTS, "it returned, and was let go");
    fixture.catalog.mend();
    while !steps.shared.queue.is_empty() {
        steps.drain.step();
    }
    assert!(steps.shared.is_behind());
    assert_eq!(steps.shared.complete_until(fixture.steady.time().now), None);
    let row = || fixture.catalog.instance_at(&fixture.directory(), "study/CT.2").unwrap();
    assert_eq!(row(), None);
    steps.recovery.step(&|| false);
    assert!(row().is_some());
    assert_eq!(
        steps.shared.complete_until(fixture.steady.time().now),
        Some(fixture.steady.time().now)
    );
}

#[test]
fn what_cannot_be_made_durable_is_not_settled_and_taken_in_again() {
    let fixture = Fixture::new("archive-not-durable");
    let mut steps = Steps::of(&fixture);
    steps.push(fixture.store(1, "CT"));
    steps.drain.step();
    fixture.catalog.trouble(|call, _| match call {
        "make_durable" => Err(catalog::Error::Unavailable("disk full".to_owned())),
        _ => Ok(()),
    });
    fixture.clock.pass(Duration::from_secs(2));
    assert!(!steps.drain.step().is_zero());
    assert_eq!(fixture.pending(), 1);
    assert!(steps.shared.is_behind());
    fixture.catalog.mend();
    steps.recovery.step(&|| false);
    assert_eq!((fixture.pending(), fixture.spooled(), fixture.rows().len()), (0, 1, 1));
}

#[test]
fn an_object_that_the_catalogue_refuses_keeps_no_other_out_and_stays_on_disk() {
    let fixture = Fixture::new("archive-refused");
    let mut steps = Steps::of(&fixture);
    let refused = |batch: Option<&Batch>| {
        batch.is_some_and(|it| it.objects.iter().any(|it| it.object.sop_instance == "1.2.3.5"))
    };
    fixture.catalog.trouble(move |_, batch| match refused(batch) {
        true => Err(catalog::Error::Statement("no".to_owned())),
        false => Ok(()),
    });
    for number in 0..20 {
        steps.push(fixture.store(number, "CT"));
    }
    steps.drain.step();
    fixture.clock.pass(Duration::from_secs(2));
    steps.drain.step();
    let rows = fixture.rows();
    assert_eq!(rows.len(), 19);
    assert!(!rows.contains_key("1.2.3.5"));
    assert_eq!((fixture.pending(), fixture.spooled()), (1, 19));
    assert_eq!(fixture.counters.refused.count(), 1);
    // Recovery neither loops nor removes it.
    steps.recover();
    assert_eq!(fixture.pending(), 1);
    // The next start, with a catalogue that takes it.
    fixture.catalog.mend();
    Steps::of(&fixture).recover();
    assert_eq!((fixture.rows().len(), fixture.pending()), (20, 0));
}

#[test]
fn reception_waits_for_a_catalogue_that_is_slow_and_goes_on_when_it_has_caught_up() {
    let fixture = Fixture::new("archive-slow");
    let shared = Arc::new(Shared::new(fixture.parts()));
    shared.add_place(fixture.place());
    let mut template = fixture.store(1, "CT");
    (template.intent, template.object.file) = (None, None);
    let (told, pushed) = mpsc::channel();
    let pushing = Arc::clone(&shared);
    let sender = std::thread::spawn(move || {
        for number in 0..WAITING_OBJECTS + 100 {
            let mut arrival = template.clone();
            arrival.object.key = format!("slowlyin{number}");
            let now = pushing.clock.time().now;
            pushing.queue.push(arrival, now);
        }
        let _ = told.send(());
    });
    wait_until("it waits", || fixture.counters.waits.count() > 0);
    assert!(pushed.try_recv().is_err(), "it waits");
    assert_eq!(shared.queue.len(), WAITING_OBJECTS);
    let mut drain = Drain::new(Arc::clone(&shared));
    while !shared.queue.is_empty() || !sender.is_finished() {
        drain.step();
    }
    pushed.recv().unwrap();
    assert_eq!(fixture.counters.taken_in.count(), WAITING_OBJECTS as u64 + 100, "none was let go");
}

#[test]
fn the_spool_of_a_crash_is_looked_through_for_what_is_owed_to_nobody_or_not_known() {
    let fixture = Fixture::new("archive-spool");
    let mut steps = Steps::of(&fixture);
    for number in 1..=3 {
        steps.push(fixture.store(number, "CT"));
    }
    steps.drain.step();
    fixture.clock.pass(Duration::from_secs(2));
    steps.drain.step();
    assert_eq!(fixture.spooled(), 3);
    // The first was given up, and the process was killed before its link was removed.
    let page = catalog::Page { after: None, most: 1 };
    let first = fixture.catalog.deliveries(&catalog::DeliveryFilter::default(), page).unwrap();
    let now = fixture.steady.time().now;
    fixture.catalog.drop_deliveries(&[first[0].id], "test", now).unwrap();
    // One that the catalogue does not know.
    let unknown = fixture.store(4, "CT");
    let (intents, name) = unknown.intent.unwrap();
    intents.settle(&name, true).unwrap();
    assert_eq!(fixture.spooled(), 4);
    let mut next = Steps::of(&fixture);
    assert!(next.shared.spool_unknown.load(Ordering::Acquire), "it did not end as it should");
    next.recover();
    assert_eq!(fixture.spooled(), 3);
    assert!(fixture.rows().contains_key("1.2.3.4"));
    assert_eq!(fixture.leased("pacs").len(), 3);
}

#[test]
fn a_catalogue_that_was_set_aside_gets_everything_that_is_owed_again() {
    let fixture = Fixture::new("archive-damaged");
    let mut steps = Steps::of(&fixture);
    for number in 1..=3 {
        steps.push(fixture.store(number, "CT"));
    }
    steps.drain.step();
    fixture.clock.pass(Duration::from_secs(2));
    steps.drain.step();
    let damaged = || catalog::Error::Damaged { path: None, reason: "malformed".to_owned() };
    fixture.catalog.trouble(move |_, _| Err(damaged()));
    steps.push(fixture.store(4, "CT"));
    assert!(!steps.drain.step().is_zero());
    fixture.catalog.mend();
    assert_eq!(fixture.availability.made_anew(), 1);
    // The connection that was open finds that out.
    let _ = fixture.catalog.statistics();
    assert_eq!(fixture.rows().len(), 0, "the new one is empty");
    steps.drain.step();
    steps.recovery.step(&|| false);
    fixture.clock.pass(Duration::from_secs(2));
    steps.drain.step();
    assert_eq!(fixture.rows().len(), 4);
    assert_eq!((fixture.spooled(), fixture.leased("pacs").len()), (4, 4));
}

#[test]
fn the_whole_takes_in_ends_and_leaves_nothing_behind() {
    let fixture = Fixture::new("archive-whole");
    let left = fixture.store(1, "MR");
    drop(left);
    let cataloguer = Cataloguer::start(fixture.parts()).unwrap();
    cataloguer.add_place(fixture.place());
    for number in 2..50 {
        cataloguer.stored(fixture.store(number, "MR"));
    }
    wait_until("the pending one is in", || fixture.counters.recovered.count() >= 1);
    cataloguer.finish(Instant::now() + Duration::from_secs(60));
    assert_eq!(fixture.rows().len(), 49);
    assert_eq!((fixture.pending(), fixture.spooled()), (0, 0));
    let shared = Shared::new(fixture.parts());
    shared.add_place(fixture.place());
    assert!(!shared.spool_unknown.load(Ordering::Acquire), "it ended as it should");
}
