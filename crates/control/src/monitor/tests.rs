//! What is noted while associations come and go.

use super::*;
use crate::limits::{ASSOCIATION_BYTES, CONTEXTS_BYTES, HISTORY_BYTES, REFUSALS_BYTES};
use crate::monitor::testing::{peer, uid};
use proto::Status;
use receiver::{AcceptorPolicy, AeTitle, AssociationEnd, Peer, StatusCounts, Treatment};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn treatment() -> Treatment {
    Treatment::with_policy(
        AcceptorPolicy {
            max_pdu_bytes: 16384,
            implementation_class_uid: uid("2.25.1"),
            implementation_version_name: proto::VersionName::parse(b"TEST").unwrap(),
            refuse: false,
            require_implementation_class_uid: false,
            abstract_syntaxes: proto::AbstractSyntaxes::new(),
            user_identity_response: None,
        },
        None,
    )
}

/// Begins and ends associations, and sends objects of them.
struct Sender<'m> {
    monitor: &'m Monitor,
    treatment: Treatment,
    proposal: (proto::Proposal, proto::Acceptance),
}

impl<'m> Sender<'m> {
    fn new(monitor: &'m Monitor) -> Self {
        Self { monitor, treatment: treatment(), proposal: testing::three_contexts() }
    }

    fn begin(&self, number: u64) {
        let accepted = Accepted {
            peer: &peer(number),
            proposal: &self.proposal.0,
            acceptance: &self.proposal.1,
            treatment: &self.treatment,
            tls: None,
        };
        self.monitor.association_accepted(&accepted, Some("ct"));
    }

    /// An object in pieces of 1000 bytes.
    fn store(&self, number: u64, pieces: u64) {
        let (peer, uid) = (peer(number), uid("1.2.3"));
        for piece in 1..=pieces {
            self.monitor.received(&Received::new(&peer, 1000, piece == pieces));
        }
        self.monitor.stored(&StoredObject {
            sop_class: &uid,
            sop_instance: &uid,
            peer: &peer,
            requested: SystemTime::now(),
            treatment: &self.treatment,
            receive: Duration::ZERO,
            commit: Duration::ZERO,
            received_bytes: 1000 * pieces,
            stored_bytes: 0,
            transfer_syntax: "",
            file: None,
            intent: None,
            attributes: None,
        });
    }

    fn refuse(&self, number: u64, reason: &str) {
        let (peer, uid) = (peer(number), uid("1.2.3"));
        let status = Status::CANNOT_UNDERSTAND;
        let (sop_class, sop_instance) = (&uid, &uid);
        let refused = Refused::Object { peer: &peer, sop_class, sop_instance, status, reason };
        self.monitor.refused(&refused, None);
    }

    fn end(&self, number: u64) {
        self.monitor.association_ended(&summary(number));
    }
}

pub(crate) fn summary(number: u64) -> Summary {
    Summary::new(peer(number), Duration::from_millis(1500), AssociationEnd::Released)
}

#[test]
fn an_association_is_seen_from_its_beginning_to_its_end() {
    let monitor = Monitor::default();
    let sender = Sender::new(&monitor);
    sender.begin(7);
    let (facts, progress) = monitor.live_association(7).unwrap();
    assert_eq!((facts.peer, facts.rule.as_deref()), (peer(7), Some("ct")));
    assert_eq!((progress.objects, progress.bytes, progress.is_receiving), (0, 0, false));

    monitor.received(&Received::new(&peer(7), 500, false));
    let (_, progress) = monitor.live_association(7).unwrap();
    assert_eq!((progress.objects, progress.bytes, progress.is_receiving), (0, 500, true));
    sender.store(7, 2);
    sender.refuse(7, "damaged");
    let (_, progress) = monitor.live_association(7).unwrap();
    assert_eq!((progress.objects, progress.objects_refused, progress.bytes), (1, 1, 2500));
    assert!(
        !progress.is_receiving && progress.last_activity >= facts.since - Duration::from_millis(1)
    );

    sender.end(7);
    assert!(monitor.live_association(7).is_none() && monitor.live(None, 10).is_empty());
    let ended = monitor.ended_association(7).unwrap();
    assert_eq!(ended.value.summary, summary(7));
    assert_eq!(ended.value.facts.as_ref().unwrap().contexts.iter().count(), 3);
    assert_eq!((monitor.totals().accepted.value(), monitor.totals().released.value()), (1, 1));
    assert_eq!(
        (monitor.totals().bytes.value(), monitor.totals().objects_refused.value()),
        (2500, 1)
    );
}

