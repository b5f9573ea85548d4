//! Tests what is corrected in a data set and what is forbidden in one, and how the log reports it; the files
//! are read back with other toolkits.

use std::path::Path;
use std::process::Output;

use interop::peers;
use interop::wire::{Client, Context, Request, uid};
use interop::{Object, Program, Server, element};

const BIG_ENDIAN: &[u8] = b"1.2.840.10008.1.2.2";

/// Elements that belong in file meta information or in a command set.
fn foreign() -> Vec<u8> {
    [
        element(0x0000, 0x0100, *b"US", &[1, 0]),
        element(0x0002, 0x0002, *b"UI", uid::MR.as_bytes()),
        element(0x0002, 0x0003, *b"UI", b"2.25.666"),
        element(0x0002, 0x0010, *b"UI", BIG_ENDIAN),
        element(0x0002, 0x0016, *b"AE", b"ELSEWHERE"),
    ]
    .concat()
}

/// A CT image with `more` before its first element, after its last one, or in an item of its first element.
fn objects_with(more: &[u8]) -> Vec<(&'static str, Object)> {
    let object = |place: &dyn Fn(&[u8]) -> Vec<u8>| {
        let plain = Object::ct(100);
        Object { bytes: place(&plain.bytes), ..plain }
    };
    let item = [&[0xFE, 0xFF, 0x00, 0xE0][..], &(more.len() as u32).to_le_bytes(), more].concat();
    let sequence = element(0x0040, 0x0275, *b"SQ", &item);
    let pixels = |bytes: &[u8]| {
        let start = bytes.windows(4).position(|tag| tag == [0xE0, 0x7F, 0x10, 0x00]);
        start.expect("pixel data")
    };
    vec![
        ("in front", object(&|bytes| [more, bytes].concat())),
        ("behind", object(&|bytes| [bytes, more].concat())),
        (
            "in an item",
            object(&|bytes| {
                let (head, tail) = bytes.split_at(pixels(bytes));
                [head, &sequence, tail].concat()
            }),
        ),
    ]
}

fn dcmdump(path: &Path) -> String {
    text(peers::debian("dcmdump").arg("+L").arg(path).output())
}

/// What pydicom reads: transfer syntax, class and instance of the file, then the tags of all elements.
fn pydicom(path: &Path) -> String {
    const SCRIPT: &str = "import sys, pydicom
file = pydicom.dcmread(sys.argv[1])
meta = file.file_meta
print(meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID)
print(file.SOPInstanceUID, *(str(element.tag) for element in file.iterall()))";
    let mut command = std::process::Command::new(peers::python());
    text(command.args(["-c", SCRIPT]).arg(path).output())
}

