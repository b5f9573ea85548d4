//! `docs/event.schema.json` and `docs/events.md` are made from the types.

use super::described::{AssociationData, RefusalData, StudyData};
use super::{cloud_event, examples};
use crate::event::data::ObjectData;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// All types of events.
pub(super) const TYPES: [&str; 7] = [
    "storescp.object.stored",
    "storescp.study.ended",
    "storescp.study.updated",
    "storescp.association.ended",
    "storescp.object.refused",
    "storescp.association.refused",
    "storescp.connection.refused",
];

const INTRODUCTION: &str = r#"# Events

Made from the types in `crates/delivery/src/event`; `BLESS=1 cargo test -p delivery --lib event::tests::documents` makes it
anew. [event.schema.json](event.schema.json) describes the same for programs (JSON Schema 2020-12).

Every destination that is told of events gets them in one shape: the body of a webhook, the line that a worker reads,
the fields that a command's words or a folder's file name take in braces. It is
[CloudEvents 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md) in JSON:

| field | what it says |
| --- | --- |
| `specversion` | `1.0` |
| `id` | The key of the event, by which whoever receives it drops repeats: the same for each attempt, and for each destination |
| `source` | Which receiver it is from: `//host/output-directory`. `source` and `id` together are the event's alone |
| `type` | What happened: see below |
| `subject` | What it is about: SOP Instance UID, Study Instance UID, number of the association, or address of the peer |
| `time` | When it happened, RFC 3339 in UTC with microseconds |
| `datacontenttype` | `application/json` |
| `data` | All that is known, by type: see below |

- **At least once.** An event that was delivered may come again after a crash, or if its answer was lost; then with the same
  `id`. Whoever must not act twice remembers the `id`s that it has acted upon.
- **Fields that are not known are absent.** Fields may be added in later versions; readers ignore those that they do not know.
- **Texts are UTF-8**, whatever character set the object has. They are what a peer sent: they may hold anything, control
  characters too, and are to be made safe for where they go.
- **A path that is not UTF-8** has U+FFFD in place of the other bytes; `pathBase64` then has all its bytes.
- **Events contain patient data** (`attributes`). A webhook should be `https`.

## Webhooks

An event is posted as `application/cloudevents+json`; with `batch` greater than 1, a list of events as
`application/cloudevents-batch+json`. `Idempotency-Key` is the event's `id` or, of a list, a digest of its `id`s.

| answer | what becomes of the event |
| --- | --- |
| 2xx | it is done: whatever was to be done with it has to be safe by then. The body is ignored |
| 408, 409, 425, 500 and other 5xx; an answer that is not HTTP or is broken off | it is tried again |
| 429, 502, 503, 504; no connection, no TLS, no answer in time | nothing else is posted until the server is back, or as long as `Retry-After` says |
| 3xx | parked: redirects are not followed |
| other 4xx | parked, with the status and the beginning of the body. Of a list, each event is posted once more alone before |

No proxy of the environment is used. At most 100 header fields and 16 KiB of the body of an answer are read.

With a `secret`, each request is signed as [Standard Webhooks](https://www.standardwebhooks.com/) has it: `webhook-id` as
`Idempotency-Key`, `webhook-timestamp` in seconds since 1970, and `webhook-signature`: `v1,` and the base64 of the
HMAC-SHA-256 over `ID.TIMESTAMP.BODY`. The key is the secret itself or, of `whsec_…`, what follows in base64. A receiver refuses
signatures that are wrong or older than some minutes; [examples/webhook.py](examples/webhook.py) does all of it.
"#;

pub(super) fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let object = data_of::<ObjectData<'_>>(&mut generator, &TYPES[..1]);
    let study = data_of::<StudyData>(&mut generator, &TYPES[1..3]);
    let association = data_of::<AssociationData>(&mut generator, &TYPES[3..4]);
    let refusal = data_of::<RefusalData>(&mut generator, &TYPES[4..]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of storescp (CloudEvents 1.0)",
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1 },
            "source": { "type": "string", "minLength": 1, "format": "uri-reference" },
            "type": { "enum": TYPES },
            "subject": { "type": "string", "minLength": 1 },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "data": { "type": "object" },
        },
        "oneOf": [object, study, association, refusal],
        "$defs": generator.definitions(),
    })
}

fn data_of<T: JsonSchema>(generator: &mut SchemaGenerator, types: &[&str]) -> Value {
    let data = generator.subschema_for::<T>();
    json!({ "properties": { "type": { "enum": types }, "data": data } })
}

#[test]
fn the_schema_and_the_reference_are_made_from_the_types() {
    let schema = schema();
    let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    compare("event.schema.json", &made);
    compare("events.md", &reference(&schema));
}

fn compare(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == made, "docs/{name} is not as the types are: run this test with BLESS=1");
}

fn reference(schema: &Value) -> String {
    let mut text = INTRODUCTION.to_owned();
    let example = cloud_event(&examples()[0]);
    let example = serde_json::to_string_pretty(&example).unwrap();
    let _ = write!(text, "\n```json\n{example}\n```\n");
    for variant in schema["oneOf"].as_array().unwrap() {
        let types = variant["properties"]["type"]["enum"].as_array().unwrap();
        let types: Vec<String> =
            types.iter().map(|name| format!("`{}`", name.as_str().unwrap())).collect();
        let _ = write!(text, "\n## {}\n", types.join(", "));
        describe(&mut text, schema, &variant["properties"]["data"]);
    }
    text
}

fn describe(text: &mut String, schema: &Value, reference: &Value) {
    let described = resolve(schema, reference);
    let description = described["description"].as_str().unwrap_or_default().replace('\n', " ");
    let _ =
        write!(text, "\n{description}\n\n| field | type | what it says |\n| --- | --- | --- |\n");
    let required: Vec<&str> =
        described["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut nested = Vec::new();
    for (name, field) in described["properties"].as_object().unwrap() {
        let target = resolve(schema, inner(field));
        let says = field["description"].as_str().or(target["description"].as_str());
        let says = says.unwrap_or_default().replace('\n', " ");
        let optional = if required.contains(&name.as_str()) { "" } else { ", or absent" };
        let _ = writeln!(text, "| `{name}` | {}{optional} | {says} |", kind(target));
        if target["properties"].is_object() {
            nested.push((name, inner(field)));
        }
    }
    for (name, field) in nested {
        let _ = write!(text, "\n### `{name}`\n");
        describe(text, schema, field);
    }
}

/// What an optional field holds.
fn inner(field: &Value) -> &Value {
    let not_null = |it: &&Value| it["type"] != "null";
    field["anyOf"].as_array().and_then(|all| all.iter().find(not_null)).unwrap_or(field)
}

fn resolve<'s>(schema: &'s Value, field: &'s Value) -> &'s Value {
    field["$ref"]
        .as_str()
        .and_then(|name| schema.pointer(name.trim_start_matches('#')))
        .unwrap_or(field)
}

fn kind(field: &Value) -> String {
    if let Some(values) = field["oneOf"].as_array() {
        let values: Vec<String> = values
            .iter()
            .filter_map(|it| it["const"].as_str())
            .map(|it| format!("`{it}`"))
            .collect();
        return values.join(", ");
    }
    let names = match &field["type"] {
        Value::Array(names) => names.iter().filter(|it| *it != "null").collect(),
        one => vec![one],
    };
    let name = names.first().and_then(|it| it.as_str()).unwrap_or("object");
    match (name, field["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("array", _) => "list of strings".to_owned(),
        (name, _) => name.to_owned(),
    }
}
