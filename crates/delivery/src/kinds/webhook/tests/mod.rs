//! A webhook against servers that behave well, and against those that do not.

mod example;
mod hostile;
mod server;
mod tls;

use super::*;
use crate::{HttpSettings, TlsClientSettings};
use catalog::{Delivery, DeliveryId, Event, EventKind};
use serde_json::{Value, json};
use server::Server;
use std::time::{Instant, UNIX_EPOCH};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn settings(url: &str) -> WebhookSettings {
    let http = HttpSettings {
        url: url.to_owned(),
        headers: Vec::new(),
        tls: TlsClientSettings::default(),
        timeout: Duration::from_secs(5),
    };
    WebhookSettings { http, secret: None, batch: 1 }
}

fn session(settings: &WebhookSettings) -> Box<dyn Session> {
    Webhook::new("hook", settings).unwrap().open()
}

/// A delivery of a study's end.
fn item(key: &str) -> Item {
    let event = Event {
        key: key.to_owned(),
        kind: EventKind::StudyEnded,
        time: UNIX_EPOCH,
        instance: None,
        data: Some(json!({ "studyInstanceUid": key, "epoch": 1, "objects": 2, "complete": true })),
    };
    let delivery = Delivery {
        id: DeliveryId(1),
        destination: "hook".into(),
        event,
        instance: None,
        study: Some(key.to_owned()),
        attempts: 0,
        since: UNIX_EPOCH,
    };
    Item { delivery, path: None, missing: false, source: "//host/data".into() }
}

/// What became of each item; `None` of those that were not told.
fn deliver(session: &mut dyn Session, keys: &[&str]) -> Vec<Option<Outcome>> {
    let items: Vec<Item> = keys.iter().map(|key| item(key)).collect();
    let mut outcomes = vec![None; items.len()];
    session.deliver(&items, &Stop::default(), &mut |index, outcome| {
        assert_eq!(outcomes[index].replace(outcome), None, "{index} was told twice");
    });
    outcomes
}

fn deliver_one(session: &mut dyn Session) -> Outcome {
    deliver(session, &["a"]).remove(0).expect("it was told")
}

#[track_caller]
fn assert_parked(outcome: &Outcome, words: &[&str]) {
    let Outcome::Park { reason } = outcome else { panic!("{outcome:?}") };
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
}

#[track_caller]
fn assert_again(outcome: &Outcome, words: &[&str]) {
    let Outcome::Again { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
}

#[track_caller]
fn assert_unreachable(outcome: &Outcome, words: &[&str]) {
    let Outcome::Unreachable { reason, .. } = outcome else { panic!("{outcome:?}") };
    assert!(words.iter().all(|word| reason.contains(word)), "{reason}");
}

#[test]
fn an_event_is_posted_as_a_cloud_event_on_a_connection_that_is_kept() {
    let server = Server::answers(OK);
    let mut settings = settings(&server.url());
    settings.http.headers.push(("Authorization".into(), "Bearer open-sesame".into()));
    let mut session = session(&settings);
    for key in ["a", "b", "c"] {
        assert_eq!(deliver(&mut *session, &[key]), [Some(Outcome::Done)]);
        session.idle(Duration::from_secs(1));
        let received = server.next();
        assert_eq!(received.line, "POST /events HTTP/1.1");
        assert_eq!(received.header("content-type"), "application/cloudevents+json");
        assert_eq!(received.header("idempotency-key"), key);
        assert_eq!(received.header("authorization"), "Bearer open-sesame");
        assert!(received.header("user-agent").starts_with("storescp/"));
        assert_eq!(received.header("webhook-signature"), "", "there is no secret");
        assert_eq!(received.connection, 0, "the connection is kept");
        let event: Value = serde_json::from_slice(&received.body).unwrap();
        assert_eq!(event, cloud_event(&item(key)));
    }
    session.idle(Duration::from_secs(31));
    assert_eq!(deliver_one(&mut *session), Outcome::Done);
    assert_eq!(server.next().connection, 1, "it was closed meanwhile");
}

#[test]
fn several_events_make_one_request_with_a_key_that_stays() {
    let server = Server::answers(OK);
    let settings = WebhookSettings { batch: 3, ..settings(&server.url()) };
    assert_eq!(Webhook::new("hook", &settings).unwrap().batch(), 3);
    let mut session = session(&settings);
    let mut keys = Vec::new();
    for _ in 0..2 {
        assert_eq!(deliver(&mut *session, &["a", "b", "c", "d"]), vec![Some(Outcome::Done); 4]);
        let (first, second) = (server.next(), server.next());
        assert_eq!(first.header("content-type"), "application/cloudevents-batch+json");
        let ids = |received: &server::Received| -> Vec<String> {
            let events: Vec<Value> = serde_json::from_slice(&received.body).unwrap();
            events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            (ids(&first), ids(&second)),
            (vec!["a".into(), "b".into(), "c".into()], vec!["d".into()])
        );
        let key = first.header("idempotency-key").to_owned();
        assert!(key.starts_with("batch-") && key != second.header("idempotency-key"), "{key}");
        keys.push(key);
    }
    assert_eq!(keys[0], keys[1]);
}

/// One event that a server does not take parks no others.
#[test]
fn a_batch_that_is_refused_is_sent_event_by_event() {
    let server = Server::start(Box::new(|received, stream| {
        let is_bad = received.body.windows(5).any(|it| it == b"\"bad\"");
        let answer = if is_bad { "HTTP/1.1 422 No\r\nContent-Length: 3\r\n\r\nbad" } else { OK };
        stream.write_all(answer.as_bytes()).is_ok()
    }));
    let mut session = session(&WebhookSettings { batch: 3, ..settings(&server.url()) });
    let outcomes = deliver(&mut *session, &["a", "bad", "c"]);
    assert_eq!((&outcomes[0], &outcomes[2]), (&Some(Outcome::Done), &Some(Outcome::Done)));
    assert_parked(outcomes[1].as_ref().unwrap(), &["422", ": bad"]);
    assert_eq!(server.all().len(), 4);
}

#[test]
fn each_status_is_judged() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(outcome_of(status, "", ""), Outcome::Done, "{status}");
    }
    for status in [408, 409, 425, 500, 501, 505, 599] {
        assert_again(&outcome_of(status, "", "busy"), &[&status.to_string(), ": busy"]);
    }
    for status in [429, 502, 503, 504] {
        let outcome = outcome_of(status, "Retry-After: 7\r\n", "");
        let Outcome::Unreachable { after, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!(after, Some(Duration::from_secs(7)));
    }
    for status in [400, 401, 403, 404, 405, 410, 413, 415, 418, 422, 451, 499] {
        assert_parked(&outcome_of(status, "", "why"), &[&status.to_string(), ": why"]);
    }
}

