//! The catalogue and the outbox, on a catalogue in SQLite.

use super::{Api, MadeUp};
use crate::program::{DestinationStatus, Outage};
use axum::http::StatusCode;
use catalog::{
    Batch, Catalog, DeliveryId, Lease, LeaseOrder, ObjectAttributes, ReceivedObject, Settlement,
    TakenObject, Verdict,
};
use platform::testing::Scratch;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// One of `pacs`, which is not there, and one that the settings do not have.
pub(super) fn destinations(paused: Option<&str>) -> Vec<DestinationStatus> {
    let reason = "10.0.0.5:104: Connection refused".to_owned();
    let pacs = DestinationStatus {
        name: "pacs".to_owned(),
        kind: "dicom",
        waiting: 3,
        oldest: Some(time(0)),
        paused: paused == Some("pacs"),
        failures: [0, 4, 0, 0, 0, 0],
        outage: Some(Outage { since: time(5), reason, next: time(65) }),
        ..DestinationStatus::default()
    };
    let name = "former/one".to_owned();
    vec![pacs, DestinationStatus { name, kind: "unknown", ..DestinationStatus::default() }]
}

fn object(number: u64, study: &str, name: &str) -> ReceivedObject {
    ReceivedObject {
        key: format!("key{number}"),
        directory: "/data".into(),
        file: Some(format!("{study}/{number}.dcm")),
        spool: None,
        sop_class: "1.2.840.10008.5.1.4.1.1.2".into(),
        sop_instance: format!("1.2.3.{number}"),
        transfer_syntax: "1.2.840.10008.1.2.1".into(),
        size: 1000 + number,
        digest: Some([0xAB; 32]),
        received: time(number),
        association: 7,
        calling: "CT1".into(),
        called: "STORE".into(),
        peer: "10.0.0.7".into(),
        rule: None,
        replaced: false,
        kept: false,
        attributes: ObjectAttributes {
            study_instance_uid: Some(study.into()),
            series_instance_uid: Some(format!("{study}.1")),
            patient_name: Some(name.into()),
            patient_id: Some(format!("ID of {study}")),
            modality: Some("CT".into()),
            study_date: Some("20261129".into()),
            ..ObjectAttributes::default()
        },
    }
}

/// Three studies: `1.2` with 5 objects, `1.3` and `1.4` with one each; all are owed to `pacs`, deliveries 1 to 7.
pub(super) fn api(test: &str) -> (Scratch, Api) {
    let scratch = Scratch::new(&format!("api-{test}"));
    let url = format!("sqlite:{}", scratch.0.join("catalog.sqlite").display());
    let catalog = catalog::open(&url).unwrap();
    let all = (1..=5)
        .map(|number| object(number, "1.2", "Müller^Jörg"))
        .chain([object(6, "1.3", "Doe^Jane"), object(7, "1.4", "\u{1b}[2J\"<b>")]);
    let objects = all.map(|object| TakenObject {
        object,
        destinations: vec!["pacs".into()],
        study_destinations: Vec::new(),
    });
    let batch = Batch {
        objects: objects.collect(),
        now: Some(time(10)),
        quiet: Duration::from_secs(60),
        durable: true,
        ..Batch::default()
    };
    catalog.take_in(&batch).unwrap();
    let program = MadeUp { catalog: Some(catalog), ..MadeUp::default() };
    (scratch, Api { monitor: Arc::default(), program: Arc::new(program) })
}

fn post(api: &Api, path: &str, body: &str) -> super::Answer {
    api.send("POST", &format!("/api/v1/outbox/{path}"), &[], body)
}

fn catalog(api: &Api) -> &dyn Catalog {
    &**api.program.catalog.as_ref().unwrap()
}

fn uids(body: &Value) -> Vec<&str> {
    let studies = body["studies"].as_array().unwrap();
    studies.iter().filter_map(|it| it["studyInstanceUid"].as_str()).collect()
}

