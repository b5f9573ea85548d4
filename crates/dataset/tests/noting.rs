//! Wanted attributes are noted in every transfer syntax, however the data set is written and cut.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test")]

use dataset::format::{OutputFormat, OutputTransferSyntax};
use dataset::transfer_syntax::{self, EXPLICIT_VR_LITTLE_ENDIAN, TransferSyntax};
use dataset::{AttributeName, Dictionary, Tag, Transcoder, Uid, Vr, WantedAttributes};
use std::io::IoSlice;
use std::sync::Arc;

/// An element of explicit VR little endian.
fn element(tag: Tag, vr: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = [tag.group().to_le_bytes(), tag.element().to_le_bytes()].concat();
    bytes.extend(vr.as_bytes());
    let length = value.len().next_multiple_of(2);
    if matches!(vr, "OB" | "OW" | "SQ" | "UN" | "UT") {
        bytes.extend([0, 0]);
        bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
    } else {
        bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
    }
    bytes.extend(value);
    bytes.resize(bytes.len() + length - value.len(), b' ');
    bytes
}

const ROWS: Tag = Tag(0x0028, 0x0010);
const ID: Tag = Tag(0x0010, 0x0020);
const SEQUENCE: Tag = Tag(0x0008, 0x1140);
const COMMENT: Tag = Tag(0x0020, 0x4000);
const PRIVATE: AttributeKey = (0x0029, "ACME", 0x08);
type AttributeKey = (u16, &'static str, u8);

/// With a sequence that has some of the attributes in an item, a private block, and a long value.
fn explicit() -> Vec<u8> {
    let nested = [element(ID, "LO", b"nested"), element(ROWS, "US", b"\x01\x00")].concat();
    let item = [
        b"\xfe\xff\x00\xe0".to_vec(),
        u32::try_from(nested.len()).unwrap().to_le_bytes().to_vec(),
        nested,
    ];
    [
        element(Tag::SOP_CLASS_UID, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        element(Tag::SOP_INSTANCE_UID, "UI", b"1.2.3\0"),
        element(SEQUENCE, "SQ", &item.concat()),
        element(Tag::PATIENT_NAME, "PN", b"Doe^Jane"),
        element(ID, "LO", b"4711"),
        element(COMMENT, "LT", &[b'x'; 5000]),
        element(ROWS, "US", b"\x00\x02"),
        element(Tag(0x0029, 0x0010), "LO", b"OTHER"),
        element(Tag(0x0029, 0x0011), "LO", b"ACME"),
        element(Tag(0x0029, 0x1008), "LO", b"of another"),
        element(Tag(0x0029, 0x1108), "LO", b"spiral"),
    ]
    .concat()
}

fn wanted() -> Arc<WantedAttributes> {
    let (group, creator, element) = PRIVATE;
    let private = AttributeName::Private { group, creator: creator.into(), element };
    let public = [Tag::PATIENT_NAME, ID, ROWS, COMMENT, Tag(0x0008, 0x0050)];
    Arc::new(
        WantedAttributes::new(public.map(AttributeName::Public).into_iter().chain([private]))
            .unwrap(),
    )
}

/// The data set in another transfer syntax.
fn encoded(as_syntax: OutputTransferSyntax) -> Vec<u8> {
    let format = OutputFormat { transfer_syntax: as_syntax, ..OutputFormat::default() };
    let dictionary = Arc::new(Dictionary::built_in());
    let mut transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut bytes = Vec::new();
    transcoder.push(&[IoSlice::new(&explicit())], &mut bytes).unwrap();
    transcoder.finish(&mut bytes).unwrap();
    bytes
}

/// Checks what is noted of these bytes, cut into pieces of this size.
fn check(input: &'static TransferSyntax, bytes: &[u8], format: &OutputFormat, piece: usize) {
    let wanted = wanted();
    let dictionary = Arc::new(Dictionary::built_in());
    let mut transcoder = Transcoder::new(input, format, dictionary).noting(Arc::clone(&wanted));
    let mut file = Vec::new();
    for piece in bytes.chunks(piece) {
        transcoder.push(&[IoSlice::new(piece)], &mut file).unwrap();
    }
    transcoder.finish(&mut file).unwrap();
    let attributes = transcoder.attributes();
    let noted = |name| attributes.noted(wanted.position(&name)?);
    let public = |tag| noted(AttributeName::Public(tag));
    let when = format!("{} {piece} {}", input.uid(), format.bit_preserving);
    assert_eq!(public(ID).map(|it| it.bytes), Some(&b"4711"[..]), "{when}");
    assert_eq!(public(Tag::PATIENT_NAME).map(|it| it.bytes), Some(&b"Doe^Jane"[..]), "{when}");
    let rows = public(ROWS).unwrap();
    let expected: &[u8] = if input.big_endian() { b"\x02\x00" } else { b"\x00\x02" };
    assert_eq!((rows.bytes, rows.vr, rows.big_endian), (expected, Vr::US, input.big_endian()));
    let comment = public(COMMENT).unwrap();
    assert_eq!((comment.bytes.len(), comment.rest.is_some()), (1024, true), "{when}");
    let (group, creator, element) = PRIVATE;
    let private = noted(AttributeName::Private { group, creator: creator.into(), element });
    assert_eq!(private.map(|it| it.bytes), Some(&b"spiral"[..]), "{when}");
    assert!(public(Tag(0x0008, 0x0050)).is_none(), "it is missing");
    assert_eq!(attributes.sop_instance_uid(), Some(&b"1.2.3\0"[..]));
}

#[test]
fn attributes_are_noted_in_every_transfer_syntax() {
    let encapsulated = TransferSyntax::find("1.2.840.10008.1.2.4.70").unwrap();
    let pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\
        \xfe\xff\x00\xe0\x04\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0";
    let cases = [
        (EXPLICIT_VR_LITTLE_ENDIAN, explicit()),
        (encapsulated, [explicit(), pixels.to_vec()].concat()),
        (
            transfer_syntax::IMPLICIT_VR_LITTLE_ENDIAN,
            encoded(OutputTransferSyntax::ImplicitVrLittleEndian),
        ),
        (
            transfer_syntax::EXPLICIT_VR_BIG_ENDIAN,
            encoded(OutputTransferSyntax::ExplicitVrBigEndian),
        ),
        (
            transfer_syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
            encoded(OutputTransferSyntax::DeflatedExplicitVrLittleEndian),
        ),
        // Of which nothing is known but the UID: read as it looks like.
        (TransferSyntax::unlisted(&Uid::parse(b"1.2.3.4.5").unwrap()), explicit()),
    ];
    for (syntax, bytes) in cases {
        for bit_preserving in [false, true] {
            for piece in [1, 7, 1000, usize::MAX] {
                let format = OutputFormat { bit_preserving, ..OutputFormat::default() };
                check(syntax, &bytes, &format, piece.min(bytes.len()));
            }
        }
        let format = OutputFormat {
            transfer_syntax: OutputTransferSyntax::ExplicitVrBigEndian,
            ..OutputFormat::default()
        };
        if !syntax.encapsulated() {
            check(syntax, &bytes, &format, bytes.len());
        }
    }
}

/// What is noted is held once for each attribute, whatever comes: a value of 16 MiB, and it twice.
#[test]
fn a_long_value_is_held_as_far_as_is_allowed() {
    let mut bytes = Vec::new();
    for last in [b'a', b'b'] {
        let mut value = vec![b'x'; 16 * 1024 * 1024];
        *value.last_mut().unwrap() = last;
        bytes.extend(element(Tag(0x0040, 0xA160), "UT", &value));
    }
    let name = AttributeName::Public(Tag(0x0040, 0xA160));
    let wanted = Arc::new(WantedAttributes::new([name]).unwrap());
    let dictionary = Arc::new(Dictionary::built_in());
    let format = OutputFormat::default();
    let transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut transcoder = transcoder.noting(wanted);
    let mut file = Vec::new();
    transcoder.push(&[IoSlice::new(&bytes)], &mut file).unwrap();
    transcoder.finish(&mut file).unwrap();
    let noted = transcoder.attributes().noted(0).unwrap();
    assert_eq!((noted.bytes.len(), noted.rest.is_some()), (1024, true));
}
