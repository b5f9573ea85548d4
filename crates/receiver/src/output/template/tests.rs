//! Templates from text to names.

use super::*;
use crate::limits::{
    PATH_COMPONENT_BYTES, TEMPLATE_ATTRIBUTES, TEMPLATE_BYTES, TEMPLATE_LEVELS, TEMPLATE_PATH_BYTES,
};
use crate::peer::Peer;
use chrono::{Local, TimeZone};
use dataset::format::OutputFormat;
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{Dictionary, Tag, Transcoder, Uid};
use proto::AeTitle;
use std::io::IoSlice;

/// An element of explicit VR little endian.
fn element(bytes: &mut Vec<u8>, tag: Tag, vr: &str, value: &[u8]) {
    bytes.extend(tag.group().to_le_bytes());
    bytes.extend(tag.element().to_le_bytes());
    bytes.extend(vr.as_bytes());
    let length = value.len().next_multiple_of(2);
    match vr {
        "UT" | "UN" => {
            bytes.extend([0, 0]);
            bytes.extend(u32::try_from(length).unwrap().to_le_bytes());
        }
        _ => bytes.extend(u16::try_from(length).unwrap().to_le_bytes()),
    }
    bytes.extend(value);
    bytes.resize(bytes.len() + length - value.len(), b' ');
}

/// Elements in ascending order: tag, VR, value.
type Elements<'a> = &'a [(Tag, &'a str, &'a [u8])];

/// The path of an object, with the names of its folders.
pub(super) fn rendered(template: &str, elements: Elements<'_>) -> RenderedPath {
    let template = PathTemplate::parse(template).unwrap();
    let mut bytes = Vec::new();
    for &(tag, vr, value) in elements {
        element(&mut bytes, tag, vr, value);
    }
    let dictionary = Arc::new(Dictionary::built_in());
    let format = OutputFormat::default();
    let transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut transcoder = transcoder.noting(Arc::clone(template.wanted()));
    let mut file = Vec::new();
    if !bytes.is_empty() {
        transcoder.push(&[IoSlice::new(&bytes)], &mut file).unwrap();
        transcoder.finish(&mut file).unwrap();
    }
    let uid = |text: &str| Uid::parse(text.as_bytes()).unwrap();
    let peer = Peer {
        calling_ae: AeTitle::parse(b"CT 1").unwrap(),
        called_ae: AeTitle::parse(b"../PACS").unwrap(),
        ..Peer::default()
    };
    let naming = Naming {
        attributes: transcoder.attributes(),
        default_character_set: None,
        sop_class: &uid("1.2.840.10008.5.1.4.1.1.2"),
        sop_instance: &uid("1.2.3"),
        peer: &peer,
        requested: Local.with_ymd_and_hms(2026, 11, 30, 8, 30, 15).unwrap().into(),
    };
    template.render(&naming).unwrap()
}

pub(super) fn path(template: &str, elements: Elements<'_>) -> String {
    let rendered = rendered(template, elements);
    let file = rendered.names().next().unwrap();
    let names: Vec<_> = rendered.folders.iter().chain([&file]).map(ToString::to_string).collect();
    names.join("/")
}

const ID: Tag = Tag(0x0010, 0x0020);
const STUDY_DATE: Tag = Tag(0x0008, 0x0020);
const STUDY_TIME: Tag = Tag(0x0008, 0x0030);
const MODALITY: Tag = Tag(0x0008, 0x0060);
const DESCRIPTION: Tag = Tag(0x0008, 0x1030);
const SERIES: Tag = Tag(0x0020, 0x0011);
const INSTANCE: Tag = Tag(0x0020, 0x0013);
const ROWS: Tag = Tag(0x0028, 0x0010);

