mod described;
mod documents;

use super::*;
use catalog::{Delivery, DeliveryId, InstanceId, ObjectAttributes, ReceivedObject, StoredInstance};
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn time() -> SystemTime {
    UNIX_EPOCH + Duration::new(1_796_000_000, 123_456_789)
}

fn item(kind: EventKind) -> Item {
    let event = Event { key: "abc234".into(), kind, time: time(), instance: None, data: None };
    let delivery = Delivery {
        id: DeliveryId(7),
        destination: "d".into(),
        event,
        instance: None,
        study: None,
        attempts: 0,
        since: time(),
    };
    Item { delivery, path: None, missing: false, source: "//host/data".into() }
}

fn of_object(object: ReceivedObject, path: Option<PathBuf>) -> Item {
    let mut item = item(EventKind::ObjectStored);
    item.delivery.event.instance = Some(InstanceId(1));
    item.delivery.instance = Some(StoredInstance { id: InstanceId(1), object });
    item.path = path;
    item
}

fn of_data(kind: EventKind, data: Value) -> Item {
    let mut item = item(kind);
    item.delivery.event.data = Some(data);
    item
}

fn object() -> ReceivedObject {
    ReceivedObject {
        key: "abc234".into(),
        directory: "/data".into(),
        file: Some("1.2/1.2.3.dcm".into()),
        spool: Some(".storescp/spool/a/abc234".into()),
        sop_class: "1.2.840.10008.5.1.4.1.1.2".into(),
        sop_instance: "1.2.3".into(),
        transfer_syntax: "1.2.840.10008.1.2.1".into(),
        size: 40_000,
        digest: Some([0xAB; 32]),
        received: time(),
        association: 12,
        calling: "CT1".into(),
        called: "STORE".into(),
        peer: "10.0.0.7".into(),
        rule: Some("ct".into()),
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some("1.2".into()),
            patient_name: Some("Müller^Jörg=山田".into()),
            modality: Some("CT".into()),
            ..ObjectAttributes::default()
        },
    }
}

fn study() -> Value {
    json!({
        "studyInstanceUid": "1.2", "epoch": 1, "objects": 311, "series": 4, "bytes": 163_577_856,
        "complete": true, "first": "2026-11-29T19:06:40.123456Z", "last": "2026-11-29T19:08:40.123456Z",
        "callingAeTitle": "CT1", "attributes": { "patientId": "4711", "modalities": ["CT", "SR"] },
    })
}

fn association() -> Value {
    json!({
        "association": 12, "callingAeTitle": "CT1", "calledAeTitle": "STORE", "peer": "10.0.0.7", "objects": 311,
        "refused": 0, "bytes": 163_577_856, "seconds": 8.25, "end": "released", "complete": true,
    })
}

fn refusal(what: &str) -> Value {
    let mut data = json!({ "refused": what, "reason": "no rule matches", "peer": "10.0.0.9" });
    if what == "object" {
        data["status"] = 0xA700.into();
        data["sopInstanceUid"] = "1.2.9".into();
    }
    data
}

/// One of each type, and of each shape.
fn examples() -> Vec<Item> {
    let path = |bytes: &[u8]| Some(PathBuf::from(OsString::from_vec(bytes.to_vec())));
    let bare = ReceivedObject {
        file: None,
        digest: None,
        rule: None,
        attributes: ObjectAttributes::default(),
        ..object()
    };
    vec![
        of_object(object(), path(b"/data/.storescp/spool/a/abc234")),
        of_object(object(), path(b"/d\xFFta/.storescp/spool/a/abc234")),
        of_object(bare, None),
        of_data(EventKind::StudyEnded, study()),
        of_data(EventKind::StudyUpdated, {
            let mut data = study();
            data["epoch"] = 2.into();
            data
        }),
        of_data(EventKind::AssociationEnded, association()),
        of_data(EventKind::Refused, refusal("object")),
        of_data(EventKind::Refused, refusal("association")),
        of_data(EventKind::Refused, refusal("connection")),
    ]
}

fn assert_valid(event: &Value) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&documents::schema())
        .expect("the schema is one");
    let faults: Vec<String> = validator.iter_errors(event).map(|it| it.to_string()).collect();
    assert_eq!(faults, [""; 0], "{event:#}");
}

#[test]
fn an_object_is_told_with_plain_names() {
    let event = cloud_event(&examples()[0]);
    let expected = json!({
        "specversion": "1.0",
        "id": "abc234",
        "source": "//host/data",
        "type": "storescp.object.stored",
        "subject": "1.2.3",
        "time": "2026-11-30T00:53:20.123456Z",
        "datacontenttype": "application/json",
        "data": {
            "sopInstanceUid": "1.2.3",
            "sopClassUid": "1.2.840.10008.5.1.4.1.1.2",
            "studyInstanceUid": "1.2",
            "path": "/data/.storescp/spool/a/abc234",
            "directory": "/data",
            "file": "1.2/1.2.3.dcm",
            "size": 40_000,
            "digest": format!("sha256:{}", "ab".repeat(32)),
            "transferSyntaxUid": "1.2.840.10008.1.2.1",
            "callingAeTitle": "CT1",
            "calledAeTitle": "STORE",
            "peer": "10.0.0.7",
            "association": 12,
            "rule": "ct",
            "received": "2026-11-30T00:53:20.123456Z",
            "replaced": false,
            "kept": false,
            "attributes": { "patientName": "Müller^Jörg=山田", "modality": "CT" },
        },
    });
    assert_eq!(event, expected);
}

