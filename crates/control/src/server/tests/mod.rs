//! The server over real sockets, with a program that is made up.

mod access;
mod hostile;
mod protection;

use super::{ControlHandle, start};
use crate::access::Protection;
use crate::monitor::Monitor;
use crate::program::{
    AccessEvent, AccessOutcome, CertificateStatus, CommandCounts, Directory, OpenStudy, Program,
    ReloadFailure, Reloaded, Status,
};
use crate::settings::ControlSettings;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program whose state a test sets.
#[derive(Default)]
struct Fake {
    is_stuck: AtomicBool,
    is_draining: AtomicBool,
    /// `status` does not return while this is set.
    hangs: AtomicBool,
    events: Mutex<Vec<(Option<String>, AccessOutcome)>>,
}

impl Fake {
    fn events(&self) -> Vec<(Option<String>, AccessOutcome)> {
        self.events.lock().unwrap().clone()
    }
}

impl Program for Fake {
    fn status(&self) -> Status {
        while self.hangs.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let directory = Directory {
            path: "/data/incoming".into(),
            free_bytes: Some(5000),
            total_bytes: Some(10_000),
            min_free_bytes: Some(1000),
            trouble: None,
        };
        Status {
            version: "storescp 0.1.0".into(),
            started: SystemTime::UNIX_EPOCH,
            generation: 1,
            settings_since: SystemTime::UNIX_EPOCH,
            settings_file: None,
            listening: Vec::new(),
            connections: 0,
            capacity: 4,
            is_draining: self.is_draining.load(Ordering::Relaxed),
            directories: vec![directory],
        }
    }

    fn settings(&self) -> serde_json::Value {
        serde_json::Value::Null
    }

    fn reload(&self) -> Result<Reloaded, ReloadFailure> {
        Err(ReloadFailure { faults: Vec::new() })
    }

    fn open_studies(&self, _: usize) -> Vec<OpenStudy> {
        Vec::new()
    }

    fn open_study_count(&self) -> usize {
        0
    }

    fn certificates(&self) -> Vec<CertificateStatus> {
        Vec::new()
    }

    fn commands(&self) -> CommandCounts {
        CommandCounts::default()
    }

    fn is_accepting(&self) -> bool {
        !self.is_stuck.load(Ordering::Relaxed)
    }

    fn access(&self, event: &AccessEvent<'_>) {
        let name = event.name.map(str::to_owned);
        self.events.lock().unwrap().push((name, event.outcome));
    }
}

fn local() -> ControlSettings {
    ControlSettings::on("127.0.0.1:0".parse().unwrap())
}

fn serve(settings: &ControlSettings) -> (ControlHandle, Arc<Fake>, SocketAddr) {
    serve_by(&Arc::new(Protection::new(settings).unwrap()))
}

fn serve_by(protection: &Arc<Protection>) -> (ControlHandle, Arc<Fake>, SocketAddr) {
    let fake = Arc::new(Fake::default());
    let program: Arc<dyn Program> = Arc::clone(&fake) as _;
    let handle = start(protection, Arc::new(Monitor::default()), program).unwrap();
    let mut address = handle.addresses()[0];
    if address.ip().is_unspecified() {
        address.set_ip("127.0.0.1".parse().unwrap());
    }
    (handle, fake, address)
}

/// The answer to a request that ends its connection.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    answer(&mut stream)
}

/// What comes until the connection ends.
fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn get(address: SocketAddr, path: &str, fields: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n");
    exchange(address, &request)
}

fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").or(answer.strip_prefix("HTTP/1.0 "));
    let status = status.and_then(|rest| rest.get(..3)).and_then(|digits| digits.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {answer:?}"))
}

