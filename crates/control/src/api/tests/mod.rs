//! Requests to the API, with a program that is made up.

mod documents;
mod owed;

use super::route::{PREFIX, Route, Verb};
use super::routes::ROUTES;
use crate::monitor::{Monitor, testing};
use crate::program::{
    CatalogStatus, CertificateStatus, CommandCounts, DestinationStatus, Directory, OpenStudy,
    Program, ReloadFailure, Reloaded, Status,
};
use crate::routes;
use crate::state::State;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use catalog::{Catalog, DeliveryId};
use proto::Rejection;
use receiver::{AeTitle, AssociationEnd, Peer, Refused, Summary};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};
use tower::ServiceExt;

#[derive(Default)]
struct MadeUp {
    settings_are_wrong: AtomicBool,
    catalog: Option<Arc<dyn Catalog>>,
    /// The destination that is paused.
    paused: Mutex<Option<String>>,
}

impl Program for MadeUp {
    fn status(&self) -> Status {
        Status {
            version: "storescp 0.1.0".to_owned(),
            started: UNIX_EPOCH + Duration::from_millis(1_800_000_000_123),
            generation: 3,
            settings_since: UNIX_EPOCH + Duration::from_secs(1_800_000_060),
            settings_file: Some(PathBuf::from("/etc/storescp.toml")),
            listening: vec!["[::]:11112".parse().unwrap()],
            connections: 2,
            capacity: 500,
            is_draining: false,
            directories: vec![Directory {
                path: PathBuf::from("/data"),
                free_bytes: Some(u64::MAX),
                total_bytes: None,
                min_free_bytes: None,
                trouble: None,
            }],
        }
    }

    fn settings(&self) -> Value {
        json!({ "directory": "/data", "listen": ["[::]:11112"] })
    }

    fn reload(&self) -> Result<Reloaded, ReloadFailure> {
        match self.settings_are_wrong.load(Ordering::Relaxed) {
            false => Ok(Reloaded {
                generation: 4,
                done: vec!["2 rules changed".to_owned()],
                needs_restart: vec!["listen".to_owned()],
            }),
            true => Err(ReloadFailure { faults: vec!["/etc/storescp.toml:3:1: no".to_owned()] }),
        }
    }

    fn open_studies(&self, most: usize) -> Vec<OpenStudy> {
        (0..most.min(3)).map(|number| OpenStudy { folder: format!("study_{number}") }).collect()
    }

    fn open_study_count(&self) -> usize {
        3
    }

    fn certificates(&self) -> Vec<CertificateStatus> {
        Vec::new()
    }

    fn commands(&self) -> CommandCounts {
        CommandCounts { waiting: 1, running: 2, ended: 3, failed: 4 }
    }

    fn catalog(&self) -> Option<Arc<dyn Catalog>> {
        self.catalog.clone()
    }

    fn catalog_status(&self) -> Option<CatalogStatus> {
        let lag = Some(Duration::from_millis(20));
        Some(CatalogStatus { lag, findings: [0, 1, 2, 3], ..CatalogStatus::default() })
    }

    fn destinations(&self) -> Vec<DestinationStatus> {
        owed::destinations(self.paused.lock().unwrap().as_deref())
    }

    fn retry(&self, deliveries: &[DeliveryId]) -> Result<u64, catalog::Error> {
        self.catalog.as_ref().unwrap().retry(deliveries, UNIX_EPOCH)
    }

    fn park(&self, deliveries: &[DeliveryId], reason: &str) -> Result<u64, catalog::Error> {
        self.catalog.as_ref().unwrap().park(deliveries, reason, UNIX_EPOCH)
    }

    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
    ) -> Result<(), catalog::Error> {
        self.catalog.as_ref().unwrap().drop_deliveries(deliveries, reason, UNIX_EPOCH).map(|_| ())
    }

    fn pause(&self, destination: &str, paused: bool) -> Result<(), catalog::Error> {
        *self.paused.lock().unwrap() = paused.then(|| destination.to_owned());
        Ok(())
    }
}

/// The API of a receiver that nobody has sent to.
struct Api {
    monitor: Arc<Monitor>,
    program: Arc<MadeUp>,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Api {
    fn new() -> Self {
        Self { monitor: Arc::default(), program: Arc::default() }
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    fn send(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let program: Arc<dyn Program> = Arc::clone(&self.program) as _;
        let router = routes::router(State::new(Arc::clone(&self.monitor), program));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let response = router.oneshot(request).await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let is_json =
                headers.get("content-type").is_some_and(|it| it.as_bytes().ends_with(b"json"));
            assert!(is_json || body.is_empty(), "{path}: {headers:?}");
            let body =
                if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
            Answer { status, headers, body }
        })
    }

    /// A proposal of `title` was rejected.
    fn reject(&self, number: u64, title: AeTitle, reason: &str) {
        let peer = Peer { calling_ae: title, ..testing::peer(number) };
        let rejection = Rejection::CALLING_AE_TITLE;
        self.monitor.refused(&Refused::Association { peer: &peer, rejection, reason }, None);
    }
}

