//! Explorations: a few threads, run in one order of their steps after another (feature `explore`).
//!
//! An exploration checks a promise in every order that it tries; a thread that waits for ever is found by
//! itself. Orders are chosen at random, and by priorities that change at few steps (PCT), from a seed,
//! so that a failure comes again. What it is able to find is shown by wrong variants, which it has to
//! catch: each notification of a module left out, by itself, and others written beside the right one.
//!
//! ```sh
//! cargo test --workspace --features explore --lib exploration         # a few seconds
//! EXPLORE_ORDERS=100000 EXPLORE_SEED=7 cargo test … exploration::              # interop/explore
//! ```

use crate::sync::{Timers, Wrong, explore_with, notifications, spoil};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::sync::Arc;

/// Orders that are tried of each exploration where nothing else is asked for.
const ORDERS: usize = 400;
/// Orders in which a wrong variant has to be caught.
const ORDERS_OF_WRONG_ONES: usize = 2000;
/// Steps at which priorities change, of the orders chosen by priorities.
const CHANGES_OF_PRIORITY: usize = 3;
/// An execution that takes more steps goes in circles.
const MOST_STEPS: usize = 200_000;

/// A test's threads, begun and ended by one call.
pub type Body = Arc<dyn Fn() + Send + Sync>;

/// Runs `body` in many orders.
///
/// # Panics
/// As `body` or one of its threads, or if all of them wait.
#[track_caller]
pub fn explore(timers: Timers, body: impl Fn() + Send + Sync + 'static) {
    let orders = number("EXPLORE_ORDERS", ORDERS);
    let outcome = run(timers, Wrong::Nothing, orders, &(Arc::new(body) as Body));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Asserts that exploring a wrong variant fails, and that the failure says one of `how`.
#[track_caller]
pub fn caught(how: &[&str], timers: Timers, body: impl Fn() + Send + Sync + 'static) {
    let outcome = run(timers, Wrong::Nothing, ORDERS_OF_WRONG_ONES, &(Arc::new(body) as Body));
    let failure = outcome.expect_err("this is wrong, and nobody noticed");
    assert!(how.iter().any(|how| failure.contains(how)), "{failure}");
}

/// Of notifications that are for all who wait, which have to be.
pub enum ToAll {
    /// All but so many: where one wakes one, exploring fails.
    NeededBut(usize),
    /// Left out of account: only one waits, or it takes too long to try.
    NotTried,
}

/// Asserts that each notification that `body` comes by in this source file is needed: exploring fails
/// where one of them is left out, and where one for all wakes one.
#[track_caller]
pub fn each_notification_counts(
    file: &str,
    to_all: &ToAll,
    body: impl Fn() + Send + Sync + 'static,
) {
    let body = Arc::new(body) as Body;
    let mut places = Vec::new();
    if let Err(failure) = run_noting(&body, file, &mut places) {
        panic!("{failure}");
    }
    assert!(!places.is_empty(), "no notification in {file}");
    let is_missed =
        |wrong: &Wrong| run(Timers::Patient, *wrong, ORDERS_OF_WRONG_ONES, &body).is_ok();
    let silent = places.iter().map(|place| Wrong::Silent(*place));
    let missed: Vec<_> = silent.filter(is_missed).collect();
    assert!(missed.is_empty(), "left out, and nobody noticed: {missed:?}");
    if let ToAll::NeededBut(spared) = to_all {
        let wakes_one = places.iter().filter(|place| place.to_all);
        let missed: Vec<_> =
            wakes_one.map(|place| Wrong::WakesOne(*place)).filter(is_missed).collect();
        assert_eq!(missed.len(), *spared, "wakes only one, and nobody noticed: {missed:?}");
    }
}

fn run_noting(
    body: &Body,
    file: &str,
    places: &mut Vec<crate::sync::Notification>,
) -> Result<(), String> {
    let noted = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (inner, kept) = (Arc::clone(body), Arc::clone(&noted));
    let noting = Arc::new(move || {
        inner();
        kept.lock().expect("nothing panics with it").extend(notifications());
    }) as Body;
    run(Timers::Patient, Wrong::Nothing, ORDERS, &noting)?;
    let noted = noted.lock().expect("nothing panics with it");
    places.extend(noted.iter().copied().filter(|it| it.file.ends_with(file)));
    places.sort_unstable();
    places.dedup();
    Ok(())
}

/// In a thread of its own, so that nothing is left of an execution that failed.
fn run(timers: Timers, wrong: Wrong, orders: usize, body: &Body) -> Result<(), String> {
    let body = Arc::clone(body);
    let seed = number("EXPLORE_SEED", 1) as u64;
    let exploring = std::thread::spawn(move || {
        let execution = move || {
            explore_with(timers);
            spoil(wrong);
            body();
        };
        let at_random = RandomScheduler::new_from_seed(seed, orders.div_ceil(2));
        Runner::new(at_random, config()).run(execution.clone());
        let by_priority =
            PctScheduler::new_from_seed(seed, CHANGES_OF_PRIORITY, orders.div_ceil(2));
        Runner::new(by_priority, config()).run(execution);
    });
    exploring.join().map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 128 * 1024;
    config.max_steps = MaxSteps::FailAfter(MOST_STEPS);
    config.failure_persistence = FailurePersistence::Print;
    config.silence_warnings = true;
    config
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
