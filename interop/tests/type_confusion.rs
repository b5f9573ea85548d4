//! Tests elements that are not what they claim to be: at most the object is refused, and they are not mistaken
//! for something else.

use interop::wire::Client;
use interop::{Object, Program, Server, element};

const UNDEFINED: [u8; 4] = [0xFF; 4];

/// The header of an element with a length field of four bytes.
fn long(group: u16, number: u16, vr: [u8; 2], length: [u8; 4]) -> Vec<u8> {
    [&group.to_le_bytes()[..], &number.to_le_bytes(), &vr, &[0, 0], &length].concat()
}

/// An item, a fragment or a delimiter.
fn item(number: u16, length: u32, content: &[u8]) -> Vec<u8> {
    [&0xFFFE_u16.to_le_bytes()[..], &number.to_le_bytes(), &length.to_le_bytes(), content].concat()
}

fn sequence_of(content: &[u8]) -> Vec<u8> {
    [long(0x0008, 0x1140, *b"SQ", UNDEFINED), content.to_vec(), item(0xE0DD, 0, &[])].concat()
}

/// What is inserted into a valid object.
fn confusions() -> Vec<(&'static str, Vec<u8>)> {
    let inner = element(0x0008, 0x1150, *b"UI", b"1.2.840.10008.5.1.4.1.1.2");
    let path = element(0x0008, 0x0018, *b"UI", b"../../../etc/passwd");
    let deep = [long(0x0008, 0x1140, *b"SQ", UNDEFINED), item(0xE000, u32::MAX, &[])].concat();
    vec![
        ("an element in the place of an item", sequence_of(&inner)),
        ("an item in the place of an element", item(0xE000, 4, b"ABCD")),
        ("an end of a sequence that was not begun", item(0xE0DD, 0, &[])),
        ("an item longer than its sequence", {
            let item = item(0xE000, 0xFFFF, &inner);
            element(0x0008, 0x1140, *b"SQ", &item)
        }),
        ("an item of 4 GiB", sequence_of(&item(0xE000, u32::MAX - 1, &inner))),
        ("a sequence of 4 GiB", long(0x0008, 0x1140, *b"SQ", (u32::MAX - 1).to_le_bytes())),
        ("fragments in what is no pixel data", {
            let fragments = [item(0xE000, 0, &[]), item(0xE000, 4, b"ABCD"), item(0xE0DD, 0, &[])];
            [long(0x0042, 0x0011, *b"OB", UNDEFINED), fragments.concat()].concat()
        }),
        ("text of undefined length", long(0x0040, 0xA160, *b"UT", UNDEFINED)),
        ("an unknown value of undefined length without items", {
            [long(0x0009, 0x1001, *b"UN", UNDEFINED), inner.clone()].concat()
        }),
        ("a number of three bytes", {
            [&[0x08, 0, 0x10, 0x10][..], b"US", &3_u16.to_le_bytes(), b"ABC"].concat()
        }),
        ("a VR that is none", [&[0x08, 0, 0x10, 0x10][..], &[0xFF, 0x00, 4, 0], b"ABCD"].concat()),
        ("ten thousand sequences in each other", deep.repeat(10_000)),
        ("a second SOP Instance UID, in a sequence", {
            sequence_of(&item(0xE000, u32::try_from(path.len()).expect("short"), &path))
        }),
    ]
}

/// A valid object with `odd` before its study.
fn with(odd: &[u8]) -> Object {
    let mut object = Object::ct(200);
    let study = [0x20, 0, 0x0D, 0];
    let at = object.bytes.windows(4).position(|window| window == study).expect("a study");
    object.bytes.splice(at..at, odd.iter().copied());
    object
}

/// A valid object in which this element is a sequence with one item.
fn as_sequence(tag: [u8; 4]) -> Object {
    let mut object = Object::ct(200);
    let at = object.bytes.windows(4).position(|window| window == tag).expect("the element");
    let length = usize::from(u16::from_le_bytes([object.bytes[at + 6], object.bytes[at + 7]]));
    let evil = element(0x0010, 0x0010, *b"PN", b"../../../tmp/evil; touch evil");
    let item = item(0xE000, u32::try_from(evil.len()).expect("short"), &evil);
    let [group, number] = [[tag[0], tag[1]], [tag[2], tag[3]]].map(u16::from_le_bytes);
    object.bytes.splice(at..at + 8 + length, element(group, number, *b"SQ", &item));
    object
}

#[test]
fn types_confused_in_sequences_cost_one_object_at_most() {
    for options in [&[][..], &["+B"], &["+te"], &["+ti", "-e"], &["+tb", "+e"], &["+td"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        for (what, odd) in confusions() {
            let object = with(&odd);
            let status = client.store(3, &object).status();
            assert!([0, 0xA700, 0xC000].contains(&status), "{options:?}, {what}: {status:04X}");
            if status == 0 {
                assert_eq!(server.files(), [object.file_name()], "{options:?}, {what}");
            } else {
                assert_eq!(server.files(), [""; 0], "{options:?}, {what}");
            }
            server.clear();
        }
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0, "{options:?}");
        client.release();
        assert!(server.peak_kib() < 24 * 1024, "{options:?}: {} KiB", server.peak_kib());
    }
}

/// Names are made only from UIDs and a patient's name, not from other elements that merely have their tags.
#[test]
fn a_sequence_in_the_place_of_a_name_names_nothing() {
    let instance = [0x08, 0, 0x18, 0];
    let study = [0x20, 0, 0x0D, 0];
    let patient = [0x10, 0, 0x10, 0];
    for options in [&["-sp"][..], &["-su", "study"], &["-ss", "study"], &["-sp", "+ti"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        for tag in [instance, study, patient] {
            let object = as_sequence(tag);
            let status = client.store(3, &object).status();
            assert!([0, 0xC000].contains(&status), "{options:?}, {tag:02X?}: {status:04X}");
            let files = server.files();
            assert!(files.iter().all(|name| !name.contains("evil")), "{options:?}: {files:?}");
            let stored = files.iter().filter(|name| !name.ends_with('/')).count();
            assert_eq!(stored, usize::from(status == 0), "{options:?}: {files:?}");
            server.clear();
        }
        assert_eq!(client.store(3, &Object::ct(100)).status(), 0, "{options:?}");
    }
}
