//! What is put right in a data set is told, wherever it stands, and nothing else is.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::IoSlice;
use std::sync::Arc;

use common::{BIG, IMPLICIT, LITTLE, PATIENT_NAME, SEQUENCE, UNDEFINED, Writer, becomes, to};
use dataset::transfer_syntax::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{Dictionary, OutputFormat, RepairKind, Transcoder, TransferSyntax};
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// What is told of a data set that is taken.
fn told(input: &'static TransferSyntax, bytes: &[u8], format: &OutputFormat) -> String {
    let mut transcoder = Transcoder::new(input, format, Arc::new(Dictionary::built_in()));
    let mut out = Vec::new();
    transcoder.push(&[IoSlice::new(bytes)], &mut out).unwrap();
    transcoder.finish(&mut out).unwrap();
    transcoder.repairs().to_string()
}

fn told_by_default(writer: Writer, bytes: &[u8]) -> String {
    told(writer.syntax(), bytes, &OutputFormat::default())
}

const ID: (u16, u16) = (0x0010, 0x0020);
const STUDY: (u16, u16) = (0x0020, 0x000D);

#[test]
fn every_kind_names_its_place() {
    let w = LITTLE;
    let name = w.element(PATIENT_NAME, "PN", b"A^B ");
    let id = w.element(ID, "LO", b"4711");
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("twice in a row", [&id[..], &id].concat(), "occurs again, left out: (0010,0020)"),
        (
            "twice with others between",
            [&name[..], &id, &name].concat(),
            "occurs again, left out: (0010,0010); out of order, moved: (0010,0010)",
        ),
        ("out of order", [&id[..], &name].concat(), "out of order, moved: (0010,0010)"),
        ("odd", w.element(ID, "LO", b"471"), "odd length, padded: (0010,0020)"),
        ("odd words", w.element((0x7FE0, 0x0010), "OW", b"ABC"), "odd length, padded: (7fe0,0010)"),
        ("unknown VR", w.element(ID, "ZZ", b"AB"), "unknown VR, written as UN: (0010,0020)"),
        (
            "ambiguous VR",
            w.element((0x7FE0, 0x0010), "ox", b"AB"),
            "impossible VR, corrected: (7fe0,0010)",
        ),
        ("bytes at the end", [&id[..], &[0; 6]].concat(), "trailing bytes left out: (0010,0020)"),
        (
            "command set and file meta information",
            [
                w.element((0, 0x0100), "US", b"AB"),
                w.element((2, 0x0010), "UI", b"1.2\0"),
                id.clone(),
            ]
            .concat(),
            "no element of a data set, left out: (0000,0100), (0002,0010)",
        ),
        (
            "illegal group",
            [w.element((3, 0x1010), "LO", b"AB"), id.clone()].concat(),
            "illegal group, kept: (0003,1010)",
        ),
        (
            "delimiter after a defined length",
            w.element(SEQUENCE, "SQ", &[w.header(common::ITEM, "", 8), w.item_end()].concat()),
            "extra delimiter left out: (0008,1140)[1].(fffe,e00d)",
        ),
        (
            "delimiter with a length",
            [
                w.header(SEQUENCE, "SQ", UNDEFINED),
                w.header(common::ITEM, "", UNDEFINED),
                w.header((0xFFFE, 0xE00D), "", 2),
                w.sequence_end(),
            ]
            .concat(),
            "wrong length, corrected: (0008,1140)[1].(fffe,e00d)",
        ),
        (
            "no end of item",
            w.element(SEQUENCE, "SQ", &[w.header(common::ITEM, "", 90), id.clone()].concat()),
            "end of item missing, added: (0008,1140)[1].(0010,0020); \
             wrong length, corrected: (0008,1140)[1].(fffe,e000)",
        ),
        (
            "an item that reaches past its sequence",
            [
                w.header(SEQUENCE, "SQ", 8),
                w.header(common::ITEM, "", id.len() as u32),
                id.clone(),
                name.clone(),
            ]
            .concat(),
            "wrong length, corrected: (0008,1140)[1].(fffe,e000)",
        ),
    ];
    for (what, bytes, expected) in cases {
        assert_eq!(told_by_default(w, &bytes), expected, "{what}");
    }
}

