use super::*;
use dataset::format::{OutputFormat, OutputTransferSyntax};
use dataset::part10::{FileMeta, header};
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, Transcoder, TransferSyntax, Uid, WantedAttributes};
use platform::testing::Scratch;
use std::fs::File;
use std::io::IoSlice;
use std::sync::Arc;

/// An element in explicit VR little endian.
fn element(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let (group, number) = ((tag >> 16) as u16, tag as u16);
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend(vr.as_bytes());
    let mut value = value.to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == "UI" { 0 } else { b' ' });
    }
    if matches!(vr, "OW" | "OB" | "SQ" | "UN") {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

fn data_set(character_set: &[u8], name: &[u8]) -> Vec<u8> {
    [
        element(0x0008_0005, "CS", character_set),
        element(0x0008_0016, "UI", b"1.2.840.10008.5.1.4.1.1.2"),
        element(0x0008_0018, "UI", b"1.2.3.4"),
        element(0x0008_0020, "DA", b"20261130"),
        element(0x0008_0060, "CS", b"CT"),
        element(0x0010_0010, "PN", name),
        element(0x0010_0020, "LO", b" 4711 \\4712"),
        element(0x0020_000D, "UI", b"1.2.3"),
        element(0x0020_0013, "IS", b"7 "),
        element(0x0028_0008, "IS", b"2"),
        element(0x0028_0010, "US", &512_u16.to_le_bytes()),
        element(0x7FE0_0010, "OW", &vec![0x5A; 100_000]),
    ]
    .concat()
}

fn wanted() -> Arc<WantedAttributes> {
    let rows = AttributeName::Public(Tag(0x0028, 0x0010));
    Arc::new(WantedAttributes::new(catalogued().chain([rows])).unwrap())
}

fn converted(data_set: &[u8], format: OutputTransferSyntax) -> Vec<u8> {
    let format = OutputFormat { transfer_syntax: format, ..OutputFormat::default() };
    let dictionary = Arc::new(Dictionary::built_in());
    let mut transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut output = Vec::new();
    transcoder.push(&[IoSlice::new(data_set)], &mut output).unwrap();
    transcoder.finish(&mut output).unwrap();
    output
}

fn read(scratch: &Scratch, content: &[u8]) -> Option<FileFacts> {
    let path = scratch.0.join("file");
    std::fs::write(&path, content).unwrap();
    let file = File::open(path).unwrap();
    read_file(&file, &wanted(), &Arc::new(Dictionary::built_in())).unwrap()
}

fn head(transfer_syntax: &TransferSyntax) -> Vec<u8> {
    header(&FileMeta {
        sop_class: &Uid::parse(b"1.2.840.10008.5.1.4.1.1.2").unwrap(),
        sop_instance: &Uid::parse(b"1.2.3.4").unwrap(),
        transfer_syntax,
        implementation_class_uid: "1.2",
        implementation_version_name: "TEST",
        source_ae_title: b"SCU",
    })
}

#[test]
fn a_file_is_read_in_each_encoding_with_and_without_file_meta_information() {
    let scratch = Scratch::new("archive-attributes-encodings");
    let plain = data_set(b"ISO_IR 100", b"M\xFCller^J\xF6rg^^ ");
    for (syntax, format) in [
        (EXPLICIT_VR_LITTLE_ENDIAN, OutputTransferSyntax::ExplicitVrLittleEndian),
        (IMPLICIT_VR_LITTLE_ENDIAN, OutputTransferSyntax::ImplicitVrLittleEndian),
        (EXPLICIT_VR_BIG_ENDIAN, OutputTransferSyntax::ExplicitVrBigEndian),
        (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, OutputTransferSyntax::DeflatedExplicitVrLittleEndian),
    ] {
        let encoded = converted(&plain, format);
        for head in [head(syntax), Vec::new()] {
            let content = [head, encoded.clone()].concat();
            let facts = read(&scratch, &content).unwrap();
            let name = syntax.name();
            assert_eq!(facts.sop_instance.as_str(), "1.2.3.4", "{name}");
            assert_eq!(facts.sop_class.as_str(), "1.2.840.10008.5.1.4.1.1.2", "{name}");
            assert_eq!(facts.transfer_syntax, syntax.uid());
            assert_eq!(facts.size, content.len() as u64);
            let values = Values::new(&facts.attributes, None);
            let kept = values.catalogued();
            assert_eq!(kept.patient_name.as_deref(), Some("Müller^Jörg"), "{name}");
            assert_eq!(kept.patient_id.as_deref(), Some("4711"), "{name}");
            assert_eq!(kept.study_instance_uid.as_deref(), Some("1.2.3"));
            assert_eq!(kept.modality.as_deref(), Some("CT"));
            assert_eq!(kept.instance_number.as_deref(), Some("7"));
            assert_eq!(kept.number_of_frames.as_deref(), Some("2"));
            assert_eq!(kept.series_instance_uid, None);
            let all = |tag| values.all(&AttributeName::Public(tag));
            assert_eq!(all(Tag(0x0010, 0x0020)), ["4711", "4712"]);
            assert_eq!(all(Tag(0x0028, 0x0010)), ["512"], "{name}");
        }
    }
}

#[test]
fn only_as_much_is_read_as_is_needed() {
    let scratch = Scratch::new("archive-attributes-cut");
    let whole = [head(EXPLICIT_VR_LITTLE_ENDIAN), data_set(b"", b"A")].concat();
    // Cut within the pixel data, as a file whose disk has bad blocks there.
    let cut = &whole[..whole.len() - 90_000];
    let facts = read(&scratch, cut).unwrap();
    assert!(facts.attributes.has_passed());
    assert_eq!(Values::new(&facts.attributes, None).catalogued().study_date.unwrap(), "20261130");
}

#[test]
fn character_sets_are_read_by_what_is_declared_and_else_by_the_default() {
    let scratch = Scratch::new("archive-attributes-character-sets");
    for (declared, default, name, text) in [
        (&b"ISO_IR 192"[..], None, "Ω^Δ".as_bytes(), "Ω^Δ"),
        (b"ISO_IR 144", None, b"\xbb\xee\xda^\xc2", "Люк^Т"),
        (b"", Some("ISO_IR 144"), b"\xbb\xee\xda", "Люк"),
        (
            b"\\ISO 2022 IR 87",
            None,
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (b"GB18030", None, b"\xcd\xf5^\xd0\xa1", "王^小"),
        (b"nonsense", None, b"M\xFCller", "Müller"),
    ] {
        let facts = read(&scratch, &data_set(declared, name)).unwrap();
        let kept = Values::new(&facts.attributes, default).catalogued();
        assert_eq!(kept.patient_name.as_deref(), Some(text), "{declared:?}");
    }
}

#[test]
fn a_long_text_is_cut_between_characters_and_has_no_nul() {
    let scratch = Scratch::new("archive-attributes-long");
    let long = "ä".repeat(5000);
    let facts = read(&scratch, &data_set(b"ISO_IR 192", long.as_bytes())).unwrap();
    let name = Values::new(&facts.attributes, None).catalogued().patient_name.unwrap();
    assert!(name.len() <= TEXT_BYTES && name.chars().all(|it| it == 'ä'), "{name}");
    let facts = read(&scratch, &data_set(b"", b"A\0B\0")).unwrap();
    let name = Values::new(&facts.attributes, None).catalogued().patient_name;
    assert_eq!(name.as_deref(), Some("A B"));
}

#[test]
fn what_is_no_dicom_file_is_none() {
    let scratch = Scratch::new("archive-attributes-none");
    let zeros = vec![0; 5000];
    let text = b"hello world, this is no data set".repeat(100);
    let meta_alone = head(EXPLICIT_VR_LITTLE_ENDIAN)[..200].to_vec();
    for content in [&b""[..], b"x", &zeros, &text, &meta_alone, b"\x08\0\x05\0"] {
        assert!(read(&scratch, content).is_none(), "{} bytes", content.len());
    }
}
