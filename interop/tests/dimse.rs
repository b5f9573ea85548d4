//! Tests DIMSE messages: commands, their responses, and fragments of every size (PS3.7, PS3.8 Annex E).

use std::time::Duration;

use interop::part10::Part10;
use interop::wire::{
    Answer, Client, Command, Context, Pdv, Request, data_pdu, release_request, tag, uid,
};
use interop::{Object, Program, Server, both, element};

const PROMPT: Duration = Duration::from_secs(10);

#[test]
fn echo_responses_equal_debian() {
    let [ours, theirs] = both(&[], |server| {
        let mut client = Client::usual(server.port());
        let mut responses = Vec::new();
        // On its own context, with an unusual message ID; on a context of a storage class; with another SOP
        // class.
        for (context, class, id) in
            [(1, uid::VERIFICATION, 0), (3, uid::VERIFICATION, 65_535), (1, uid::CT, 7)]
        {
            client.command(context, &Command::echo(id).uid(tag::SOP_CLASS, class));
            responses.push(client.response());
        }
        client.release();
        responses
    });
    assert_eq!(ours, theirs);
    assert!(ours.iter().all(|(_, response)| response.status() == 0));
}

#[test]
fn store_responses_equal_debian() {
    let object = Object::ct(1000);
    let [ours, theirs] = both(&["+B"], |server| {
        let mut client = Client::usual(server.port());
        let response = client.store(3, &object);
        client.release();
        assert_eq!(server.files(), [object.file_name()]);
        response
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.elements(), [0x0000, 0x0002, 0x0100, 0x0120, 0x0800, 0x0900, 0x1000]);
}

/// Debian's program aborts the association here.
#[test]
fn other_requests_are_answered_with_unrecognized_operation() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    for field in
        [0x0010, 0x0020, 0x0021, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150, 0x0002, 0x7777]
    {
        for with_data_set in [false, true] {
            let id = client.message_id();
            let command = Command::store(id, uid::CT, "1.2.3")
                .number(tag::FIELD, field)
                .number(tag::DATA_SET_TYPE, if with_data_set { 1 } else { 0x0101 });
            client.command(5, &command);
            if with_data_set {
                client.data_set(5, &Object::ct(100).bytes);
            }
            let (context, response) = client.response();
            assert_eq!(context, 5, "answered on its own context");
            assert_eq!(response.status(), 0x0211, "{field:04X}");
            assert_eq!(response.us(tag::FIELD), Some(field | 0x8000));
            assert_eq!(response.us(tag::RESPONDED_TO), Some(id));
        }
    }
    assert_eq!(client.store(3, &Object::ct(100)).status(), 0, "the association goes on");
    client.release();
}

/// Debian's program aborts the association here.
#[test]
fn cancel_requests_are_ignored() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    let cancel = Command::default()
        .number(tag::FIELD, 0x0FFF)
        .number(tag::RESPONDED_TO, 1)
        .number(tag::DATA_SET_TYPE, 0x0101);
    client.command(3, &cancel);
    assert_eq!(client.echo(1), 0, "the next response is the echo's");
    client.release();
}

/// Each gets one clear answer at once, a failure status or an abort, and no file is stored.
#[test]
fn bad_command_sets_get_one_clear_answer() {
    let good = Command::store(1, uid::CT, "1.2.3");
    let cases = [
        ("no command field", good.clone().without(tag::FIELD)),
        ("no message ID", good.clone().without(tag::MESSAGE_ID)),
        ("no SOP class", good.clone().without(tag::SOP_CLASS)),
        ("no SOP instance", good.clone().without(tag::SOP_INSTANCE)),
        ("empty SOP instance", good.clone().bytes(tag::SOP_INSTANCE, b"")),
        ("no data set type", good.clone().without(tag::DATA_SET_TYPE)),
        ("no data set announced", good.clone().number(tag::DATA_SET_TYPE, 0x0101)),
        ("a command field of one byte", good.clone().bytes(tag::FIELD, &[1])),
        ("a response", good.clone().number(tag::FIELD, 0x8001).number(tag::STATUS, 0)),
    ];
    for (what, command) in cases {
        let server = Server::start(Program::Ours, &[]);
        let mut client = Client::usual(server.port());
        client.command(3, &command);
        if command.us(tag::DATA_SET_TYPE) == Some(1) {
            // The receiver may already have aborted.
            let data = Pdv::data(3, true, &Object::ct(10).bytes);
            let _ = client.try_send(&data_pdu(&[data]));
        }
        one_clear_answer(&mut client, what);
        assert_eq!(server.files(), [""; 0], "{what}");
    }
}

