//! Values: padding, byte order, and the VR that is written (PS3.5 §6.2, §7.3).

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{BIG, IMPLICIT, LITTLE, PATIENT_NAME, PIXEL_DATA, Writer, becomes, to};
use common::{transcode, transcode_pieces};
use dataset::Dictionary;
use dataset::format::OutputFormat;
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN as EVLE,
    IMPLICIT_VR_LITTLE_ENDIAN as IVLE,
};

/// One element of each VR whose value changes with the byte order, in this encoding.
fn numbers(writer: Writer) -> Vec<u8> {
    let swapped = |unit: usize| -> Vec<u8> {
        let bytes: Vec<u8> = (1..=16).collect();
        let order = |unit: &[u8]| -> Vec<u8> {
            if writer.syntax().big_endian() {
                unit.iter().rev().copied().collect()
            } else {
                unit.to_vec()
            }
        };
        bytes.chunks(unit).flat_map(order).collect()
    };
    [
        ((0x0018, 0x6020), "SL", 4),
        ((0x0018, 0x9219), "SS", 2),
        ((0x0028, 0x0009), "AT", 2),
        ((0x0028, 0x0010), "US", 2),
        ((0x0028, 0x9001), "UL", 4),
        ((0x0028, 0x9503), "SS", 2),
        ((0x0040, 0xA161), "FD", 8),
        ((0x0066, 0x0129), "OL", 4),
        ((0x0066, 0x0016), "OF", 4),
        ((0x0070, 0x150D), "FD", 8),
        ((0x0072, 0x0073), "OD", 8),
        ((0x0072, 0x0081), "OV", 8),
        ((0x0072, 0x0082), "SV", 8),
        ((0x0072, 0x0083), "UV", 8),
        ((0x0072, 0x0072), "FL", 4),
        ((0x7FE0, 0x0010), "OW", 2),
    ]
    .map(|(tag, vr, unit)| (tag, writer.element(tag, vr, &swapped(unit))))
    .into_iter()
    .collect::<std::collections::BTreeMap<_, _>>()
    .into_values()
    .collect::<Vec<_>>()
    .concat()
}

#[test]
fn numbers_change_their_byte_order_and_nothing_else() {
    for from in [LITTLE, BIG] {
        for target in [LITTLE, BIG, IMPLICIT] {
            becomes(from, &numbers(from), &to(target), &numbers(target));
        }
    }
}

#[test]
fn bytes_and_text_have_no_byte_order() {
    for (vr, value) in
        [("OB", &b"\x01\x02\x03\x04"[..]), ("UN", b"\x01\x02\x03\x04"), ("LT", b"ABCD")]
    {
        let tag = (0x0009, 0x1001);
        becomes(LITTLE, &LITTLE.element(tag, vr, value), &to(BIG), &BIG.element(tag, vr, value));
        becomes(BIG, &BIG.element(tag, vr, value), &to(LITTLE), &LITTLE.element(tag, vr, value));
    }
}

#[test]
fn text_loses_its_trailing_blanks() {
    let cases: &[(&str, &[u8], &[u8])] = &[
        ("LO", b" A B  ", b" A B"),
        ("LO", b"ABC ", b"ABC "),
        ("LO", b"ABC   ", b"ABC "),
        ("LO", b"    ", b""),
        ("LO", b"A\\ ", b"A\\ \0"),
        ("LO", b"AB\0\0", b"AB\0\0"),
        ("UT", b"A\t  ", b"A\t"),
        ("PN", b"\xE4^\xF6   ", b"\xE4^\xF6 "),
        ("UI", b"1.2 \0\0", b"1.2\0"),
        ("UI", b"1.2 ", b"1.2\0"),
        ("UI", b"1.2  \0", b"1.2\0"),
        ("UI", b" 1 .2\t", b" 1 .2\t"),
        ("UI", b"1.22\0\0", b"1.22"),
        ("UN", b"AB  ", b"AB  "),
        ("OB", b"AB  ", b"AB  "),
    ];
    for (vr, value, expected) in cases {
        for writer in [LITTLE, BIG] {
            let tag = (0x0009, 0x1001);
            let bytes = writer.element(tag, vr, value);
            becomes(writer, &bytes, &OutputFormat::default(), &writer.element(tag, vr, expected));
        }
    }
}

