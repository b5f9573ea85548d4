//! Sequences and items: what becomes of their lengths, and of lengths that are wrong (PS3.5 §7.5).

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{
    BIG, IMPLICIT, LITTLE, PATIENT_NAME, SEQUENCE, UNDEFINED, becomes, fault, to, transcode,
};
use dataset::format::{OutputFormat, Padding, SequenceLengths};
use dataset::transfer_syntax::{
    EXPLICIT_VR_LITTLE_ENDIAN as EVLE, IMPLICIT_VR_LITTLE_ENDIAN as IVLE, RLE_LOSSLESS,
};
use dataset::{Cause, Fault};

fn undefined() -> OutputFormat {
    OutputFormat { sequence_lengths: SequenceLengths::Undefined, ..OutputFormat::default() }
}

fn uid() -> Vec<u8> {
    LITTLE.element((0x0008, 0x1150), "UI", b"1.2\0")
}

fn name() -> Vec<u8> {
    LITTLE.element(PATIENT_NAME, "PN", b"AB")
}

#[test]
fn lengths_are_written_as_asked_however_they_came() {
    let forms = [
        LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid()]), LITTLE.item(&[])]),
        LITTLE.open_sequence(SEQUENCE, &[LITTLE.open_item(&[uid()]), LITTLE.open_item(&[])]),
        LITTLE.open_sequence(SEQUENCE, &[LITTLE.item(&[uid()]), LITTLE.open_item(&[])]),
        LITTLE.sequence(SEQUENCE, &[LITTLE.open_item(&[uid()]), LITTLE.item(&[])]),
    ];
    for form in &forms {
        becomes(LITTLE, form, &OutputFormat::default(), &forms[0]);
        becomes(LITTLE, form, &undefined(), &forms[1]);
    }
    becomes(LITTLE, &forms[0], &to(IMPLICIT), &{
        let uid = IMPLICIT.element((0x0008, 0x1150), "UI", b"1.2\0");
        IMPLICIT.sequence(SEQUENCE, &[IMPLICIT.item(&[uid]), IMPLICIT.item(&[])])
    });
}

#[test]
fn nesting_goes_deep_and_ends_at_the_limit() {
    let nested = |levels: usize| {
        (0..levels).fold(Vec::new(), |inner, _| {
            LITTLE.open_sequence(SEQUENCE, &[LITTLE.open_item(&[inner])])
        })
    };
    for levels in [1, 300, 512] {
        let bytes = nested(levels);
        becomes(LITTLE, &bytes, &undefined(), &bytes);
    }
    let error = transcode(EVLE, &nested(513), &OutputFormat::default()).unwrap_err();
    assert!(matches!(error, dataset::Error::Limit { .. }), "{error}");
}

#[test]
fn an_item_that_claims_too_much_takes_what_follows() {
    let mut item = LITTLE.item(&[uid()]);
    item[4] += name().len() as u8;
    let bytes = [LITTLE.sequence(SEQUENCE, &[item]), name()].concat();
    let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), name()])]);
    becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
}

#[test]
fn a_header_may_reach_past_its_item_but_a_value_may_not() {
    let other = LITTLE.element((0x0008, 0x1155), "UI", b"1.3\0");
    let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), other.clone()])]);
    for claimed in [14, 16, 18] {
        let item =
            [common::LITTLE.header(common::ITEM, "", claimed), uid(), other.clone()].concat();
        let bytes = LITTLE.element(SEQUENCE, "SQ", &item);
        becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
    }
    for claimed in [8, 10, 20, 22] {
        let item = [LITTLE.header(common::ITEM, "", claimed), uid(), other.clone()].concat();
        let bytes = LITTLE.element(SEQUENCE, "SQ", &item);
        assert_eq!(
            fault(EVLE, &bytes, &OutputFormat::default()),
            Fault::LengthMismatch,
            "{claimed}"
        );
    }
}

#[test]
fn a_sequence_may_end_within_its_item() {
    let item = LITTLE.item(&[uid()]);
    let bytes = [LITTLE.header(SEQUENCE, "SQ", 4), item.clone(), name()].concat();
    let expected = [LITTLE.sequence(SEQUENCE, &[item]), name()].concat();
    becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
}

#[test]
fn an_open_item_in_a_sequence_of_known_length_ends_with_the_data() {
    let item = [LITTLE.header(common::ITEM, "", UNDEFINED), uid()].concat();
    let bytes = LITTLE.element(SEQUENCE, "SQ", &item);
    let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid()])]);
    becomes(LITTLE, &bytes, &OutputFormat::default(), &expected);
}