const CT: Elements<'_> = &[
    (Tag::SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 100"),
    (Tag::SOP_CLASS_UID, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
    (Tag::SOP_INSTANCE_UID, "UI", b"1.2.3\0"),
    (STUDY_DATE, "DA", b"20261129"),
    (STUDY_TIME, "TM", b"173005.5"),
    (MODALITY, "CS", b"CT"),
    (DESCRIPTION, "LO", b"CT Sch\xe4del"),
    (Tag::PATIENT_NAME, "PN", b"Doe^Jane"),
    (ID, "LO", b"4711"),
    (Tag::STUDY_INSTANCE_UID, "UI", b"1.2.840.7\0"),
    (SERIES, "IS", b"3"),
    (INSTANCE, "IS", b"12"),
    (ROWS, "US", b"\x00\x02"),
    (Tag(0x0029, 0x0010), "LO", b"ACME CT"),
    (Tag(0x0029, 0x1008), "LO", b"spiral"),
];

#[test]
fn attributes_become_paths() {
    for (template, expected) in [
        (
            "{PatientID}/{StudyDate}_{StudyDescription}/{SeriesNumber:04}_{Modality}/{InstanceNumber:05}.dcm",
            "4711/20261129_CT_Schädel/0003_CT/00012.dcm",
        ),
        ("{StudyInstanceUID}/{SOPInstanceUID}", "1.2.840.7/1.2.3"),
        ("{(0010,0020)}/{00080020}.dcm", "4711/20261129.dcm"),
        ("{0010,0020}", "4711"),
        ("{PatientName}", "Doe_Jane"),
        ("{StudyDescription:5}", "CT_Sc"),
        ("{Rows}", "512"),
        ("{Rows:05}x", "00512x"),
        ("{StudyDate:%Y}/{StudyDate:%m}/{StudyTime:%H%M}.dcm", "2026/11/1730.dcm"),
        ("{StudyDate:%Y-%m-%d}", "2026-11-29"),
        ("{received:%Y%m%d}/{received:%H%M%S%L}", "20261130/083015000"),
        ("{received}", "20261130083015000"),
        ("{calling}/{SOPClass}.{SOPInstanceUID}.dcm", "CT_1/CT.1.2.3.dcm"),
        ("{0029,'ACME CT',08}", "spiral"),
        ("{0029,\"OTHER\",08|'none'}", "none"),
        ("{00291008}", "spiral"),
        ("{AccessionNumber|StudyID|PatientID}", "4711"),
        ("{AccessionNumber | 'x'}", "x"),
        ("{AccessionNumber|''}", "unknown"),
        ("{AccessionNumber|''}.dcm", "unknown.dcm"),
        ("{AccessionNumber}.dcm", "unknown.dcm"),
        ("{SeriesDate:%Y|StudyDate:%Y}", "2026"),
        ("{{{Modality}}}", "{CT}"),
        ("all/files.dcm", "all/files.dcm"),
        ("{Modality}.tar.gz", "CT.tar.gz"),
    ] {
        assert_eq!(path(template, CT), expected, "{template}");
    }
    let called = path("{called}/x", CT);
    assert!(called.starts_with("_._PACS+") && called.ends_with("/x"), "{called}");
}

/// The examples and the numbers of `docs/paths.md`.
#[test]
fn the_documentation_tells_the_paths_that_templates_make() {
    let text = include_str!("../../../../../docs/paths.md");
    let (_, examples) = text.split_once("## Examples").unwrap();
    let (examples, _) = examples.split_once("## Fields").unwrap();
    let rows = examples.lines().filter_map(|line| {
        let (template, expected) =
            line.strip_prefix("| `")?.strip_suffix("` |")?.split_once("` | `")?;
        Some((template.replace("\\|", "|"), expected))
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() >= 11, "{rows:?}");
    for (template, expected) in rows {
        assert_eq!(path(&template, CT), expected, "{template}");
    }
    let hashed = path("{PatientID}/x", &[(ID, "LO", b"12/34")]);
    assert!(text.contains(&format!("`{}`", hashed.strip_suffix("/x").unwrap())), "{hashed}");
    let wrong = PathTemplate::parse("{PatientId}").unwrap_err().to_string();
    assert!(text.replace('\n', " ").contains(&wrong), "{wrong}");
    for number in [TEMPLATE_BYTES, TEMPLATE_LEVELS, PATH_COMPONENT_BYTES, TEMPLATE_ATTRIBUTES] {
        assert!(text.contains(&format!("{number} ")), "{number}");
    }
}

#[test]
fn later_names_of_a_path_have_a_number_before_the_extension() {
    let names = |template, count| -> Vec<_> {
        rendered(template, CT).names().take(count).map(|name| name.to_string()).collect()
    };
    assert_eq!(names("{Modality}.dcm", 3), ["CT.dcm", "CT_2.dcm", "CT_3.dcm"]);
    assert_eq!(names("a/{SOPInstanceUID}", 2), ["1.2.3", "1.2.3_2"]);
    assert_eq!(names("x", 20_000).len(), 9999);
}

/// Offset, part of the message, template.
#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (template, offset, message) in [
        ("", 0, "relative to the output directory"),
        ("/data/{PatientID}", 0, "relative to the output directory"),
        ("a//b", 2, "expected a name"),
        ("a/", 2, "expected a name"),
        ("../{PatientID}", 0, "hidden"),
        ("a/./b", 2, "hidden"),
        ("a/..", 2, "hidden"),
        (".storescp/{PatientID}", 0, "hidden"),
        ("-{PatientID}", 0, "option"),
        (" {PatientID}", 0, "blank"),
        ("{PatientID}.", 11, "dot or a blank"),
        ("a/CON", 2, "device"),
        ("a/nul.dcm", 2, "device"),
        ("{PatientId}", 1, "did you mean PatientID?"),
        ("x/{studydate}", 3, "did you mean StudyDate?"),
        ("{Received}", 1, "did you mean received?"),
        ("{xyzzy}", 1, "expected a keyword"),
        ("{}", 1, "expected a keyword"),
        ("{PatientID", 0, "without a }"),
        ("PatientID}", 9, "without a {"),
        ("{PatientID|}", 11, "expected a keyword"),
        ("{'x'|PatientID}", 5, "nothing can follow"),
        ("{'x}", 1, "without another one"),
        ("{'a/b'}", 3, "no /"),
        ("{PatientID PatientName}", 11, "expected :"),
        ("{PatientID:}", 11, "expected a width"),
        ("{PatientID:0}", 11, "expected a width"),
        ("{PatientID:x}", 11, "expected a width"),
        ("{PatientID:099}", 11, "at most 20 digits"),
        ("{PatientID:201}", 11, "at most 200 bytes"),
        ("{PatientID:%Y}", 11, "VR DA"),
        ("{calling:%Y}", 9, "VR DA"),
        ("{StudyDate:%H}", 11, "only a date"),
        ("{StudyTime:%Y}", 11, "only a time"),
        ("{StudyDate:%Q}", 11, "expected one of %Y"),
        ("{StudyDate:%Y/%m}", 13, "no /"),
        ("{ReferencedStudySequence}", 1, "sequence"),
        ("{PixelData}", 1, "binary"),
        ("{7FE00010}", 1, "binary"),
        ("{(0002,0010)}", 1, "in no data set"),
        ("{0010,002}", 1, "hexadecimal"),
        ("{0010,'ACME',10}", 1, "odd"),
        ("{0029,'ACME',1}", 13, "two hexadecimal digits"),
        ("{0029,'',10}", 6, "private creator"),
        ("a\\b", 1, "\\ cannot"),
        ("a:b", 1, ": cannot"),
        ("a\u{202e}b", 1, "U+202E"),
        ("a\nb", 1, "U+000A"),
    ] {
        let error = PathTemplate::parse(template).unwrap_err();
        assert_eq!(error.offset, offset, "{template}: {error}");
        assert!(error.message.contains(message), "{template}: {error}");
    }
}

