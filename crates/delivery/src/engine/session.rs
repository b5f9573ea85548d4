//! A session's thread: takes deliveries, has them delivered, and survives whatever the session does.

use super::report::FailureClass;
use super::running::{Next, Running};
use crate::{Destination, Item, Outcome, Session};
use catalog::{Delivery, DeliveryId, EventKind};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Starts a thread for a session of `running`, which has counted it.
///
/// # Errors
/// Those of the operating system.
pub(crate) fn start(running: &Arc<Running>) -> io::Result<()> {
    let running = Arc::clone(running);
    let name = "delivery".to_owned();
    thread::Builder::new().name(name).spawn(move || run(&running)).map(drop)
}

/// A session, and which of the destinations that took each other's place it is of.
type Opened = Option<(u64, Box<dyn Session>)>;

fn run(running: &Arc<Running>) {
    let clock = &running.shared.clock;
    let mut session: Opened = None;
    let mut idle_since = clock.elapsed();
    loop {
        match running.next(idle_since) {
            Next::Deliver(deliveries, destination, version) => {
                deliver(running, &mut session, (destination.as_ref(), version), deliveries);
                idle_since = clock.elapsed();
            }
            Next::Idle(since) => idle(&mut session, since),
            Next::End => break,
        }
    }
    close(&mut session);
    running.remove_thread();
}

fn deliver(
    running: &Arc<Running>,
    session: &mut Opened,
    (destination, version): (&dyn Destination, u64),
    deliveries: Vec<Delivery>,
) {
    let items: Vec<Item> =
        deliveries.into_iter().filter_map(|delivery| item(running, delivery)).collect();
    if items.is_empty() {
        running.returned(&[], None);
        return;
    }
    if session.as_ref().is_some_and(|(of, _)| *of != version) {
        close(session);
    }
    let mut told = vec![false; items.len()];
    let mut lies = 0_u32;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let (_, session) = session.get_or_insert_with(|| (version, destination.open()));
        let mut tell = |index: usize, outcome: Outcome| match told.get_mut(index) {
            Some(told) if !*told => {
                *told = true;
                running.told(&items[index].delivery, outcome);
            }
            _ => lies = lies.saturating_add(1),
        };
        session.deliver(&items, &running.stop, &mut tell);
    }));
    if lies > 0 {
        tracing::warn!(
            destination = running.name,
            "destination {}: outcomes of deliveries that it does not have, or had told: {lies}; they are ignored",
            running.name
        );
    }
    let fault = match panicked {
        Ok(()) if running.stop.is_set() || told.contains(&true) => None,
        Ok(()) => {
            Some((FailureClass::Again, "the session did not say what became of it".to_owned()))
        }
        Err(panic) => {
            close(session);
            let reason = format!("a mistake of this program: {}", message(panic.as_ref()));
            tracing::error!(destination = running.name, "destination {}: {reason}", running.name);
            Some((FailureClass::Panicked, reason))
        }
    };
    let is_untold = |(item, told): (&Item, &bool)| (!told).then_some(item.delivery.id);
    let untold: Vec<DeliveryId> = items.iter().zip(&told).filter_map(is_untold).collect();
    running.returned(&untold, fault);
}

/// A delivery with the file to read; `None` if it cannot be delivered.
fn item(running: &Arc<Running>, delivery: Delivery) -> Option<Item> {
    let Some(instance) = &delivery.instance else {
        if delivery.event.kind == EventKind::ObjectStored {
            running
                .missing(delivery.id, "the catalogue does not know the object any more".to_owned());
            return None;
        }
        return Some(Item {
            delivery,
            path: None,
            missing: false,
            source: running.shared.source.clone(),
        });
    };
    match running.shared.spool.path(instance) {
        Ok(Some(path)) => Some(Item {
            path: Some(path),
            missing: false,
            delivery,
            source: running.shared.source.clone(),
        }),
        Ok(None) => {
            let reason = "the file of the object is gone: neither its link in the spool nor its final name is there";
            running.missing(delivery.id, reason.to_owned());
            None
        }
        Err(error) => {
            running.not_tried(
                delivery.id,
                &format!("the file of the object cannot be found: {error}"),
            );
            None
        }
    }
}

fn idle(session: &mut Opened, since: Duration) {
    if let Some((_, open)) = session
        && catch_unwind(AssertUnwindSafe(|| open.idle(since))).is_err()
    {
        close(session);
    }
}

/// Drops a session, even one that panics at that.
fn close(session: &mut Opened) {
    let session = session.take();
    let _ = catch_unwind(AssertUnwindSafe(|| drop(session)));
}

/// Only constant text: what was put together may quote a data set.
fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic.downcast_ref::<&'static str>().copied().unwrap_or("it panicked")
}
