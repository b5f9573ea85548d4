//! Servers that fail, hang, drip and lie.

use super::server::{Server, Stream};
use super::*;
use std::net::TcpListener;
use std::time::Instant;

fn quick(url: &str) -> Box<dyn Session> {
    let mut settings = settings(url);
    settings.http.timeout = Duration::from_millis(700);
    session(&settings)
}

fn writes(text: impl Into<Vec<u8>>) -> Server {
    let text = text.into();
    Server::start(Box::new(move |_, stream| {
        let _ = stream.write_all(&text).and_then(|()| stream.flush());
        false
    }))
}

/// Bytes without end, one piece every so often, until the client goes away.
fn drips(head: &'static str, piece: &'static [u8], pause: Duration) -> Server {
    Server::start(Box::new(move |_, stream: &mut dyn Stream| {
        let mut alive = stream.write_all(head.as_bytes()).is_ok();
        while alive {
            alive = stream.write_all(piece).and_then(|()| stream.flush()).is_ok();
            std::thread::sleep(pause);
        }
        false
    }))
}

#[track_caller]
fn within(most: Duration, action: impl FnOnce() -> Outcome) -> Outcome {
    let begun = Instant::now();
    let outcome = action();
    assert!(begun.elapsed() < most, "took {:?}: {outcome:?}", begun.elapsed());
    outcome
}

#[test]
fn nobody_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_unreachable(&deliver_one(&mut *quick(&url)), &["cannot connect", "Connection refused"]);
    let unknown = deliver_one(&mut *quick("http://nobody.invalid/"));
    assert_unreachable(&unknown, &["nobody.invalid: "]);
}

#[test]
fn a_server_that_hangs_costs_the_time_out_and_no_more() {
    // Not even accepted.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let outcome = within(Duration::from_secs(10), || deliver_one(&mut *quick(&url)));
    assert_unreachable(&outcome, &["no answer within 0.7 s"]);
    let hangs = Server::start(Box::new(|_, stream| {
        let _ = stream.read(&mut [0]);
        false
    }));
    let outcome = within(Duration::from_secs(10), || deliver_one(&mut *quick(&hangs.url())));
    assert_unreachable(&outcome, &["no answer within 0.7 s"]);
}

#[test]
fn a_server_that_drips_its_head_costs_the_time_out_and_no_more() {
    let server = drips("HTTP/1.1 200 OK\r\nX: ", b"x", Duration::from_millis(20));
    let outcome = within(Duration::from_secs(10), || deliver_one(&mut *quick(&server.url())));
    assert_unreachable(&outcome, &["no answer within"]);
}

/// The status has said it all.
#[test]
fn a_body_that_never_ends_changes_nothing() {
    let endless = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    for (piece, pause) in [(&[b'x'; 4096][..], 0), (b"x", 20)] {
        let server = drips(endless, piece, Duration::from_millis(pause));
        let mut session = quick(&server.url());
        for _ in 0..2 {
            let outcome = within(Duration::from_secs(10), || deliver_one(&mut *session));
            assert_eq!(outcome, Outcome::Done);
        }
        let connections: Vec<usize> = server.all().iter().map(|it| it.connection).collect();
        assert_eq!(connections, [0, 1], "such a connection is not kept");
    }
    let server = drips("HTTP/1.1 404 No\r\n\r\n", b"nothing here ", Duration::ZERO);
    assert_parked(&deliver_one(&mut *quick(&server.url())), &["404", "nothing here", "…"]);
}

#[test]
fn a_wrong_length_changes_nothing() {
    for lie in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nmuch longer than that",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nab",
        "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    ] {
        let server = writes(lie);
        let mut session = quick(&server.url());
        for _ in 0..2 {
            assert_eq!(deliver_one(&mut *session), Outcome::Done, "{lie}");
        }
    }
}

#[test]
fn what_is_no_answer_is_tried_again() {
    let many: String = (0..10_000).map(|number| format!("X-{number}: x\r\n")).collect();
    let long = "x".repeat(1 << 20);
    for garbage in [
        String::new(),
        "\0\u{1}\u{2} garbage\r\n\r\n".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 ".to_owned(),
        "HTTP/1.1 2000 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Len".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\nX: {long}\r\n\r\n"),
    ] {
        let server = writes(garbage.as_bytes());
        let outcome = within(Duration::from_secs(10), || deliver_one(&mut *quick(&server.url())));
        let shown: String = garbage.chars().take(60).collect();
        assert!(matches!(outcome, Outcome::Again { .. }), "{shown:?}: {outcome:?}");
        assert_again(&outcome, &["no valid answer"]);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Server::answers(OK);
    for status in [301, 302, 303, 307, 308] {
        let there = other.url();
        let server = writes(format!(
            "HTTP/1.1 {status} Moved\r\nLocation: {there}?token=hush\r\nContent-Length: 0\r\n\r\n"
        ));
        let outcome = deliver_one(&mut *quick(&server.url()));
        assert_parked(&outcome, &[&status.to_string(), &there, "not followed"]);
        assert!(!format!("{outcome:?}").contains("hush"));
    }
    assert_eq!(other.all().len(), 0);
    let bad = deliver_one(&mut *quick(
        &writes(b"HTTP/1.1 302 X\r\nLocation: \x1b[2J\xFF\r\nContent-Length: 0\r\n\r\n".to_vec())
            .url(),
    ));
    assert!(matches!(bad, Outcome::Park { .. } | Outcome::Again { .. }), "{bad:?}");
    assert!(!format!("{bad:?}").contains('\x1b'));
}

#[test]
fn a_server_is_killed_and_comes_back() {
    let first = Server::answers(OK);
    let address = first.address.to_string();
    let mut session = quick(&first.url());
    assert_eq!(deliver_one(&mut *session), Outcome::Done);
    drop(first);
    let outcome = loop {
        // The kept connection may serve once more: that of a killed process would not.
        match deliver_one(&mut *session) {
            Outcome::Done => session.idle(Duration::from_secs(60)),
            other => break other,
        }
    };
    assert_unreachable(&outcome, &["Connection refused"]);
    let ok = Box::new(|_: &server::Received, stream: &mut dyn Stream| {
        stream.write_all(OK.as_bytes()).is_ok()
    });
    let back = Server::at(&address, ok, |stream| Ok(Box::new(stream)));
    assert_eq!(deliver_one(&mut *session), Outcome::Done);
    assert_eq!(back.all().len(), 1);
}

/// A server closes connections that were idle: the next event is not lost on it.
#[test]
fn a_connection_that_was_closed_meanwhile_is_made_anew() {
    let server = writes(OK);
    let mut session = quick(&server.url());
    for number in 0..5 {
        assert_eq!(deliver_one(&mut *session), Outcome::Done);
        assert_eq!(server.next().connection, number);
        // Its end is on the way, or here.
        if number % 2 == 0 {
            session.idle(Duration::from_secs(1));
        }
    }
}
