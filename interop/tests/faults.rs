//! Tests what each fault on purpose sends, byte by byte, whether the object is stored, and which objects are struck.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use interop::process::{eventually, run};
use interop::tls::{CLIENT_TIME_LIMIT, Pki};
use interop::wire::{Answer, Client, Command, Context, Pdv, Request, data_pdu, tag, uid};
use interop::{Object, Program, Server, peers};

/// A receiver that provokes these faults, and says so.
fn start(faults: &[&str]) -> Server {
    let mut options = vec!["-v"];
    faults.iter().for_each(|fault| options.extend(["--fault", fault]));
    Server::start(Program::Ours, &options)
}

/// The statuses of so many CT objects, sent on one association.
fn statuses(server: &Server, count: usize) -> Vec<u16> {
    let mut client = Client::usual(server.port());
    let statuses = (0..count).map(|_| client.store(3, &Object::ct(100)).status()).collect();
    client.release();
    statuses
}

/// Sends an object without waiting for the answer.
fn send(client: &mut Client, object: &Object) {
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    client.data_set(3, &object.bytes);
}

/// What the connection ends with: the bytes, and whether it was reset.
fn rest(mut stream: &TcpStream) -> (Vec<u8>, bool) {
    stream.set_read_timeout(Some(LIMIT)).expect("a time limit can be set");
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, false),
            Ok(count) => bytes.extend(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return (bytes, true),
            Err(error) => panic!("neither closed nor reset: {error}"),
        }
    }
}

/// A connection, and the same one for a [`Client`].
fn connect(server: &Server) -> (TcpStream, Client) {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    let client = Client::on(stream.try_clone().expect("a second descriptor"));
    (stream, client)
}

/// The same with the association of [`Request::usual`].
fn associate(server: &Server) -> (TcpStream, Client) {
    let (stream, mut client) = connect(server);
    client.send(&Request::usual().encode());
    assert!(matches!(client.answer(), Answer::Accept(_)));
    (stream, client)
}

/// Failures are not stored, warnings and success are; the other way round only where that is asked for.
#[test]
fn a_status_says_whether_the_object_is_stored() {
    for (fault, expected, stored) in [
        ("object: status A700, A900, B000", &[0xA700, 0xA900, 0xB000, 0xA700, 0xA900][..], 1),
        ("object: status 0000", &[0, 0], 2),
        ("object: status FE00, FF00, 0110", &[0xFE00, 0xFF00, 0x0110], 0),
        ("object: status 0000, B000 without storing", &[0, 0xB000, 0], 0),
        ("object: status A700, 0000 after storing", &[0xA700, 0, 0xA700], 3),
    ] {
        let server = start(&[fault]);
        assert_eq!(statuses(&server, expected.len()), expected, "{fault}");
        assert_eq!(server.files().len(), stored, "{fault}");
    }
    let server = start(&["object: status A700"]);
    let response = Client::usual(server.port()).store(3, &Object::ct(100));
    assert_eq!(response.text(tag::ERROR_COMMENT), "fault on purpose");
}

/// A status on purpose does not hide that an object really could not be stored.
#[test]
fn an_object_that_cannot_be_stored_is_not_answered_with_success() {
    let server = start(&["object: status 0000", "object: wrong message-id 99"]);
    let mut client = Client::usual(server.port());
    let object = Object { sop_instance: "2.25.9".into(), ..Object::ct(100) };
    send(&mut client, &object);
    let (_, response) = client.response();
    assert_eq!((response.status(), response.us(tag::RESPONDED_TO)), (0xA900, Some(99)));
    assert!(server.files().is_empty());
}

#[test]
fn faults_strike_what_is_selected() {
    const X: u16 = 0xA700;
    for (selection, expected) in [
        ("object", [X, X, X, X, X, X]),
        ("object 2", [0, X, 0, 0, 0, 0]),
        ("object 2..3", [0, X, X, 0, 0, 0]),
        ("object 5..", [0, 0, 0, 0, X, X]),
        ("object every 3rd", [0, 0, X, 0, 0, X]),
        ("object 2 from INTER* to STORESCP at 127.0.0.? of CT*", [0, X, 0, 0, 0, 0]),
        ("object from OTHER", [0; 6]),
        ("object to OTHER", [0; 6]),
        ("object at 10.*", [0; 6]),
        ("object of MRImageStorage", [0; 6]),
        ("object 100%", [X; 6]),
    ] {
        let server = start(&[&format!("{selection}: status A700")]);
        for _ in 0..2 {
            assert_eq!(statuses(&server, 6), expected, "{selection}");
        }
    }
    let server = start(&["object 8 of all: status A700"]);
    assert_eq!(statuses(&server, 6), [0; 6]);
    assert_eq!(statuses(&server, 6), [0, X, 0, 0, 0, 0]);
    assert_eq!(statuses(&server, 6), [0; 6]);

    let server = start(&["association 2..3: reject"]);
    let accepted = || {
        let mut client = Client::connect(server.port());
        client.send(&Request::usual().encode());
        matches!(client.answer(), Answer::Accept(_))
    };
    assert_eq!([(); 4].map(|()| accepted()), [true, false, false, true]);
}

