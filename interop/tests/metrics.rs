//! Tests `/metrics` of the program: what was sent, what the log says and what is counted agree.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use interop::process::eventually;
use interop::tls::Pki;
use interop::wire::{Answer, Client, Command, Request, abort, tag};
use interop::{Object, Program, Scratch, Server};

use crate::log_associations::{Ended, contradicting, cut_off, in_the_middle};

const LIMIT: Duration = Duration::from_secs(30);

/// A receiver with a control plane.
pub(crate) fn start(options: &[&str]) -> Server {
    Server::start(Program::Ours, &[&["-v", "--http", "127.0.0.1:0"], options].concat())
}

/// Where the control plane listens.
pub(crate) fn http_address(server: &Server) -> String {
    const ANNOUNCED: &str = "HTTP on http://";
    server.wait_for_log(ANNOUNCED);
    let log = server.stderr();
    let (_, address) = log.split_once(ANNOUNCED).expect("it is announced");
    address.split_whitespace().next().expect("an address").to_owned()
}

/// The answer to a GET of `/metrics`: its head and its body.
pub(crate) fn get(server: &Server, accept: &str) -> (String, String) {
    let answer = try_get(&http_address(server), "/metrics", accept).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    (head.to_ascii_lowercase(), body.to_owned())
}

/// The whole answer to a GET.
pub(crate) fn try_get(address: &str, path: &str, accept: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LIMIT))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Values by the name and labels of their lines.
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    fn of(server: &Server) -> Self {
        let (_, text) = get(server, "*/*");
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        };
        Self(samples.map(sample).collect())
    }

    fn value(&self, name: &str) -> f64 {
        *self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.0.keys()))
    }

    /// A count; they are exact.
    fn count(&self, name: &str) -> u64 {
        let value = self.value(name);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name} {value}");
        value as u64
    }

    /// The sum of a family's counts.
    fn sum(&self, family: &str) -> u64 {
        let names = self.0.keys().filter(|name| {
            name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        });
        names.map(|name| self.count(name)).sum()
    }

    fn result(&self, result: &str) -> u64 {
        self.count(&format!(r#"storescp_associations_total{{result="{result}"}}"#))
    }

    fn refusals(&self, what: &str, reason: &str) -> u64 {
        self.count(&format!(r#"storescp_refusals_total{{what="{what}",reason="{reason}"}}"#))
    }
}

/// Senders of all kinds at a time, scraped meanwhile: what the metrics count is what was sent, and what the log says.
#[test]
fn what_is_counted_is_what_was_sent_and_what_the_log_says() {
    let server = start(&["-ts", "3"]);
    let port = server.port();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let stored = Metrics::of(&server).sum("storescp_stored_objects_total");
                assert!(stored >= last, "{stored} after {last}");
                last = stored;
                thread::sleep(Duration::from_millis(20));
            }
        });
        let senders: Vec<_> = (0..4).map(|_| scope.spawn(move || send_all_kinds(port))).collect();
        senders.into_iter().for_each(|sender| sender.join().expect("a sender"));
        is_over.store(true, Ordering::Relaxed);
        scraper.join().expect("the scraper");
    });
    let ended = || server.stderr().matches("I: association ended: ").count() == 4 * 7;
    eventually("all ends are told", LIMIT, ended);
    let is_idle = || Metrics::of(&server).count("storescp_associations_active") == 0;
    eventually("all ends are counted", LIMIT, is_idle);
    let (metrics, log) = (Metrics::of(&server), Ended::all(&server.stderr()));
    assert_sent(&metrics, &server);

    // The log, which counts for itself.
    assert_eq!(metrics.sum("storescp_associations_total"), log.len() as u64);
    let stored: u64 = log.iter().map(|it| it.stored).sum();
    assert_eq!(metrics.sum("storescp_stored_objects_total"), stored);
    let of_status = |status: &str| log.iter().filter_map(|it| it.refused.get(status)).sum::<u64>();
    for status in ["A900H", "C000H", "0122H"] {
        let told = metrics.count(&format!(r#"storescp_responses_total{{status="{status}"}}"#));
        assert_eq!(told, of_status(status), "{status}");
    }
    let broken_off: u64 = log.iter().map(|it| it.broken_off).sum();
    assert_eq!(metrics.count("storescp_interrupted_objects_total"), broken_off);
    let ends = |text: &str| log.iter().filter(|it| it.end.starts_with(text)).count() as u64;
    for (result, text) in [
        ("released", "released"),
        ("aborted-by-peer", "aborted by the peer"),
        ("fault", "aborted by us (unrecognized PDU"),
        ("connection-lost", "connection lost"),
        ("timed-out", "time-out of 3 s"),
        ("rejected", "rejected"),
    ] {
        assert_eq!(metrics.result(result), ends(text), "{result}");
    }
}

/// Seven associations, each with another end.
fn send_all_kinds(port: u16) {
    let mut client = Client::usual(port);
    for _ in 0..5 {
        assert_eq!(client.store(3, &Object::ct(5000)).status(), 0);
    }
    assert_eq!(client.store(3, &contradicting()).status(), 0xA900);
    assert_eq!(client.store(3, &contradicting()).status(), 0xA900);
    assert_eq!(client.store(3, &cut_off()).status(), 0xC000);
    let unknown = Object { sop_class: "1.2.3.4".to_owned(), ..Object::ct(10) };
    assert_eq!(client.store(3, &unknown).status(), 0x0122);
    client.release();

    let mut client = Client::usual(port);
    assert_eq!(client.store(3, &Object::ct(300_000)).status(), 0);
    client.send(&abort(0, 0));

    in_the_middle(Client::usual(port));

    let mut client = Client::usual(port);
    let object = Object::ct(10);
    assert_eq!(client.store(3, &object).status(), 0);
    assert_eq!(client.store(3, &object).status(), 0);
    client.send(&[0x99, 0, 0, 0, 0, 0]);

    let rejected = Request { application_context: Some("1.2.3".to_owned()), ..Request::usual() };
    let mut client = Client::connect(port);
    client.send(&rejected.encode());
    assert!(matches!(client.answer(), Answer::Reject(..)));

    // Neither of these two asks for an object to be stored.
    let mut client = Client::usual(port);
    assert_eq!(client.echo(1), 0);
    client.command(3, &Command::echo(7).number(tag::FIELD, 0x0020));
    assert_eq!(client.response().1.status(), 0x0211);
    client.release();

    assert!(Client::usual(port).is_closed_within(LIMIT));
}

/// What four times [`send_all_kinds`] comes to.
fn assert_sent(metrics: &Metrics, server: &Server) {
    for (result, count) in [
        ("released", 8),
        ("aborted-by-peer", 4),
        ("connection-lost", 4),
        ("fault", 4),
        ("rejected", 4),
        ("timed-out", 4),
        ("internal-error", 0),
    ] {
        assert_eq!(metrics.result(result), count, "{result}");
    }
    let stored = 4 * (5 + 1 + 2);
    assert_eq!(metrics.sum("storescp_stored_objects_total"), stored);
    assert_eq!(server.files().len() as u64, stored - 4, "one of eight replaces another");
    assert_eq!(metrics.sum("storescp_duplicates_total"), 4);
    for histogram in ["object_size_bytes", "receive_duration_seconds", "commit_duration_seconds"] {
        assert_eq!(metrics.count(&format!("storescp_{histogram}_count")), stored, "{histogram}");
    }
    assert_eq!(metrics.count("storescp_association_duration_seconds_count"), 24);
    let bytes = metrics.sum("storescp_stored_bytes_total");
    assert_eq!(metrics.count("storescp_object_size_bytes_sum"), bytes);
    assert!((4 * 325_000..4 * 340_000).contains(&bytes), "{bytes}");
    assert_eq!(metrics.count(r#"storescp_object_size_bytes_bucket{le="65536"}"#), stored - 4);
    assert_eq!(metrics.count(r#"storescp_responses_total{status="0000H"}"#), stored);
    assert_eq!(metrics.refusals("object", "data-set-does-not-match-sop-class"), 8);
    assert_eq!(metrics.refusals("object", "cannot-understand"), 4);
    assert_eq!(metrics.refusals("object", "sop-class-not-supported"), 4);
    assert_eq!(metrics.sum("storescp_refused_objects_total"), 16);
    assert_eq!(metrics.refusals("request", "unrecognized-operation"), 4);
    let not_supported = "application-context-name-not-supported";
    assert_eq!(metrics.refusals("association", not_supported), 4);
    assert_eq!(metrics.sum("storescp_refusals_total"), 16 + 4 + 4);
    assert_eq!(metrics.count("storescp_interrupted_objects_total"), 4);
}

#[test]
fn connections_and_associations_that_are_refused_are_counted() {
    let server = start(&["--max-associations", "1"]);
    let first = Client::usual(server.port());
    let mut second = Client::connect(server.port());
    second.send(&Request::usual().encode());
    assert!(matches!(second.answer(), Answer::Reject(..)));
    let metrics = Metrics::of(&server);
    assert_eq!(metrics.refusals("association", "local-limit-exceeded"), 1);
    assert_eq!(metrics.count("storescp_associations_active"), 1);
    assert_eq!(metrics.count("storescp_associations_limit"), 1);
    first.release();

    let pki = Pki::shared();
    let words = pki.words("+tls %server.key %server.pem -ic");
    let server = start(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let mut plain = Client::connect(server.port());
    plain.send(&Request::usual().encode());
    assert!(plain.is_closed_within(LIMIT));
    let metrics = Metrics::of(&server);
    assert_eq!(metrics.refusals("connection", "tls-handshake"), 1);
    assert_eq!(metrics.count("storescp_tls_failures_total"), 1);
    let expiry = metrics.0.keys().find(|name| name.starts_with("storescp_certificate_expiry"));
    let left =
        metrics.value(expiry.expect("a certificate")) - metrics.value("storescp_clock_seconds");
    let days = left / 86_400.0;
    assert!((363.0..366.0).contains(&days), "{days} days");
}

#[test]
fn disk_and_commands_and_process_are_seen() {
    let server = start(&["-xcr", "exit 3", "-xs", "--min-free", "1M"]);
    let mut client = Client::usual(server.port());
    for _ in 0..3 {
        assert_eq!(client.store(3, &Object::ct(10)).status(), 0);
    }
    client.release();
    let failed = || Metrics::of(&server).count("storescp_commands_failed_total") == 3;
    eventually("the commands have failed", LIMIT, failed);
    let metrics = Metrics::of(&server);
    assert_eq!(metrics.count("storescp_commands_ended_total"), 3);
    assert_eq!(metrics.count("storescp_commands_waiting"), 0);
    let of_directory = |name: &str| {
        let directory = server.directory().display();
        metrics.count(&format!(r#"storescp_directory_{name}{{directory="{directory}"}}"#))
    };
    let disk = rustix::fs::statvfs(server.directory()).expect("a file system");
    let (size, free) = (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize);
    assert_eq!(of_directory("size_bytes"), size);
    assert!(of_directory("free_bytes").abs_diff(free) < size / 20, "{free}");
    assert_eq!((of_directory("min_free_bytes"), of_directory("ready")), (1 << 20, 1));
    let resident = metrics.count("process_resident_memory_bytes");
    assert!(resident.abs_diff(server.resident_kib() * 1024) < 8 << 20, "{resident}");
    assert!(metrics.count("process_threads").abs_diff(server.threads() as u64) < 5);
    assert!(metrics.count("process_open_fds").abs_diff(server.descriptors() as u64) < 5);
    let uptime =
        metrics.value("storescp_clock_seconds") - metrics.value("process_start_time_seconds");
    assert!((0.0..LIMIT.as_secs_f64()).contains(&uptime), "{uptime}");
    assert_eq!(metrics.count("storescp_settings_generation"), 1);
}

/// They can be read until the last association has ended.
#[test]
fn a_receiver_that_shuts_down_says_so() {
    let mut server = start(&["--grace-period", "30"]);
    let mut client = Client::usual(server.port());
    let object = Object::ct(10_000);
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    let draining = |is: u64| Metrics::of(&server).count("storescp_draining") == is;
    eventually("it serves", LIMIT, || draining(0));
    server.signal("TERM");
    eventually("it drains", LIMIT, || draining(1));
    assert_eq!(Metrics::of(&server).count("storescp_associations_active"), 1);
    client.data_set(3, &object.bytes);
    assert_eq!(client.response().1.status(), 0);
    assert!(server.wait(LIMIT).is_some_and(|status| status.success()));
}

/// Objects are counted by the titles that rules name, and by rule; a reload that fails is seen, and one that does not.
#[test]
fn senders_are_counted_by_title_and_rule_and_reloads_by_result() {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    let rules = |calling: &str| {
        format!(
            "[[rule]]\nname = \"ct\"\ncalling = [{calling}]\n\
             [[rule]]\nname = \"strangers\"\ncalling = [\"EVIL\"]\n\
             refuse = \"calling-ae-title-not-recognized\"\n"
        )
    };
    fs::write(&file, rules("\"CT1\", \"CT*\"")).expect("a file");
    let server = start(&["--settings", file.to_str().expect("a path is text")]);
    let send = |calling: &str, count: usize| {
        let request = Request { calling: calling.to_owned(), ..Request::usual() };
        let (mut client, _) = Client::associate(server.port(), &request);
        for _ in 0..count {
            assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
        }
        client.release();
    };
    let stored = |metrics: &Metrics, calling: &str, rule: &str| {
        let labels = format!(r#"{{calling="{calling}",rule="{rule}"}}"#);
        metrics.count(&format!("storescp_stored_objects_total{labels}"))
    };
    for (calling, count) in [("CT1", 2), ("CT2", 3), ("CT3", 1), ("MR1", 4)] {
        send(calling, count);
    }
    let mut stranger = Client::connect(server.port());
    stranger.send(&Request { calling: "EVIL".to_owned(), ..Request::usual() }.encode());
    assert!(matches!(stranger.answer(), Answer::Reject(..)));
    let metrics = Metrics::of(&server);
    let by_sender = [("CT1", "ct"), ("other", "ct"), ("other", "other")];
    assert_eq!(by_sender.map(|(calling, rule)| stored(&metrics, calling, rule)), [2, 4, 4]);
    assert_eq!(metrics.refusals("association", "calling-ae-title-not-recognized"), 1);

    let successful = "storescp_settings_last_reload_successful";
    assert_eq!(metrics.count(successful), 1);
    fs::write(&file, "[[rule]]\ncaling = [\"CT1\"]\n").expect("a file");
    server.signal("HUP");
    eventually("the reload fails", LIMIT, || Metrics::of(&server).count(successful) == 0);
    fs::write(&file, rules("\"CT2\"")).expect("a file");
    server.signal("HUP");
    eventually("the reload succeeds", LIMIT, || Metrics::of(&server).count(successful) == 1);
    send("CT1", 1);
    send("CT2", 1);
    let in_effect = || Metrics::of(&server).count("storescp_settings_generation") == 2;
    eventually("the generation is told", LIMIT, in_effect);
    let metrics = Metrics::of(&server);
    let by_sender = [("CT1", "ct"), ("CT2", "ct"), ("other", "other")];
    assert_eq!(by_sender.map(|(calling, rule)| stored(&metrics, calling, rule)), [2, 1, 5]);
    for result in ["failed", "succeeded"] {
        let name = format!(r#"storescp_settings_reloads_total{{result="{result}"}}"#);
        assert_eq!(metrics.count(&name), 1, "{result}");
    }
}

/// What rules allow senders beyond the standard is counted too, and so is what was there already.
#[test]
fn what_is_tolerated_and_what_is_sent_again_are_counted() {
    let scratch = Scratch::new();
    let file = scratch.path().join("storescp.toml");
    let rules = "[[rule]]\ncalling = [\"OLD\"]\nlenient = [\"mismatched-uids\"]\n\
                 [[rule]]\ncalling = [\"FIRST\"]\nduplicates = \"keep\"\n\
                 [[rule]]\ncalling = [\"STRICT\"]\nduplicates = \"reject\"\n";
    fs::write(&file, rules).expect("a file");
    let server = start(&["--settings", file.to_str().expect("a path is text")]);
    let send = |calling: &str, object: &Object, statuses: &[u16]| {
        let request = Request { calling: calling.to_owned(), ..Request::usual() };
        let (mut client, _) = Client::associate(server.port(), &request);
        for status in statuses {
            assert_eq!(client.store(3, object).status(), *status, "{calling}");
        }
        client.release();
    };
    let mismatched = Object { sop_instance: "2.25.7".to_owned(), ..Object::ct(10) };
    send("OLD", &mismatched, &[0]);
    let object = Object::ct(1000);
    send("OTHER", &object, &[0, 0]);
    send("FIRST", &object, &[0, 0, 0]);
    send("STRICT", &object, &[0x0111, 0x0111, 0x0111, 0x0111]);
    let metrics = Metrics::of(&server);
    let fault = |fault| metrics.count(&format!(r#"storescp_tolerated_total{{fault="{fault}"}}"#));
    let faults = ["mismatched-uids", "undeclared-character-set", "class-not-negotiated"];
    assert_eq!(faults.map(fault), [1, 0, 0]);
    let action =
        |action| metrics.count(&format!(r#"storescp_duplicates_total{{action="{action}"}}"#));
    assert_eq!(["replaced", "kept", "rejected"].map(action), [1, 3, 4]);
    assert_eq!(metrics.refusals("object", "duplicate-sop-instance"), 4);
    assert_eq!(metrics.count(r#"storescp_responses_total{status="0111H"}"#), 4);
    let refused = r#"storescp_refused_objects_total{calling="STRICT",rule="rule 3"}"#;
    assert_eq!(metrics.count(refused), 4);
}