#[test]
fn templates_have_bounds() {
    let too_long = "x".repeat(TEMPLATE_BYTES + 1);
    assert!(PathTemplate::parse(&too_long).unwrap_err().message.contains("1024"));
    let levels = |count| PathTemplate::parse(&vec!["x"; count].join("/"));
    assert!(levels(TEMPLATE_LEVELS).is_ok());
    assert!(levels(TEMPLATE_LEVELS + 1).unwrap_err().message.contains("16"));
    let long_name = PathTemplate::parse(&"x".repeat(PATH_COMPONENT_BYTES + 1)).unwrap_err();
    assert!(long_name.message.contains("200"));
    let fields: String = (0..33).map(|number| format!("{{0009,10{number:02}}}")).collect();
    assert!(PathTemplate::parse(&fields).unwrap_err().message.contains("32"));
    let levels = vec!["{PatientID}"; TEMPLATE_LEVELS].join("/");
    let long = path(&levels, &[(ID, "LO", &[b'x'; 60_000])]);
    assert!(long.len() <= TEMPLATE_PATH_BYTES, "{}", long.len());
}

/// 64 kB of which the last byte differs, and what names of files cannot hold.
#[test]
fn different_values_never_share_a_name() {
    let long = |last: u8| [vec![b'x'; 60_000], vec![last]].concat();
    let (one, other) = (long(b'1'), long(b'2'));
    let mut paths = Vec::new();
    let values: [&[u8]; 11] = [
        &one, &other, b"12/34", b"12:34", b"1234", b"../1234", b"..", b".", b".1234", b"CON",
        b"_CON",
    ];
    for value in values {
        let path = path("{PatientID}/x", &[(ID, "LO", value)]);
        let folder = path.strip_suffix("/x").unwrap();
        assert!(!folder.starts_with('.') && !folder.contains('/'), "{folder}");
        paths.push(path);
    }
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), values.len(), "{paths:?}");
}