#[test]
fn delimiters_out_of_place_are_refused() {
    for bytes in [
        [uid(), LITTLE.item_end(), name()].concat(),
        [uid(), LITTLE.sequence_end(), name()].concat(),
        [uid(), LITTLE.item(&[]), name()].concat(),
        LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), LITTLE.sequence_end()])]),
    ] {
        let format = OutputFormat::default();
        assert_eq!(fault(EVLE, &bytes, &format), Fault::UnexpectedDelimiter);
    }
    for bytes in [
        LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[]), name()]),
        LITTLE.open_sequence(SEQUENCE, &[LITTLE.item_end(), LITTLE.item(&[])]),
    ] {
        assert_eq!(fault(EVLE, &bytes, &OutputFormat::default()), Fault::ExpectedItem);
    }
}

#[test]
fn an_item_delimiter_may_end_the_data_set() {
    let padding = LITTLE.element((0xFFFC, 0xFFFC), "OB", &[0; 6]);
    let (item_end, sequence_end) = (LITTLE.item_end(), LITTLE.sequence_end());
    let nothing: [&[Vec<u8>]; 8] = [
        &[],
        std::slice::from_ref(&item_end),
        &[sequence_end.clone(), item_end.clone()],
        &[vec![0; 4]],
        &[vec![0; 8]],
        &[vec![0; 62]],
        std::slice::from_ref(&padding),
        &[LITTLE.header((0xFFFE, 0xE00D), "", 4), vec![0; 16], padding.clone()],
    ];
    for rest in nothing {
        let bytes = [uid(), name(), item_end.clone(), rest.concat()].concat();
        becomes(LITTLE, &bytes, &OutputFormat::default(), &[uid(), name()].concat());
    }
    // What stands behind it would be lost.
    for rest in [name(), LITTLE.item(&[]), LITTLE.element((0, 0), "UL", b"\0\0\0\0"), vec![0xFF; 8]]
    {
        let bytes = [uid(), item_end.clone(), sequence_end.clone(), rest].concat();
        let error = transcode(EVLE, &bytes, &OutputFormat::default()).unwrap_err();
        assert_eq!(error.to_string(), "item or delimiter out of place at (fffe,e00d), byte 20");
    }
}

#[test]
fn delimiters_in_their_place_are_harmless() {
    let expected = [LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid()])]), name()].concat();
    let item_end = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), LITTLE.item_end()])]);
    let sequence_end =
        LITTLE.element(SEQUENCE, "SQ", &[LITTLE.item(&[uid()]), LITTLE.sequence_end()].concat());
    for bytes in [item_end, sequence_end] {
        becomes(LITTLE, &[bytes, name()].concat(), &OutputFormat::default(), &expected);
    }
}

#[test]
fn data_sets_that_break_off_are_refused() {
    let sequence = LITTLE.open_sequence(SEQUENCE, &[LITTLE.open_item(&[uid()])]);
    let whole = [sequence.clone(), name()].concat();
    let value_at = sequence.len() + 8;
    for length in 1..whole.len() {
        let result = transcode(EVLE, &whole[..length], &OutputFormat::default());
        match length {
            // Less than a header is passed over.
            _ if length < 12 => assert_eq!(result.unwrap(), b"", "{length}"),
            _ if (sequence.len()..value_at).contains(&length) => {
                let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid()])]);
                assert_eq!(result.unwrap(), expected, "{length}");
            }
            _ => assert!(result.is_err(), "{length}: {result:?}"),
        }
    }
    for (length, expected) in [
        (12, Fault::TruncatedHeader),
        (16, Fault::TruncatedHeader),
        (20, Fault::TruncatedSequence),
        (28, Fault::TruncatedHeader),
        (30, Fault::TruncatedValue),
        (sequence.len() - 8, Fault::TruncatedSequence),
        (sequence.len() - 1, Fault::TruncatedHeader),
        (value_at, Fault::TruncatedHeader),
        (value_at + 1, Fault::TruncatedValue),
    ] {
        assert_eq!(fault(EVLE, &whole[..length], &OutputFormat::default()), expected, "{length}");
    }
}

#[test]
fn a_value_of_undefined_length_is_a_sequence_or_refused() {
    let inner = IMPLICIT.item(&[IMPLICIT.element((0x0008, 0x1150), "UI", b"1.2\0")]);
    let unknown =
        [LITTLE.header((0x0009, 0x1001), "UN", UNDEFINED), inner, LITTLE.sequence_end()].concat();
    let expected = LITTLE.sequence((0x0009, 0x1001), &[LITTLE.item(&[uid()])]);
    becomes(LITTLE, &unknown, &OutputFormat::default(), &expected);
    for vr in ["OB", "UT", "US", "PN"] {
        let bytes =
            [LITTLE.header((0x0042, 0x0011), vr, UNDEFINED), LITTLE.sequence_end()].concat();
        if LITTLE.header((0, 0), vr, 0).len() == 12 {
            assert_eq!(fault(EVLE, &bytes, &OutputFormat::default()), Fault::UndefinedLength);
        }
    }
}