#[test]
fn draws_are_repeated_by_their_seed() {
    let run = |options: &[&str]| {
        let mut all = vec!["--fault", "object 40%: status A700"];
        all.extend(options);
        let server = Server::start(Program::Ours, &all);
        let drawn = [statuses(&server, 20), statuses(&server, 20)].concat();
        (drawn, server.stderr())
    };
    let (first, log) = run(&[]);
    let seed = log.split("--fault-seed ").nth(1).and_then(|text| text.lines().next());
    let seed = seed.expect("the seed is told").to_owned();
    assert_eq!(run(&["--fault-seed", &seed]).0, first);
    let struck = |drawn: &[u16]| drawn.iter().filter(|status| **status == 0xA700).count();
    assert!((1..40).contains(&struck(&first)), "{first:?}");
    let others = ["1", "2", "3", "4"].map(|seed| run(&["--fault-seed", seed]).0);
    assert!(others.iter().any(|other| *other != first), "other seeds draw otherwise");
}

#[test]
fn delays_come_when_they_are_to() {
    let object = Object::ct(20_000);
    for (fault, least) in [
        ("object: delay reading 400ms", 400),
        // Two PDVs.
        ("object: delay pdvs 300ms", 600),
        ("object: delay storing 400ms..500ms", 400),
        ("object: delay answer 400ms", 400),
    ] {
        let server = start(&[fault]);
        let mut client = Client::usual(server.port());
        let started = Instant::now();
        assert_eq!(client.store(3, &object).status(), 0);
        assert!(started.elapsed() >= Duration::from_millis(least), "{fault}");
    }
    for (fault, is_stored) in
        [("object: delay storing 60s", false), ("object: delay answer 60s", true)]
    {
        let server = start(&[fault]);
        let mut client = Client::usual(server.port());
        send(&mut client, &object);
        if is_stored {
            eventually("it is stored", LIMIT, || server.files() == [object.file_name()]);
        }
        assert_eq!(client.answer_within(SHORT), Answer::Silence, "{fault}");
        assert_eq!(server.files().contains(&object.file_name()), is_stored, "{fault}");
    }
    let server = start(&["object: delay next 400ms", "association: delay answer 400ms"]);
    let started = Instant::now();
    let mut client = Client::usual(server.port());
    assert!(started.elapsed() >= Duration::from_millis(400));
    client.store(3, &object);
    let stored = Instant::now();
    client.echo(1);
    assert!(stored.elapsed() >= Duration::from_millis(400));
    let server = start(&["connection: delay reading 400ms"]);
    let started = Instant::now();
    drop(Client::usual(server.port()));
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[test]
fn associations_are_rejected_and_aborted_with_any_reason() {
    for (action, expected) in [
        ("reject", Answer::Reject(1, 1, 1)),
        ("reject permanent user calling-ae-title-not-recognized", Answer::Reject(1, 1, 3)),
        ("reject transient presentation local-limit-exceeded", Answer::Reject(2, 3, 2)),
        ("reject 7 8 9", Answer::Reject(7, 8, 9)),
        ("abort", Answer::Abort(0, 0)),
        ("abort provider unrecognized-pdu-parameter", Answer::Abort(2, 4)),
        ("abort 1 77", Answer::Abort(1, 77)),
        ("close", Answer::Closed),
        ("reset", Answer::Closed),
        ("unknown pdu", Answer::Other(0x7F, vec![0; 4])),
        ("unknown pdu 0x0a", Answer::Other(0x0A, vec![0; 4])),
        ("silence", Answer::Silence),
    ] {
        let server = start(&[&format!("association from INTEROP: {action}")]);
        let mut client = Client::connect(server.port());
        client.send(&Request::usual().encode());
        let limit = if expected == Answer::Silence { SHORT } else { LIMIT };
        assert_eq!(client.answer_within(limit), expected, "{action}");
        let others = Request { calling: "OTHER".to_owned(), ..Request::usual() };
        assert_eq!(Client::associate(server.port(), &others).0.echo(1), 0, "{action}");
    }
}

#[test]
fn connections_are_reset_closed_and_left_in_silence() {
    for (action, is_reset) in [("reset", true), ("close", false)] {
        let server = start(&[&format!("connection at 127.*: {action}")]);
        let (stream, _) = connect(&server);
        assert_eq!(rest(&stream), (vec![], is_reset), "{action}");
        let server = start(&[&format!("association: {action}")]);
        let (stream, mut client) = connect(&server);
        client.send(&Request::usual().encode());
        assert_eq!(rest(&stream), (vec![], is_reset), "{action}");
    }
    let server = start(&["connection: silence"]);
    let mut client = Client::connect(server.port());
    client.send(&Request::usual().encode());
    assert_eq!(client.answer_within(SHORT), Answer::Silence);
    // The receiver notices that the peer is gone, although it reads nothing.
    let held = server.descriptors();
    drop(client);
    eventually("the connection is given up", LIMIT, || server.descriptors() < held);
    let server = start(&["connection: silence 300ms..400ms"]);
    let mut client = Client::connect(server.port());
    assert!(client.expect_close(LIMIT) >= Duration::from_millis(250));
}

#[test]
fn contexts_are_refused_by_class() {
    let request = Request::usual();
    for (action, result) in [
        ("refuse contexts", 3),
        ("refuse contexts user-rejection", 1),
        ("refuse contexts transfer-syntaxes-not-supported", 4),
    ] {
        let server = start(&[&format!("association of MRImageStorage: {action}")]);
        let (mut client, accept) = Client::associate(server.port(), &request);
        assert_eq!((accept.context(3).0, accept.context(5).0), (0, result), "{action}");
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
        let object = Object::new(uid::MR, "2.25.7", 100);
        client.command(5, &Command::store(1, &object.sop_class, &object.sop_instance));
        assert!(matches!(client.answer(), Answer::Abort(2, _)), "no context of that ID");
    }
    let server = start(&["association: refuse contexts"]);
    let (_, accept) = Client::associate(server.port(), &request);
    assert!(accept.contexts.iter().all(|context| context.result == 3));
}

/// What comes on a context whose transfer syntax nobody proposed cannot be read for sure: it is not stored.
#[test]
fn a_transfer_syntax_is_accepted_that_was_not_proposed() {
    let server = start(&["association of CTImageStorage: accept syntax JPEGBaseline"]);
    let both = [uid::EVLE, uid::JPEG_BASELINE];
    let contexts = [(1, &both[..1], uid::CT), (3, &both[..], uid::CT), (5, &both[..1], uid::MR)];
    let contexts = contexts.map(|(id, syntaxes, class)| Context::new(id, class, syntaxes));
    let (mut client, accept) = Client::associate(server.port(), &Request::new(contexts.to_vec()));
    assert_eq!(accept.context(1), (0, uid::JPEG_BASELINE));
    assert_eq!(accept.context(3), (0, uid::JPEG_BASELINE));
    assert_eq!(accept.context(5), (0, uid::EVLE));
    assert_eq!(client.store(1, &Object::ct(100)).status(), 0xC000);
    assert!(server.files().is_empty());
    assert_eq!(client.store(5, &Object::new(uid::MR, "2.25.7", 100)).status(), 0);
    assert_eq!(server.files(), ["MR.2.25.7"]);
}

#[test]
fn answers_name_something_else() {
    let object = Object::ct(100);
    let (class, instance) = (&object.sop_class[..], &object.sop_instance[..]);
    for (action, expected) in [
        ("message-id", (3, Some(2), class, instance)),
        ("message-id 77", (3, Some(77), class, instance)),
        ("context-id", (5, Some(1), class, instance)),
        ("context-id 200", (200, Some(1), class, instance)),
        ("class", (3, Some(1), uid::MR, instance)),
        ("class EnhancedCTImageStorage", (3, Some(1), "1.2.840.10008.5.1.4.1.1.2.1", instance)),
        ("instance", (3, Some(1), class, "2.25.0")),
        ("instance 1.2.3", (3, Some(1), class, "1.2.3")),
    ] {
        let server = start(&[&format!("object: wrong {action}")]);
        let mut client = Client::usual(server.port());
        send(&mut client, &object);
        let (context, response) = client.response();
        let text = |element| response.text(element);
        let named = (text(tag::SOP_CLASS), text(tag::SOP_INSTANCE));
        let answered = (context, response.us(tag::RESPONDED_TO), &named.0[..], &named.1[..]);
        assert_eq!(answered, expected, "{action}");
        assert_eq!(response.status(), 0, "{action}");
        assert_eq!(server.files(), [object.file_name()], "{action}");
        assert_eq!(client.echo(1), 0, "{action}: the association goes on");
    }
}

#[test]
fn answers_are_broken_pdus() {
    let object = Object::ct(100);
    for (action, length) in [("oversized pdu", 16_384 + 1024), ("oversized pdu 1000000", 1_000_000)]
    {
        let server = start(&[&format!("object: {action}")]);
        let (stream, mut client) = associate(&server);
        send(&mut client, &object);
        let mut header = [0; 6];
        (&stream).read_exact(&mut header).expect("an answer");
        let [_, _, length_field @ ..] = header;
        assert_eq!((header[0], u32::from_be_bytes(length_field)), (4, length), "{action}");
        let mut content = vec![0; length as usize];
        (&stream).read_exact(&mut content).expect("all of it");
        let command = Command::parse(&content[6..]);
        assert_eq!((command.status(), command.us(tag::RESPONDED_TO)), (0, Some(1)), "{action}");
        assert_eq!(server.files(), [object.file_name()], "{action}");
        assert_eq!(client.echo(1), 0, "{action}: the association goes on");
    }
    // What a whole answer is, to compare with.
    let server = start(&[]);
    let (stream, mut client) = associate(&server);
    send(&mut client, &object);
    client.finish_sending();
    let whole = rest(&stream).0;
    for (action, length) in
        [("cut pdu", whole.len() / 2), ("cut pdu 7", 7), ("cut pdu 9999", whole.len() - 1)]
    {
        let server = start(&[&format!("object: {action}")]);
        let (stream, mut client) = associate(&server);
        send(&mut client, &object);
        assert_eq!(rest(&stream), (whole[..length].to_vec(), false), "{action}");
        assert_eq!(server.files(), [object.file_name()], "{action}");
    }
    let server = start(&["association: cut pdu 20"]);
    let (stream, mut client) = connect(&server);
    client.send(&Request::usual().encode());
    let (bytes, is_reset) = rest(&stream);
    assert_eq!((bytes.len(), bytes[0], is_reset), (20, 2, false));
    let server = start(&["object: unknown pdu 200"]);
    let mut client = Client::usual(server.port());
    send(&mut client, &object);
    assert_eq!(client.answer(), Answer::Other(200, vec![0; 4]));
    assert_eq!(server.files(), [object.file_name()]);
}

#[test]
fn objects_end_their_association_in_three_places() {
    let object = Object::ct(20_000);
    for (action, expected, limit) in [
        ("abort provider unexpected-pdu", Answer::Abort(2, 2), LIMIT),
        ("abort", Answer::Abort(0, 0), LIMIT),
        ("close", Answer::Closed, LIMIT),
        ("reset", Answer::Closed, LIMIT),
        ("silence", Answer::Silence, SHORT),
    ] {
        for (when, is_stored) in [("", false), (" after storing", true), (" during", false)] {
            let server = start(&[&format!("object 2: {action}{when}")]);
            let mut client = Client::usual(server.port());
            let first = Object::ct(100);
            assert_eq!(client.store(3, &first).status(), 0);
            client.command(3, &Command::store(2, &object.sop_class, &object.sop_instance));
            if when == " during" {
                client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..1000])]));
            } else {
                client.data_set(3, &object.bytes);
            }
            assert_eq!(client.answer_within(limit), expected, "{action}{when}");
            drop(client);
            let mut files = vec![first.file_name()];
            files.extend(is_stored.then(|| object.file_name()));
            files.sort();
            eventually("the files are as they are to be", LIMIT, || server.files() == files);
            let log = server.stderr();
            let told = log.contains("as requested (fault on purpose)");
            assert_eq!(told, !is_stored, "{action}{when}: {log}");
            assert!(!log.contains("could not be sent"), "{action}{when}: {log}");
        }
    }
    let server = start(&["object: reset after storing"]);
    let (stream, mut client) = associate(&server);
    send(&mut client, &object);
    assert_eq!(rest(&stream), (vec![], true));
}

