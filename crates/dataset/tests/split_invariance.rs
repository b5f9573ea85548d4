//! Wherever the bytes of a data set are cut, the same comes out.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::IoSlice;
use std::sync::Arc;

use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, OutputFormat, Transcoder, TransferSyntax};
use proptest::prelude::*;

/// What came of it, in a form that can be compared.
#[derive(Debug, PartialEq)]
struct Outcome {
    result: Result<(), String>,
    stored: Vec<u8>,
    attributes: [Option<Vec<u8>>; 5],
}

fn transcode(syntax: &'static TransferSyntax, format: &OutputFormat, cuts: &[&[u8]]) -> Outcome {
    let mut transcoder = Transcoder::new(syntax, format, Arc::new(Dictionary::built_in()));
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
    ]
    .map(|value| value.map(<[u8]>::to_vec));
    if result.is_err() {
        // How much of it was written before the fault was seen is nobody's business.
        stored.clear();
    }
    Outcome { result: result.map_err(|error| error.to_string()), stored, attributes }
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

/// A data set with a sequence of each kind, a private block and pixel data.
fn sample(syntax: &TransferSyntax) -> Vec<u8> {
    let mut out = Vec::new();
    let mut element = |group: u16, number: u16, vr: &[u8; 2], value: &[u8], undefined: bool| {
        let half = |n: u16| if syntax.big_endian() { n.to_be_bytes() } else { n.to_le_bytes() };
        let whole = |n: u32| if syntax.big_endian() { n.to_be_bytes() } else { n.to_le_bytes() };
        out.extend(half(group));
        out.extend(half(number));
        let length = if undefined { u32::MAX } else { value.len() as u32 };
        let long = matches!(vr, b"SQ" | b"OW" | b"UN");
        match (syntax.explicit_vr() && group != 0xFFFE, long) {
            (true, true) => {
                out.extend(vr);
                out.extend([0, 0]);
                out.extend(whole(length));
            }
            (true, false) => {
                out.extend(vr);
                out.extend(half(length as u16));
            }
            (false, _) => out.extend(whole(length)),
        }
        out.extend(value);
    };
    element(0x0008, 0x0005, b"CS", b"ISO_IR 100", false);
    element(0x0008, 0x0016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0", false);
    element(0x0008, 0x0018, b"UI", b"1.2.3.4\0", false);
    element(0x0008, 0x1140, b"SQ", b"", true);
    element(0xFFFE, 0xE000, b"  ", b"", true);
    element(0x0008, 0x1150, b"UI", b"1.2.5\0", false);
    element(0xFFFE, 0xE00D, b"  ", b"", false);
    element(0xFFFE, 0xE0DD, b"  ", b"", false);
    element(0x0009, 0x0010, b"LO", b"CREATOR ", false);
    element(0x0010, 0x0010, b"PN", b"Doe^Jane  ", false);
    element(0x0020, 0x000D, b"UI", b"1.2.3\0", false);
    element(0x0028, 0x0010, b"US", b"\x02\0", false);
    element(0x7FE0, 0x0010, b"OW", &[7; 300], false);
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn inputs() -> Vec<(&'static TransferSyntax, Vec<u8>)> {
    vec![
        (IMPLICIT_VR_LITTLE_ENDIAN, sample(IMPLICIT_VR_LITTLE_ENDIAN)),
        (EXPLICIT_VR_LITTLE_ENDIAN, sample(EXPLICIT_VR_LITTLE_ENDIAN)),
        (EXPLICIT_VR_BIG_ENDIAN, sample(EXPLICIT_VR_BIG_ENDIAN)),
        (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, deflated(&sample(EXPLICIT_VR_LITTLE_ENDIAN))),
    ]
}

fn formats() -> Vec<OutputFormat> {
    vec![OutputFormat::default(), OutputFormat::bit_preserving()]
}

#[test]
fn attributes_are_read_in_every_transfer_syntax() {
    for (syntax, bytes) in inputs() {
        for format in formats() {
            let outcome = transcode(syntax, &format, &[&bytes]);
            assert_eq!(outcome.result, Ok(()), "{syntax}");
            let values = outcome.attributes.map(Option::unwrap);
            assert_eq!(values[0], b"ISO_IR 100");
            assert_eq!(values[1], b"1.2.840.10008.5.1.4.1.1.2\0");
            assert_eq!(values[2], b"1.2.3.4\0");
            assert_eq!(values[3], b"Doe^Jane  ");
            assert_eq!(values[4], b"1.2.3\0");
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
            if syntax.deflated() {
                // How much comes out of a damaged stream before it fails depends on the cuts.
                prop_assert_eq!(cut.result.is_ok(), whole.result.is_ok());
                prop_assert_eq!(&cut.stored, &whole.stored);
            } else {
                prop_assert_eq!(&cut, &whole);
            }
        }
    }
}