#[test]
fn each_event_is_as_the_schema_says_and_each_type_is_made() {
    let events: Vec<Value> = examples().iter().map(cloud_event).collect();
    events.iter().for_each(assert_valid);
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    for name in documents::TYPES {
        assert!(types.contains(&name), "{name} is made");
    }
    let subjects: Vec<&Value> = events.iter().map(|event| &event["subject"]).collect();
    assert_eq!(
        subjects,
        ["1.2.3", "1.2.3", "1.2.3", "1.2", "1.2", "12", "1.2.9", "10.0.0.9", "10.0.0.9"]
    );
}

#[test]
fn the_schema_refuses_what_is_not_an_event() {
    let good = cloud_event(&examples()[0]);
    let validator = jsonschema::validator_for(&documents::schema()).unwrap();
    assert!(validator.is_valid(&good));
    for (pointer, wrong) in [
        ("/id", json!("")),
        ("/type", json!("storescp.object.eaten")),
        ("/specversion", json!("0.3")),
        ("/data/size", json!("40000")),
        ("/data/digest", json!("sha256:AB")),
        ("/data", json!({ "studyInstanceUid": "1.2" })),
    ] {
        let mut event = good.clone();
        *event.pointer_mut(pointer).unwrap() = wrong;
        assert!(!validator.is_valid(&event), "{pointer}");
    }
}

#[test]
fn a_path_that_is_no_text_is_told_by_its_bytes_too() {
    let event = cloud_event(&examples()[1]);
    assert_eq!(event["data"]["path"], "/d\u{FFFD}ta/.storescp/spool/a/abc234");
    let bytes = event["data"]["pathBase64"].as_str().unwrap();
    let bytes = openssl::base64::decode_block(bytes).unwrap();
    assert_eq!(bytes, b"/d\xFFta/.storescp/spool/a/abc234");
    assert_eq!(cloud_event(&examples()[0])["data"].get("pathBase64"), None);
    assert_eq!(cloud_event(&examples()[2])["data"].get("path"), None);
}

#[test]
fn fields_are_found_in_the_data_and_in_its_attributes() {
    let event = cloud_event(&examples()[0]);
    let field = |name| event_field(&event, name);
    assert_eq!(field("sopInstanceUid").as_deref(), Some("1.2.3"));
    assert_eq!(field("size").as_deref(), Some("40000"));
    assert_eq!(field("kept").as_deref(), Some("false"));
    assert_eq!(field("patientName").as_deref(), Some("Müller^Jörg=山田"));
    assert_eq!((field("patientId"), field("attributes"), field("id")), (None, None, None));
}

/// A name that is misspelt in the settings is found when they are read.
#[test]
fn the_names_of_fields_are_those_of_the_schema() {
    let schema = documents::schema();
    let mut described = std::collections::BTreeSet::new();
    for definition in schema["$defs"].as_object().unwrap().values() {
        for (name, field) in definition["properties"].as_object().into_iter().flatten() {
            if name != "attributes" && field["items"].is_null() {
                described.insert(name.as_str());
            }
        }
    }
    assert_eq!(Vec::from_iter(described), FIELDS);
}

#[test]
fn the_source_is_a_uri_reference_that_stays() {
    let source = event_source(Path::new("/data/ü 1/%"));
    assert!(source.starts_with("//") && source.ends_with("/data/%C3%BC%201/%25"), "{source}");
    assert_eq!(source, event_source(Path::new("/data/ü 1/%")));
    let mut item = examples().remove(0);
    item.source = source;
    assert_valid(&cloud_event(&item));
}

proptest! {
    /// Whatever a peer sends: it is one line of JSON, and as the schema says.
    #[test]
    fn whatever_a_peer_sends_makes_a_valid_event(text in "\\PC*|[\\x00-\\x20\"\\\\]*", bytes: Vec<u8>, size: u64) {
        let mut object = object();
        object.size = size;
        object.sop_instance.clone_from(&text);
        object.calling.clone_from(&text);
        object.file = Some(text.clone());
        object.attributes.patient_name = Some(text.clone());
        let event = cloud_event(&of_object(object, Some(OsString::from_vec(bytes).into())));
        assert_valid(&event);
        let line = event.to_string();
        prop_assert!(!line.contains('\n'));
        let read: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&read["data"]["attributes"]["patientName"], &text);
    }
}