#[test]
fn an_answer_is_withheld() {
    for (action, stored) in [("no answer", 1), ("no answer without storing", 0)] {
        let server = start(&[&format!("object 1: {action}")]);
        let mut client = Client::usual(server.port());
        let object = Object::ct(100);
        send(&mut client, &object);
        assert_eq!(client.answer_within(SHORT), Answer::Silence, "{action}");
        assert_eq!(client.echo(1), 0, "{action}: the association goes on");
        assert_eq!(server.files().len(), stored, "{action}");
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0, "{action}");
        client.release();
    }
}

#[test]
fn handshakes_are_answered_with_alerts() {
    let pki = Pki::shared();
    for (alert, number) in [("handshake-failure", 40), ("unknown-ca", 48), ("86", 86)] {
        let fault = format!("connection every 2nd: tls alert {alert}");
        let mut words = pki.words("+tls %server.key %server.pem -ic --fault");
        words.push(fault);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let server = Server::start(Program::Ours, &words);
        let connect = || {
            let mut client = peers::debian("openssl");
            client.args([
                "s_client",
                "-brief",
                "-connect",
                &format!("127.0.0.1:{}", server.port()),
            ]);
            run(&mut client, CLIENT_TIME_LIMIT)
        };
        // The test that the receiver listens was the first connection, or there was none.
        let outcomes = [connect(), connect()];
        let refused: Vec<_> = outcomes
            .iter()
            .filter(|it| it.stderr.contains(&format!("SSL alert number {number}")))
            .collect();
        assert_eq!(refused.len(), 1, "{alert}: {outcomes:?}");
        assert!(outcomes.iter().any(|it| it.stderr.contains("CONNECTION ESTABLISHED")), "{alert}");
    }
}