#[test]
fn a_refusal_has_a_hint_unless_the_program_knows_a_better_one() {
    let monitor = Monitor::default();
    let sender = Sender::new(&monitor);
    sender.refuse(3, &"x".repeat(9000));
    let refused = Refused::Association {
        peer: &peer(4),
        rejection: proto::Rejection::CALLING_AE_TITLE,
        reason: "no rule",
    };
    monitor.refused(&refused, Some("ask Bob"));
    let refusals = monitor.refusals(None, 10, |_| true);
    assert_eq!(refusals[0].value.hint.as_deref(), Some("ask Bob"));
    assert!(refusals[1].value.hint.as_deref().unwrap().contains("damaged"));
    assert_eq!(refusals[1].value.reason.len(), crate::limits::REASON_BYTES);
    let only = monitor.refusals(None, 10, |it| matches!(it.what, What::Association(_)));
    assert_eq!(only.len(), 1);
}

/// A thread for each association, and readers at full speed: what they see of an association belongs together, each
/// association that has ended is there once, with its facts, and no writer is held up.
#[test]
fn readers_see_numbers_that_belong_together_and_lose_nothing() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 200;
    const OBJECTS: u64 = 20;
    let monitor = Monitor::default();
    let over = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let monitor = &monitor;
                scope.spawn(move || {
                    let sender = Sender::new(monitor);
                    for association in 1..=EACH {
                        let number = association * WRITERS + writer;
                        sender.begin(number);
                        (0..OBJECTS).for_each(|_| sender.store(number, 1));
                        sender.end(number);
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for (facts, progress) in monitor.live(None, 100) {
                        assert_eq!(facts.rule.as_deref(), Some("ct"));
                        // A piece is told before its object.
                        let ahead = progress.bytes / 1000 - progress.objects;
                        assert!(ahead <= 1, "{progress:?}");
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                    let keys: Vec<u64> = monitor.ended(None, 50).iter().map(|it| it.key).collect();
                    assert!(keys.is_sorted_by(|one, next| one > next));
                }
            });
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        over.store(true, Ordering::Relaxed);
    });
    let ended = monitor.ended(None, usize::MAX);
    let numbers: HashSet<u64> = ended.iter().map(|it| it.value.summary.peer.association).collect();
    assert_eq!((ended.len() as u64, numbers.len() as u64), (WRITERS * EACH, WRITERS * EACH));
    assert_eq!(monitor.totals().objects_stored.value(), WRITERS * EACH * OBJECTS);
    assert_eq!(monitor.live_count(), 0);
}

/// Numbers of one change are never seen in part.
#[test]
fn a_piece_and_its_end_are_one_change() {
    let monitor = Monitor::default();
    let sender = Sender::new(&monitor);
    sender.begin(1);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // After an even number of pieces a data set is complete.
            for piece in 0..200_000_u64 {
                monitor.received(&Received::new(&peer(1), 1, piece % 2 == 1));
            }
            over.store(true, Ordering::Relaxed);
        });
        while !over.load(Ordering::Relaxed) {
            let (_, progress) = monitor.live_association(1).unwrap();
            assert_eq!(progress.is_receiving, progress.bytes % 2 == 1, "{progress:?}");
        }
    });
}

