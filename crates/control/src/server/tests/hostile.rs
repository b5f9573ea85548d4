//! Clients that are slow, huge, malformed or many.

use super::{answer, connect, exchange, get, local, serve, status};
use crate::limits::{BODY_BYTES, HEAD_BYTES, MAX_CONNECTIONS};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn malformed_requests_are_answered_or_closed_at_once() {
    let (_handle, _, address) = serve(&local());
    let long = "x".repeat(2 * HEAD_BYTES);
    let many = "A: b\r\n".repeat(200);
    for (what, request, statuses) in [
        ("HTTP/0.9", "GET /livez\r\n".to_owned(), [400].as_slice()),
        ("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[]),
        ("no HTTP", "\u{1}\u{0}\u{0}A-ASSOCIATE-RQ\r\n\r\n".to_owned(), &[400]),
        ("a long target", format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), &[414, 431]),
        ("a long field", format!("GET / HTTP/1.1\r\nHost: localhost\r\nA: {long}\r\n\r\n"), &[431]),
        ("many fields", format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), &[431]),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
            &[400],
        ),
        (
            "length and chunks",
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n\r\nab".to_owned(),
            &[400],
        ),
        ("a folded field", "GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n".to_owned(), &[400]),
    ] {
        let before = Instant::now();
        let answer = exchange(address, &request);
        let is_closed = statuses.is_empty() && answer.is_empty();
        assert!(is_closed || statuses.contains(&status(&answer)), "{what}: {answer}");
        assert!(before.elapsed() < Duration::from_secs(5), "{what}: {:?}", before.elapsed());
    }
    assert_eq!(status(&get(address, "/livez", "")), 200);
}

#[test]
fn bodies_are_bounded() {
    let (_handle, _, address) = serve(&local());
    let head = "POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let fits = format!(
        "{head}Connection: close\r\nContent-Length: {BODY_BYTES}\r\n\r\n{}",
        "x".repeat(BODY_BYTES)
    );
    assert_eq!(status(&exchange(address, &fits)), 405);
    let announced = format!("{head}Content-Length: 999999999999\r\n\r\nx");
    assert_eq!(status(&exchange(address, &announced)), 413);
    // Without an end.
    let mut stream = connect(address);
    stream.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    let most = 100_000;
    let sent = (0..most).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    assert!(sent < most, "it is cut off");
}

#[test]
fn slow_heads_and_bodies_are_cut_off() {
    let (_handle, _, address) = serve(&local());
    let before = Instant::now();
    let mut silent = connect(address);
    let mut slow = connect(address);
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost: local").unwrap();
    let mut body = connect(address);
    body.write_all(
        b"POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n",
    )
    .unwrap();
    let mut idle = connect(address);
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // Each byte is no new beginning.
    while before.elapsed() < Duration::from_secs(8) {
        std::thread::sleep(Duration::from_secs(1));
        let _ = slow.write_all(b"x");
        let _ = body.write_all(b"x");
    }
    assert_eq!(answer(&mut silent), "");
    let _ = answer(&mut slow);
    assert_eq!(status(&answer(&mut body)), 408);
    assert_eq!(status(&answer(&mut idle)), 200, "and then it is closed");
    let elapsed = before.elapsed();
    assert!((9..14).contains(&elapsed.as_secs()), "{elapsed:?}");
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_handle, _, address) = serve(&local());
    let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(99);
    let last = "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answers = exchange(address, &format!("{request}{last}"));
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 99);
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1);
}

#[test]
fn many_connections_keep_nobody_from_an_answer() {
    let (_handle, _, address) = serve(&local());
    let mut crowd: Vec<TcpStream> = Vec::new();
    for count in 0..3 * MAX_CONNECTIONS {
        let mut stream = connect(address);
        let _ = stream.write_all(b"GET /livez HTTP/1.1\r\n");
        crowd.push(stream);
        if count % 100 == 0 {
            assert_eq!(status(&get(address, "/livez", "")), 200, "with {count} others");
        }
    }
    std::thread::sleep(Duration::from_millis(200));
    let mut open = 0;
    for stream in &mut crowd {
        stream.set_nonblocking(true).unwrap();
        let mut byte = [0];
        let is_open = matches!(stream.read(&mut byte),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
        open += usize::from(is_open);
    }
    assert!((1..=MAX_CONNECTIONS).contains(&open), "{open} of {} are open", crowd.len());
}