/// Each switch that lets the receiver do what no sender should meet is told at the start, at the default level;
/// without one, nothing is.
#[test]
fn faults_are_told_at_the_start_and_when_they_strike() {
    let warned = |options: &[&str]| {
        let server = Server::start(Program::Ours, options);
        let log = server.stderr();
        let told = log.lines().filter_map(|line| line.strip_prefix("W: for tests only: "));
        told.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(warned(&[]).is_empty());
    assert_eq!(warned(&["--refuse"]), ["--refuse: every association is rejected"]);
    let switches =
        ["--ignore", "--reject", "--sleep-after", "1", "--abort-during", "--fault-seed", "7"];
    let with_draw = [&switches[..], &["--fault", "object 10%: status a700"]].concat();
    assert_eq!(
        warned(&with_draw),
        [
            "--reject: associations without an implementation class UID are rejected",
            "--ignore: objects are thrown away, and senders are told that they are stored",
            "fault on purpose: object 10%: status A700",
            "fault on purpose: object: delay next 1s",
            "fault on purpose: object: abort user during",
            "faults are drawn with --fault-seed 7",
        ]
    );
    let server = start(&["object every 2nd: status A700", "association: delay answer 1ms"]);
    let mut client = Client::usual(server.port());
    let [_, second] = [Object::ct(10), Object::ct(10)].map(|object| {
        client.store(3, &object);
        object
    });
    let log = server.stderr();
    let struck = log.lines().filter(|line| line.starts_with("I: fault on purpose"));
    let object = format!(
        "I: fault on purpose: object every 2nd: status A700 (object 2, SOP instance {}) \
         (peer INTEROP@127.0.0.1, association 1)",
        second.sop_instance
    );
    let association = "I: fault on purpose: association: delay answer 1ms (association 1) \
                       (peer INTEROP@127.0.0.1, association 1)";
    assert_eq!(struck.collect::<Vec<_>>(), [association, &object]);
}

#[test]
fn faults_come_from_a_file() {
    let folder = interop::Scratch::new();
    let path = folder.path().join("faults");
    let text = "# for the modality\nseed 5\nobject 1: status A700 # out of room\n";
    std::fs::write(&path, text).expect("a file");
    let name = path.to_str().expect("paths are text");
    let server = Server::start(Program::Ours, &["--fault-file", name]);
    assert_eq!(statuses(&server, 2), [0xA700, 0]);
    std::fs::write(&path, "object 1: status A700\n\nobject 2: stauts A700\n").expect("a file");
    let setup = Server::with(Program::Ours, &["--fault-file", name]);
    let failure = setup.try_start().expect_err("it does not start");
    let hint = "hint: docs/faults.md describes faults on purpose, with examples";
    assert!(failure.stderr.contains(&format!("error: {name}:3:11: ")), "{}", failure.stderr);
    let end = format!("did you mean 'status'?\n{hint}\n");
    assert!(failure.stderr.ends_with(&end), "{}", failure.stderr);
}

const LIMIT: Duration = Duration::from_secs(30);

/// How long is waited to see that nothing comes.
const SHORT: Duration = Duration::from_millis(400);
