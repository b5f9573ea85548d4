//! A name is waited for until it is told, no longer, and asked for once.

use crate::limits::{LOOK_UPS_AT_ONCE, NAME_TIMEOUT};
use crate::net::PeerNames;
use platform::exploration::{ToAll, each_notification_counts, explore};
use platform::sync::{Arc, Instant, Timers, pause, refuse_threads, thread};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_name_comes_as_soon_as_it_is_told() {
    explore(Timers::Patient, names_are_told_at_once);
}

#[test]
fn each_notification_is_needed() {
    each_notification_counts("peer_names/mod.rs", &ToAll::NeededBut(0), names_are_told_at_once);
}

/// More peers than are asked for at a time, a slow name server, and threads that cannot be had.
#[test]
fn nobody_waits_longer_than_for_a_moment() {
    for timers in [Timers::Patient, Timers::Hasty] {
        explore(timers, move || {
            refuse_threads(3);
            let at_work = Arc::new(AtomicUsize::new(0));
            let names = Arc::new(PeerNames::with(move |_| {
                assert!(at_work.fetch_add(1, Ordering::SeqCst) < LOOK_UPS_AT_ONCE, "too many");
                thread::sleep(2 * NAME_TIMEOUT);
                at_work.fetch_sub(1, Ordering::SeqCst);
                Some("host".to_owned())
            }));
            let threads: Vec<_> = (1..=3)
                .map(|host| {
                    let names = Arc::clone(&names);
                    thread::spawn(move || {
                        let began = Instant::now();
                        let name = names.name(address(host));
                        // Who is scheduled late may find it.
                        assert!(name.host().is_none() || began.elapsed() >= NAME_TIMEOUT);
                        let waited = began.elapsed();
                        assert!(
                            timers == Timers::Hasty || waited <= 2 * NAME_TIMEOUT,
                            "{waited:?}"
                        );
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}

/// Two ask for one name, one for another.
fn names_are_told_at_once() {
    let began = Instant::now();
    let asked = Arc::new([const { AtomicUsize::new(0) }; 3]);
    let counted = Arc::clone(&asked);
    let names = Arc::new(PeerNames::with(move |address| {
        let IpAddr::V4(address) = address else { return None };
        let host = address.octets()[3];
        counted[usize::from(host)].fetch_add(1, Ordering::SeqCst);
        pause();
        Some(format!("host{host}"))
    }));
    let threads: Vec<_> = [1, 1, 2]
        .into_iter()
        .map(|host| {
            let names = Arc::clone(&names);
            thread::spawn(move || {
                assert_eq!(names.name(address(host)).short(), format!("host{host}"));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(began.elapsed().is_zero(), "waited for {:?}", began.elapsed());
    for count in &asked[1..] {
        assert_eq!(count.load(Ordering::SeqCst), 1, "asked twice");
    }
}

fn address(host: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, host))
}