fn outcome_of(status: u16, headers: &str, body: &str) -> Outcome {
    let length =
        if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let server = Server::answers(&format!("HTTP/1.1 {status} X\r\n{headers}{length}\r\n{body}"));
    deliver_one(&mut *session(&settings(&server.url())))
}

#[test]
fn what_a_server_says_is_escaped_and_shortened() {
    let outcome = outcome_of(400, "", "<b>\r\n\u{1b}[31m\"Müller\"\0</b>");
    assert_parked(&outcome, &["<b>\\r\\n\\u{1b}[31m\\\"Müller\\\"\\0</b>"]);
    let Outcome::Park { reason } = outcome_of(400, "", &"x".repeat(9999)) else { panic!() };
    assert!(reason.ends_with("xxx…") && reason.len() < 300, "{reason}");
}

/// Servers like to tell what they were sent.
#[test]
fn no_secret_is_told() {
    let server = Server::start(Box::new(|received, stream| {
        let echo = format!("{received:?}");
        let head = format!("HTTP/1.1 401 No\r\nContent-Length: {}\r\n\r\n", echo.len());
        stream.write_all((head + &echo).as_bytes()).is_ok()
    }));
    let path = "/services/T0000/B0000/in-the-path";
    let mut settings = settings(&format!("http://{}{path}?key=hunter2hunter2", server.address));
    settings.http.headers.push(("Authorization".into(), "Bearer open-sesame".into()));
    settings.secret = Some(b"a-signing-secret".to_vec());
    let destination = Webhook::new("hook", &settings).unwrap();
    let Outcome::Park { reason } = deliver_one(&mut *destination.open()) else { panic!() };
    drop(server);
    let Outcome::Unreachable { reason: gone, .. } = deliver_one(&mut *destination.open()) else {
        panic!()
    };
    for text in [reason, gone, format!("{settings:?}"), format!("{destination:?}")] {
        for secret in ["open-sesame", "hunter2", "a-sign", "in-the-path"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn settings_that_cannot_be_used_are_told_when_they_are_read() {
    let wrong = |change: fn(&mut WebhookSettings), words: &str| {
        let mut settings = settings("http://localhost/");
        change(&mut settings);
        let error = Webhook::new("hook", &settings).unwrap_err().to_string();
        assert!(error.contains("\"hook\"") && error.contains(words), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    };
    wrong(|it| it.http.url = "ftp://localhost/".into(), "http:// or https://");
    wrong(|it| it.http.url = "localhost/sesame".into(), "url: ");
    wrong(|it| it.http.url = "https://me:sesame@localhost/".into(), "Authorization");
    wrong(|it| it.secret = Some(Vec::new()), "the secret is empty");
    wrong(|it| it.http.headers = vec![("a b".into(), "x".into())], "name of a header field");
    wrong(|it| it.http.headers = vec![("X".into(), "sesame\n".into())], "cannot be sent");
    wrong(|it| it.http.headers = vec![("Content-Type".into(), "x".into())], "set by this program");
    wrong(|it| it.http.tls.trusted = Some("/nowhere/sesam".into()), "/nowhere/sesam");
    wrong(|it| it.http.tls.key = Some("/nowhere".into()), "a key needs a certificate");
}

/// In a process of its own, whose environment has a proxy that nobody answers at.
#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"] {
        again.env(name, "http://127.0.0.1:1");
    }
    let test = "an_event_is_posted_as_a_cloud_event_on_a_connection_that_is_kept";
    let output = again.args([test, "--nocapture"]).env("NO_PROXY", "").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_request_ends_soon_when_it_is_to_stop() {
    let server = Server::start(Box::new(|_, stream| {
        let _ = stream.read(&mut [0]);
        false
    }));
    let mut settings = settings(&server.url());
    settings.http.timeout = Duration::from_secs(600);
    let mut session = session(&settings);
    let stop = Stop::default();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            server.next();
            stop.set();
        });
        session.deliver(&[item("a")], &stop, &mut |_, outcome| panic!("{outcome:?}"));
    });
    assert!(begun.elapsed() < Duration::from_secs(15));
}
