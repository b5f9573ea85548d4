//! Tests malformed and hostile peers: each gets a clear answer at once, writes nothing outside the output
//! directory, uses limited memory, and does not keep others from being served.
//!
//! Debian's receiver leaves many of these connections hanging, and all other peers with them.

use std::time::{Duration, Instant};

use interop::part10::Part10;
use interop::wire::{
    Answer, Client, Command, Context, Pdv, Request, abort, data_pdu, pdu, release_request, tag, uid,
};
use interop::{Object, Program, Server, element};

/// Time limit for an immediate answer.
const AT_ONCE: Duration = Duration::from_secs(2);

/// More memory than one association may cost, in addition to the program itself.
const MEMORY_LIMIT_KIB: u64 = 16 * 1024;

#[test]
fn malformed_requests_are_rejected_or_aborted_at_once() {
    let good = Request::usual();
    let long = "1.".repeat(32) + "1";
    let cases: [(&str, Vec<u8>); 9] = [
        ("no context", Request::new(Vec::new()).encode()),
        ("nothing in it", pdu(0x01, b"")),
        ("only the fixed part", pdu(0x01, &good.encode()[6..74])),
        ("cut in the fixed part", pdu(0x01, &good.encode()[6..50])),
        ("cut in an item", pdu(0x01, &good.encode()[6..100])),
        ("item longer than the PDU", {
            let mut bytes = good.encode();
            bytes[76..78].copy_from_slice(&u16::MAX.to_be_bytes());
            bytes
        }),
        ("application context of 65 characters", {
            Request { application_context: Some(long), ..good.clone() }.encode()
        }),
        ("longer than 1 MiB", [&[1, 0, 0, 16, 0, 1][..], &good.encode()[6..]].concat()),
        ("4 GiB", [&[1, 0, 255, 255, 255, 255][..], &good.encode()[6..]].concat()),
    ];
    let server = Server::start(Program::Ours, &[]);
    for (what, bytes) in &cases {
        let started = Instant::now();
        let mut client = Client::connect(server.port());
        client.send(bytes);
        let answer = client.answer_within(AT_ONCE);
        assert!(
            matches!(answer, Answer::Reject(..) | Answer::Abort(..)),
            "{what}: {answer:?} after {:?}",
            started.elapsed()
        );
        client.finish_sending();
        client.expect_close(AT_ONCE);
        serves_others(&server);
    }
}

/// Contexts that cannot be accepted are refused individually; the association remains usable for others.
#[test]
fn malformed_contexts_are_refused_one_by_one() {
    let long = "1.".repeat(32) + "1";
    let request = Request::new(vec![
        Context::new(1, uid::CT, &[]),
        Context::new(3, "", &[uid::EVLE]),
        Context::new(5, &long, &[uid::EVLE]),
        Context::new(7, uid::CT, &[&long, ""]),
        Context::new(9, uid::CT, &["not a UID", uid::EVLE]),
        Context::new(11, uid::VERIFICATION, &[uid::IVLE]),
    ]);
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::connect(server.port());
    client.send(&request.encode());
    match client.answer_within(AT_ONCE) {
        Answer::Accept(accept) => {
            let results: Vec<u8> = accept.contexts.iter().map(|context| context.result).collect();
            assert_eq!(results, [4, 3, 3, 4, 0, 0]);
            assert_eq!(client.echo(11), 0);
        }
        Answer::Reject(..) | Answer::Abort(..) => {}
        other => panic!("{other:?}"),
    }
}

/// PS3.8 Table 9-10, Sta2: any PDU but A-ASSOCIATE-RQ.
#[test]
fn other_first_pdus_are_aborted_at_once() {
    let server = Server::start(Program::Ours, &[]);
    let firsts = [
        pdu(0x02, &[0; 68]),
        pdu(0x03, &[0, 1, 1, 1]),
        data_pdu(&[Pdv::command(1, true, &Command::echo(1).encode())]),
        release_request(),
        pdu(0x06, &[0; 4]),
        pdu(0x00, &[]),
        pdu(0x08, &[0; 4]),
        pdu(0xFF, &[0; 10]),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
    ];
    for first in &firsts {
        let mut client = Client::connect(server.port());
        client.send(first);
        let answer = client.answer_within(AT_ONCE);
        assert!(matches!(answer, Answer::Abort(..)), "{first:?}: {answer:?}");
        client.finish_sending();
        client.expect_close(AT_ONCE);
        serves_others(&server);
    }
    // The receiver does not answer an A-ABORT, but closes the connection.
    let mut client = Client::connect(server.port());
    client.send(&abort(0, 0));
    client.expect_close(AT_ONCE);
}