#[test]
fn odd_values_become_even() {
    for (vr, value, expected) in [
        ("OB", &b"ABC"[..], &b"ABC\0"[..]),
        ("UN", b"A", b"A\0"),
        ("OW", b"ABC", b"ABC\0"),
        ("US", b"ABC", b"ABC\0"),
        ("UI", b"1.2", b"1.2\0"),
        ("LO", b"AB ", b"AB \0"),
    ] {
        let tag = (0x0009, 0x1001);
        becomes(
            LITTLE,
            &LITTLE.element(tag, vr, value),
            &OutputFormat::default(),
            &LITTLE.element(tag, vr, expected),
        );
    }
    // The padding takes part in the swapping.
    for (vr, value, expected) in [
        ("US", &b"\x01\x02\x03"[..], &b"\x02\x01\0\x03"[..]),
        ("UL", b"\x01\x02\x03", b"\0\x03\x02\x01"),
        ("UL", b"\x01\x02\x03\x04\x05", b"\x04\x03\x02\x01\x05\0"),
        ("OW", b"\x01\x02\x03", b"\x02\x01\0\x03"),
    ] {
        let tag = (0x0009, 0x1001);
        becomes(LITTLE, &LITTLE.element(tag, vr, value), &to(BIG), &BIG.element(tag, vr, expected));
    }
}

#[test]
fn odd_bytes_are_not_taken_for_words() {
    for tag in [PIXEL_DATA, (0x6000, 0x3000)] {
        let bytes = BIG.element(tag, "OB", b"\x01\x02\x03");
        becomes(BIG, &bytes, &to(IMPLICIT), &IMPLICIT.element(tag, "OB", b"\x01\x02\x03\0"));
    }
}

#[test]
fn numbers_of_the_longest_odd_length_are_read_whole() {
    let tag = (0x0009, 0x1001);
    let value = vec![7; 0xFFFF];
    let rows = LITTLE.element((0x0028, 0x0010), "US", b"\x02\0");
    let bytes = [LITTLE.element(tag, "SL", &value), rows.clone()].concat();
    let even = LITTLE.element(tag, "UN", &[&value[..], b"\0"].concat());
    becomes(LITTLE, &bytes, &OutputFormat::default(), &[even, rows].concat());
}

#[test]
fn values_too_long_for_their_vr_become_unknown() {
    let tag = (0x0010, 0x0020);
    let text = |length, blanks| [vec![b'A'; length], vec![b' '; blanks]].concat();
    for (length, blanks, vr) in [
        (65_534, 0, "LO"),
        (65_536, 0, "UN"),
        (70_000, 0, "UN"),
        (65_534, 5000, "LO"),
        (100, 70_000, "LO"),
    ] {
        let bytes = IMPLICIT.element(tag, "LO", &text(length, blanks));
        becomes(IMPLICIT, &bytes, &to(LITTLE), &LITTLE.element(tag, vr, &text(length, 0)));
    }
    let numbers = IMPLICIT.element((0x0028, 0x0010), "US", &b"\x01\x02".repeat(40_000));
    let expected = BIG.element((0x0028, 0x0010), "UN", &b"\x01\x02".repeat(40_000));
    becomes(IMPLICIT, &numbers, &to(BIG), &expected);
}

#[test]
fn long_texts_are_streamed_and_cut_all_the_same() {
    let value =
        [vec![b'x'; 200_000], vec![b' '; 100_000], b"end".to_vec(), vec![b' '; 90_001]].concat();
    let expected = LITTLE.element((0x0008, 0x2111), "UT", &[&value[..300_003], b" "].concat());
    let bytes = LITTLE.element((0x0008, 0x2111), "UT", &value);
    becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
    for size in [1000, 65_537] {
        let pieces: Vec<_> = bytes.chunks(size).collect();
        let out = transcode_pieces(EVLE, &pieces, &OutputFormat::default(), Dictionary::built_in());
        assert!(out.unwrap() == expected, "{size}");
    }
}

#[test]
fn vrs_of_before_1993_on_request() {
    let old = OutputFormat { new_vrs: false, ..to(BIG) };
    let tag = (0x0009, 0x1001);
    for vr in ["OD", "OF", "OL", "OV", "SV", "UC", "UN", "UR", "UT", "UV"] {
        // Whoever reads the bytes knows of no numbers in them, so they stay little endian.
        let bytes = LITTLE.element(tag, vr, b"ABCDEFGH");
        becomes(LITTLE, &bytes, &old, &BIG.element(tag, "OB", b"ABCDEFGH"));
    }
    for vr in ["OB", "LT", "DT"] {
        let bytes = LITTLE.element(tag, vr, b"ABCDEFGH");
        becomes(LITTLE, &bytes, &old, &BIG.element(tag, vr, b"ABCDEFGH"));
    }
}

#[test]
fn pixel_data_of_implicit_vr_is_words() {
    let implicit = IMPLICIT.element(PIXEL_DATA, "OW", b"\x01\x02\x03\x04");
    becomes(
        IMPLICIT,
        &implicit,
        &to(LITTLE),
        &LITTLE.element(PIXEL_DATA, "OW", b"\x01\x02\x03\x04"),
    );
    becomes(IMPLICIT, &implicit, &to(BIG), &BIG.element(PIXEL_DATA, "OW", b"\x02\x01\x04\x03"));
    let bytes = BIG.element(PIXEL_DATA, "OB", b"\x01\x02\x03\x04");
    becomes(BIG, &bytes, &to(LITTLE), &LITTLE.element(PIXEL_DATA, "OB", b"\x01\x02\x03\x04"));
    becomes(BIG, &bytes, &to(IMPLICIT), &implicit);
}

