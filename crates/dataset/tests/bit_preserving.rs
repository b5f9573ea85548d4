//! A data set that is written as it comes is read to its end all the same.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::{IoSlice, Write};
use std::sync::Arc;

use common::{BIG, IMPLICIT, LITTLE, PATIENT_NAME, SEQUENCE, Writer};
use dataset::transfer_syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{Dictionary, Error, Fault, OutputFormat, Transcoder, TransferSyntax, Uid};
use flate2::Compression;
use flate2::write::DeflateEncoder;

const CLASS: (u16, u16) = (0x0008, 0x0016);
const INSTANCE: (u16, u16) = (0x0008, 0x0018);

/// Reads along with a data set that is written as it comes.
fn look(input: &'static TransferSyntax, bytes: &[u8]) -> Result<Transcoder, Error> {
    let dictionary = Arc::new(Dictionary::built_in());
    let mut transcoder = Transcoder::new(input, &OutputFormat::bit_preserving(), dictionary);
    let mut out = Vec::new();
    for piece in bytes.chunks(77) {
        transcoder.push(&[IoSlice::new(piece)], &mut out)?;
    }
    transcoder.finish(&mut out)?;
    assert_eq!(out, bytes);
    Ok(transcoder)
}

fn refused(input: &'static TransferSyntax, bytes: &[u8]) -> Fault {
    match look(input, bytes) {
        Err(Error::Malformed { fault, .. }) => fault,
        other => panic!("not refused: {other:?}"),
    }
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// How to write in an encoding, its transfer syntax, and what is done to the whole.
type Form = (Writer, &'static TransferSyntax, fn(&[u8]) -> Vec<u8>);

fn encodings() -> [Form; 4] {
    let plain: fn(&[u8]) -> Vec<u8> = <[u8]>::to_vec;
    [
        (LITTLE, LITTLE.syntax(), plain),
        (BIG, BIG.syntax(), plain),
        (IMPLICIT, IMPLICIT.syntax(), plain),
        (LITTLE, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, deflated),
    ]
}

#[test]
fn uids_are_found_wherever_they_stand() {
    for (w, syntax, finished) in encodings() {
        let uids = [w.element(CLASS, "UI", b"1.2\0"), w.element(INSTANCE, "UI", b"1.3\0")].concat();
        let unknown = if w.syntax() == IMPLICIT.syntax() {
            w.open_sequence(SEQUENCE, &[w.open_item(&[])])
        } else {
            let items = IMPLICIT.open_item(&[IMPLICIT.element(INSTANCE, "", b"1.9\0")]);
            let header = w.header((0x0009, 0x1001), "UN", common::UNDEFINED);
            [header, items, IMPLICIT.sequence_end()].concat()
        };
        let name = w.element(PATIENT_NAME, "PN", b"A^B ");
        let pixels = w.element(common::PIXEL_DATA, "OW", &[7; 100_000]);
        let series = w.element((0x0020, 0x000E), "UI", b"1.5\0");
        for (what, bytes) in [
            ("in front", [&uids[..], &name, &series].concat()),
            ("behind the series", [&name[..], &series, &uids].concat()),
            ("behind pixels", [&series[..], &pixels, &uids].concat()),
            ("behind an undefined length", [&series[..], &unknown, &uids].concat()),
        ] {
            let seen = look(syntax, &finished(&bytes)).unwrap();
            let attributes = seen.attributes();
            assert_eq!(attributes.sop_class_uid(), Some(&b"1.2\0"[..]), "{what}");
            assert_eq!(attributes.sop_instance_uid(), Some(&b"1.3\0"[..]), "{what}");
            assert_eq!(attributes.other_sop_instance_uids().count(), 0, "{what}");
            assert!(seen.unread().is_none(), "{what}");
        }
        let other = w.element(INSTANCE, "UI", b"1.4\0");
        let seen = look(syntax, &finished(&[&uids[..], &series, &other].concat())).unwrap();
        let attributes = seen.attributes();
        assert_eq!(attributes.other_sop_instance_uids().collect::<Vec<_>>(), [b"1.4\0"]);
    }
}

#[test]
fn a_sequence_in_the_place_of_a_uid_counts_as_an_empty_one() {
    for (w, syntax, finished) in encodings() {
        if w.syntax() == IMPLICIT.syntax() {
            continue;
        }
        let instance = w.element(INSTANCE, "UI", b"1.3\0");
        for sequence in [
            w.open_sequence(INSTANCE, &[w.open_item(std::slice::from_ref(&instance))]),
            w.sequence(INSTANCE, &[]),
        ] {
            let seen = look(syntax, &finished(&[&sequence[..], &instance].concat())).unwrap();
            assert_eq!(seen.attributes().sop_instance_uid(), Some(&b""[..]));
            let others: Vec<&[u8]> = seen.attributes().other_sop_instance_uids().collect();
            assert_eq!(others, [b"1.3\0"]);
            let seen = look(syntax, &finished(&[&instance[..], &sequence].concat())).unwrap();
            assert_eq!(seen.attributes().sop_instance_uid(), Some(&b"1.3\0"[..]));
            assert_eq!(seen.attributes().other_sop_instance_uids().count(), 0);
        }
    }
}

/// Some readers go by the length of the item, others by that of its sequence.
#[test]
fn what_an_item_has_past_the_end_of_its_sequence_counts() {
    for (w, syntax, finished) in encodings() {
        let instance = w.element(INSTANCE, "UI", b"1.3\0");
        let inner = w.element((0x0008, 0x1155), "UI", b"1.4\0");
        for (past, other) in [(w.element(INSTANCE, "UI", b"1.9\0"), true), (inner.clone(), false)] {
            let length = (inner.len() + past.len()) as u32;
            let bytes = [
                instance.clone(),
                w.header(SEQUENCE, "SQ", 8 + inner.len() as u32),
                w.header(common::ITEM, "", length),
                inner.clone(),
                past,
            ]
            .concat();
            let seen = look(syntax, &finished(&bytes)).unwrap();
            assert_eq!(seen.attributes().sop_instance_uid(), Some(&b"1.3\0"[..]));
            let others: Vec<&[u8]> = seen.attributes().other_sop_instance_uids().collect();
            assert_eq!(others, if other { vec![b"1.9\0"] } else { vec![] });
        }
    }
}

#[test]
fn elements_that_readers_take_for_file_meta_information_are_refused() {
    for (w, syntax, finished) in encodings() {
        let instance = w.element(INSTANCE, "UI", b"1.3\0");
        for tag in [(0x0000, 0x0100), (0x0002, 0x0010), (0x0002, 0x0000)] {
            let foreign = w.element(tag, "UI", b"1.2.840.10008.1.2.2\0");
            for bytes in [
                [&foreign[..], &instance].concat(),
                [&instance[..], &foreign].concat(),
                [&instance[..], &foreign, &instance].concat(),
            ] {
                assert_eq!(refused(syntax, &finished(&bytes)), Fault::ForeignGroup, "{tag:?}");
            }
        }
        let padded = [&instance[..], &[0; 128]].concat();
        assert!(look(syntax, &finished(&padded)).is_ok(), "zeros at the end");
        // Nobody looks for file meta information in items.
        let inner = w.open_item(&[w.element((0x0002, 0x0010), "UI", b"1.2\0")]);
        let bytes = w.open_sequence(SEQUENCE, &[inner]);
        assert!(look(syntax, &finished(&bytes)).is_ok());
    }
    let sequence = LITTLE.open_sequence((0x0002, 0x0100), &[]);
    let behind = [LITTLE.element(INSTANCE, "UI", b"1.3\0"), sequence].concat();
    assert_eq!(refused(LITTLE.syntax(), &behind), Fault::ForeignGroup);
}

#[test]
fn what_reads_as_file_meta_information_is_refused_whatever_it_means() {
    // Group 0200H in big endian begins with the bytes of group 0002H in little endian.
    let bytes = BIG.element((0x0200, 0x1000), "UI", b"1.3\0");
    assert_eq!(refused(BIG.syntax(), &bytes), Fault::ForeignGroup);
    // An empty block of a deflate stream does, too.
    let stream = [&[2, 0][..], &deflated(&LITTLE.element(INSTANCE, "UI", b"1.3\0"))].concat();
    assert_eq!(refused(DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, &stream), Fault::ForeignGroup);
    let unlisted = TransferSyntax::unlisted(&Uid::parse(b"1.2.3.4").unwrap());
    assert_eq!(refused(unlisted, b"\x02\0\x10\0whatever"), Fault::ForeignGroup);
}

#[test]
fn a_whole_file_is_no_data_set() {
    let meta = LITTLE.element((0x0002, 0x0010), "UI", b"1.2.840.10008.1.2.1\0");
    for preamble in [[0; 128], [b'I'; 128]] {
        let file = [&preamble[..], b"DICM", &meta, &LITTLE.element(INSTANCE, "UI", b"1.3\0")];
        for syntax in [LITTLE.syntax(), IMPLICIT.syntax()] {
            let fault = refused(syntax, &file.concat());
            assert!(matches!(fault, Fault::ForeignGroup | Fault::WholeFile), "{fault:?}");
        }
    }
}

#[test]
fn an_encoding_that_is_guessed_refuses_nothing_that_it_does_not_explain() {
    let unlisted = TransferSyntax::unlisted(&Uid::parse(b"1.2.3.5").unwrap());
    let instance = LITTLE.element(INSTANCE, "UI", b"1.3\0");
    let foreign = LITTLE.element((0x0002, 0x0010), "UI", b"1.2\0");
    assert_eq!(refused(unlisted, &[&instance[..], &foreign].concat()), Fault::ForeignGroup);
    let strange = LITTLE.element((0x0008, 0x0060), "??", b"CT");
    assert!(look(unlisted, &[&instance[..], &strange, &foreign].concat()).is_ok());
    let cut = [&instance[..], &foreign, &instance[..6]].concat();
    assert!(look(unlisted, &cut[..cut.len() - 8]).is_ok());
}

#[test]
fn where_reading_along_stops_is_told() {
    let bytes = [
        LITTLE.element(CLASS, "UI", b"1.2\0"),
        LITTLE.sequence_end(),
        LITTLE.element(INSTANCE, "UI", b"1.3\0"),
    ]
    .concat();
    let seen = look(LITTLE.syntax(), &bytes).unwrap();
    let why = seen.unread().map(ToString::to_string).unwrap();
    assert_eq!(why, "item or delimiter out of place at (fffe,e0dd), byte 20");
}
