//! Whatever a template and the values of an object are, its path leads nowhere but into the output directory.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test")]

#[allow(unreachable_pub, dead_code, reason = "the fuzz target is the other user")]
#[path = "../../../fuzz/harness/paths/mod.rs"]
mod paths;

use proptest::collection::vec;
use proptest::prelude::*;
use receiver::output::PathTemplate;

/// What templates are made of, good and bad.
const PIECES: [&str; 34] = [
    "{PatientID}",
    "{PatientID:8}",
    "{PatientID:012}",
    "{PatientName}",
    "{StudyDescription}",
    "{StudyDescription:1}",
    "{StudyDescription|PatientName|'x y'}",
    "{StudyDate}",
    "{StudyDate:%Y}",
    "{StudyDate:%m.%d|'0'}",
    "{Modality}",
    "{SeriesNumber:04}",
    "{Rows:05}",
    "{0029,'ACME',08}",
    "{0029,'ACME',08:3}",
    "{00291008}",
    "{AccessionNumber}",
    "{AccessionNumber|''}",
    "{received:%Y%m%d}",
    "{calling}",
    "{called}",
    "{SOPClass}",
    "{SOPInstanceUID}",
    "{{",
    "}}",
    ".",
    "..",
    "/",
    "/",
    "_",
    "-",
    " ",
    "a",
    ".dcm",
];

/// What values may be made of, by which one would get out, hide, or not be a name.
const HOSTILE: [&[u8]; 24] = [
    b"../",
    b"..",
    b".",
    b"/",
    b"\\",
    b"..\\",
    b"\0",
    b"\n",
    b"\x1b$B",
    b"\x1b(J",
    b"\x1b",
    b"CON",
    b"nul",
    b"COM1",
    b".storescp",
    b"~",
    b"-rf",
    b"\xff\xfe",
    b"a\0b\0",
    b"\xe2\x80\xae",
    b"\xcc\x81",
    b"\xe3\x85\xa4",
    b"$(x)",
    b" ",
];

fn value() -> impl Strategy<Value = Vec<u8>> {
    let hostile = vec(prop::sample::select(&HOSTILE[..]), 0..6).prop_map(|parts| parts.concat());
    let long = (1usize..70_000, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    let text = "\\PC{0,40}".prop_map(String::into_bytes);
    prop_oneof![4 => hostile, 1 => long, 2 => text, 2 => vec(any::<u8>(), 0..20)]
}

fn character_set() -> impl Strategy<Value = Vec<u8>> {
    const SETS: [&[u8]; 7] = [
        b"",
        b"ISO_IR 192",
        b"ISO_IR 100",
        b"GB18030",
        b"\\ISO 2022 IR 87",
        b"ISO 2022 IR 149",
        b"nonsense",
    ];
    prop::sample::select(&SETS[..]).prop_map(<[u8]>::to_vec)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_template_and_no_values_lead_out(
        pieces in vec(prop::sample::select(&PIECES[..]), 1..12),
        set in character_set(),
        values in vec(value(), 8),
    ) {
        if let Ok(template) = PathTemplate::parse(&pieces.concat()) {
            let values: Vec<&[u8]> = [&set].into_iter().chain(&values).map(Vec::as_slice).collect();
            let path = paths::rendered(&template, &values);
            paths::check(&template, &path);
        }
    }

    #[test]
    fn any_text_is_a_template_or_has_an_error_at_one_of_its_characters(text in "\\PC{0,60}") {
        paths::run(text.as_bytes());
    }

    /// Different identifiers have different folders, but for blanks, `^`, `=` and `_`, which are all `_`.
    #[test]
    fn different_values_have_different_names(one in "[ -~]{1,12}", other in "[ -~]{1,12}") {
        let template = PathTemplate::parse("{PatientID}/x").unwrap();
        let folder = |value: &str| {
            let values: [&[u8]; 6] = [b"", b"", b"", b"", b"", value.as_bytes()];
            paths::rendered(&template, &values).folders[0].clone()
        };
        // The first of several values, without blanks around it.
        let first = |value: &str| {
            let first = value.split('\\').next().unwrap_or_default().trim_matches(' ').to_owned();
            let first = if first.is_empty() { "unknown".to_owned() } else { first };
            first.replace([' ', '^', '='], "_")
        };
        prop_assert_eq!(folder(&one) == folder(&other), first(&one) == first(&other));
    }
}