#[test]
fn health_is_told_in_text_and_json() {
    let (_handle, fake, address) = serve(&local());
    let live = get(address, "/livez", "");
    assert!(live.starts_with("HTTP/1.1 200 OK\r\n") && live.ends_with("live\naccepting: ok\n"));
    assert_eq!(status(&get(address, "/readyz", "")), 200);
    fake.is_draining.store(true, Ordering::Relaxed);
    let draining = get(address, "/readyz", "Accept: application/json\r\n");
    assert_eq!(status(&draining), 503);
    let body = draining.split_once("\r\n\r\n").unwrap().1;
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["status"], "not ready");
    assert_eq!(body["checks"][0]["reason"], "storescp is shutting down");
    assert_eq!(body["checks"][2]["path"], "/data/incoming");
    assert_eq!(status(&get(address, "/livez", "")), 200, "it ends, but needs no restart");
    fake.is_stuck.store(true, Ordering::Relaxed);
    let stuck = get(address, "/livez", "");
    assert!(status(&stuck) == 503 && stuck.contains("no connection is being accepted"), "{stuck}");
    let head =
        exchange(address, "HEAD /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(status(&head) == 503 && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn what_hangs_in_the_program_does_not_hold_up_livez() {
    let (_handle, fake, address) = serve(&local());
    fake.hangs.store(true, Ordering::Relaxed);
    let waiting: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(status(&get(address, "/livez", "")), 200);
    fake.hangs.store(false, Ordering::Relaxed);
    let mut last = waiting.into_iter().last().unwrap();
    let mut first_bytes = [0; 12];
    last.read_exact(&mut first_bytes).unwrap();
    assert_eq!(&first_bytes, b"HTTP/1.1 200");
}

#[test]
fn every_answer_has_the_headers_that_browsers_heed_and_no_version() {
    let (_handle, _, address) = serve(&local());
    for path in ["/livez", "/", "/nothing/here", "/livez?token=x"] {
        let answer = get(address, path, "").to_lowercase();
        for expected in [
            "cache-control: no-store",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
        ] {
            assert!(answer.contains(expected), "{path}: {answer}");
        }
        assert!(!answer.contains("\nserver:"), "{answer}");
    }
}

#[test]
fn wrong_paths_and_methods_get_an_answer_that_helps() {
    let (_handle, _, address) = serve(&local());
    let missing = get(address, "/metricz", "");
    assert!(status(&missing) == 404 && missing.contains("there is nothing at /metricz"));
    assert!(missing.contains("application/problem+json"));
    let json = "Content-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n";
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        let request = format!("{method} /livez HTTP/1.1\r\nHost: localhost\r\n{json}\r\n");
        let answer = exchange(address, &request);
        assert_eq!(status(&answer), 405, "{answer}");
        assert!(answer.to_lowercase().contains("\nallow: get,head"), "{answer}");
    }
    let head = exchange(address, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn an_address_that_cannot_be_used_is_named_with_what_to_do() {
    let (handle, fake, address) = serve(&local());
    let again = |address: SocketAddr| {
        let program: Arc<dyn Program> = Arc::clone(&fake) as _;
        let protection = Protection::new(&ControlSettings::on(address)).map(Arc::new)?;
        start(&protection, Arc::default(), program).map(drop)
    };
    let error = again(address).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("choose another"), "{error}");
    // Of a network for documentation (RFC 5737), which is nobody's.
    let open: SocketAddr = "192.0.2.1:8042".parse().unwrap();
    assert!(again(open).unwrap_err().to_string().contains("needs TLS and a token or user"));
    let settings = ControlSettings { insecure: true, ..ControlSettings::on(open) };
    let program: Arc<dyn Program> = Arc::clone(&fake) as _;
    let protection = Arc::new(Protection::new(&settings).unwrap());
    let error = start(&protection, Arc::default(), program).map(drop).unwrap_err().to_string();
    assert!(error.contains("192.0.2.1:8042") && error.contains("does not have this address"));
    drop(handle);
    assert!(again(address).is_ok(), "the port is free again at once");
}

#[test]
fn it_stops_at_once_whatever_its_clients_do() {
    let (mut handle, fake, address) = serve(&local());
    let idle: Vec<TcpStream> = (0..20).map(|_| connect(address)).collect();
    fake.hangs.store(true, Ordering::Relaxed);
    let mut hanging = connect(address);
    hanging.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let before = std::time::Instant::now();
    handle.stop();
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    assert!(TcpStream::connect(address).is_err());
    fake.hangs.store(false, Ordering::Relaxed);
    for mut stream in idle {
        assert_eq!(answer(&mut stream), "");
    }
}
