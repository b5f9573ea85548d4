//! Tests hostile clients of the control plane: slow, huge, malformed, or ten thousand. No association waits for them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use interop::process::{eventually, patient};
use interop::wire::{Client, Request};
use interop::{Object, Program, Server};

use crate::hostile::hundred_stores;
use crate::metrics::{http_address, start, try_get};

/// Connections that drip at a time.
const CROWD: usize = 10_000;

/// What the control plane may hold: connections, listeners, its runtime.
const MOST_DESCRIPTORS: usize = 256 + 16;

/// More memory than so many connections may cost.
const MEMORY_LIMIT_KIB: u64 = 64 * 1024;

/// Longest wait for an answer about health.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The answer to `/livez`: its status, and how long it took.
fn live(address: &str) -> (bool, Duration) {
    let before = Instant::now();
    let answer = try_get(address, "/livez", "*/*").unwrap_or_default();
    (answer.starts_with("HTTP/1.1 200"), before.elapsed())
}

/// Connections that send a byte now and then, and connect again when they are closed.
struct Crowd {
    is_over: AtomicBool,
    connected: AtomicUsize,
    closed: AtomicUsize,
}

impl Crowd {
    const THREADS: usize = 4;

    /// Runs `action` once the crowd is there.
    fn around<T>(address: &str, action: impl FnOnce(&Self) -> T) -> T {
        let crowd = Self {
            is_over: AtomicBool::new(false),
            connected: AtomicUsize::new(0),
            closed: AtomicUsize::new(0),
        };
        thread::scope(|scope| {
            for _ in 0..Self::THREADS {
                scope.spawn(|| crowd.drip(address));
            }
            let all = || crowd.connected.load(Ordering::Relaxed) >= CROWD;
            eventually("the crowd is there", patient(Duration::from_secs(60)), all);
            let result = action(&crowd);
            crowd.is_over.store(true, Ordering::Relaxed);
            result
        })
    }

    fn drip(&self, address: &str) {
        let mut streams: Vec<TcpStream> = Vec::new();
        let is_over = || self.is_over.load(Ordering::Relaxed);
        while !is_over() && streams.len() < CROWD / Self::THREADS {
            streams.extend(self.connect(address));
        }
        while !is_over() {
            for stream in &mut streams {
                let mut byte = [0];
                let is_closed = stream.write_all(b"x").is_err()
                    || matches!(stream.read(&mut byte), Ok(0))
                    || is_over();
                if is_closed {
                    self.closed.fetch_add(1, Ordering::Relaxed);
                    if let Some(next) = self.connect(address).filter(|_| !is_over()) {
                        *stream = next;
                    }
                    // A hostile client, but one that leaves the processors to those who are measured.
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    fn connect(&self, address: &str) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(address).ok()?;
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nX: ");
        stream.set_nonblocking(true).ok()?;
        self.connected.fetch_add(1, Ordering::Relaxed);
        Some(stream)
    }
}

#[test]
fn ten_thousand_dripping_connections_hold_up_no_association() {
    let server = start(&[]);
    let address = http_address(&server);
    let fastest = |count| (0..count).map(|_| hundred_stores(&server)).min().expect("several");
    let alone = fastest(3);
    let (memory, descriptors) = (server.resident_kib(), server.descriptors());
    let in_the_crowd = Crowd::around(&address, |crowd| {
        let took = fastest(5);
        let (is_live, waited) = live(&address);
        assert!(is_live && waited < patient(AT_ONCE), "/livez: {is_live} after {waited:?}");
        let held = server.descriptors() - descriptors;
        assert!(held <= MOST_DESCRIPTORS, "{held} descriptors");
        assert!(held > 100, "only {held} connections are there");
        let more = server.resident_kib().saturating_sub(memory);
        assert!(more < MEMORY_LIMIT_KIB, "{more} KiB more");
        assert!(crowd.closed.load(Ordering::Relaxed) > CROWD / 2, "most are closed");
        took
    });
    // The crowd takes a part of the processors by itself.
    let limit = alone * 3 + Duration::from_millis(500);
    assert!(in_the_crowd < limit, "{in_the_crowd:?} with the crowd, {alone:?} without");
    eventually("all are gone", patient(Duration::from_secs(20)), || {
        server.descriptors() <= descriptors + 2
    });
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

/// With few descriptors, the control plane takes few of them, and associations get theirs.
#[test]
fn the_control_plane_leaves_descriptors_to_associations() {
    let options = ["-v", "--http", "127.0.0.1:0", "--max-associations", "40"];
    let server = Server::with(Program::Ours, &options).after_shell("ulimit -n 512").start();
    let address = http_address(&server);
    let before = server.descriptors();
    let crowd: Vec<TcpStream> =
        (0..400).filter_map(|_| TcpStream::connect(&address).ok()).collect();
    let mut clients: Vec<Client> =
        (0..40).map(|_| Client::associate(server.port(), &Request::usual()).0).collect();
    let object = Object::ct(2000);
    for client in &mut clients {
        assert_eq!(client.store(3, &object).status(), 0);
    }
    let held = server.descriptors() - before;
    assert!(held <= 512 / 16 + 2 * 40 + 16, "{held} descriptors more");
    assert!(live(&address).0);
    drop(crowd);
}

/// Requests with bytes changed, cut, repeated and left out: each is answered or closed, and nothing else happens.
#[test]
fn malformed_requests_harm_nobody() {
    let server = start(&[]);
    let address = http_address(&server);
    let good = b"POST /api/v1/reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
                 \r\n{}GET /metrics HTTP/1.0\r\nAuthorization: Basic YTpi\r\nHost: x\r\n\r\n";
    let mut state = 7_u64;
    let mut below = |limit: usize| {
        // MMIX's linear congruential generator, whose high bits are good enough.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % limit
    };
    let statuses = Mutex::new(Vec::new());
    for _ in 0..300 {
        let mut bytes = good.to_vec();
        for _ in 0..=below(4) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = u8::try_from(below(256)).expect("a byte"),
                1 => bytes.truncate(at + 1),
                2 => drop(bytes.drain(at..(at + 9).min(bytes.len()))),
                _ => bytes.extend_from_within(at / 2..at),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        let mut stream = TcpStream::connect(&address).expect("a connection");
        stream.set_read_timeout(Some(patient(Duration::from_secs(20)))).expect("a timeout");
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        // It may be reset, since not all that was sent is read.
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(text.is_empty() || text.starts_with("HTTP/1."), "{bytes:?}: {text}");
        statuses.lock().expect("a lock").push(text.get(9..12).unwrap_or("").to_owned());
    }
    let statuses = statuses.into_inner().expect("a lock");
    assert!(statuses.iter().any(|status| status == "400"), "{statuses:?}");
    // A ClientHello, on a port without TLS.
    let mut stream = TcpStream::connect(&address).expect("a connection");
    let _ = stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
    assert!(live(&address).0);
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
    hundred_stores(&server);
}