/// PS3.8 Table 9-10, Sta6, and §9.3.5.
#[test]
fn bad_pdus_in_an_association_abort_it_at_once() {
    let object = Object::ct(100_000);
    let pdv = |length: u32, rest: &[u8]| pdu(0x04, &[&length.to_be_bytes(), rest].concat());
    let cases = [
        ("unknown type", pdu(0x42, &[0; 8])),
        ("A-ASSOCIATE-RQ", Request::usual().encode()),
        ("A-ASSOCIATE-AC", pdu(0x02, &[0; 68])),
        ("A-ASSOCIATE-RJ", pdu(0x03, &[0, 1, 1, 1])),
        ("A-RELEASE-RP", pdu(0x06, &[0; 4])),
        ("A-RELEASE-RQ of a wrong length", pdu(0x05, &[0; 5])),
        ("no PDV", pdu(0x04, &[])),
        ("half a PDV length", pdu(0x04, &[0, 0])),
        ("PDV of length 0", pdv(0, &[])),
        ("PDV of length 1", pdv(1, &[3])),
        ("PDV longer than its PDU", pdv(1000, &[3, 3, 0, 0, 0, 0])),
        ("PDV of 4 GiB", pdv(u32::MAX, &[3, 3, 0, 0, 0, 0])),
        ("bytes after the last PDV", pdv(6, &[3, 0, 0, 0, 0, 0, 9, 9, 9])),
        ("PDU longer than announced", data_pdu(&[Pdv::data(3, false, &[0; 16_400])])),
        ("PDU of 4 GiB", [4, 0, 255, 255, 255, 255, 0, 0, 0, 100, 3, 0].to_vec()),
        ("context not accepted", data_pdu(&[Pdv::data(99, false, &[0; 4])])),
    ];
    for in_data_set in [false, true] {
        let server = Server::start(Program::Ours, &["+B"]);
        for (what, bytes) in &cases {
            let mut client = Client::usual(server.port());
            if in_data_set {
                client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
                client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..10_000])]));
            }
            client.send(bytes);
            let answer = client.answer_within(AT_ONCE);
            assert!(matches!(answer, Answer::Abort(..)), "{what}: {answer:?}");
            client.finish_sending();
            client.expect_close(AT_ONCE);
            serves_others(&server);
            assert_eq!(server.files(), [""; 0], "{what}");
        }
    }
}

/// After its abort, the receiver waits for the peer to close, but not forever (ARTIM).
#[test]
fn a_peer_that_never_closes_is_dropped() {
    let server = Server::start(Program::Ours, &[]);
    let mut rejected = Client::connect(server.port());
    rejected.send(&Request { version: 2, ..Request::usual() }.encode());
    assert!(matches!(rejected.answer_within(AT_ONCE), Answer::Reject(..)));
    let mut aborted = Client::usual(server.port());
    aborted.send(&pdu(0x42, &[]));
    assert!(matches!(aborted.answer_within(AT_ONCE), Answer::Abort(..)));
    let mut released = Client::usual(server.port());
    released.send(&release_request());
    assert_eq!(released.answer_within(AT_ONCE), Answer::ReleaseReply);
    for mut client in [rejected, aborted, released] {
        client.expect_close(Duration::from_secs(35));
    }
}