fn text(output: std::io::Result<Output>) -> String {
    let output = output.expect("the reader runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &errors
}

#[test]
fn readers_find_what_was_negotiated_whatever_the_data_set_says() {
    for options in [&[][..], &["+te"], &["-g"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        for (place, object) in objects_with(&foreign()) {
            assert_eq!(client.store(3, &object).status(), 0, "{place}");
            let path = server.directory().join(object.file_name());
            let dump = dcmdump(&path);
            for unwanted in ["2.25.666", "ELSEWHERE", "BigEndian", "Invalid Element", "(0000,"] {
                assert!(!dump.contains(unwanted), "{options:?} {place}: {unwanted} in\n{dump}");
            }
            let read = pydicom(&path);
            let Object { sop_class, sop_instance, .. } = &object;
            let expected = format!("{} {sop_class} {sop_instance}\n{sop_instance} ", uid::EVLE);
            assert!(read.starts_with(&expected), "{options:?} {place}: {read}");
            assert!(!read.contains("(0002,") && !read.contains("(0000,"), "{place}: {read}");
            server.wait_for_log(&format!(
                "W: SOP instance {sop_instance} has encoding errors: no element of a data set, left out: "
            ));
        }
        let log = server.stderr();
        assert_eq!(log.matches("(0002,0010)").count(), 3, "each is named: {log}");
        for value in ["666", "ELSEWHERE"] {
            assert!(!log.contains(value), "{value} in {log}");
        }
    }
}

#[test]
fn what_readers_would_mistake_is_not_stored_bit_for_bit() {
    for options in [&["+B"][..], &["+B", "-F"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        for (place, object) in objects_with(&element(0x0002, 0x0010, *b"UI", BIG_ENDIAN)) {
            let status = client.store(3, &object).status();
            assert_eq!(
                status == 0xC000,
                place != "in an item",
                "{options:?} {place}: {status:04X}"
            );
        }
        let length = element(0x0002, 0x0000, *b"UL", &[28, 0, 0, 0]);
        let syntax = element(0x0002, 0x0010, *b"UI", BIG_ENDIAN);
        let whole = [&[0; 128][..], b"DICM", &length, &syntax, &Object::ct(10).bytes].concat();
        let file = Object { bytes: whole, ..Object::ct(10) };
        assert_eq!(client.store(3, &file).status(), 0xC000, "{options:?}");
        assert_eq!(server.files().len(), 1, "{options:?}");
        client.release();
    }
}

/// In big endian, group 0200H has the same bytes as group 0002H in little endian.
#[test]
fn bytes_that_only_look_like_file_meta_information_are_not_stored_either() {
    let server = Server::start(Program::Ours, &["+B"]);
    let request = Request::new(vec![Context::new(1, uid::CT, &[uid::EVBE])]);
    let (mut client, _) = Client::associate(server.port(), &request);
    let bytes = b"\x02\0\x10\0UI\0\x08\x31.2.3.4\0".to_vec();
    assert_eq!(client.store(1, &Object { bytes, ..Object::ct(10) }).status(), 0xC000);
    assert_eq!(server.files(), [""; 0]);
}

#[test]
fn an_object_that_needs_no_repair_is_not_warned_of() {
    for options in [&[][..], &["+B"], &["+tb"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
        client.release();
        assert_eq!(server.stderr(), "", "{options:?}");
    }
}

/// Debian's program warns of each of these; ours logs one warning per object with all tags, even if the object
/// is split into small PDVs.
#[test]
fn what_debian_warns_of_is_warned_of() {
    let id = element(0x0010, 0x0020, *b"LO", b"4711");
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("twice", id, "occurs again, left out: (0010,0020)"),
        ("out of order", element(0x0008, 0x0070, *b"LO", b"ACME"), "moved: (0008,0070)"),
        (
            "illegal group",
            element(0x0003, 0x1010, *b"LO", b"ACME"),
            "illegal group, kept: (0003,1010)",
        ),
        (
            "unknown VR",
            b"\xE1\x7F\x01\x10??\x02\0AB".to_vec(),
            "unknown VR, written as UN: (7fe1,1001)",
        ),
    ];
    for (what, more, expected) in cases {
        let [ours, theirs] = interop::both(&[], |server| {
            let mut client = Client::usual(server.port());
            let plain = Object::ct(10);
            let object = Object { bytes: [plain.bytes.clone(), more.clone()].concat(), ..plain };
            assert_eq!(client.store(3, &object).status(), 0, "{what}");
            client.release();
            server.wait_for_log("W: ");
            server.stderr()
        });
        assert!(ours.contains(expected), "{what}: {ours}");
        assert_eq!(ours.matches("W: ").count(), 1, "{what}: {ours}");
        assert!(theirs.contains("W: DcmItem: "), "{what}: {theirs}");
    }
}

/// All SOP Class and Instance UIDs in a data set must match the command, wherever and however often they occur.
#[test]
fn contradicting_uids_are_found_wherever_they_stand() {
    for options in [&["+B"][..], &[], &["+ti"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let plain = Object::ct(50_000);
        let own = |value: &str| element(0x0008, 0x0018, *b"UI", value.as_bytes());
        let class = |value: &str| element(0x0008, 0x0016, *b"UI", value.as_bytes());
        let rest = element(0x0010, 0x0010, *b"PN", b"Doe");
        let contradicting = [
            ("a second instance behind pixels", [&plain.bytes[..], &own("2.25.1")].concat()),
            ("a second class behind pixels", [&plain.bytes[..], &class(uid::MR)].concat()),
            (
                "the second of three",
                [&plain.bytes[..], &own("2.25.1"), &own(&plain.sop_instance)].concat(),
            ),
            ("only at the end", [&rest[..], &class(uid::CT), &own("2.25.1")].concat()),
            (
                "a blank inside",
                [&class(uid::CT)[..], &own(&plain.sop_instance.replace('.', " ."))].concat(),
            ),
            (
                "as a value of VR UN",
                [&plain.bytes[..], &element(0x0008, 0x0018, *b"UN", b"2.25.1")].concat(),
            ),
        ];
        for (what, bytes) in contradicting {
            let status = client.store(3, &Object { bytes, ..plain.clone() }).status();
            assert_eq!(status, 0xA900, "{options:?} {what}");
        }
        // The output begins with the first value, which is not a UID.
        let expected = if options == ["+B"] { 0xA900 } else { 0xC000 };
        let items = element(0x0008, 0x0018, *b"SQ", &[]);
        let blanks = own(&" ".repeat(2000));
        for (what, first) in [("empty", own("")), ("blanks", blanks), ("a sequence", items)] {
            let bytes = [&first[..], &plain.bytes, &own("2.25.1")].concat();
            let status = client.store(3, &Object { bytes, ..plain.clone() }).status();
            assert_eq!(status, expected, "{options:?} {what}");
        }
        let hidden = [&class(uid::CT)[..], &own(&format!("{:2000}2.25.1", ""))].concat();
        let status = client.store(3, &Object { bytes: hidden, ..plain.clone() }).status();
        assert_eq!(status, 0xA900, "{options:?} behind blanks");
        assert_eq!(server.files(), [""; 0], "{options:?}");
        let padded = [&plain.bytes[..], &own(&format!("{}  ", plain.sop_instance))].concat();
        assert_eq!(client.store(3, &Object { bytes: padded, ..plain }).status(), 0, "{options:?}");
    }
}

/// `2.25.2 3` is not `2.25.23`, and must not overwrite it.
#[test]
fn no_other_identifier_takes_the_place_of_an_object() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = Client::usual(server.port());
    let first = Object::new(uid::CT, "2.25.23", 10);
    assert_eq!(client.store(3, &first).status(), 0);
    let path = server.directory().join(first.file_name());
    let before = std::fs::read(&path).expect("the object");
    for other in
        ["2.25.2 3", " 2.25.23", "2.25.23\t", "2.25.\n23", "2.25\0.23", "\x002.25.23", "2.25./23"]
    {
        let status = client.store(3, &Object::new(uid::CT, other, 20)).status();
        assert_eq!(status, 0x0117, "{other:?}");
    }
    assert_eq!(std::fs::read(&path).expect("the object"), before);
    for same in ["2.25.23 ", "2.25.23   ", "2.25.23\0\0", "2.25.23 \0"] {
        assert_eq!(client.store(3, &Object::new(uid::CT, same, 20)).status(), 0, "{same:?}");
    }
    assert_eq!(server.files(), [first.file_name()]);
}

/// If a data set has two Study Instance UIDs, the first one is used for the folder and in the file.
#[test]
fn of_two_studies_the_first_counts_everywhere() {
    for options in [&["-su", "p"][..], &["-su", "p", "+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let plain = Object::of_study("2.25.1", None, "");
        let other = element(0x0020, 0x000D, *b"UI", b"2.25.2");
        let object = Object { bytes: [&plain.bytes[..], &other].concat(), ..plain };
        assert_eq!(client.store(3, &object).status(), 0);
        let file = format!("p_2.25.1/{}", object.file_name());
        assert_eq!(server.files(), ["p_2.25.1/", &file], "{options:?}");
        server.wait_for_log("W: SOP instance ");
        let stored = std::fs::read(server.directory().join(file)).expect("the object");
        let both = stored.windows(other.len()).any(|bytes| bytes == other);
        assert_eq!(both, options.contains(&"+B"), "{options:?}");
    }
}

/// A data set that cannot be parsed to its end is still stored bit for bit, with a warning.
#[test]
fn where_reading_along_ends_is_logged() {
    let server = Server::start(Program::Ours, &["+B"]);
    let mut client = Client::usual(server.port());
    let plain = Object::ct(10);
    let stray = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
    let object = Object { bytes: [&plain.bytes[..], &stray].concat(), ..plain };
    assert_eq!(client.store(3, &object).status(), 0);
    server.wait_for_log(&format!(
        "W: SOP instance {} is stored as received, but could not be parsed to its end: item or \
         delimiter out of place at (fffe,e0dd)",
        object.sop_instance
    ));
}
