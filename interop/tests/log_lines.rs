//! Tests that the default log level says which peer a line is about, and what happened to an object.

use std::thread;
use std::time::Duration;

use interop::process::eventually;
use interop::tls::{Pki, s_client};
use interop::wire::{Answer, Client, Command, Context, Pdv, Request, abort, data_pdu, uid};
use interop::{Object, Program, Server};

const LIMIT: Duration = Duration::from_secs(30);

/// A sender that has sent a part of an object: its command and 10,000 bytes.
fn in_the_middle(server: &Server, object: &Object) -> Client {
    let mut request = Request::usual();
    request.calling = "MODALITY 7".to_owned();
    let mut client = Client::associate(server.port(), &request).0;
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..10_000])]));
    client
}

/// Waits for the one error about an object, and returns it.
fn broken_off(server: &Server, object: &Object, why: &str) -> String {
    let said = || server.stderr().contains("E: transfer interrupted after ");
    eventually(&format!("{why} is an error"), LIMIT, said);
    let log = server.stderr();
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("transfer interrupted")).collect();
    let [line] = lines[..] else { panic!("{why}: {log}") };
    assert!(line.contains(&object.sop_instance), "{why}: {line}");
    assert!(line.contains(" after 10000 bytes, "), "{why}: {line}");
    assert!(line.contains(why), "{why}: {line}");
    assert!(line.ends_with(" (peer MODALITY 7@127.0.0.1, association 1)"), "{why}: {line}");
    line.to_owned()
}

/// Every way in which a transfer can end before its object is complete.
#[test]
fn transfers_that_break_off_leave_an_error_each() {
    type Break = fn(Client);
    let breaks: [(&[&str], Break, &str); 9] = [
        (&[], |mut client| client.send(&abort(0, 0)), "aborted by peer"),
        (&[], drop, "connection closed without release"),
        (&["-v"], Client::reset, "connection closed without release"),
        (&["+B"], drop, "connection closed without release"),
        (&["--ignore"], drop, "connection closed without release"),
        (
            &[],
            |mut client| client.command(3, &Command::echo(2)),
            "command PDV inside a data set on presentation context 3",
        ),
        (&[], |mut client| client.send(&[0x99, 0, 0, 0, 0, 0]), "99H"),
        (
            &[],
            |mut client| {
                client.send(&interop::wire::release_request());
                assert_eq!(client.answer(), Answer::ReleaseReply);
            },
            "the peer released the association",
        ),
        (
            &["--dimse-timeout", "1"],
            |mut client| assert!(client.is_closed_within(LIMIT)),
            "no data from the peer within 1 s",
        ),
    ];
    for (options, break_off, why) in breaks {
        let server = Server::start(Program::Ours, options);
        let object = Object::ct(30_000);
        let client = in_the_middle(&server, &object);
        thread::sleep(Duration::from_millis(100));
        break_off(client);
        broken_off(&server, &object, why);
        assert!(server.files().is_empty(), "{why}");
    }
}

/// The end of the receiver is one of those ways, and so are the test switches.
#[test]
fn transfers_that_the_receiver_breaks_off_leave_an_error_each() {
    let object = Object::ct(30_000);
    for signals in [1, 2] {
        let grace = if signals == 1 { "1" } else { "60" };
        let mut server = Server::start(Program::Ours, &["--grace-period", grace]);
        let _client = in_the_middle(&server, &object);
        thread::sleep(Duration::from_millis(200));
        for _ in 0..signals {
            server.signal("TERM");
            thread::sleep(Duration::from_millis(200));
        }
        let status = server.wait(LIMIT).expect("it ends");
        assert_eq!(status.code(), Some(signals - 1));
        broken_off(&server, &object, "receiver is shutting down");
    }
    let server = Server::start(Program::Ours, &["--abort-during"]);
    let client = in_the_middle(&server, &object);
    let said = || server.stderr().contains("E: transfer interrupted after ");
    eventually("an abort on demand is an error", LIMIT, said);
    drop(client);
}

/// The object is stored, but the peer is gone before it gets the response.
#[test]
fn an_answer_that_reaches_nobody_leaves_a_warning() {
    let server = Server::start(Program::Ours, &["--sleep-during", "1"]);
    let object = Object::ct(1000);
    let mut client = Client::usual(server.port());
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    client.data_set(3, &object.bytes);
    thread::sleep(Duration::from_millis(200));
    client.reset();
    let said = format!(
        "W: SOP instance {} is stored, but the response could not be sent (peer INTEROP@127.0.0.1, association 1)\n",
        object.sop_instance
    );
    eventually("it is told", LIMIT, || server.stderr().contains(&said));
    assert_eq!(server.files(), [object.file_name()]);
}

/// An association that ends while something other than an object is expected.
#[test]
fn messages_that_break_off_leave_a_warning_each() {
    let echo = Command::echo(1).encode();
    let cut_command = data_pdu(&[Pdv::command(1, false, &echo[..30])]);
    let cut_pdu = data_pdu(&[Pdv::command(1, true, &echo)]);
    for bytes in [&cut_command[..], &cut_pdu[..20]] {
        let server = Server::start(Program::Ours, &[]);
        let mut client = Client::usual(server.port());
        client.send(bytes);
        drop(client);
        server.wait_for_log("W: association ended after ");
        server.wait_for_log(
            "connection closed without release (peer INTEROP@127.0.0.1, association 1)\n",
        );
    }
    // During the proposal, the AE title is not yet known.
    let server = Server::start(Program::Ours, &["-ta", "1"]);
    for waits in [false, true] {
        let mut client = Client::connect(server.port());
        client.send(&Request::usual().encode()[..50]);
        assert!(!waits || client.is_closed_within(LIMIT));
        drop(client);
        let why =
            if waits { "no A-ASSOCIATE-RQ in time (1 s)" } else { "connection closed without" };
        server.wait_for_log(&format!("after 50 bytes of an incomplete message: {why}"));
    }
    // A connection that only checks whether the port is open causes no warning.
    let server = Server::start(Program::Ours, &[]);
    for _ in 0..3 {
        drop(Client::connect(server.port()));
        drop(Client::usual(server.port()));
    }
    Client::usual(server.port()).release();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(server.stderr(), "");
}