#[test]
fn connections_cut_anywhere_leave_nothing_and_harm_nobody() {
    let object = Object::ct(2000);
    let mut whole = Request::usual().encode();
    let command = Command::store(1, &object.sop_class, &object.sop_instance).encode();
    let until_end = {
        whole.extend(data_pdu(&[Pdv::command(3, true, &command)]));
        whole.extend(data_pdu(&[Pdv::data(3, false, &object.bytes[..1000])]));
        whole.extend(data_pdu(&[Pdv::data(3, true, &object.bytes[1000..])]));
        whole.len()
    };
    for options in [&[][..], &["+B"]] {
        let server = Server::start(Program::Ours, options);
        for cut in (0..until_end).step_by(97).chain([until_end - 1]) {
            let mut client = Client::connect(server.port());
            client.send(&whole[..cut]);
            client.finish_sending();
            while !matches!(client.answer_within(AT_ONCE), Answer::Closed) {}
            assert_eq!(server.files(), [""; 0], "cut after {cut} bytes");
        }
        serves_others(&server);
    }
}

/// Each byte of a valid request is corrupted in turn: whatever the result means, the association ends.
#[test]
fn requests_with_a_spoilt_byte_come_to_an_end() {
    let good = Request::new(vec![Context::new(1, uid::CT, &[uid::EVLE])]).encode();
    let server = Server::start(Program::Ours, &[]);
    for position in 0..good.len() {
        for value in [0x00, 0xFF, good[position] ^ 0x01] {
            let mut bytes = good.clone();
            bytes[position] = value;
            let mut client = Client::connect(server.port());
            client.send(&bytes);
            client.finish_sending();
            let started = Instant::now();
            while client.answer_within(AT_ONCE) != Answer::Closed {
                assert!(started.elapsed() < AT_ONCE, "byte {position} is {value:02X}");
            }
        }
    }
    serves_others(&server);
}

#[test]
fn a_hundred_and_twenty_eight_contexts_of_a_hundred_syntaxes() {
    let mut syntaxes: Vec<String> = (0..99).map(|n| format!("1.2.3.4.5.6.7.8.9.{n}")).collect();
    syntaxes.push(uid::EVLE.to_owned());
    let syntaxes: Vec<&str> = syntaxes.iter().map(String::as_str).collect();
    let contexts = (1..=255).step_by(2).map(|id| Context::new(id, uid::CT, &syntaxes)).collect();
    let server = Server::start(Program::Ours, &[]);
    let (mut client, accept) = Client::associate(server.port(), &Request::new(contexts));
    assert_eq!(accept.contexts.len(), 128);
    assert!(accept.contexts.iter().all(|context| context.result == 0));
    assert_eq!(client.store(255, &Object::ct(10)).status(), 0);
    client.release();
    check_memory(&server);
}

#[test]
fn a_command_set_of_four_megabytes_is_aborted() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    let piece = data_pdu(&[Pdv::command(3, false, &[0; 16_000])]);
    let started = Instant::now();
    // The receiver may close before everything is sent.
    let _ = (0..256).try_for_each(|_| client.try_send(&piece));
    let answer = client.answer_within(AT_ONCE);
    assert!(matches!(answer, Answer::Abort(..)), "{answer:?} after {:?}", started.elapsed());
    serves_others(&server);
    check_memory(&server);
}

#[test]
fn memory_does_not_grow_with_hostile_peers() {
    let server = Server::start(Program::Ours, &[]);
    for _ in 0..200 {
        let mut client = Client::connect(server.port());
        client.send(&[1, 0, 0, 15, 255, 0]);
        // The valid beginning of a large request that is never completed.
        let _ = client.try_send(&Request::usual().encode()[6..]);
    }
    serves_others(&server);
    check_memory(&server);
}

