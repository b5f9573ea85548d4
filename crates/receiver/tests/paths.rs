//! Paths by a template, of objects that come over associations in several transfer syntaxes.

#![allow(clippy::unwrap_used, clippy::disallowed_types, reason = "a test")]

use dataset::format::{OutputFormat, OutputTransferSyntax};
use dataset::transfer_syntax::{
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Dictionary, Transcoder, TransferSyntax, Uid};
use platform::testing::Scratch;
use receiver::net::PeerNames;
use receiver::{
    AfterAnswer, Capacity, Identity, Node, NodeSettings, Observer, Output, OutputSettings,
    PathTemplate, Proposed, Refusal, Server, StoredObject, Treatment,
};
use requestor::{Instance, Requestor, Settings, Status};
use std::io::IoSlice;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const TEMPLATE: &str = "{PatientID}/{StudyDate:%Y}/{StudyDate}_{StudyDescription}/\
     {SeriesNumber:04}_{Modality}/{Rows:05}_{0029,'ACME',08}_{calling}.dcm";
const PATH: &str = "4711/2026/20261129_CT_Schädel/0003_CT/00512_spiral_MODALITY.dcm";

/// What is set beside the template.
type Change = fn(&mut OutputSettings);

/// Notes the paths that are told.
struct Notes {
    treatment: Arc<Treatment>,
    paths: Mutex<Vec<PathBuf>>,
}

impl Observer for Notes {
    fn admit(&self, _: &Proposed<'_>) -> Result<Arc<Treatment>, Refusal> {
        Ok(Arc::clone(&self.treatment))
    }

    fn stored(&self, object: &StoredObject<'_>) -> Option<AfterAnswer> {
        let file = object.file.unwrap();
        assert!(!file.path.to_string().contains("4711"), "{}", file.path);
        self.paths.lock().unwrap().push(file.real_path());
        None
    }
}

/// An element of explicit VR little endian.
fn element(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    let mut bytes = [group.to_le_bytes(), element.to_le_bytes()].concat();
    let length = value.len().next_multiple_of(2);
    bytes.extend(vr.as_bytes());
    bytes.extend(u16::try_from(length).unwrap().to_le_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len() + length - value.len(), if vr == "UI" { 0 } else { b' ' });
    bytes
}

fn explicit(instance: &str) -> Vec<u8> {
    [
        element(0x0008_0005, "CS", b"ISO_IR 100"),
        element(0x0008_0016, "UI", CT.as_bytes()),
        element(0x0008_0018, "UI", instance.as_bytes()),
        element(0x0008_0020, "DA", b"20261129"),
        element(0x0008_0060, "CS", b"CT"),
        element(0x0008_1030, "LO", b"CT Sch\xe4del"),
        element(0x0010_0020, "LO", b"4711"),
        element(0x0020_0011, "IS", b"3"),
        element(0x0028_0010, "US", b"\x00\x02"),
        element(0x0029_0010, "LO", b"ACME"),
        element(0x0029_1008, "LO", b"spiral"),
    ]
    .concat()
}

/// The data set in another transfer syntax.
fn encoded(instance: &str, transfer_syntax: OutputTransferSyntax) -> Vec<u8> {
    let format = OutputFormat { transfer_syntax, ..OutputFormat::default() };
    let dictionary = Arc::new(Dictionary::built_in());
    let mut transcoder = Transcoder::new(EXPLICIT_VR_LITTLE_ENDIAN, &format, dictionary);
    let mut bytes = Vec::new();
    transcoder.push(&[IoSlice::new(&explicit(instance))], &mut bytes).unwrap();
    transcoder.finish(&mut bytes).unwrap();
    bytes
}