/// Every warning and error, on any subject, ends with the peer.
#[test]
fn every_warning_and_error_names_the_peer() {
    let server = Server::start(Program::Ours, &[]);
    let hello = [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], &[0; 40]].concat();
    for (bytes, words) in [
        (&hello[..], "the peer uses TLS, but TLS is not enabled on this port (peer 127.0.0.1:"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "such as HTTP (peer 127.0.0.1:"),
        (&[9; 64], "DIMSE failure (aborting association): "),
    ] {
        let mut client = Client::connect(server.port());
        client.send(bytes);
        assert!(client.is_closed_within(LIMIT));
        drop(client);
        server.wait_for_log(words);
    }
    let mut request = Request::usual();
    request.calling = "MODALITY_8".to_owned();
    request.contexts.push(Context::new(99, uid::FIND, &[uid::IVLE]));
    let mr = [uid::JPEG_LOSSLESS, "1.2.3.4"];
    request.contexts.retain(|context| context.abstract_syntax != uid::MR);
    request.contexts.push(Context::new(101, uid::MR, &mr));
    let (mut client, _) = Client::associate(server.port(), &request);
    let object = Object::ct(1000);
    let cut = Object { bytes: object.bytes[..object.bytes.len() - 9].to_vec(), ..object };
    assert_eq!(client.store(3, &cut).status(), 0xC000);
    client.command(3, &Command::echo(2).number(interop::wire::tag::FIELD, 0x0020));
    client.response();
    client.release();
    let mut rejected = Request::usual();
    rejected.application_context = Some("1.2.3".to_owned());
    let mut client = Client::connect(server.port());
    client.send(&rejected.encode());
    assert!(matches!(client.answer(), Answer::Reject(..)));
    drop(client);
    for words in [
        "W: refused presentation contexts: MRImageStorage (transfer syntaxes not supported: ",
        "), FINDStudyRootQueryRetrieveInformationModel (abstract syntax not supported); ",
        "E: cannot store SOP instance ",
        "E: Expected C-ECHO or C-STORE request but received",
        "W: refused association: Bad Application Context Name: 1.2.3 (peer INTEROP@127.0.0.1, association 5)\n",
    ] {
        server.wait_for_log(words);
    }
    let limited = Server::start(Program::Ours, &["--max-associations-per-host", "1"]);
    let _first = Client::usual(limited.port());
    let mut second = Client::connect(limited.port());
    second.send(&Request::usual().encode());
    assert!(matches!(second.answer(), Answer::Reject(..)));
    limited.wait_for_log("W: Refusing Association (");
    let log = server.stderr() + &limited.stderr();
    for line in log.lines() {
        let (_, peer) = line.rsplit_once(" (peer ").unwrap_or_else(|| panic!("{line}"));
        let (peer, number) = peer.rsplit_once(", association ").unwrap_or_else(|| panic!("{line}"));
        let known = ["MODALITY_8@127.0.0.1", "INTEROP@127.0.0.1"];
        assert!(known.contains(&peer) || peer.starts_with("127.0.0.1:"), "{line}");
        assert!(number.strip_suffix(')').is_some_and(|it| it.parse::<u64>().is_ok()), "{line}");
    }
    assert!(log.lines().count() >= 8, "{log}");
}

/// A SOP class that is refused on one context and accepted on another causes no warning, nor does anything else
/// in an association that ends well.
#[test]
fn an_association_that_ends_well_leaves_no_line() {
    let server = Server::start(Program::Ours, &[]);
    let request = Request::new(vec![
        Context::new(1, uid::VERIFICATION, &[uid::IVLE]),
        Context::new(3, uid::CT, &[uid::EVLE, uid::IVLE]),
        Context::new(5, uid::CT, &[uid::JPEG_LOSSLESS]),
    ]);
    let (mut client, accept) = Client::associate(server.port(), &request);
    assert_ne!(accept.context(5).0, 0);
    assert_eq!(client.echo(1), 0);
    assert_eq!(client.store(3, &Object::ct(20_000)).status(), 0);
    client.release();
    thread::sleep(Duration::from_millis(200));
    assert_eq!((server.stderr(), server.stdout()), (String::new(), String::new()));
}

/// The opposite case: a peer that does not use TLS where it is required.
#[test]
fn a_peer_without_tls_is_recognized() {
    let pki = Pki::shared();
    let words = pki.words("+tls %server.key %server.pem -ic");
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let server = Server::start(Program::Ours, &words);
    for bytes in [Request::usual().encode(), b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
        let mut client = Client::connect(server.port());
        client.send(&bytes);
        assert!(client.is_closed_within(LIMIT));
    }
    let hint =
        "E: Receiving Association failed: the peer does not use TLS, but this port requires it: ";
    eventually("both are recognized", LIMIT, || server.stderr().matches(hint).count() == 2);
    assert!(server.stderr().lines().all(|line| line.contains(" (peer 127.0.0.1:")));
    assert!(s_client(&pki, server.port(), "").accepted);
}
