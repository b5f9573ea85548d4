//! Values under the tags of sequences that are none: senders older than the dictionary put text there.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write;

use common::{BIG, IMPLICIT, LITTLE, SEQUENCE, Writer, becomes, fault, to, transcode};
use dataset::format::{OutputFormat, OutputTransferSyntax, SequenceLengths};
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN as DEFLATED, EXPLICIT_VR_BIG_ENDIAN as EVBE,
    EXPLICIT_VR_LITTLE_ENDIAN as EVLE, IMPLICIT_VR_LITTLE_ENDIAN as IVLE,
};
use dataset::{Fault, RepairKind, Transcoder};

/// Sequences since 2024, 2025, and as long as anybody remembers.
const RECENT: [(u16, u16); 2] = [(0x0010, 0x0011), (0x0008, 0x0400)];
const OLD: (u16, u16) = (0x0012, 0x0064);

/// Text of every length up to more than a header, zeros, an item in the other byte order, one that is cut.
const VALUES: [&[u8]; 10] = [
    b"AB",
    b"ABCD",
    b"ABCDEF",
    b"ABCDEFGH",
    b"ABCDEFGHIJ",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    &[0; 4],
    &[0; 16],
    b"\xFF\xFE\xE0\x00\0\0\0\0",
    b"\xFE\xFF",
];

fn convert_un() -> OutputFormat {
    OutputFormat { convert_un: true, ..OutputFormat::default() }
}

/// An element of the public VR of text, unless the encoding tells none.
fn text(writer: Writer, tag: (u16, u16), vr: &str, value: &[u8]) -> Vec<u8> {
    writer.element(tag, vr, value)
}

#[test]
fn in_implicit_vr_they_are_kept_as_unknown() {
    let behind = |writer: Writer| writer.element((0x0040, 0x0020), "CS", b"TAIL");
    for tag in [RECENT[0], RECENT[1], OLD] {
        for value in VALUES {
            let bytes = [text(IMPLICIT, tag, "", value), behind(IMPLICIT)].concat();
            for writer in [LITTLE, BIG] {
                let expected = [writer.element(tag, "UN", value), behind(writer)].concat();
                becomes(IMPLICIT, &bytes, &to(writer), &expected);
                let format = OutputFormat { convert_un: true, ..to(writer) };
                becomes(IMPLICIT, &bytes, &format, &expected);
                // Within an item, too.
                let nested =
                    IMPLICIT.sequence(SEQUENCE, &[IMPLICIT.item(std::slice::from_ref(&bytes))]);
                let expected = writer.sequence(SEQUENCE, &[writer.item(&[expected])]);
                becomes(IMPLICIT, &nested, &format, &expected);
            }
        }
    }
}

#[test]
fn in_explicit_vr_they_keep_their_vr_or_become_unknown() {
    for (reader, writer) in [(LITTLE, LITTLE), (LITTLE, BIG), (BIG, LITTLE), (BIG, BIG)] {
        for value in VALUES {
            // A reader takes the tag in its own byte order for an item.
            if reader.syntax() == EVBE && value.starts_with(b"\xFF\xFE\xE0") {
                continue;
            }
            for tag in [RECENT[0], OLD, (0x4009, 0x1001), (0x0010, 0x0010)] {
                let unknown = writer.element(tag, "UN", value);
                for vr in ["SQ", "UN"] {
                    becomes(reader, &reader.element(tag, vr, value), &to(writer), &unknown);
                }
            }
            let format = OutputFormat { convert_un: true, ..to(writer) };
            becomes(
                reader,
                &reader.element(OLD, "UN", value),
                &format,
                &writer.element(OLD, "UN", value),
            );
        }
        let bytes = reader.element(OLD, "LO", b"SOME TEXT ");
        becomes(reader, &bytes, &to(writer), &writer.element(OLD, "LO", b"SOME TEXT "));
    }
}

#[test]
fn in_implicit_output_they_are_refused_where_readers_would_take_them_for_sequences() {
    let item = IMPLICIT.item(&[IMPLICIT.element((0x0008, 0x0100), "SH", b"CODE")]);
    let broken = IMPLICIT.element(common::ITEM, "", b"ABCDEFGHIJKL");
    for tag in [OLD, RECENT[0]] {
        for (vr, value) in [
            ("LO", b"ABCDEF".as_slice()),
            ("LO", &item),
            ("SQ", b"AB"),
            ("UN", b"ABCD"),
            ("UN", &broken),
        ] {
            for reader in [LITTLE, BIG] {
                let bytes = reader.element(tag, vr, value);
                assert_eq!(fault(reader.syntax(), &bytes, &to(IMPLICIT)), Fault::NotASequence);
                let nested =
                    reader.sequence(SEQUENCE, &[reader.open_item(std::slice::from_ref(&bytes))]);
                assert_eq!(fault(reader.syntax(), &nested, &to(IMPLICIT)), Fault::NotASequence);
                assert!(transcode(reader.syntax(), &bytes, &OutputFormat::default()).is_ok());
            }
        }
        // Nothing is a sequence without items, and items are items whatever their VR.
        let unknown = LITTLE.element(tag, "UN", &item);
        becomes(LITTLE, &unknown, &to(IMPLICIT), &IMPLICIT.element(tag, "", &item));
        becomes(
            LITTLE,
            &LITTLE.element(tag, "LO", b""),
            &to(IMPLICIT),
            &IMPLICIT.element(tag, "", b""),
        );
    }
    // As they came, those stay that most readers do not know.
    for value in VALUES {
        for tag in RECENT {
            let bytes = IMPLICIT.element(tag, "", value);
            for format in [OutputFormat::default(), convert_un(), to(IMPLICIT)] {
                becomes(IMPLICIT, &bytes, &format, &bytes);
            }
        }
        let bytes = IMPLICIT.element(OLD, "", value);
        assert_eq!(fault(IVLE, &bytes, &OutputFormat::default()), Fault::NotASequence, "{value:?}");
        assert!(transcode(IVLE, &bytes, &OutputFormat::bit_preserving()).is_ok());
    }
}