#[test]
fn unknown_values_are_converted_only_if_asked() {
    let convert = OutputFormat { convert_un: true, ..OutputFormat::default() };
    let rows = |vr| LITTLE.element((0x0028, 0x0010), vr, b"\x02\0");
    becomes(LITTLE, &rows("UN"), &OutputFormat::default(), &rows("UN"));
    becomes(LITTLE, &rows("UN"), &convert, &rows("US"));
    let inner = IMPLICIT.item(&[IMPLICIT.element((0x0008, 0x1150), "UI", b"1.2\0")]);
    let sequence = LITTLE.element(common::SEQUENCE, "UN", &inner);
    let uid = LITTLE.element((0x0008, 0x1150), "UI", b"1.2\0");
    let expected = LITTLE.sequence(common::SEQUENCE, &[LITTLE.item(&[uid])]);
    becomes(LITTLE, &sequence, &convert, &expected);
    becomes(LITTLE, &sequence, &OutputFormat::default(), &sequence);
    let private = LITTLE.element((0x0009, 0x1001), "UN", b"AB");
    becomes(LITTLE, &private, &convert, &private);
}

#[test]
fn private_elements_get_the_vr_of_a_loaded_dictionary() {
    let mut dictionary = Dictionary::built_in();
    dictionary.load(&b"(0009,\"ABC\",05)\tUL\tX\t1\tPrivate\n"[..]).unwrap();
    let creator = |writer: Writer| writer.element((0x0009, 0x0010), "LO", b"ABC ");
    let bytes =
        [creator(IMPLICIT), IMPLICIT.element((0x0009, 0x1005), "UL", b"\x01\0\0\0")].concat();
    let known = [creator(LITTLE), LITTLE.element((0x0009, 0x1005), "UL", b"\x01\0\0\0")].concat();
    let unknown = [creator(LITTLE), LITTLE.element((0x0009, 0x1005), "UN", b"\x01\0\0\0")].concat();
    assert_eq!(transcode_pieces(IVLE, &[&bytes], &to(LITTLE), dictionary).unwrap(), known);
    becomes(IMPLICIT, &bytes, &to(LITTLE), &unknown);
}

#[test]
fn one_private_syntax_has_big_endian_pixel_data() {
    let syntax = dataset::TransferSyntax::find("1.2.840.113619.5.2").unwrap();
    let rows = |writer: Writer| writer.element((0x0028, 0x0010), "US", &writer.u16(2));
    let bytes = [rows(IMPLICIT), IMPLICIT.element(PIXEL_DATA, "OW", b"\x01\x02")].concat();
    let swapped = [rows(LITTLE), LITTLE.element(PIXEL_DATA, "OW", b"\x02\x01")].concat();
    assert_eq!(transcode(syntax, &bytes, &OutputFormat::default()).unwrap(), bytes);
    assert_eq!(transcode(syntax, &bytes, &to(LITTLE)).unwrap(), swapped);
    let big = [rows(BIG), BIG.element(PIXEL_DATA, "OW", b"\x01\x02")].concat();
    assert_eq!(transcode(syntax, &bytes, &to(BIG)).unwrap(), big);
}

#[test]
fn deflated_data_sets_are_inflated_and_deflated() {
    use std::io::{Read, Write};
    let bytes = LITTLE.element(PATIENT_NAME, "PN", &b"Doe^Jane".repeat(10));
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&bytes).unwrap();
    let deflated = encoder.finish().unwrap();
    let syntax = DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    assert_eq!(transcode(syntax, &deflated, &to(LITTLE)).unwrap(), bytes);
    let again = transcode(syntax, &deflated, &OutputFormat::default()).unwrap();
    let mut inflated = Vec::new();
    flate2::read::DeflateDecoder::new(&again[..]).read_to_end(&mut inflated).unwrap();
    assert_eq!(inflated, bytes);
    let cut = &deflated[..deflated.len() - 1];
    let fault = common::fault(syntax, cut, &OutputFormat::default());
    assert_eq!(fault, dataset::Fault::TruncatedDeflate);
}

#[test]
fn nothing_is_no_data_set_but_a_stream_of_nothing_is() {
    for syntax in [EVLE, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN] {
        let nothing = transcode(syntax, b"", &OutputFormat::default());
        assert!(matches!(nothing, Err(dataset::Error::Empty)), "{syntax}: {nothing:?}");
    }
    let syntax = DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN;
    let stream = b"\x03\x00";
    assert_eq!(transcode(syntax, stream, &OutputFormat::default()).unwrap(), stream);
    assert_eq!(transcode(syntax, stream, &to(LITTLE)).unwrap(), b"");
}