#[test]
fn studies_are_found_by_what_people_search_for() {
    let (_scratch, api) = api("studies");
    let found = |query: &str| {
        let answer = api.get(&format!("/api/v1/catalog/studies?{query}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    };
    assert_eq!(uids(&found("")), ["1.4", "1.3", "1.2"], "the latest first");
    assert_eq!(uids(&found("patientName=m%C3%BCller*")), ["1.2"]);
    assert_eq!(uids(&found("patientId=ID+of+1.?&modality=CT&open=true")), ["1.4", "1.3", "1.2"]);
    assert_eq!(uids(&found("fromDate=20261130")), [""; 0]);
    assert_eq!(uids(&found("studyInstanceUid=1.3&toDate=20261129")), ["1.3"]);
    assert_eq!(uids(&found("patientName=%25")), [""; 0], "no wildcard");
    assert_eq!(uids(&found("patientName=%27+OR+1=1+--")), [""; 0]);

    let study = &found("studyInstanceUid=1.2")["studies"][0];
    assert_eq!(study["patientName"], "Müller^Jörg");
    assert_eq!((&study["objects"], &study["series"]), (&json!(5), &json!(1)));
    assert_eq!((&study["bytes"], &study["modalities"]), (&json!(5015), &json!(["CT"])));
    assert_eq!(study["last"], "2027-01-15T08:00:05.000Z");
    assert_eq!((&study["accessionNumber"], &study["epoch"]), (&Value::Null, &json!(1)));

    let mut seen = Vec::new();
    let mut query = "limit=1".to_owned();
    loop {
        let page = found(&query);
        seen.extend(uids(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_u64() else { break };
        query = format!("limit=1&after={next}");
    }
    assert_eq!(seen, ["1.4", "1.3", "1.2"]);
}

#[test]
fn parameters_of_searches_are_checked() {
    let (_scratch, api) = api("parameters");
    for (query, words) in [
        ("patientName=a%00b", "control characters"),
        ("patientName=", "0 characters"),
        ("fromDate=2026-11-30", "20261130"),
        ("open=perhaps", "open"),
        ("PatientName=a", "unknown field"),
        ("after=-1", "after"),
    ] {
        api.get(&format!("/api/v1/catalog/studies?{query}")).assert_problem(400, words);
    }
    let long = "x".repeat(257);
    api.get(&format!("/api/v1/catalog/studies?patientId={long}")).assert_problem(400, "257");
    api.get("/api/v1/outbox/deliveries?state=lost").assert_problem(400, "unknown variant `lost`");
}

#[test]
fn a_study_is_told_with_its_series_and_objects() {
    let (_scratch, api) = api("study");
    let first = api.get("/api/v1/catalog/studies/1.2?limit=3").body;
    assert_eq!(first["study"]["studyInstanceUid"], "1.2");
    assert_eq!(first["series"][0]["seriesInstanceUid"], "1.2.1");
    assert_eq!(first["objects"].as_array().unwrap().len(), 3);
    let object = &first["objects"][0];
    assert_eq!(
        (&object["sopInstanceUid"], &object["file"]),
        (&json!("1.2.3.1"), &json!("1.2/1.dcm"))
    );
    assert_eq!(object["digest"], format!("sha256:{}", "ab".repeat(32)));
    assert_eq!((&object["gone"], &object["rule"]), (&json!(false), &Value::Null));
    let next = first["next"].as_u64().unwrap();
    let second = api.get(&format!("/api/v1/catalog/studies/1.2?limit=3&after={next}")).body;
    assert_eq!((second["objects"].as_array().unwrap().len(), &second["next"]), (2, &Value::Null));
    for unknown in ["9.9", "..", "%00", "a%2Fb"] {
        let path = format!("/api/v1/catalog/studies/{unknown}");
        api.get(&path).assert_problem(404, "");
    }
}

#[test]
fn statistics_are_told_with_the_upkeep() {
    let (_scratch, api) = api("statistics");
    let found = api.get("/api/v1/catalog/statistics").body;
    assert_eq!((&found["studies"], &found["objects"]), (&json!(3), &json!(7)));
    assert!(found["databaseBytes"].as_u64() > Some(1000), "{found}");
    assert_eq!(found["upkeep"]["lagSeconds"], 0.02);
    let expected = json!({ "unknown": 0, "missing": 1, "changed": 2, "unreadable": 3 });
    assert_eq!(found["upkeep"]["findings"], expected);
}

#[test]
fn destinations_are_told_with_why_they_are_not_there() {
    let (_scratch, api) = api("destinations");
    let found = api.get("/api/v1/outbox").body;
    let pacs = &found["destinations"][0];
    assert_eq!((&pacs["name"], &pacs["waiting"]), (&json!("pacs"), &json!(3)));
    assert_eq!(pacs["failures"]["unreachable"], 4);
    assert_eq!(pacs["outage"]["reason"], "10.0.0.5:104: Connection refused");
    assert_eq!(found["destinations"][1]["outage"], Value::Null);

    let paused = |api: &Api| api.get("/api/v1/outbox").body["destinations"][0]["paused"].clone();
    let answer = post(&api, "destinations/pacs/pause", "");
    assert_eq!((answer.status, answer.body), (200, json!({ "name": "pacs", "paused": true })));
    assert_eq!(paused(&api), true);
    assert_eq!(post(&api, "destinations/pacs/resume", "{}").status, 200);
    assert_eq!(paused(&api), false);
    assert_eq!(post(&api, "destinations/former%2Fone/pause", "").status, 200);
    post(&api, "destinations/nobody/pause", "").assert_problem(404, "no destination of this name");
    post(&api, "destinations/pacs/pause", "{\"for\": 1}")
        .assert_problem(422, "unknown field `for`");
    api.get("/api/v1/outbox/destinations/pacs/pause").assert_problem(405, "GET");
}

#[test]
fn deliveries_are_listed_and_changed_by_operators() {
    let (_scratch, api) = api("deliveries");
    let listed = |query: &str| -> Vec<u64> {
        let body = api.get(&format!("/api/v1/outbox/deliveries?{query}")).body;
        let all = body["deliveries"].as_array().unwrap();
        all.iter().filter_map(|it| it["id"].as_u64()).collect()
    };
    let state = |id: u64| api.get(&format!("/api/v1/outbox/deliveries/{id}")).body["state"].clone();
    assert_eq!(listed(""), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(listed("limit=2&after=4"), [5, 6]);
    assert_eq!(listed("studyInstanceUid=1.2&destination=pacs&sopInstanceUid=1.2.3.3"), [3]);
    assert_eq!(listed("destination=other"), [0; 0]);

    let parked = post(&api, "deliveries/1/park", r#"{"reason": "wrong patient"}"#);
    assert_eq!((parked.status, parked.body), (200, json!({ "id": 1, "state": "parked" })));
    let one = api.get("/api/v1/outbox/deliveries/1").body;
    assert_eq!(one["reason"], "parked by an operator: wrong patient");
    assert_eq!((&one["eventId"], &one["event"]), (&json!("key1"), &json!("objectStored")));
    assert_eq!(listed("state=parked"), [1]);
    post(&api, "deliveries/1/park", "").assert_problem(409, "it is parked");
    assert_eq!(post(&api, "deliveries/1/retry", "").status, 200);
    assert_eq!(state(1), "waiting");
    assert_eq!(post(&api, "deliveries/2/drop", "").body["state"], "dropped");
    assert_eq!((state(2), listed("state=dropped")), (json!("dropped"), vec![2]));
    post(&api, "deliveries/2/drop", "").assert_problem(409, "it is dropped");
    assert_eq!(post(&api, "deliveries/2/retry", "").body["state"], "waiting");

    for path in ["deliveries/99/retry", "deliveries/x/park", "deliveries/-1/drop"] {
        post(&api, path, "").assert_problem(404, "no delivery of this number");
    }
    post(&api, "deliveries/1/retry", r#"{"reason": "x"}"#).assert_problem(422, "unknown field");
    post(&api, "deliveries/1/park", r#"{"reason": "a\nb"}"#).assert_problem(422, "control");
    post(&api, "deliveries/1/park", "{").assert_problem(400, "no JSON");
    post(&api, "deliveries/1/park", "[]").assert_problem(422, "object");
}

/// Patient data is told beneath `/catalog` only: a UID that may be a name is not told elsewhere.
#[test]
fn a_uid_that_may_be_a_name_is_not_told() {
    let (_scratch, api) = api("odd-uids");
    let mut odd = object(8, "Doe^Jane", "Doe^Jane");
    odd.sop_instance = "1.2.Doe".to_owned();
    let destinations = vec!["pacs".to_owned()];
    let object = TakenObject { object: odd, destinations, study_destinations: Vec::new() };
    let batch = Batch { objects: vec![object], now: Some(time(11)), ..Batch::default() };
    catalog(&api).take_in(&batch).unwrap();
    let one = api.get("/api/v1/outbox/deliveries/8").body;
    assert_eq!((&one["studyInstanceUid"], &one["sopInstanceUid"]), (&Value::Null, &Value::Null));
    let all = api.get("/api/v1/outbox/deliveries").body.to_string();
    assert!(all.contains("\"1.2.3.7\"") && !all.contains("Doe"), "{all}");
}

#[test]
fn what_is_under_way_or_done_is_left_alone() {
    let (_scratch, api) = api("under-way");
    let lease = Lease {
        destination: "pacs".into(),
        most: 2,
        order: LeaseOrder::None,
        owner: "me".into(),
        now: time(20),
        duration: Duration::from_secs(60),
    };
    assert_eq!(catalog(&api).lease(&lease).unwrap().len(), 2);
    let done = Settlement { id: DeliveryId(1), verdict: Verdict::Done };
    catalog(&api).settle("me", &[done], time(21)).unwrap();
    assert_eq!(api.get("/api/v1/outbox/deliveries/1").body["state"], "done");
    assert_eq!(api.get("/api/v1/outbox/deliveries/2").body["state"], "leased");
    for change in ["retry", "park", "drop"] {
        post(&api, &format!("deliveries/1/{change}"), "").assert_problem(409, "it is done");
        post(&api, &format!("deliveries/2/{change}"), "").assert_problem(409, "it is under way");
    }
}

#[test]
fn without_a_catalogue_it_is_said_what_it_takes() {
    let api = Api::new();
    for path in [
        "catalog/studies",
        "catalog/studies/1.2",
        "catalog/statistics",
        "outbox",
        "outbox/deliveries",
        "outbox/deliveries/1",
    ] {
        api.get(&format!("/api/v1/{path}")).assert_problem(404, "[catalog]");
    }
    for path in ["deliveries/1/retry", "deliveries/1/drop", "destinations/pacs/pause"] {
        post(&api, path, "").assert_problem(404, "[catalog]");
    }
}

#[test]
fn a_catalogue_that_is_unavailable_is_told_to_be() {
    // Nobody listens there.
    let catalog = catalog::open_later("postgres://nobody@127.0.0.1:1/none").unwrap();
    let program = MadeUp { catalog: Some(catalog), ..MadeUp::default() };
    let api = Api { monitor: Arc::default(), program: Arc::new(program) };
    for path in ["catalog/studies", "catalog/statistics", "outbox/deliveries"] {
        let answer = api.get(&format!("/api/v1/{path}"));
        answer.assert_problem(StatusCode::SERVICE_UNAVAILABLE.as_u16(), "unavailable");
        assert_eq!(answer.headers["retry-after"], "5");
        assert!(!answer.body.to_string().contains("nobody"), "{}", answer.body);
    }
}