#[test]
fn the_log_shows_what_says_nothing_of_a_patient() {
    for (template, names, expected) in [
        ("{PatientID}/{SOPInstanceUID}", ["4711", "1.2.3"], ["{PatientID}", "1.2.3"]),
        (
            "{StudyDate:%Y}_{Modality}/st_{SOPClass}.{SOPInstanceUID}.dcm",
            ["2026_CT", "st_CT.1.2.3_2.dcm"],
            ["2026_CT", "st_CT.1.2.3_2.dcm"],
        ),
        // What is no UID may be anything.
        ("{StudyInstanceUID}/x", ["DOE_JANE", "x"], ["{StudyInstanceUID}", "x"]),
        ("{StudyInstanceUID}/x", ["1.2_3+1a2b3c4d", "x"], ["{StudyInstanceUID}", "x"]),
        ("{Modality}/x", ["JANE", "x"], ["{Modality}", "x"]),
        (
            "{StudyDate}_{StudyDescription}/x",
            ["2026_1", "x"],
            ["{StudyDate}_{StudyDescription}", "x"],
        ),
        ("{PatientBirthDate:%Y}/x", ["1962", "x"], ["{PatientBirthDate:%Y}", "x"]),
        ("{SeriesNumber|PatientID}/x", ["1962", "x"], ["{SeriesNumber|PatientID}", "x"]),
        ("{StudyDate:%YT%m}/{0009,1001}", ["2026T11", "1"], ["2026T11", "{0009,1001}"]),
        ("{SeriesDate|'none'}/x", ["none", "x"], ["none", "x"]),
        ("{SeriesDate}/x", ["unknown", "x"], ["unknown", "x"]),
    ] {
        let template = PathTemplate::parse(template).unwrap();
        let shown = [template.shown(0, names[0]), template.shown(1, names[1])];
        assert_eq!(shown, expected);
    }
}

#[test]
fn literals_are_all_text_of_the_template() {
    let template = PathTemplate::parse("a b/{PatientID|'c;d'}.dcm").unwrap();
    assert_eq!(template.literals().collect::<Vec<_>>(), ["a b", "c;d", ".dcm"]);
    assert_eq!((template.folders(), template.as_str()), (1, "a b/{PatientID|'c;d'}.dcm"));
}