#[test]
fn spoilt_command_bytes_get_one_clear_answer() {
    let good = Command::store(1, uid::CT, "1.2.3").encode();
    let cut = good[..good.len() - 3].to_vec();
    let mut huge_length = good.clone();
    huge_length[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    for (what, bytes) in [("cut", cut), ("huge length", huge_length), ("empty", Vec::new())] {
        let server = Server::start(Program::Ours, &[]);
        let mut client = Client::usual(server.port());
        client.send(&data_pdu(&[Pdv::command(3, true, &bytes)]));
        one_clear_answer(&mut client, what);
        assert_eq!(server.files(), [""; 0], "{what}");
    }
}

/// A wrong or missing group length, priority or move originator is ignored, as by Debian's program.
#[test]
fn what_a_command_set_may_lack() {
    let object = Object::ct(100);
    let store = |id| Command::store(id, &object.sop_class, &object.sop_instance);
    let commands = [
        store(1).bytes(tag::GROUP_LENGTH, &7_u32.to_le_bytes()),
        store(2).number(tag::PRIORITY, 0x7777),
        store(3).bytes(0x1030, b"MOVER ").number(0x1031, 9),
    ];
    let [ours, theirs] = both(&["+B"], |server| {
        let mut client = Client::usual(server.port());
        let mut responses = Vec::new();
        for command in &commands {
            client.command(3, command);
            client.data_set(3, &object.bytes);
            responses.push(client.response());
        }
        client.release();
        responses
    });
    assert_eq!(ours, theirs);
    assert!(ours.iter().all(|(_, response)| response.status() == 0));
}

/// Debian's program keeps the file, and with `+B` does not compare the UIDs.
#[test]
fn mismatched_uids_are_refused_and_nothing_is_stored() {
    let object = Object::ct(5000);
    for options in [&[][..], &["+B"], &["-F"], &["--ignore"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let instance = Object { sop_instance: "1.2.3.4".to_owned(), ..object.clone() };
        let class = Object { sop_class: uid::MR.to_owned(), ..object.clone() };
        for wrong in [instance, class] {
            let response = client.store(3, &wrong);
            if options == ["--ignore"] {
                assert_eq!(response.status(), 0, "--ignore stores nothing and checks nothing");
                continue;
            }
            assert_eq!(response.status(), 0xA900, "{options:?}");
            assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "says what is wrong");
        }
        assert_eq!(server.files(), [""; 0], "{options:?}");
        assert_eq!(client.store(3, &object).status(), 0, "the association goes on");
        client.release();
    }
}

/// Debian's program keeps the file of the first two, and reports the third as out of resources.
#[test]
fn data_sets_without_uids_are_refused_and_nothing_is_stored() {
    for (what, bytes) in data_sets_without_uids() {
        let server = Server::start(Program::Ours, &[]);
        let mut client = Client::usual(server.port());
        client.command(3, &Command::store(1, uid::CT, "1.2.3"));
        client.send(&data_pdu(&[Pdv::data(3, true, &bytes)]));
        let response = client.response().1;
        assert_eq!(response.status(), 0xC000, "{what}");
        assert!(!response.text(tag::ERROR_COMMENT).is_empty(), "{what}: says what is wrong");
        assert_eq!(server.files(), [""; 0], "{what}");
        assert_eq!(client.store(3, &Object::ct(10)).status(), 0, "the association goes on");
    }
}

/// With bit-preserving, the data set need not be understood.
#[test]
fn data_sets_without_uids_are_preserved_as_debian_does() {
    for (what, bytes) in data_sets_without_uids() {
        let [ours, theirs] = both(&["+B"], |server| {
            let mut client = Client::usual(server.port());
            client.command(3, &Command::store(1, uid::CT, "1.2.3"));
            client.send(&data_pdu(&[Pdv::data(3, true, &bytes)]));
            let status = client.response().1.status();
            let file = Part10::read(&server.directory().join("CT.1.2.3"));
            (status, file.data_set)
        });
        assert_eq!(ours, theirs, "{what}");
        assert_eq!(ours, (0, bytes), "{what}");
    }
}

fn data_sets_without_uids() -> [(&'static str, Vec<u8>); 3] {
    let name = element(0x0010, 0x0010, *b"PN", b"Doe^Jane");
    let class = element(0x0008, 0x0016, *b"UI", uid::CT.as_bytes());
    [
        ("no UIDs", name.clone()),
        ("no instance UID", [class, name].concat()),
        ("nothing", Vec::new()),
    ]
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let objects: Vec<Object> = (0..30).map(|n| Object::ct(n * 1001)).collect();
    let [ours, theirs] = both(&["+B"], |server| {
        let mut client = Client::usual(server.port());
        let mut bytes = Vec::new();
        for object in &objects {
            bytes.extend(message(3, client.message_id(), object, 16_372));
            bytes.extend(data_pdu(&[Pdv::command(1, true, &Command::echo(999).encode())]));
        }
        bytes.extend(release_request());
        client.send(&bytes);
        let responses: Vec<_> = (0..objects.len() * 2).map(|_| client.response()).collect();
        assert_eq!(client.answer(), Answer::ReleaseReply);
        assert_eq!(server.files().len(), objects.len());
        responses
    });
    assert_eq!(ours, theirs);
    assert!(ours.iter().all(|(_, response)| response.status() == 0));
}

#[test]
fn fragments_of_every_shape_equal_debian() {
    let object = Object::ct(3001);
    let command = Command::store(1, &object.sop_class, &object.sop_instance).encode();
    let (head, tail) = object.bytes.split_at(1000);
    let pdus = |pdus: &[&[Pdv]]| pdus.iter().flat_map(|pdvs| data_pdu(pdvs)).collect::<Vec<u8>>();
    let shapes = [
        ("two bytes each", message(3, 1, &object, 2)),
        ("as long as allowed", message(3, 1, &object, 16_378)),
        (
            "command and data in one PDU",
            pdus(&[&[Pdv::command(3, true, &command), Pdv::data(3, true, &object.bytes)]]),
        ),
        (
            "two in each PDU",
            pdus(&[
                &[Pdv::command(3, false, &command[..10]), Pdv::command(3, true, &command[10..])],
                &[Pdv::data(3, false, head), Pdv::data(3, true, tail)],
            ]),
        ),
        (
            "empty last fragments",
            pdus(&[
                &[Pdv::command(3, false, &command)],
                &[Pdv::command(3, true, b"")],
                &[Pdv::data(3, false, &object.bytes)],
                &[Pdv::data(3, true, b"")],
            ]),
        ),
    ];
    for (what, bytes) in &shapes {
        for program in [Program::Debian, Program::Ours] {
            stores_whole(program, &object, what, bytes);
        }
    }
}

/// Debian's program fails on a PDU with more than two fragments, and aborts.
#[test]
fn many_fragments_in_one_pdu_are_taken() {
    let object = Object::ct(3001);
    let command = Command::store(1, &object.sop_class, &object.sop_instance).encode();
    let mut pdvs = vec![Pdv::command(3, false, b"")];
    pdvs.extend(command.chunks(10).map(|chunk| Pdv::command(3, false, chunk)));
    pdvs.push(Pdv::command(3, true, b""));
    for chunk in object.bytes.chunks(40) {
        pdvs.push(Pdv::data(3, false, chunk));
        pdvs.push(Pdv::data(3, false, b""));
    }
    pdvs.push(Pdv::data(3, true, b""));
    stores_whole(Program::Ours, &object, "many in one PDU", &data_pdu(&pdvs));
}

/// Debian's program aborts these. The standard requires fragments of even length, but accepting odd ones loses
/// nothing.
#[test]
fn odd_fragments_are_taken() {
    let object = Object::ct(3001);
    for size in [1, 3, 777] {
        stores_whole(Program::Ours, &object, "odd fragments", &message(3, 1, &object, size));
    }
}

#[test]
fn bytes_may_trickle_in_one_by_one() {
    let object = Object::ct(500);
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::connect(server.port());
    for byte in Request::usual().encode() {
        client.send(&[byte]);
    }
    assert!(matches!(client.answer(), Answer::Accept(_)));
    for byte in message(3, 1, &object, 200) {
        client.send(&[byte]);
    }
    assert_eq!(client.response().1.status(), 0);
    for byte in release_request() {
        client.send(&[byte]);
    }
    assert_eq!(client.answer(), Answer::ReleaseReply);
    check_only_file(&server, &object);
}

#[test]
fn a_release_between_fragments_is_answered_and_leaves_nothing() {
    let object = Object::ct(50_000);
    for options in [&[][..], &["+B"]] {
        for program in [Program::Debian, Program::Ours] {
            let server = Server::start(program, options);
            let mut client = Client::usual(server.port());
            client.command(3, &Command::store(1, &object.sop_class, &object.sop_instance));
            client.send(&data_pdu(&[Pdv::data(3, false, &object.bytes[..10_000])]));
            client.send(&release_request());
            assert_eq!(client.answer(), Answer::ReleaseReply, "{program:?} {options:?}");
            drop(client);
            if program == Program::Ours {
                let mut after = Client::usual(server.port());
                assert_eq!(after.echo(1), 0);
                assert_eq!(server.files(), [""; 0], "{options:?}");
            }
        }
    }
}

/// A message that violates PS3.7 §8 or PS3.8 Annex E ends the association at once.
#[test]
fn fragments_out_of_place_abort() {
    let object = Object::ct(50);
    let command = Command::store(1, &object.sop_class, &object.sop_instance).encode();
    let store = Pdv::command(3, true, &command);
    let start = Pdv::data(3, false, &object.bytes[..50]);
    let cases = [
        ("data on another context", vec![store.clone(), Pdv::data(5, true, &object.bytes)]),
        ("data changes its context", {
            vec![store.clone(), start.clone(), Pdv::data(5, true, &object.bytes[50..])]
        }),
        ("command inside a data set", vec![store.clone(), start, store.clone()]),
        ("data without a command", vec![Pdv::data(3, true, &object.bytes)]),
        ("context not accepted", vec![Pdv::command(99, true, &command)]),
        (
            "context never proposed",
            vec![Pdv::command(3, false, &command[..20]), { Pdv::command(7, true, &command[20..]) }],
        ),
    ];
    for (what, pdvs) in cases {
        for program in [Program::Debian, Program::Ours] {
            let server = Server::start(program, &[]);
            let mut client = Client::usual(server.port());
            for pdv in &pdvs {
                client.send(&data_pdu(std::slice::from_ref(pdv)));
            }
            let answer = client.answer_within(PROMPT);
            assert!(matches!(answer, Answer::Abort(..)), "{what} {program:?}: {answer:?}");
            assert_eq!(server.files(), [""; 0], "{what} {program:?}");
        }
    }
}

/// White space and NULs in the UIDs of a command are ignored, as by Debian's program.
#[test]
fn padded_uids_are_cleaned_as_debian_does() {
    let object = Object::ct(100);
    let padded = format!("{} ", object.sop_instance);
    let [ours, theirs] = both(&[], |server| {
        let mut client = Client::usual(server.port());
        let command = Command::store(1, &object.sop_class, &padded);
        client.command(3, &command);
        client.data_set(3, &object.bytes);
        let response = client.response();
        client.release();
        (response, server.files())
    });
    assert_eq!(ours, theirs);
    assert_eq!((ours.0.1.status(), ours.1), (0, vec![object.file_name()]));
}

/// The SOP class of the command is not compared with the abstract syntax of the context, as by Debian's
/// program.
#[test]
fn a_class_on_another_context_is_stored_as_debian_does() {
    let object = Object::ct(100);
    let [ours, theirs] = both(&[], |server| {
        let mut client = Client::usual(server.port());
        let response = client.store(5, &object);
        client.release();
        (response, server.files())
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.1, [object.file_name()]);
}

/// Several contexts of one SOP class, each with a different transfer syntax.
#[test]
fn the_context_of_the_command_tells_the_transfer_syntax() {
    let server = Server::start(Program::Ours, &["+xa", "+B"]);
    let request = Request::new(vec![
        Context::new(1, uid::CT, &[uid::EVLE]),
        Context::new(3, uid::CT, &[uid::JPEG_BASELINE]),
    ]);
    let (mut client, _) = Client::associate(server.port(), &request);
    let objects = [(1, Object::ct(10)), (3, Object::ct(12)), (1, Object::ct(14))];
    for (context, object) in &objects {
        assert_eq!(client.store(*context, object).status(), 0);
        let file = Part10::read(&server.directory().join(object.file_name()));
        let expected = if *context == 1 { uid::EVLE } else { uid::JPEG_BASELINE };
        assert_eq!(file.transfer_syntax(), expected);
    }
    client.release();
}

fn one_clear_answer(client: &mut Client, what: &str) {
    match client.answer_within(PROMPT) {
        Answer::Abort(..) => {}
        Answer::Data(pdvs) => {
            let response = Command::parse(&pdvs[0].data);
            assert_ne!(response.status(), 0, "{what}: a failure");
            assert_eq!(client.echo(1), 0, "{what}: the association goes on");
        }
        other => panic!("{what}: {other:?}"),
    }
}

fn stores_whole(program: Program, object: &Object, what: &str, bytes: &[u8]) {
    let server = Server::start(program, &["+B"]);
    let mut client = Client::usual(server.port());
    client.send(bytes);
    assert_eq!(client.response().1.status(), 0, "{what} {program:?}");
    client.release();
    check_only_file(&server, object);
}

fn check_only_file(server: &Server, object: &Object) {
    assert_eq!(server.files(), [object.file_name()]);
    let file = Part10::read(&server.directory().join(object.file_name()));
    assert!(file.data_set == object.bytes, "the bytes that were sent");
}

/// A C-STORE-RQ with its data set, in PDUs of one fragment of at most `size` bytes.
fn message(context: u8, id: u16, object: &Object, size: usize) -> Vec<u8> {
    let command = Command::store(id, &object.sop_class, &object.sop_instance).encode();
    let mut bytes = Vec::new();
    for (is_command, content) in [(true, &command), (false, &object.bytes)] {
        let count = content.len().div_ceil(size);
        for (index, data) in content.chunks(size).enumerate() {
            let last = index + 1 == count;
            let pdv = Pdv { context, command: is_command, last, data: data.to_vec() };
            bytes.extend(data_pdu(&[pdv]));
        }
    }
    bytes
}
