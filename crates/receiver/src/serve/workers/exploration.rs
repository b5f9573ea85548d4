//! Somebody waits for the next connection as long as the server runs, also where threads cannot be had; at rest
//! not too many do; and all end when they are told.

use super::Workers;
use crate::limits::MAX_WAITING_THREADS;
use crate::serve::registry::Registry;
use crate::{OutputSettings, testing};
use platform::exploration::explore;
use platform::sync::{Arc, Timers, refuse_threads, thread};
use platform::testing::Scratch;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use storage::{Directory, Durability};

const PEERS: usize = 4;

#[test]
fn every_connection_is_accepted() {
    let scratch = Scratch::new("exploration-workers");
    let folder = scratch.0.to_str().unwrap().to_owned();
    for refused in [0, 2] {
        let folder = folder.clone();
        explore(Timers::Patient, move || serve(&folder, refused));
    }
}

fn serve(folder: &str, refused: usize) {
    let mut settings = OutputSettings::new(folder.into());
    settings.durability = Durability::None;
    let storage = Directory::open(&settings.directory, Durability::None).unwrap();
    let node = Arc::new(testing::node(settings, std::sync::Arc::new(storage)));
    let registry = Arc::new(Registry::new(PEERS, None));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let workers = Workers::start_on_inherited(listener, node, registry).unwrap();
    refuse_threads(refused);
    let served = Arc::new(AtomicUsize::new(0));
    let peers: Vec<_> = (0..PEERS)
        .map(|_| {
            let served = Arc::clone(&served);
            thread::spawn(move || {
                connect(address);
                served.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    // Each thread waits again or has ended.
    let mut rounds = 0..1000;
    while Arc::strong_count(&workers) != workers.waiting() + 1 {
        assert!(rounds.next().is_some(), "{} are counted as waiting", workers.waiting());
        thread::yield_now();
    }
    let waiting = workers.waiting();
    assert!(waiting >= 1, "nobody waits");
    // Those that found no other thread wait on, whoever else does.
    assert!(refused > 0 || waiting <= MAX_WAITING_THREADS, "{waiting} threads wait");
    workers.stop_accepting();
}

/// A peer that says nothing, and waits until it is served: until its connection is closed.
fn connect(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    stream.set_nonblocking(true).unwrap();
    loop {
        match stream.read(&mut [0; 64]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                thread::yield_now();
            }
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
