//! Tests what the log tells, at the default level, of senders that go away, could not send what they have, or are
//! treated badly on purpose.

use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use interop::process::eventually;
use interop::wire::{Client, Command, Context, Pdv, Request, abort, data_pdu, uid};
use interop::{Object, Program, Server};

const LIMIT: Duration = Duration::from_secs(30);

fn send(client: &mut Client, object: &Object) {
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    client.data_set(3, &object.bytes);
}

/// Contexts of CT, compressed and uncompressed.
fn both_ways() -> Request {
    Request::new(vec![
        Context::new(1, uid::CT, &[uid::JPEG_LOSSLESS, "1.2.840.10008.1.2.4.90"]),
        Context::new(3, uid::CT, &[uid::IVLE]),
    ])
}

#[test]
fn senders_that_go_without_release_leave_a_line() {
    let server = Server::start(Program::Ours, &[]);
    drop(TcpStream::connect(("127.0.0.1", server.port())).expect("it listens"));
    drop(Client::usual(server.port()));
    let mut client = Client::usual(server.port());
    for _ in 0..2 {
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
    }
    client.send(&abort(0, 0));
    server.wait_for_log("W: association aborted by the peer after 2 stored objects (peer INTEROP@");
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(100)).status(), 0);
    drop(client);
    server.wait_for_log("W: connection lost without release after 1 stored object (peer INTEROP@");
    assert_eq!(server.stderr().lines().count(), 2, "no more: {}", server.stderr());
}

/// A sender with compressed objects only finds no use in the context that was accepted.
#[test]
fn a_sender_whose_transfer_syntaxes_were_refused_is_told_of_when_it_goes() {
    const NAMES: &str = ": refused transfer syntaxes: JPEGLossless:Non-hierarchical-1stOrderPrediction, \
                         JPEG2000LosslessOnly; to accept compressed objects, use --accept-all (+xa) (peer ";
    let server = Server::start(Program::Ours, &[]);
    let (mut client, _) = Client::associate(server.port(), &both_ways());
    client.send(&abort(0, 0));
    server
        .wait_for_log(&format!("W: association aborted by the peer after 0 stored objects{NAMES}"));
    let (client, _) = Client::associate(server.port(), &both_ways());
    client.release();
    server.wait_for_log(&format!("W: association released without an object{NAMES}"));
    assert_eq!(server.stderr().lines().count(), 2, "{}", server.stderr());
}

#[test]
fn an_image_class_is_named_however_many_others_are_refused() {
    let server = Server::start(Program::Ours, &[]);
    let other = |number: u8| format!("1.2.826.0.1.3680043.2.1545.{number:0>37}");
    let others: Vec<String> = (0..100).map(|number| other(100 + number)).collect();
    let mut contexts: Vec<Context> = (0..100_u8)
        .map(|number| Context::new(2 * number + 1, &others[usize::from(number)], &[uid::IVLE]))
        .collect();
    contexts.push(Context::new(201, uid::VERIFICATION, &[uid::IVLE]));
    contexts.push(Context::new(203, uid::FIND, &[uid::IVLE]));
    contexts.push(Context::new(205, uid::MR, &[uid::JPEG_LOSSLESS]));
    contexts.push(Context::new(207, uid::CT, &[uid::JPEG_LOSSLESS]));
    Client::associate(server.port(), &Request::new(contexts)).0.release();
    server.wait_for_log("association 1)\n");
    let log = server.stderr();
    assert!(
        log.starts_with(
            "W: refused presentation contexts: MRImageStorage, CTImageStorage (transfer syntaxes not \
             supported: JPEGLossless:Non-hierarchical-1stOrderPrediction), "
        ),
        "{log}"
    );
    assert_eq!(log.matches("(abstract syntax not supported)").count(), 1, "{log}");
    assert!(log.contains(" more; to accept "), "{log}");
    assert!(
        log.contains("; FINDStudyRootQueryRetrieveInformationModel brings no objects"),
        "{log}"
    );
    assert!((2500..5000).contains(&log.len()), "{} bytes: {log}", log.len());
    assert_eq!(log.lines().count(), 1, "{log}");
}

/// The object is stored and answered, and its association is aborted.
#[test]
fn a_stop_within_the_last_object_is_told() {
    let server = Server::start(Program::Ours, &["-v"]);
    let mut client = Client::usual(server.port());
    let object = Object::ct(30_000);
    client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
    let (first, rest) = object.bytes.split_at(10_000);
    client.send(&data_pdu(&[Pdv::data(3, false, first)]));
    server.wait_for_log("Received Store Request");
    server.signal("TERM");
    server.wait_for_log("shutting down: finishing messages in progress");
    thread::sleep(Duration::from_millis(200));
    client.send(&data_pdu(&[Pdv::data(3, false, &rest[..10_000])]));
    client.send(&data_pdu(&[Pdv::data(3, true, &rest[10_000..])]));
    assert_eq!(client.response().1.status(), 0);
    server.wait_for_log("W: association aborted by shutdown after 1 stored object (peer INTEROP@");
}

/// What is told of an object agrees with what a fault did to it.
#[test]
fn objects_that_are_dropped_on_purpose_are_not_told_as_refused() {
    for (fault, expected, ended) in [
        ("object: status 0000 without storing", "answered 0000H (peer ", "1 stored, 0 refused, "),
        ("object: no answer without storing", "not answered (peer ", ""),
    ] {
        let server = Server::start(Program::Ours, &["-v", "--fault", fault]);
        let mut client = Client::usual(server.port());
        send(&mut client, &Object::ct(100));
        server.wait_for_log(&format!(" (CTImageStorage) is dropped on purpose, {expected}"));
        drop(client);
        server.wait_for_log(&format!("I: association ended: {ended}"));
        let log = server.stderr();
        assert!(!log.contains("cannot store") && !log.contains("0110H"), "{log}");
        assert_eq!(server.files(), Vec::<String>::new());
    }
}

#[test]
fn an_association_that_a_cut_pdu_ends_was_ended_on_purpose() {
    for fault in ["object: cut pdu", "association: cut pdu"] {
        let server = Server::start(Program::Ours, &["-v", "--fault", fault]);
        let mut client = Client::connect(server.port());
        client.send(&Request::usual().encode());
        if fault.starts_with("object") {
            client.answer();
            send(&mut client, &Object::ct(100));
        }
        let ended = || server.stderr().contains("I: association ended: ");
        eventually("it has ended", LIMIT, ended);
        let log = server.stderr();
        assert!(log.contains(", aborted by us (on purpose), called "), "{fault}: {log}");
        assert!(!log.contains("without release"), "{fault}: {log}");
    }
}
