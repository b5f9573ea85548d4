use super::*;
use crate::testing::{Fixture, QUIET};
use catalog::EventKind;

/// The end of studies without its thread, and the cataloguer's.
struct Steps {
    cataloguer: Cataloguer,
    ending: Ending,
}

impl Steps {
    fn of(fixture: &Fixture) -> Self {
        let cataloguer = Cataloguer::start(fixture.parts()).unwrap();
        let ending = Ending {
            catalog: fixture.catalog.clone(),
            availability: Arc::clone(&fixture.availability),
            clock: Arc::clone(&fixture.steady),
            listener: fixture.listener.clone(),
            counters: Arc::clone(&fixture.counters),
            cataloguer: Arc::clone(cataloguer.shared()),
        };
        Self { cataloguer, ending }
    }

    /// Takes in an object of the study.
    fn store(&self, fixture: &Fixture, number: u32) {
        let before = fixture.counters.taken_in.count();
        self.cataloguer.stored(fixture.store(number, "CT"));
        crate::testing::wait_until("it is in", || {
            fixture.counters.taken_in.count() > before && self.cataloguer.waiting() == 0
        });
        crate::testing::wait_until("the batch is done", || {
            let now = fixture.steady.time().now;
            self.cataloguer.complete_until(now) == Some(now)
        });
    }
}

fn epochs(fixture: &Fixture) -> Vec<(u64, u64)> {
    fixture.listener.ended.lock().unwrap().iter().map(|it| (it.epoch, it.objects)).collect()
}

#[test]
fn a_study_ends_once_it_was_quiet_and_again_after_objects_that_came_late() {
    let fixture = Fixture::new("archive-end-of-study");
    let steps = Steps::of(&fixture);
    steps.store(&fixture, 1);
    assert!(steps.ending.step() <= STUDY_INTERVAL);
    fixture.clock.pass(QUIET / 2);
    steps.store(&fixture, 2);
    fixture.clock.pass(QUIET * 3 / 4);
    steps.ending.step();
    assert_eq!(epochs(&fixture), [], "quiet for three quarters only");
    fixture.clock.pass(QUIET / 2);
    steps.ending.step();
    steps.ending.step();
    assert_eq!(epochs(&fixture), [(1, 2)]);
    fixture.clock.pass(QUIET);
    steps.store(&fixture, 3);
    fixture.clock.pass(QUIET * 2);
    steps.ending.step();
    assert_eq!(epochs(&fixture), [(1, 2), (2, 3)]);
    let kinds: Vec<_> = fixture.leased("studies").into_iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [EventKind::StudyEnded, EventKind::StudyUpdated]);
}

#[test]
fn a_study_that_was_open_at_a_kill_ends_after_the_next_start() {
    let fixture = Fixture::new("archive-end-restart");
    let steps = Steps::of(&fixture);
    steps.store(&fixture, 1);
    drop(steps);
    fixture.clock.pass(QUIET * 10);
    let next = Steps::of(&fixture);
    next.ending.step();
    assert_eq!(epochs(&fixture), [(1, 1)]);
    next.ending.step();
    assert_eq!(epochs(&fixture), [(1, 1)], "once");
}

#[test]
fn a_wall_clock_that_is_set_ends_no_study_early_or_late() {
    let fixture = Fixture::new("archive-end-clock");
    let steps = Steps::of(&fixture);
    steps.store(&fixture, 1);
    fixture.clock.set(|wall| wall + Duration::from_secs(86_400));
    steps.ending.step();
    assert_eq!(epochs(&fixture), [], "not early");
    fixture.clock.pass(QUIET / 2);
    fixture.clock.set(|wall| wall - Duration::from_secs(10 * 86_400));
    steps.ending.step();
    assert_eq!(epochs(&fixture), []);
    fixture.clock.pass(QUIET);
    steps.ending.step();
    assert_eq!(epochs(&fixture), [(1, 1)], "not late");
}

#[test]
fn no_study_ends_before_what_came_earlier_is_in() {
    let fixture = Fixture::new("archive-end-behind");
    let steps = Steps::of(&fixture);
    steps.store(&fixture, 1);
    fixture.catalog.trouble(|call, _| match call {
        "take_in" => Err(catalog::Error::Unavailable("locked".to_owned())),
        _ => Ok(()),
    });
    // In time, but the catalogue does not take it in.
    fixture.clock.pass(QUIET / 2);
    steps.cataloguer.stored(fixture.store(2, "CT"));
    fixture.clock.pass(QUIET);
    steps.ending.step();
    assert_eq!(epochs(&fixture), []);
    fixture.catalog.mend();
    crate::testing::wait_until("it is in", || {
        let now = fixture.steady.time().now;
        steps.cataloguer.complete_until(now) == Some(now)
    });
    fixture.clock.pass(QUIET * 2);
    steps.ending.step();
    assert_eq!(epochs(&fixture), [(1, 2)]);
}

#[test]
fn no_study_ends_while_intents_are_pending_from_before() {
    let fixture = Fixture::new("archive-end-pending");
    let steps = Steps::of(&fixture);
    steps.store(&fixture, 1);
    fixture.clock.pass(QUIET * 2);
    fixture.catalog.trouble(|call, _| match call {
        "owed" => Err(catalog::Error::Unavailable("locked".to_owned())),
        _ => Ok(()),
    });
    fixture.store(2, "CT");
    steps.cataloguer.add_place(fixture.place());
    steps.ending.step();
    assert_eq!(epochs(&fixture), []);
    fixture.catalog.mend();
    crate::testing::wait_until("it has caught up", || !steps.cataloguer.is_behind());
}
