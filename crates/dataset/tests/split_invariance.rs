//! Wherever the bytes of a data set are cut, the same comes out.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::IoSlice;
use std::sync::Arc;

use common::{BIG, IMPLICIT, LITTLE, Writer, to};
use dataset::format::{GroupLengths, OutputFormat, OutputTransferSyntax, Padding, SequenceLengths};
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, Repairs, Transcoder, TransferSyntax};
use proptest::prelude::*;

/// What came of it, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Result<(), String>,
    stored: Vec<u8>,
    attributes: [Option<Vec<u8>>; 7],
    /// Nothing if there is an error.
    repairs: Repairs,
    unread: Option<String>,
}

fn transcode(syntax: &'static TransferSyntax, format: &OutputFormat, cuts: &[&[u8]]) -> Outcome {
    let mut dictionary = Dictionary::built_in();
    dictionary.load(&b"(0009,\"CREATOR\",01)\tUL\tX\n"[..]).unwrap();
    let mut transcoder = Transcoder::new(syntax, format, Arc::new(dictionary)).preceded_by(300);
    let mut stored = Vec::new();
    let mut result = Ok(());
    // Two slices at a time, as an upper layer hands them over.
    for pair in cuts.chunks(2) {
        let slices: Vec<_> = pair.iter().map(|cut| IoSlice::new(cut)).collect();
        result = result.and_then(|()| transcoder.push(&slices, &mut stored));
    }
    result = result.and_then(|()| transcoder.finish(&mut stored));
    let noted = transcoder.attributes();
    let attributes = [
        noted.specific_character_set(),
        noted.sop_class_uid(),
        noted.sop_instance_uid(),
        noted.patient_name(),
        noted.study_instance_uid(),
        noted.other_sop_class_uids().next(),
        noted.other_sop_instance_uids().next(),
    ]
    .map(|value| value.map(<[u8]>::to_vec));
    if result.is_err() {
        // How much of it was written before the fault was seen is nobody's business.
        stored.clear();
    }
    let repairs = if result.is_ok() { transcoder.repairs() } else { Repairs::default() };
    let unread = transcoder.unread().map(ToString::to_string);
    let result = result.map_err(|error| error.to_string());
    Outcome { result, stored, attributes, repairs, unread }
}

fn cut_at<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for place in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[start..place]);
        start = place;
    }
    pieces
}