#[test]
fn places_in_items_have_a_path_and_what_is_left_out_as_a_whole_is_told_once() {
    for w in [LITTLE, BIG, IMPLICIT] {
        let inner = w.open_item(&[
            w.element((0x0008, 0x1155), "UI", b"1.3\0"),
            w.element((0x0008, 0x1150), "UI", b"1.2\0"),
            w.element((0x0002, 0x0010), "UI", b"1.2\0"),
        ]);
        let bytes = w.open_sequence(SEQUENCE, &[w.open_item(&[]), inner.clone()]);
        assert_eq!(
            told_by_default(w, &bytes),
            "no element of a data set, left out: (0008,1140)[2].(0002,0010); \
             out of order, moved: (0008,1140)[2].(0008,1150)"
        );
        let again = [bytes.clone(), bytes].concat();
        let repairs = told_by_default(w, &again);
        assert!(repairs.contains("occurs again, left out: (0008,1140);"), "{repairs}");
        assert_eq!(repairs.matches("(0002,0010)").count(), 1, "{repairs}");
    }
}

/// A UID is compared as bytes, and those must not change locations on the way.
#[test]
fn uids_of_the_vr_of_numbers_become_uids() {
    for reader in [LITTLE, BIG] {
        for vr in ["US", "OW", "FD", "OB"] {
            let bytes = reader.element(STUDY, vr, b"1.2.3.4\0");
            for writer in [LITTLE, BIG, IMPLICIT] {
                let written = writer.element(STUDY, "UI", b"1.2.3.4\0");
                becomes(reader, &bytes, &to(writer), &written);
            }
            assert_eq!(told_by_default(reader, &bytes), "impossible VR, corrected: (0020,000d)");
        }
        for vr in ["LO", "UN"] {
            let bytes = reader.element(STUDY, vr, b"1.2.3.4\0");
            assert_eq!(told_by_default(reader, &bytes), "", "{vr}");
        }
    }
}

#[test]
fn what_is_as_it_should_be_is_not_told() {
    let w = LITTLE;
    let bytes = [
        w.group_length(0x0008, 99),
        w.open_sequence(SEQUENCE, &[w.item(&[w.element(ID, "LO", b"AB  ")])]),
        w.element(PATIENT_NAME, "PN", b"A^B   "),
        w.element(STUDY, "UI", b"1.2\0"),
        w.element((0xFFFC, 0xFFFC), "OB", &[0; 20]),
    ]
    .concat();
    for format in [OutputFormat::default(), to(BIG), to(IMPLICIT)] {
        assert_eq!(told(w.syntax(), &bytes, &format), "", "{format:?}");
    }
}

#[test]
fn nothing_is_told_of_what_is_written_as_it_comes() {
    let id = LITTLE.element(ID, "LO", b"471");
    let bytes = [&id[..], &id, &LITTLE.element(PATIENT_NAME, "ZZ", b"A^B ")].concat();
    assert_eq!(told(LITTLE.syntax(), &bytes, &OutputFormat::bit_preserving()), "");
}

#[test]
fn fragments_and_deflate_streams() {
    let jpeg = TransferSyntax::find("1.2.840.10008.1.2.4.50").unwrap();
    let fragments = LITTLE.fragments("OW", &[b"", b"ABC"]);
    assert_eq!(
        told(jpeg, &fragments, &OutputFormat::default()),
        "odd length, padded: (7fe0,0010); impossible VR, corrected: (7fe0,0010)"
    );
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, &LITTLE.element(ID, "LO", b"4711")).unwrap();
    let mut stream = encoder.finish().unwrap();
    stream.push(0);
    let syntax = DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    assert_eq!(told(syntax, &stream, &OutputFormat::default()), "", "one byte of padding");
    stream.extend([0; 3]);
    let repairs = told(syntax, &stream, &OutputFormat::default());
    assert_eq!(repairs, "trailing bytes left out: (0010,0020)");
}

#[test]
fn many_repairs_are_counted_and_held_in_little() {
    let w = LITTLE;
    let bytes: Vec<u8> = (0..10_000).flat_map(|_| w.element(ID, "LO", b"471")).collect();
    let mut transcoder =
        Transcoder::new(w.syntax(), &OutputFormat::default(), Arc::new(Dictionary::built_in()));
    let mut out = Vec::new();
    transcoder.push(&[IoSlice::new(&bytes)], &mut out).unwrap();
    transcoder.finish(&mut out).unwrap();
    let repairs = transcoder.repairs();
    assert_eq!(repairs.count(RepairKind::Duplicate), 9999);
    assert_eq!(repairs.locations(RepairKind::Duplicate).count(), 4);
    assert!(repairs.to_string().len() < 300);
}