/// UIDs that would make unsafe file names, in command and data set alike: the response is a failure status, and
/// no file is created anywhere.
#[test]
fn unsafe_uids_write_nothing() {
    let sixty_five = "1".repeat(65);
    let unsafe_uids: [&[u8]; 13] = [
        b"../../escaped",
        b"..",
        b".",
        b"/tmp/escaped",
        b"1.2/3",
        b"1.2\\..\\3",
        b"1.2\x003",
        b"1.2;touch x",
        b"$(touch x)",
        b"\xC3\xA9",
        b"\xFF\xFE",
        sixty_five.as_bytes(),
        b"",
    ];
    for options in [&[][..], &["+B"]] {
        let server = Server::start(Program::Ours, options);
        for uid in unsafe_uids {
            let mut bytes = element(0x0008, 0x0016, *b"UI", uid::CT.as_bytes());
            bytes.extend(element(0x0008, 0x0018, *b"UI", uid));
            bytes.extend(element(0x0020, 0x000D, *b"UI", b"1.2"));
            let mut client = Client::usual(server.port());
            let mut padded = uid.to_vec();
            padded.resize(uid.len().next_multiple_of(2), 0);
            let command = Command::store(1, uid::CT, "").bytes(tag::SOP_INSTANCE, &padded);
            client.command(3, &command);
            let _ = client.try_send(&data_pdu(&[Pdv::data(3, true, &bytes)]));
            match client.answer_within(AT_ONCE) {
                Answer::Abort(..) => panic!("{uid:?} costs the association"),
                Answer::Data(pdvs) => {
                    let status = Command::parse(&pdvs[0].data).status();
                    assert!(matches!(status, 0x0100..=0x01FF | 0xA700.. ), "{uid:?}: {status:04X}");
                }
                other => panic!("{uid:?}: {other:?}"),
            }
            assert_eq!(server.files(), [""; 0], "{uid:?}");
            assert_eq!(client.echo(1), 0, "{uid:?}: the association goes on");
        }
        let beside: Vec<String> = interop::files_below(server.scratch())
            .into_iter()
            .filter(|name| !["out/", "stdout", "stderr"].contains(&name.as_str()))
            .collect();
        assert_eq!(beside, [""; 0], "nothing beside the output directory");
        assert!(!std::path::Path::new("/tmp/escaped").exists());
    }
}

/// DCMTK leaves some unusual bytes of UIDs in file names; so do we.
#[test]
fn unusual_but_safe_uids_are_stored() {
    let server = Server::start(Program::Ours, &["+B"]);
    let mut client = Client::usual(server.port());
    for instance in ["1.2.3-4", "A_b", "1:2@3", "0.00.1"] {
        let object = Object::new(uid::CT, instance, 10);
        assert_eq!(client.store(3, &object).status(), 0, "{instance}");
        let file = Part10::read(&server.directory().join(format!("CT.{instance}")));
        assert!(file.data_set == object.bytes);
    }
}

/// 200 connections that send nothing or an incomplete request, beside a normal sender.
#[test]
fn idle_peers_hold_up_nobody() {
    let server = Server::start(Program::Ours, &[]);
    let alone = hundred_stores(&server);
    let request = Request::usual().encode();
    let idle: Vec<Client> = (0..200)
        .map(|n| {
            let mut client = Client::connect(server.port());
            match n % 3 {
                0 => {}
                1 => client.send(&request[..50]),
                _ => {
                    client.send(&request);
                    assert!(matches!(client.answer(), Answer::Accept(_)));
                }
            }
            client
        })
        .collect();
    let beside = hundred_stores(&server);
    assert!(beside < alone * 3 + AT_ONCE, "{beside:?} beside 200 idle peers, {alone:?} alone");
    drop(idle);
}

/// A peer that reads no responses delays only itself.
#[test]
fn a_peer_that_does_not_read_holds_up_nobody() {
    let server = Server::start(Program::Ours, &[]);
    let mut deaf = Client::usual(server.port());
    let echo = data_pdu(&[Pdv::command(1, true, &Command::echo(1).encode())]);
    let many = echo.repeat(1000);
    let started = Instant::now();
    // Until the buffers on both sides are full, or it has sent enough.
    while started.elapsed() < Duration::from_secs(1) && deaf.send_within(&many, AT_ONCE / 8) {}
    serves_others(&server);
    check_memory(&server);
}

/// Time that a sender of 100 objects takes.
pub(crate) fn hundred_stores(server: &Server) -> Duration {
    let started = Instant::now();
    let mut client = Client::usual(server.port());
    for _ in 0..100 {
        assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    }
    client.release();
    started.elapsed()
}

/// Checks that another peer is served at once.
pub(crate) fn serves_others(server: &Server) {
    let started = Instant::now();
    let mut client = Client::usual(server.port());
    assert_eq!(client.echo(1), 0);
    client.release();
    assert!(started.elapsed() < AT_ONCE, "served after {:?}", started.elapsed());
}

/// Peak resident memory of the receiver.
fn check_memory(server: &Server) {
    assert!(server.peak_kib() < MEMORY_LIMIT_KIB, "{} KiB resident", server.peak_kib());
}