/// In implicit VR, readers go by the tag: those of values have no items for them.
#[test]
fn sequences_under_the_tags_of_values_are_not_written_in_implicit_vr() {
    let lengths = [SequenceLengths::Explicit, SequenceLengths::Undefined];
    for sequence_lengths in lengths {
        let implicit = OutputFormat { sequence_lengths, ..to(IMPLICIT) };
        for reader in [LITTLE, BIG] {
            let item = reader.open_item(&[reader.element((8, 0x100), "SH", b"AB")]);
            for tag in [(0x0010, 0x0010), (0x0028, 0x0010), (0x6002, 0x3000), (0x7FE0, 0x0010)] {
                for bytes in [
                    reader.sequence(tag, std::slice::from_ref(&item)),
                    reader.open_sequence(tag, std::slice::from_ref(&item)),
                    [reader.header(tag, "UN", common::UNDEFINED), IMPLICIT.sequence_end()].concat(),
                ] {
                    assert_eq!(fault(reader.syntax(), &bytes, &implicit), Fault::NotAValue);
                    let nested =
                        reader.sequence(SEQUENCE, &[reader.item(std::slice::from_ref(&bytes))]);
                    assert_eq!(fault(reader.syntax(), &nested, &implicit), Fault::NotAValue);
                    assert!(transcode(reader.syntax(), &bytes, &OutputFormat::default()).is_ok());
                }
            }
            // What nobody knows may be a sequence.
            for tag in [(0x0009, 0x1001), (0x0008, 0x0009), SEQUENCE] {
                let bytes = reader.open_sequence(tag, std::slice::from_ref(&item));
                assert!(transcode(reader.syntax(), &bytes, &implicit).is_ok(), "{tag:?}");
            }
        }
    }
}

#[test]
fn deflated_data_sets_are_no_exception() {
    let deflate = |bytes: &[u8]| {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let bytes = LITTLE.element(OLD, "SQ", b"ABCDEFGH");
    let expected = LITTLE.element(OLD, "UN", b"ABCDEFGH");
    assert_eq!(transcode(DEFLATED, &deflate(&bytes), &to(LITTLE)).unwrap(), expected);
    assert_eq!(fault(DEFLATED, &deflate(&bytes), &to(IMPLICIT)), Fault::NotASequence);
    let format = OutputFormat {
        transfer_syntax: OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
        ..OutputFormat::default()
    };
    let written = transcode(IVLE, &IMPLICIT.element(OLD, "", b"ABCDEFGH"), &format).unwrap();
    assert_eq!(transcode(DEFLATED, &written, &to(LITTLE)).unwrap(), expected);
}

/// DCMTK reads no file in which VOI LUT Sequence has the VR `OB`, and old VRs are asked for here.
#[test]
fn no_old_vr_stands_where_it_cannot_be_read() {
    let format = OutputFormat { new_vrs: false, ..OutputFormat::default() };
    for vr in ["UN", "SQ"] {
        let bytes = LITTLE.element((0x0028, 0x3010), vr, b"ABCD");
        becomes(LITTLE, &bytes, &format, &LITTLE.element((0x0028, 0x3010), "UN", b"ABCD"));
        let bytes = LITTLE.element(OLD, vr, b"ABCD");
        becomes(LITTLE, &bytes, &format, &LITTLE.element(OLD, "OB", b"ABCD"));
    }
}

#[test]
fn sequences_that_break_off_are_still_refused() {
    let whole = LITTLE.sequence(OLD, &[LITTLE.item(&[LITTLE.element((8, 0x100), "SH", b"AB")])]);
    for length in 12..whole.len() {
        assert!(transcode(EVLE, &whole[..length], &OutputFormat::default()).is_err(), "{length}");
    }
    let text = LITTLE.element(OLD, "SQ", b"ABCDEF");
    for length in 12..text.len() {
        assert!(transcode(EVLE, &text[..length], &OutputFormat::default()).is_err(), "{length}");
    }
}

#[test]
fn each_is_noted() {
    let dictionary = std::sync::Arc::new(dataset::Dictionary::built_in());
    let mut transcoder = Transcoder::new(IVLE, &to(LITTLE), dictionary);
    let bytes = IMPLICIT.element(RECENT[0], "", b"ABCDEF");
    let mut out = Vec::new();
    // Cut within the bytes that decide.
    for byte in &bytes {
        transcoder.push(&[std::io::IoSlice::new(std::slice::from_ref(byte))], &mut out).unwrap();
    }
    transcoder.finish(&mut out).unwrap();
    assert_eq!(out, LITTLE.element(RECENT[0], "UN", b"ABCDEF"));
    assert_eq!(transcoder.repairs().count(RepairKind::NotASequence), 1);
}
