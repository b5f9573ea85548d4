//! Tests attacks that have brought down DICOM receivers, one class at a time, over the network. Classes tested
//! elsewhere are listed in `docs/promises.md`.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use interop::wire::{
    Answer, Client, Command, Context, Pdv, Request, abort, data_pdu, pdu, tag, uid,
};
use interop::{Object, Program, Server, element};

const WAYS_OF_STORING: [&[&str]; 6] = [
    &["+B", "+xd"],
    &["+xd"],
    &["+xd", "+td"],
    &["+xd", "+ti"],
    &["+xd", "+tb"],
    &["+xd", "-e", "+g"],
];

const UNDEFINED: [u8; 4] = [0xFF; 4];
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
const ITEM_END: [u8; 8] = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0];
const SEQUENCE_END: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
/// Headers of a sequence, a text and pixel data, without the length fields.
const SEQUENCE: [u8; 8] = [0x40, 0x00, 0x60, 0xA7, b'S', b'Q', 0, 0];
const PIXELS: [u8; 8] = [0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0];
const ELEMENT: [u8; 10] = [0x40, 0x00, 0x68, 0xA1, b'S', b'H', 2, 0, b'x', b' '];

/// Lengths of elements, items and fragments that exceed the data.
#[test]
fn length_bombs_are_answered_and_hold_nothing() {
    let huge = 0xFFFF_FFFE_u32.to_le_bytes();
    let pixels = |length: &[u8], rest: &[u8]| [&PIXELS[..], length, rest].concat();
    let cases = vec![
        ("element of 4 GiB", pixels(&huge, b"abcd")),
        ("element of 2 GiB", pixels(&0x8000_0000_u32.to_le_bytes(), b"abcd")),
        ("sequence of 4 GiB", [&SEQUENCE[..], &huge, &ITEM, &[0; 4]].concat()),
        ("item longer than its sequence", [&SEQUENCE[..], &[8, 0, 0, 0], &ITEM, &huge].concat()),
        (
            "element longer than its item",
            [&SEQUENCE[..], &[16, 0, 0, 0], &ITEM, &[8, 0, 0, 0], &ELEMENT[..6], &[0xFE, 0xFF]]
                .concat(),
        ),
        ("fragment of 4 GiB", pixels(&UNDEFINED, &[&ITEM[..], &huge, b"abcd"].concat())),
        ("element of odd length", [&PIXELS[..], &[3, 0, 0, 0], b"abc"].concat()),
        ("element cut in its header", PIXELS[..5].to_vec()),
        ("group length of 4 GiB", element(0x0040, 0x0000, *b"UL", &huge)),
    ];
    attack(&cases);
}

/// 100,000 nested sequences of undefined length, in a plain data set and in a deflated one of a few hundred
/// bytes.
#[test]
fn nesting_bombs_are_answered_and_hold_nothing() {
    let open = [&SEQUENCE[..], &UNDEFINED, &ITEM, &UNDEFINED].concat();
    let close = [ITEM_END, SEQUENCE_END].concat();
    let depth = 100_000;
    let cases = [
        ("left open", open.repeat(depth)),
        ("closed", [open.repeat(depth), close.repeat(depth)].concat()),
    ];
    attack(&cases);
}

/// Sends each element at the end of an object, plain and deflated, with each way of storing.
fn attack(cases: &[(&str, Vec<u8>)]) {
    let contexts = [(1, uid::DEFLATED), (3, uid::EVLE)];
    let mut contexts = contexts.map(|(id, syntax)| Context::new(id, uid::CT, &[syntax])).to_vec();
    contexts.push(Context::new(5, uid::VERIFICATION, &[uid::EVLE]));
    for options in WAYS_OF_STORING {
        let server = Server::start(Program::Ours, options);
        let (mut client, _) = Client::associate(server.port(), &Request::new(contexts.clone()));
        for (what, tail) in cases {
            for context in [1, 3] {
                let object = Object::made_of(uid::CT, "1.2.3", Vec::new());
                let mut bytes = [&object.bytes[..], tail].concat();
                if context == 1 {
                    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
                    deflated.write_all(&bytes).expect("memory");
                    bytes = deflated.finish().expect("memory");
                }
                let started = Instant::now();
                let status = client.store(context, &Object { bytes, ..object }).status();
                assert!(
                    started.elapsed() < Duration::from_secs(5),
                    "{what} takes {:?}",
                    started.elapsed()
                );
                assert!(status == 0 || (0xA700..=0xCFFF).contains(&status), "{what}: {status:04X}");
                let expected = usize::from(status == 0);
                assert_eq!(
                    server.files().len(),
                    expected,
                    "{options:?} {what}: {:?}",
                    server.files()
                );
                server.clear();
                assert_eq!(client.echo(5), 0, "{what}: the association goes on");
            }
        }
        client.release();
        assert!(server.peak_kib() < 32 * 1024, "{options:?}: {} KiB resident", server.peak_kib());
    }
}

/// Command set elements with wrong VRs and lengths.
#[test]
fn command_elements_of_a_wrong_kind_get_one_clear_answer() {
    let elements = [
        tag::GROUP_LENGTH,
        tag::SOP_CLASS,
        tag::FIELD,
        tag::MESSAGE_ID,
        tag::PRIORITY,
        tag::DATA_SET_TYPE,
        tag::SOP_INSTANCE,
    ];
    let values: [&[u8]; 6] = [b"", b"x", b"text for US", &[0xFF; 4], &[0; 3], &[b'9'; 300]];
    let object = Object::ct(10);
    let server = Server::start(Program::Ours, &[]);
    for element in elements {
        for value in values {
            let mut client = Client::usual(server.port());
            let command =
                Command::store(1, &object.sop_class, &object.sop_instance).bytes(element, value);
            client.command(3, &command);
            let _ = client.try_send(&data_pdu(&[Pdv::data(3, true, &object.bytes)]));
            let answer = client.answer_within(Duration::from_secs(2));
            assert!(
                matches!(answer, Answer::Data(_) | Answer::Abort(..)),
                "{element:04X} {value:?}: {answer:?}"
            );
            server.clear();
        }
    }
    assert_eq!(Client::usual(server.port()).echo(1), 0);
}

/// A rejected or aborted association releases its resources: thousands of them leave no more than a few do.
#[test]
fn rejected_associations_leak_nothing() {
    let server = Server::start(Program::Ours, &[]);
    let rejected = Request { version: 2, ..Request::usual() }.encode();
    let mut spoilt = Request::usual().encode();
    spoilt[76..78].copy_from_slice(&u16::MAX.to_be_bytes());
    let firsts =
        [rejected, spoilt, pdu(0x42, &[]), abort(0, 0), Request::usual().encode()[..100].to_vec()];
    let held = || (server.resident_kib(), server.descriptors());
    let reject = |times: usize| {
        for first in firsts.iter().cycle().take(times) {
            let mut client = Client::connect(server.port());
            client.send(first);
            client.finish_sending();
            while client.answer_within(Duration::from_secs(2)) != Answer::Closed {}
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    reject(1000);
    let (resident, descriptors) = held();
    reject(10_000);
    let (later, descriptors_later) = held();
    assert!(
        descriptors_later <= descriptors,
        "{descriptors} descriptors, then {descriptors_later}"
    );
    assert!(later < resident + 512, "{resident} KiB resident, then {later}");
}
