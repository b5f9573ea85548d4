//! `docs/api.md` is made from the OpenAPI document.

use super::Api;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const INTRODUCTION: &str = r#"# JSON API

Made from the types in `crates/control/src/api`; `BLESS=1 cargo test -p control --lib api::tests::documents` makes it anew.

With `--http ADDRESS`, or `[http]` in the settings, the receiver tells under `/api/v1` what it is doing, what it has done and
what it has refused, and reads its settings again. `/api/v1/openapi.json` describes all of it for programs (OpenAPI 3.1).

```console
$ curl -s http://127.0.0.1:8042/api/v1/status | jq .associations
3
$ curl -s http://127.0.0.1:8042/api/v1/associations | jq -c '.associations[] | [.number, .callingAeTitle, .state, .objectsStored, .bytes]'
[1207,"CT1","receiving",311,163577856]
[1205,"US3","idle",12,9437184]
$ curl -s 'http://127.0.0.1:8042/api/v1/refusals?limit=1' | jq -c '.refusals[] | [.at, .callingAeTitle, .reason, .hint]'
["2026-11-30T09:14:02.117Z","MR9","no rule matches","to let it in, put this before the rule that refuses it: …"]
$ curl -s http://127.0.0.1:8042/api/v1/associations/1207 | jq '.presentationContexts[] | select(.result != "accepted")'
$ curl -s 'http://127.0.0.1:8042/api/v1/catalog/studies?patientName=Doe*&modality=CT' | jq -c '.studies[] | [.studyDate, .patientId, .objects]'
["20261129","4711",311]
$ curl -s 'http://127.0.0.1:8042/api/v1/outbox' | jq -c '.destinations[] | [.name, .waiting, .parked, .outage.reason]'
["pacs",12,1,null]
$ curl -s -X POST -H 'Content-Type: application/json' http://127.0.0.1:8042/api/v1/outbox/deliveries/4242/retry
{"id":4242,"state":"waiting"}
$ curl -s -X POST -H 'Content-Type: application/json' http://127.0.0.1:8042/api/v1/settings/reload
{"generation":4,"done":["2 rules changed"],"needsRestart":[]}
```

From another machine, add `-H "Authorization: Bearer $TOKEN"`, or `--user NAME`; only an operator may reload.

- **Times** are RFC 3339 in UTC, **durations** seconds, **sizes** bytes. Everything else is named as in the log and the
  settings. A field that has no value is `null`. Fields may be added in later versions; none is taken away in `/api/v1`.
- **Lists** are pages, the latest entry first. `next` is the `before` of the next page, and `null` on the last one. So reading
  page by page sees nothing twice, whatever happens meanwhile. Beneath `/catalog` and `/outbox` it is the `after`, and each list
  says what comes first.
- **How much is kept** beside the catalogue: associations that are being served, the last 1,000 that have ended, and the last 10,000 refusals, all
  in memory: a restart forgets them. At most 32 MiB, whatever peers send.
- **Patient data** is told beneath `/catalog`, and nowhere else: to everybody who may read the API. Elsewhere there are titles,
  UIDs, addresses, numbers, and reasons as the log has them. A UID with characters other than digits and dots may be anything, so
  it is `null`. Of an open study whose folder is named by the patient, only the time is told. Searches have patient data in the
  URL: a proxy in front should not log it.
- **Text from peers** is printable: in titles, control characters are `\x1b` and a backslash is `\x5c`. Beneath `/catalog` and
  `/outbox`, texts are as they came, in UTF-8: make them safe for where they go.
- **The catalogue and the outbox** are there if the settings have `[catalog]` or a `[[destination]]`; without, `/catalog` and
  `/outbox` are answered with 404. While the catalogue is unavailable, with 503: objects are received all the same.
- **Reading holds up no association**: associations write what is told here without waiting for anybody.
- **Errors** are JSON too (`application/problem+json`, RFC 9457): `status`, `title`, `detail` with what to do, and `faults`
  where the settings are wrong. A query parameter that a resource does not know is refused by name.
"#;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md")
}

