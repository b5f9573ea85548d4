//! Tests data sets that break rules without losing data, which are accepted and whose files others can read;
//! those that nobody could read are reported as the sender's fault.

use std::time::Duration;

use interop::process::run;
use interop::wire::{Client, Context, Request, tag, uid};
use interop::{Object, Program, Server, element, peers};

/// A tag that was changed to VR SQ by a later edition of the standard, and one that always had it.
const RECENT: (u16, u16) = (0x0010, 0x0011);
const OLD: (u16, u16) = (0x0012, 0x0064);

const TEXT: &[u8] = b"SOME HEADER ANONYMIZER";

/// A CT image with this element after Patient's Name, in explicit or implicit VR.
fn object_with(tag: (u16, u16), vr: [u8; 2], value: &[u8], implicit: bool) -> Object {
    let instance = Object::ct(0).sop_instance;
    let encode = |group: u16, number: u16, vr, value: &[u8]| {
        if !implicit {
            return element(group, number, vr, value);
        }
        let length = u32::try_from(value.len()).expect("short");
        let numbers = [group.to_le_bytes(), number.to_le_bytes()].concat();
        [&numbers[..], &length.to_le_bytes(), value].concat()
    };
    let padded = format!("{instance}{}", if instance.len() % 2 == 1 { "\0" } else { "" });
    let class = format!("{}\0", uid::CT);
    let bytes = [
        encode(0x0008, 0x0016, *b"UI", class.as_bytes()),
        encode(0x0008, 0x0018, *b"UI", padded.as_bytes()),
        encode(0x0010, 0x0010, *b"PN", b"Doe^Jane"),
        encode(tag.0, tag.1, vr, value),
        encode(0x0020, 0x000D, *b"UI", b"2.25.301"),
    ]
    .concat();
    Object { sop_class: uid::CT.to_owned(), sop_instance: instance, bytes }
}

/// Context 1 is for explicit VR, context 3 for implicit.
fn associate(server: &Server) -> Client {
    let contexts =
        vec![Context::new(1, uid::CT, &[uid::EVLE]), Context::new(3, uid::CT, &[uid::IVLE])];
    Client::associate(server.port(), &Request::new(contexts)).0
}

/// Checks that other toolkits can read the whole file.
fn is_read_by_others(server: &Server, object: &Object) {
    let path = server.directory().join(object.file_name());
    let limit = Duration::from_secs(60);
    run(peers::debian("dcmdump").arg("-q").arg(&path), limit).expect_success("dcmdump");
    run(peers::python_script("read.py").arg(&path), limit).expect_success("pydicom");
}