/// A data set with sequences of both kinds, values that decide about others, a private block, text of
/// every length, pixel data, and elements that come late and twice.
fn sample(writer: Writer) -> Vec<u8> {
    let element = |tag, vr: &str, value: &[u8]| writer.element(tag, vr, value);
    let number = |n: u16| writer.u16(n);
    [
        element((0x0008, 0x0005), "CS", b"ISO_IR 100"),
        element((0x0008, 0x0016), "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        element((0x0008, 0x0018), "UI", b"1.2.3.4\0"),
        writer.open_sequence(
            (0x0008, 0x1140),
            &[
                writer.open_item(&[
                    element((0x0028, 0x0103), "US", &number(1)),
                    element((0x0028, 0x0106), "SS", &number(7)),
                ]),
                writer.item(&[
                    element((0x0020, 0x0010), "SH", b"B "),
                    element((0x0008, 0x1150), "UI", b"1 .2.5\0"),
                ]),
            ],
        ),
        element((0x0009, 0x0010), "LO", b"CREATOR "),
        element((0x0009, 0x1001), "UN", b"\x01\x02\x03\x04"),
        element((0x0010, 0x0010), "PN", b"Doe^Jane  "),
        element((0x0010, 0x4000), "LT", b"   "),
        element((0x0020, 0x000D), "UI", b"1.2.3\0"),
        element((0x0028, 0x0010), "US", &number(2)),
        element((0x0028, 0x1201), "OW", b"\x01\x02\x03\x04"),
        element((0x5400, 0x1004), "US", &number(16)),
        element((0x5400, 0x1010), "OW", b"\x01\x02\x03\x04"),
        // Not a sequence, in explicit VR; and, at the end, a delimiter too many.
        element((0x5401, 0x1001), "SQ", b"no item "),
        element((0x7FE0, 0x0010), "OW", &[7; 300]),
        element((0x0010, 0x0010), "PN", b"second"),
        element((0x0010, 0x0020), "LO", b"late"),
        element((0xFFFC, 0xFFFC), "OB", b"\0\0"),
        writer.item_end(),
        vec![0; 10],
    ]
    .concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn inputs() -> Vec<(&'static TransferSyntax, Vec<u8>)> {
    vec![
        (IMPLICIT_VR_LITTLE_ENDIAN, sample(IMPLICIT)),
        (EXPLICIT_VR_LITTLE_ENDIAN, sample(LITTLE)),
        (EXPLICIT_VR_BIG_ENDIAN, sample(BIG)),
        (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, deflated(&sample(LITTLE))),
    ]
}

/// Every value of every option at least once, in combinations that meet.
fn formats() -> Vec<OutputFormat> {
    let default = OutputFormat::default();
    let padding = |file_bytes, item_bytes| Padding { file_bytes, item_bytes };
    vec![
        default,
        OutputFormat::bit_preserving(),
        OutputFormat { group_lengths: GroupLengths::Create, ..default },
        OutputFormat {
            sequence_lengths: SequenceLengths::Undefined,
            padding: padding(64, 14),
            ..to(LITTLE)
        },
        OutputFormat {
            group_lengths: GroupLengths::Create,
            sequence_lengths: SequenceLengths::Undefined,
            ..to(BIG)
        },
        OutputFormat {
            group_lengths: GroupLengths::Remove,
            padding: padding(5, 3),
            ..to(IMPLICIT)
        },
        OutputFormat { convert_un: true, new_vrs: false, ..to(BIG) },
        OutputFormat {
            transfer_syntax: OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
            compression_level: 9,
            convert_un: true,
            ..default
        },
    ]
}

#[test]
fn attributes_are_read_in_every_transfer_syntax() {
    for (syntax, bytes) in inputs() {
        for format in formats() {
            let outcome = transcode(syntax, &format, &[&bytes]);
            assert_eq!(outcome.result, Ok(()), "{syntax}");
            let values = outcome.attributes.map(Option::unwrap_or_default);
            assert_eq!(values[0], b"ISO_IR 100");
            assert_eq!(values[1], b"1.2.840.10008.5.1.4.1.1.2\0");
            assert_eq!(values[2], b"1.2.3.4\0");
            assert_eq!(values[3], b"Doe^Jane  ");
            assert_eq!(values[4], b"1.2.3\0");
            assert_eq!(values[5..], [b"", b""]);
        }
    }
}

#[test]
fn bit_preserving_keeps_every_byte_of_anything() {
    for bytes in [&b""[..], b"\xff", &[0xFE; 1000], b"\x08\0\x18\0UI\xff\xffabc"] {
        for (syntax, _) in inputs() {
            let outcome = transcode(syntax, &OutputFormat::bit_preserving(), &[bytes]);
            assert_eq!((outcome.result, &outcome.stored[..]), (Ok(()), bytes), "{syntax}");
        }
    }
}

#[test]
fn every_single_cut() {
    for (syntax, bytes) in inputs() {
        for format in formats() {
            let whole = transcode(syntax, &format, &[&bytes]);
            for place in 0..=bytes.len() {
                let cut = transcode(syntax, &format, &cut_at(&bytes, &[place]));
                assert_eq!(cut, whole, "{syntax} at {place}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_cuts_of_damaged_data(
        which in 0_usize..4,
        damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
        length in any::<usize>(),
        places in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let (syntax, mut bytes) = inputs().swap_remove(which);
        if length % 4 == 0 {
            bytes.truncate(length % bytes.len());
        }
        for (place, value) in damage {
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(place % len) {
                *byte = value;
            }
        }
        for format in formats() {
            let whole = transcode(syntax, &format, &[&bytes]);
            let cut = transcode(syntax, &format, &cut_at(&bytes, &places));
            prop_assert_eq!(&cut, &whole);
        }
    }
}