impl Answer {
    /// It is an error of this status, and says this.
    fn assert_problem(&self, status: u16, detail: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert!(self.body["title"].as_str().is_some_and(|title| !title.is_empty()));
        let told = self.body["detail"].as_str().unwrap();
        assert!(told.contains(detail), "{told}");
    }
}

/// The path of a resource with something that is there in place of its parameter.
fn filled(route: &Route) -> String {
    // In the order of the routes, each change finds its delivery in a state in which it is possible.
    let id = if route.path.ends_with("/drop") { "2" } else { "1" };
    let parameters = [("{number}", "1"), ("{uid}", "1.2"), ("{id}", id), ("{name}", "pacs")];
    parameters.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[test]
fn every_resource_answers_with_json() {
    let (_scratch, api) = owed::api("every-resource");
    for route in ROUTES {
        let path = format!("{PREFIX}{}", filled(route));
        let method = if route.verb == Verb::Get { "GET" } else { "POST" };
        let answer = api.send(method, &path, &[], "");
        if route.path.ends_with("{number}") {
            answer.assert_problem(404, "no association");
        } else {
            assert_eq!(
                (answer.status, &answer.headers["content-type"]),
                (200, &"application/json".parse().unwrap())
            );
            assert!(answer.body.is_object());
        }
        let head = api.send("HEAD", &path, &[], "");
        assert!(head.body.is_null() && (route.verb == Verb::Get || head.status == 405));
    }
}

#[test]
fn the_status_is_told_in_the_units_of_the_document() {
    let status = Api::new().get("/api/v1/status").body;
    assert_eq!(status["started"], "2027-01-15T08:00:00.123Z");
    assert_eq!(status["settingsSince"], "2027-01-15T08:01:00.000Z");
    assert_eq!(status["directories"][0]["freeBytes"], u64::MAX);
    assert_eq!(status["commands"], json!({ "waiting": 1, "running": 2, "ended": 3, "failed": 4 }));
    assert_eq!((&status["openStudies"], &status["associations"]), (&json!(3), &json!(0)));
}

#[test]
fn what_is_not_there_or_not_possible_is_a_problem() {
    let api = Api::new();
    api.get("/api/v1/nothing").assert_problem(404, "nothing at /api/v1/nothing");
    api.get("/api/v1/associations/12/more").assert_problem(404, "/associations/12/more");
    api.get("/api/v1/associations/twelve").assert_problem(404, "no association");
    api.get("/api/v1/associations/99999999999999999999").assert_problem(404, "no association");
    let answer = api.send("DELETE", "/api/v1/settings", &[], "");
    answer.assert_problem(405, "DELETE is not possible at /api/v1/settings");
    assert_eq!(answer.headers["allow"], "GET,HEAD");
    let answer = api.get("/api/v1/settings/reload");
    answer.assert_problem(405, "GET");
    assert_eq!(answer.headers["allow"], "POST");
    api.send("GET", "/api/v1/status", &[("accept", "text/html")], "").assert_problem(406, "Accept");
}

#[test]
fn query_parameters_are_refused_by_name() {
    let api = Api::new();
    api.get("/api/v1/status?verbose=1").assert_problem(400, "unknown field `verbose`");
    api.get("/api/v1/refusals?Limit=1")
        .assert_problem(400, "unknown field `Limit`, expected one of `limit`");
    api.get("/api/v1/refusals?limit=0")
        .assert_problem(400, "limit: 0 is not a number from 1 to 1000");
    api.get("/api/v1/refusals?limit=1001").assert_problem(400, "limit: 1001");
    api.get("/api/v1/refusals?limit=many").assert_problem(400, "limit: ");
    api.get("/api/v1/refusals?limit=1&limit=2").assert_problem(400, "duplicate field `limit`");
    api.get("/api/v1/associations?before=-1").assert_problem(400, "before: ");
    api.get("/api/v1/refusals?what=all")
        .assert_problem(400, "what: unknown variant `all`, expected one of");
    assert_eq!(api.get("/api/v1/refusals?what=object&limit=1000&before=7").status, 200);
}

#[test]
fn a_reload_does_all_or_nothing() {
    let api = Api::new();
    let reload = |body: &str| api.send("POST", "/api/v1/settings/reload", &[], body);
    for body in ["", "{}", " {} "] {
        let answer = reload(body);
        let expected =
            json!({ "generation": 4, "done": ["2 rules changed"], "needsRestart": ["listen"] });
        assert_eq!((answer.status, answer.body), (200, expected));
    }
    reload("{").assert_problem(400, "no JSON");
    reload(r#"{"file": "/etc/passwd"}"#).assert_problem(422, "unknown field `file`");
    reload("[1]").assert_problem(422, "empty object");
    reload("[]").assert_problem(422, "empty object");
    api.program.settings_are_wrong.store(true, Ordering::Relaxed);
    let answer = reload("");
    answer.assert_problem(422, "nothing has changed");
    assert_eq!(answer.body["faults"], json!(["/etc/storescp.toml:3:1: no"]));
}

#[test]
fn refusals_are_paged_with_their_hints() {
    let api = Api::new();
    for number in 1..=250 {
        api.reject(number, AeTitle::parse(b"CT1").unwrap(), "no rule for CT1");
    }
    let (mut path, mut numbers) =
        ("/api/v1/refusals?limit=60&what=association".to_owned(), Vec::new());
    loop {
        let page = api.get(&path).body;
        let refusals = page["refusals"].as_array().unwrap();
        numbers.extend(refusals.iter().map(|it| it["association"].as_u64().unwrap()));
        let Some(next) = page["next"].as_u64() else { break };
        path = format!("/api/v1/refusals?limit=60&what=association&before={next}");
    }
    assert_eq!(numbers, (1..=250).rev().collect::<Vec<_>>());
    let refusal = &api.get("/api/v1/refusals").body["refusals"][0];
    assert_eq!(refusal["callingAeTitle"], "CT1");
    assert_eq!(
        (&refusal["address"], &refusal["reason"]),
        (&json!("10.1.2.3"), &json!("no rule for CT1"))
    );
    assert_eq!(refusal["rejection"]["reason"], 3);
    assert!(refusal["hint"].as_str().unwrap().contains("add a rule"));
    assert_eq!(api.get("/api/v1/refusals?what=object").body["refusals"], json!([]));
}

/// Whatever a peer sends comes out as JSON of printable characters.
#[test]
fn hostile_titles_come_out_as_printable_json() {
    let api = Api::new();
    for first in 0..=255_u8 {
        let mut field = [first; AeTitle::BYTES];
        field[1..8].copy_from_slice(b"\"\\</\x1b[2");
        let title = AeTitle::from_field(field);
        api.reject(
            u64::from(first) + 1,
            title,
            &format!("no {title} \u{1b}\u{202e}\0{}", "x".repeat(5000)),
        );
        let peer =
            Peer { calling_ae: title, called_ae: title, ..testing::peer(u64::from(first) + 1) };
        let summary = Summary::new(peer, Duration::from_secs(1), AssociationEnd::ConnectionLost);
        api.monitor.association_ended(&summary);
    }
    let refusals = api.get("/api/v1/refusals?limit=1000").body;
    let recent = api.get("/api/v1/associations/recent?limit=1000").body;
    assert_eq!(refusals["refusals"].as_array().unwrap().len(), 256);
    assert_eq!(recent["associations"].as_array().unwrap().len(), 256);
    for text in texts(&refusals).into_iter().chain(texts(&recent)) {
        assert!(!text.chars().any(char::is_control) && !text.contains('\u{202e}'), "{text:?}");
    }
    assert_eq!(refusals["refusals"][255 - 65]["callingAeTitle"], "A\"\\x5c</\\x1b[2AAAAAAAA");
    let one = api.get("/api/v1/associations/66").body;
    assert_eq!(one["association"]["ended"]["how"], "connectionLost");
    assert_eq!(
        (&one["association"]["since"], &one["presentationContexts"]),
        (&Value::Null, &json!([]))
    );
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(all) => all.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_document_describes_every_resource_and_what_its_answers_have() {
    let (_scratch, api) = owed::api("the-document");
    api.reject(1, AeTitle::parse(b"CT1").unwrap(), "no rule");
    let summary = Summary::new(testing::peer(1), Duration::from_secs(1), AssociationEnd::Released);
    api.monitor.association_ended(&summary);
    let document = api.get("/api/v1/openapi.json").body;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"].as_object().unwrap().len(), ROUTES.len());
    for route in ROUTES {
        let path = format!("{PREFIX}{}", route.path);
        let method = if route.verb == Verb::Get { "get" } else { "post" };
        let operation = &document["paths"][&path][method];
        assert_eq!(operation["operationId"], route.id, "{path}");
        let path = format!("{PREFIX}{}", filled(route));
        let answer = api.send(&method.to_uppercase(), &path, &[], "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        described(&document, schema, &answer.body, &path);
    }
}

/// Each field of `value` is in the schema and has a description, and each that is required is there.
fn described(document: &Value, schema: &Value, value: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).expect(name),
        None => schema,
    };
    if let Some(any) = schema["anyOf"].as_array() {
        return match value.is_null() {
            true => assert!(any.contains(&json!({ "type": "null" })), "{place}"),
            false => described(document, &any[0], value, place),
        };
    }
    match value {
        Value::Array(all) => {
            all.iter().for_each(|it| described(document, &schema["items"], it, place));
        }
        Value::Object(fields) if schema["properties"].is_object() => {
            for (name, value) in fields {
                let place = format!("{place} {name}");
                let schema = &schema["properties"][name];
                assert!(schema.is_object(), "{place} is not in the document");
                assert!(schema["description"].is_string(), "{place} has no description");
                described(document, schema, value, &place);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(fields.contains_key(name.as_str().unwrap()), "{place} has no {name}");
            }
        }
        _ => {}
    }
}