/// Objects of one path, each in another transfer syntax.
fn objects() -> Vec<(&'static TransferSyntax, &'static str, Vec<u8>)> {
    use OutputTransferSyntax::{
        DeflatedExplicitVrLittleEndian, ExplicitVrBigEndian, ImplicitVrLittleEndian,
    };
    let pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0\
        \xfe\xff\x00\xe0\x04\0\0\0abcd\xfe\xff\xdd\xe0\0\0\0\0";
    let jpeg_2000 = TransferSyntax::find("1.2.840.10008.1.2.4.90").unwrap();
    vec![
        (EXPLICIT_VR_LITTLE_ENDIAN, "1.1", explicit("1.1")),
        (IMPLICIT_VR_LITTLE_ENDIAN, "1.2", encoded("1.2", ImplicitVrLittleEndian)),
        (EXPLICIT_VR_BIG_ENDIAN, "1.3", encoded("1.3", ExplicitVrBigEndian)),
        (DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.4", encoded("1.4", DeflatedExplicitVrLittleEndian)),
        (jpeg_2000, "1.5", [explicit("1.5"), pixels.to_vec()].concat()),
    ]
}

/// Sends all of them twice, and returns the paths that are told, beneath the directory.
fn paths(scratch: &Scratch, change: impl FnOnce(&mut OutputSettings)) -> Vec<String> {
    let identity = Identity::new("2.25.1", "TEST").unwrap();
    let mut settings = OutputSettings::new(scratch.0.clone());
    settings.path = Some(PathTemplate::parse(TEMPLATE).unwrap());
    change(&mut settings);
    let node_settings = NodeSettings::new(identity.clone(), 0);
    let capacity =
        Capacity::find(&node_settings, &[&settings], receiver::ProgramNeeds::default()).unwrap();
    let output = Arc::new(Output::open(settings).unwrap());
    let objects = objects();
    let syntaxes: Vec<_> = objects.iter().map(|(syntax, ..)| *syntax).collect();
    let treatment = Treatment::new(&identity, &syntaxes, output);
    let notes = Arc::new(Notes { treatment: Arc::new(treatment), paths: Mutex::new(Vec::new()) });
    let node = Node::new(node_settings, Arc::new(PeerNames::new(false)), notes.clone()).unwrap();
    let server = Server::bind(Arc::new(node), capacity).unwrap();
    let address = format!("127.0.0.1:{}", server.local_address().unwrap().port());
    let serving = server.start().unwrap();
    let settings = Settings::new("MODALITY".parse().unwrap(), "RECEIVER".parse().unwrap());
    for _ in 0..2 {
        for (transfer_syntax, uid, data_set) in &objects {
            let parse = |text: &str| Uid::parse(text.as_bytes()).unwrap();
            let (sop_class, sop_instance) = (parse(CT), parse(uid));
            let instance = Instance { sop_class, sop_instance, transfer_syntax };
            let contexts = [instance.context()];
            let mut sender = Requestor::associate(&address, &settings, &contexts).unwrap();
            let response = sender.store(&instance, &data_set[..]).unwrap();
            assert_eq!(response.status, Status::SUCCESS, "{}", transfer_syntax.uid());
            sender.release().unwrap();
        }
    }
    serving.stop_accepting();
    let drained = serving.drain(Duration::from_secs(10));
    assert_eq!(drained.cut_off, 0);
    let paths = notes.paths.lock().unwrap();
    let beneath = |path: &PathBuf| {
        path.strip_prefix(&scratch.0).unwrap().to_str().expect("paths are UTF-8").to_owned()
    };
    paths.iter().map(beneath).collect()
}

/// All have one path; each has its number, and has it again when it is sent again.
#[test]
fn paths_are_the_same_in_every_transfer_syntax_and_form() {
    let (stem, extension) = PATH.rsplit_once('.').unwrap();
    let numbered = (1..=5).map(|number| match number {
        1 => PATH.to_owned(),
        _ => format!("{stem}_{number}.{extension}"),
    });
    let numbered: Vec<_> = numbered.collect();
    let twice = [numbered.clone(), numbered.clone()].concat();
    let ways: [(&str, Change); 4] = [
        ("as it comes", |_| {}),
        ("untouched", |it| it.format.bit_preserving = true),
        ("without meta information", |it| it.write_file_format = false),
        ("untouched, without", |it| {
            it.format.bit_preserving = true;
            it.write_file_format = false;
        }),
    ];
    for (number, (way, change)) in ways.into_iter().enumerate() {
        let scratch = Scratch::new(&format!("paths-{number}"));
        assert_eq!(paths(&scratch, change), twice, "{way}");
        assert_eq!(scratch.content().into_keys().collect::<Vec<_>>().len(), 5, "{way}");
        assert!(numbered.iter().all(|path| scratch.0.join(path).is_file()), "{way}");
    }
}