#[test]
fn text_under_the_tag_of_a_sequence_is_kept_in_files_that_others_read() {
    for options in [&[][..], &["+te"], &["+tb"], &["+td"], &["+te", "+uc"], &["+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = associate(&server);
        for (tag, vr) in [(RECENT, *b"SH"), (OLD, *b"LO")] {
            let object = object_with(tag, vr, TEXT, false);
            assert_eq!(client.store(1, &object).status(), 0, "{options:?}");
            is_read_by_others(&server, &object);
        }
        let object = object_with(RECENT, *b"SH", TEXT, true);
        assert_eq!(client.store(3, &object).status(), 0, "{options:?}");
        is_read_by_others(&server, &object);
        if options.contains(&"+te") {
            server.wait_for_log("kept as UN: (0010,0011)");
            let file = std::fs::read(server.directory().join(object.file_name())).expect("a file");
            let kept = element(RECENT.0, RECENT.1, *b"UN", TEXT);
            assert!(file.windows(kept.len()).any(|part| part == kept), "{options:?}");
        }
    }
}

#[test]
fn no_file_in_implicit_vr_has_a_sequence_that_is_none() {
    for options in [&["+ti"][..], &["+ti", "+uc"], &["+ti", "-e", "+g"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = associate(&server);
        let broken_item = [&b"\xFE\xFF\x00\xE0\x40\0\0\0"[..], TEXT].concat();
        for (tag, vr, value) in [
            (OLD, *b"LO", TEXT),
            (RECENT, *b"SH", b"AB"),
            (OLD, *b"SQ", TEXT),
            (OLD, *b"UN", TEXT),
            (OLD, *b"UN", &broken_item),
        ] {
            let response = client.store(1, &object_with(tag, vr, value, false));
            assert_eq!(response.status(), 0xC000, "{options:?} {tag:04X?}");
            let comment = response.text(tag::ERROR_COMMENT);
            assert!(
                comment.contains("(0012,0064)") || comment.contains("(0010,0011)"),
                "{comment}"
            );
        }
        let response = client.store(3, &object_with(OLD, *b"LO", TEXT, true));
        assert_eq!(response.status(), 0xC000, "{options:?}");
        assert_eq!(server.files(), [""; 0], "{options:?}");
        // An empty value and a real item are both valid.
        let item = b"\xFE\xFF\x00\xE0\x0C\0\0\0\x08\0\0\x01\x04\0\0\0CODE";
        for (vr, value) in [(*b"LO", &b""[..]), (*b"UN", item)] {
            let object = object_with(OLD, vr, value, false);
            assert_eq!(client.store(1, &object).status(), 0, "{options:?}");
            is_read_by_others(&server, &object);
        }
    }
}

#[test]
fn an_item_delimiter_at_the_end_is_taken_and_warned_of() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = associate(&server);
    let delimiter = b"\xFE\xFF\x0D\xE0\0\0\0\0";
    for rest in [&b""[..], delimiter, &[0; 34]] {
        let plain = Object::ct(100);
        let bytes = [&plain.bytes[..], delimiter, rest].concat();
        let object = Object { bytes, ..plain.clone() };
        assert_eq!(client.store(1, &object).status(), 0);
        server.wait_for_log(&format!("W: SOP instance {}", object.sop_instance));
        let file = std::fs::read(server.directory().join(object.file_name())).expect("a file");
        assert!(file.ends_with(&plain.bytes));
    }
    let more = element(0x7FE1, 0x0010, *b"LO", b"MORE");
    let plain = Object::ct(100);
    let object = Object { bytes: [&plain.bytes[..], delimiter, &more].concat(), ..plain };
    assert_eq!(client.store(1, &object).status(), 0xC000);
}

#[test]
fn what_is_wrong_with_a_data_set_is_never_called_a_lack_of_resources() {
    let server = Server::start(Program::Ours, &[]);
    let mut client = associate(&server);
    let fragments = b"\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0\x04\0\0\0\xFF\xD8\xFF\xD9\xFE\xFF\xDD\xE0\0\0\0\0";
    let encapsulated = |number: u16, vr: &[u8; 2]| {
        let header = [&[0xE0, 0x7F][..], &number.to_le_bytes(), vr, &[0, 0], &[0xFF; 4]].concat();
        [&header[..], fragments].concat()
    };
    let icon = {
        let pixels = encapsulated(0x0010, b"OB");
        let length = u32::try_from(pixels.len()).expect("short").to_le_bytes();
        let item = [b"\xFE\xFF\x00\xE0", &length[..], &pixels].concat();
        element(0x0088, 0x0200, *b"SQ", &item)
    };
    let faulty = [
        encapsulated(0x0010, b"OB"),
        encapsulated(0x0010, b"OW"),
        encapsulated(0x0010, b"UN"),
        encapsulated(0x0008, b"OF"),
        encapsulated(0x0009, b"OD"),
        icon,
    ];
    for more in faulty {
        let plain = Object::of_study("2.25.301", None, "");
        let object = Object { bytes: [plain.bytes.clone(), more].concat(), ..plain };
        let response = client.store(1, &object);
        assert_eq!(response.status(), 0xC000);
        let comment = response.text(tag::ERROR_COMMENT);
        assert!(comment.contains("(7fe0,00"), "it says where: {comment}");
    }
    assert_eq!(server.files(), [""; 0]);
}