/// Hostile peers: proposals as large as can be, and refusals without end.
#[test]
fn what_is_kept_is_bounded() {
    let monitor = Monitor::default();
    let mut sender = Sender::new(&monitor);
    sender.proposal = testing::as_large_as_can_be();
    for number in 1..=3 * ENDED_ASSOCIATIONS as u64 {
        sender.begin(number);
        sender.end(number);
    }
    let ended = monitor.ended(None, usize::MAX);
    assert_eq!(ended.len(), ENDED_ASSOCIATIONS);
    assert_eq!(ended[0].value.summary.peer.association, 3 * ENDED_ASSOCIATIONS as u64);
    assert!(ended.iter().all(|it| it.value.facts.is_some()));
    const { assert!(CONTEXTS_BYTES < ASSOCIATION_BYTES) };
    let facts = Arc::downgrade(ended[0].value.facts.as_ref().unwrap());
    drop(ended);
    for number in 0..2 * ENDED_ASSOCIATIONS as u64 {
        sender.end(number);
    }
    assert_eq!(facts.strong_count(), 0, "facts of associations that have fallen out are freed");

    let peer: SocketAddr = "10.0.0.1:1".parse().unwrap();
    let (cause, reason) = (receiver::ConnectionRefusal::HostAccess, "host access control");
    (0..3 * REFUSALS)
        .for_each(|_| monitor.refused(&Refused::Connection { peer, cause, reason }, None));
    assert_eq!(monitor.refusals(None, usize::MAX, |_| true).len(), REFUSALS);
    assert_eq!(monitor.totals().connections_refused.value(), 3 * REFUSALS as u64);
}

/// What hostile peers make the monitor hold at worst, measured.
#[test]
fn the_bounds_hold_in_bytes() {
    let mut monitor = None;
    let empty = allocation_counter::measure(|| monitor = Some(Monitor::default()));
    let monitor = monitor.unwrap();
    let mut sender = Sender::new(&monitor);
    sender.proposal = testing::as_large_as_can_be();
    let history = allocation_counter::measure(|| {
        for number in 1..=ENDED_ASSOCIATIONS as u64 + 500 {
            sender.begin(number);
            sender.end(number);
        }
    });
    let held = usize::try_from(history.bytes_current).unwrap();
    assert!(held > ENDED_ASSOCIATIONS * CONTEXTS_BYTES / 2, "{held}: they are kept");
    assert!(held <= HISTORY_BYTES, "{held} bytes of {HISTORY_BYTES}");

    let (peer, uid) = (peer(1), uid(&format!("1.2.{:060}", 1)));
    let reason = "ÄÖ".repeat(5000);
    let refusals = allocation_counter::measure(|| {
        for _ in 0..REFUSALS + 1000 {
            let status = Status::CANNOT_UNDERSTAND;
            let (sop_class, sop_instance, reason) = (&uid, &uid, reason.as_str());
            let refused = Refused::Object { peer: &peer, sop_class, sop_instance, status, reason };
            monitor.refused(&refused, Some(reason));
        }
    });
    let held = usize::try_from(refusals.bytes_current).unwrap();
    assert!(held <= REFUSALS_BYTES, "{held} bytes of {REFUSALS_BYTES}");
    assert!(empty.bytes_current < 1 << 20, "{} bytes of an empty one", empty.bytes_current);
}

/// Not a test of speed, but of orders of magnitude: what an object costs beside what it takes to store one.
#[test]
fn noting_an_object_takes_microseconds_at_most() {
    let monitor = Monitor::default();
    let sender = Sender::new(&monitor);
    sender.begin(1);
    let begun = Instant::now();
    (0..10_000).for_each(|_| sender.store(1, 1));
    let each = begun.elapsed() / 10_000;
    println!("{each:?} for each object");
    assert!(each < Duration::from_micros(100), "{each:?}");
}

#[test]
fn blank_and_hostile_titles_are_kept_as_sent() {
    let monitor = Monitor::default();
    let hostile = AeTitle::from_field(*b"\x1b[2J\"\\\n\xff\x00\x01\x02\x03\x04\x05\x06\x07");
    let peer = Peer { calling_ae: hostile, ..peer(9) };
    let rejection = proto::Rejection::CALLED_AE_TITLE;
    monitor.refused(&Refused::Association { peer: &peer, rejection, reason: "\u{1b}[2J" }, None);
    let refusal = monitor.refusals(None, 1, |_| true).pop().unwrap();
    assert_eq!(refusal.value.titles.unwrap().calling, hostile);
    assert_eq!(&*refusal.value.reason, "?[2J");
    assert_eq!(StatusCounts::default().total(), 0);
}