#[test]
fn the_reference_is_made_from_the_document() {
    let made = reference(&Api::new().get("/api/v1/openapi.json").body);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(), &made).unwrap();
    }
    let kept = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(kept == made, "docs/api.md is not as the types are: run this test with BLESS=1");
}

fn reference(document: &Value) -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut named = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let _ = write!(text, "\n## {} {path}\n\n", method.to_uppercase());
            let _ = writeln!(text, "{}.", operation["summary"].as_str().unwrap());
            parameters(&mut text, operation);
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            if let Some(schema) = schema["$ref"].as_str() {
                fields(&mut text, resolve(document, schema));
                named.push(schema.to_owned());
            }
            problems(&mut text, operation);
        }
    }
    text.push_str("\n## Types\n");
    let mut seen: BTreeSet<String> = named.iter().cloned().collect();
    let mut queue = named;
    let mut rest = Vec::new();
    while let Some(schema) = queue.pop() {
        for found in references(resolve(document, &schema)) {
            if seen.insert(found.clone()) {
                queue.push(found.clone());
                rest.push(found);
            }
        }
    }
    rest.sort();
    for schema in rest {
        let body = resolve(document, &schema);
        let _ =
            write!(text, "\n### {}\n\n{}\n", name(&schema), body["description"].as_str().unwrap());
        fields(&mut text, body);
        variants(&mut text, body);
    }
    text
}

fn parameters(text: &mut String, operation: &Value) {
    let all = operation["parameters"].as_array().unwrap();
    if all.is_empty() {
        return;
    }
    text.push_str("\n| parameter | meaning |\n|---|---|\n");
    for parameter in all {
        let (name, description) = (&parameter["name"], &parameter["description"]);
        let (name, description) = (name.as_str().unwrap(), description.as_str().unwrap());
        let _ = writeln!(text, "| `{name}` | {} |", in_cell(description));
    }
}

/// Errors that not all resources have.
fn problems(text: &mut String, operation: &Value) {
    for (status, response) in operation["responses"].as_object().unwrap() {
        if ["403", "404", "409", "413", "415", "422"].contains(&status.as_str()) {
            let _ = write!(text, "\n{status}: {}.\n", response["description"].as_str().unwrap());
        }
    }
}

fn fields(text: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else { return };
    text.push_str("\n| field | type | meaning |\n|---|---|---|\n");
    for (name, field) in properties {
        let description = in_cell(field["description"].as_str().unwrap());
        let _ = writeln!(text, "| `{name}` | {} | {description} |", kind(field));
    }
}

fn variants(text: &mut String, schema: &Value) {
    let Some(variants) = schema["oneOf"].as_array() else { return };
    text.push_str("\n| value | meaning |\n|---|---|\n");
    for variant in variants {
        let description = in_cell(variant["description"].as_str().unwrap());
        let _ = writeln!(text, "| `{}` | {description} |", variant["const"].as_str().unwrap());
    }
}

/// The type of a field in a few words.
fn kind(field: &Value) -> String {
    if let Some(schema) = field["$ref"].as_str() {
        return format!("[{0}](#{1})", name(schema), name(schema).to_lowercase());
    }
    if let Some(any) = field["anyOf"].as_array() {
        return any.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &field["type"] {
        Value::Array(types) => {
            let one = |kind: &Value| {
                let mut field = field.clone();
                field["type"] = kind.clone();
                self::kind(&field)
            };
            types.iter().map(one).collect::<Vec<_>>().join(" or ")
        }
        Value::String(kind) if kind == "array" => {
            format!("array of {}", self::kind(&field["items"]))
        }
        Value::String(kind) if field["format"] == "date-time" && kind == "string" => {
            "time".to_owned()
        }
        Value::String(kind) => kind.clone(),
        _ => "any".to_owned(),
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(schema) if name == "$ref" => vec![schema.to_owned()],
                _ => references(value),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

fn resolve<'d>(document: &'d Value, schema: &str) -> &'d Value {
    document.pointer(schema.trim_start_matches('#')).expect(schema)
}

fn name(schema: &str) -> &str {
    schema.rsplit('/').next().unwrap_or(schema)
}

fn in_cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