#[test]
fn fragments_are_kept_and_made_even() {
    let bytes = LITTLE.fragments("OW", &[&[], b"ABC", b"ABCD"]);
    let expected = LITTLE.fragments("OB", &[&[], b"ABC\0", b"ABCD"]);
    for format in [OutputFormat::default(), undefined()] {
        assert_eq!(transcode(RLE_LOSSLESS, &bytes, &format).unwrap(), expected);
    }
}

#[test]
fn pixel_data_must_suit_the_transfer_syntax() {
    let encapsulated = LITTLE.fragments("OB", &[&[], b"ABCD"]);
    let native = LITTLE.element(common::PIXEL_DATA, "OW", b"ABCD");
    assert_eq!(fault(EVLE, &encapsulated, &OutputFormat::default()), Fault::EncapsulatedPixelData);
    assert_eq!(fault(RLE_LOSSLESS, &encapsulated, &to(LITTLE)), Fault::EncapsulatedPixelData);
    assert_eq!(fault(RLE_LOSSLESS, &native, &OutputFormat::default()), Fault::NativePixelData);
    let followed = [native.clone(), vec![0; 4]].concat();
    assert_eq!(fault(RLE_LOSSLESS, &followed, &OutputFormat::default()), Fault::NativePixelData);
    // Broken ones, too: what comes first counts.
    for length in [12, 16, 20, 24, 30] {
        let cut = &LITTLE.fragments("OB", &[b"ABCD"])[..length];
        let native = fault(EVLE, cut, &OutputFormat::default());
        assert_eq!(native, Fault::EncapsulatedPixelData, "{length}");
    }
    // In an icon, and wherever else; the error says where.
    let icon =
        LITTLE.sequence((0x0088, 0x0200), &[LITTLE.item(std::slice::from_ref(&encapsulated))]);
    for format in [OutputFormat::default(), to(BIG), to(IMPLICIT)] {
        let error = transcode(EVLE, &icon, &format).unwrap_err();
        assert_eq!(error.cause(), Cause::DataSet);
        let expected = "encapsulated pixel data at (0088,0200)[1].(7fe0,0010), byte 32";
        assert_eq!(error.to_string(), expected);
    }
    for (number, vr) in [(0x0008, "OF"), (0x0009, "OD"), (0x0010, "UN")] {
        let mut bytes = LITTLE.header((0x7FE0, number), vr, UNDEFINED);
        bytes.extend_from_slice(&encapsulated[12..]);
        let error = transcode(EVLE, &bytes, &OutputFormat::default()).unwrap_err();
        assert_eq!(error.cause(), Cause::DataSet, "{error}");
    }
    let implicit =
        [IMPLICIT.header(common::PIXEL_DATA, "", UNDEFINED), encapsulated[12..].to_vec()];
    let implicit = fault(IVLE, &implicit.concat(), &OutputFormat::default());
    assert_eq!(implicit, Fault::EncapsulatedPixelData);
    // An icon may be native.
    let icon = LITTLE.sequence((0x0088, 0x0200), &[LITTLE.item(&[native])]);
    let bytes = [icon, encapsulated].concat();
    assert_eq!(transcode(RLE_LOSSLESS, &bytes, &OutputFormat::default()).unwrap(), bytes);
}

#[test]
fn items_and_file_are_padded_to_even_multiples() {
    let padded = |file_bytes, item_bytes| OutputFormat {
        padding: Padding { file_bytes, item_bytes },
        ..OutputFormat::default()
    };
    let bytes = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid()]), LITTLE.item(&[])]);
    let zeros = |n| LITTLE.element((0xFFFC, 0xFFFC), "OB", &vec![0; n]);
    // 12 bytes of content: 4 are missing to 16, but an element has 12.
    let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), zeros(8)]), LITTLE.item(&[])]);
    becomes(LITTLE, &bytes, &padded(0, 16), &expected);
    let expected = LITTLE.sequence(SEQUENCE, &[LITTLE.item(&[uid(), zeros(6)]), LITTLE.item(&[])]);
    becomes(LITTLE, &bytes, &padded(0, 15), &expected);
    becomes(LITTLE, &bytes, &padded(0, 12), &bytes);
    // 40 bytes in all.
    becomes(LITTLE, &bytes, &padded(64, 0), &[bytes.clone(), zeros(12)].concat());
    becomes(LITTLE, &bytes, &padded(20, 0), &bytes);
    // Padding that came is dropped.
    let with_padding = [bytes.clone(), zeros(100)].concat();
    becomes(LITTLE, &with_padding, &OutputFormat::default(), &bytes);
}
