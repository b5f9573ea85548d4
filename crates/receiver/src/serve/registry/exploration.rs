//! Connections are admitted up to the limits, each slot is free again, and the end of the server waits
//! for what is in flight, and for nothing else.

use super::{Admission, Registry, Slot};
use platform::exploration::{ToAll, caught, each_notification_counts, explore};
use platform::sync::{Arc, Instant, Timers, pause, thread};
use rustix::net::sockopt;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(3600);
const MOST: usize = 2;

#[test]
fn no_more_are_admitted_than_the_limits_say() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, || {
            let registry = Arc::new(Registry::new(MOST, Some(1)));
            let (stream, _peer) = connection();
            let admitted = Arc::new([const { AtomicUsize::new(0) }; 3]);
            let threads: Vec<_> = [1, 1, 2, 3]
                .into_iter()
                .map(|host| {
                    let (registry, stream) = (Arc::clone(&registry), Arc::clone(&stream));
                    let admitted = Arc::clone(&admitted);
                    thread::spawn(move || connect_twice(&registry, &stream, host, &admitted))
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            for host in [1, 2] {
                let slot = admit(&registry, &stream, host).expect("one is free");
                assert_eq!(slot.past_limit(), None, "each slot is free again");
            }
        });
    }
}

fn connect_twice(
    registry: &Arc<Registry>,
    stream: &Arc<TcpStream>,
    host: u8,
    admitted: &[AtomicUsize; 3],
) {
    for _ in 0..2 {
        let Some(slot) = admit(registry, stream, host) else { continue };
        let of_host = &admitted[usize::from(host - 1)];
        match slot.past_limit() {
            None => {
                assert_eq!(of_host.fetch_add(1, Ordering::SeqCst), 0, "two of a host");
                let all = admitted.iter().map(|it| it.load(Ordering::SeqCst)).sum::<usize>();
                assert!(all <= MOST, "more than are to be served");
                pause();
                of_host.fetch_sub(1, Ordering::SeqCst);
            }
            Some(_) => pause(),
        }
    }
}

#[test]
fn the_end_waits_for_messages_and_not_for_the_idle() {
    explore(Timers::Patient, || end_while_messages_come(message));
}

/// Noted as idle after looking whether the server ends, it may be overlooked by both sides.
#[test]
fn looking_for_the_end_before_being_idle_is_caught() {
    caught(&["nobody told"], Timers::Patient, || {
        end_while_messages_come(|slot| {
            slot.set_busy(true);
            pause();
            let ends = slot.is_draining();
            slot.set_busy(false);
            ends
        });
    });
}

#[test]
fn a_second_signal_ends_the_grace_period() {
    explore(Timers::Patient, end_is_cut_short);
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("registry/mod.rs", &ToAll::NotTried, || {
        end_while_messages_come(message);
        end_is_cut_short();
    });
}

/// As an association does: it is busy while a message is under way, and looks afterwards.
fn message(slot: &Slot) -> bool {
    slot.set_busy(true);
    pause();
    slot.set_busy(false);
    slot.is_draining()
}

/// Two associations with a message each, and then silent peers.
fn end_while_messages_come(message: fn(&Slot) -> bool) {
    let began = Instant::now();
    let registry = Arc::new(Registry::new(MOST, None));
    let serving: Vec<_> = (1..=2)
        .map(|host| {
            let registry = Arc::clone(&registry);
            thread::spawn(move || {
                let (stream, _peer) = connection();
                let Some(slot) = admit(&registry, &stream, host) else { return };
                if !message(&slot) {
                    read(&stream);
                }
            })
        })
        .collect();
    let drained = registry.drain(GRACE);
    assert_eq!((drained.cut_off, drained.cut_short), (0, false), "nobody told one that it ends");
    assert!(began.elapsed() < GRACE, "waited for the whole grace period");
    serving.into_iter().for_each(|thread| thread.join().unwrap());
    let (stream, _peer) = connection();
    assert!(admit(&registry, &stream, 1).is_none(), "admitted after the end");
}

/// A message does not end within the grace period.
fn end_is_cut_short() {
    let began = Instant::now();
    let registry = Arc::new(Registry::new(MOST, None));
    let (stream, _peer) = connection();
    let slot = admit(&registry, &stream, 1).expect("it is free");
    slot.set_busy(true);
    let serving = thread::spawn(move || {
        read(&stream);
        drop(slot);
    });
    let signalled = Arc::clone(&registry);
    let second_signal = thread::spawn(move || signalled.cut_short());
    let drained = registry.drain(GRACE);
    second_signal.join().unwrap();
    serving.join().unwrap();
    assert_eq!((drained.cut_off, drained.cut_short), (1, true));
    assert!(began.elapsed() < GRACE, "waited for the whole grace period");
}

fn admit(registry: &Arc<Registry>, stream: &Arc<TcpStream>, host: u8) -> Option<Slot> {
    match registry.admit(stream, IpAddr::V4(Ipv4Addr::new(192, 0, 2, host))) {
        Admission::Slot(slot) => Some(slot),
        Admission::Full | Admission::Ending => None,
    }
}

/// Ours, and the end of a peer that says nothing.
fn connection() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let ours = listener.accept().unwrap().0;
    ours.set_nonblocking(true).unwrap();
    // Thousands of them: none keeps its port when it is closed.
    for stream in [&ours, &peer] {
        sockopt::set_socket_linger(stream, Some(Duration::ZERO)).unwrap();
    }
    (Arc::new(ours), peer)
}

/// Waits for the end of the stream.
fn read(mut stream: &TcpStream) {
    while stream.read(&mut [0]).is_err() {
        thread::sleep(GRACE / 8);
    }
}
