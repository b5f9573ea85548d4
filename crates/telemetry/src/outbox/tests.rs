use super::*;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Sends numbers to a channel; what comes of each call is said beforehand.
struct Script {
    sent: Sender<u32>,
    /// Results of the next calls; all goes well from then on.
    results: VecDeque<(usize, Result<(), Failure>)>,
    /// Blocks each call until it is dropped.
    gate: Option<Receiver<()>>,
}

impl Deliver for Script {
    type Item = u32;

    fn deliver(&mut self, items: &[u32]) -> (usize, Result<(), Failure>) {
        if let Some(gate) = &self.gate {
            let _ = gate.recv();
        }
        let (sent, result) = self.results.pop_front().unwrap_or((items.len(), Ok(())));
        items[..sent].iter().for_each(|item| self.sent.send(*item).unwrap());
        (sent, result)
    }
}

fn settings(bytes_waiting: usize) -> OutboxSettings {
    OutboxSettings {
        items: "numbers",
        destination: "a test".to_owned(),
        bytes_waiting,
        batch: 4,
        linger: Duration::ZERO,
    }
}

fn start(
    bytes_waiting: usize,
    results: Vec<(usize, Result<(), Failure>)>,
    gate: Option<Receiver<()>>,
) -> (Arc<Outbox<u32>>, Receiver<u32>) {
    let (sent, received) = channel();
    let script = Script { sent, results: results.into(), gate };
    (Outbox::start(settings(bytes_waiting), script).unwrap(), received)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[test]
fn what_is_handed_over_is_sent_in_order() {
    let (outbox, received) = start(1000, Vec::new(), None);
    (0..100).for_each(|number| outbox.push(number, 1));
    assert_eq!(outbox.finish(soon()), 0);
    assert_eq!(received.try_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
}

#[test]
fn what_fails_is_sent_again_and_what_can_never_be_sent_is_dropped() {
    let results = vec![
        (0, Err(Failure::Later("not now".to_owned()))),
        (0, Err(Failure::Never("too long".to_owned()))),
        (0, Err(Failure::Later("not now".to_owned()))),
    ];
    let (outbox, received) = start(1000, results, None);
    (0..4).for_each(|number| outbox.push(number, 1));
    let unsent = outbox.finish(soon());
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(outbox.dropped(), 1);
    assert!(unsent <= 1, "{unsent}");
}

/// A server that refuses whole requests is not asked again for each item of them.
#[test]
fn what_can_never_be_sent_together_is_dropped_together() {
    let (open, gate) = channel();
    let results = vec![(1, Ok(())), (0, Err(Failure::NeverAny("refused".to_owned())))];
    let (outbox, received) = start(1000, results, Some(gate));
    outbox.push(0, 1);
    // While the first is being sent, the others come together.
    open.send(()).unwrap();
    assert_eq!(received.recv_timeout(Duration::from_secs(20)), Ok(0));
    {
        let mut state = outbox.lock();
        (1..=5).for_each(|number| state.waiting.push_back((number, 1)));
        state.bytes += 5;
        outbox.work.notify_one();
    }
    drop(open);
    outbox.finish(soon());
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [5]);
    assert_eq!((outbox.dropped(), outbox.lock().bytes), (4, 0));
}

#[test]
fn a_server_that_hangs_makes_nobody_wait_and_bounds_what_is_kept() {
    let (open, gate) = channel();
    let (outbox, received) = start(100, Vec::new(), Some(gate));
    let begun = Instant::now();
    (0..100_000).for_each(|number| outbox.push(number, 10));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(outbox.dropped(), 100_000 - 10);
    assert!(outbox.lock().bytes <= 100);
    // The end of the program does not wait for it either.
    let begun = Instant::now();
    assert_eq!(outbox.finish(Instant::now() + Duration::from_millis(50)), 100_000);
    assert!(begun.elapsed() < Duration::from_secs(5));
    drop(open);
    outbox.finish(soon());
    assert_eq!(received.try_iter().collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    outbox.push(7, 10);
    outbox.finish(soon());
    assert_eq!(received.try_iter().collect::<Vec<_>>(), [7]);
}

#[test]
fn pauses_grow_up_to_a_bound() {
    let mut trouble = Trouble::default();
    let delays: Vec<Duration> = (1..40)
        .map(|failures| {
            trouble.failures = failures;
            trouble.delay()
        })
        .collect();
    assert!(delays[0] <= FIRST_RETRY_DELAY && delays[0] >= FIRST_RETRY_DELAY / 2);
    assert!(delays[38] <= LONGEST_RETRY_DELAY && delays[38] >= LONGEST_RETRY_DELAY / 2);
}
