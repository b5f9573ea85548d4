//! The API as an OpenAPI 3.1 document, made from the routes and the types of their answers.

use super::forms::text::Text;
use super::route::{PREFIX, PathKind, Route, Verb};
use crate::problem::{Problem, ProblemBody};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Describes these resources.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut answers = generator(false);
    let problem = answers.subschema_for::<ProblemBody>().to_value();
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut answers, &problem);
        paths.insert(format!("{PREFIX}{}", route.path), json!({ verb(route): operation }));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "storescp",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What a DICOM receiver is doing, has done and refused, and its settings.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "token": [] }, { "user": [] }],
        "paths": paths,
        "components": {
            "schemas": answers.take_definitions(true),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "user": { "type": "http", "scheme": "basic" },
            },
        },
    })
}

/// Of types for what is sent, or, `inline`, for what is received.
fn generator(is_request: bool) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.inline_subschemas = is_request;
    });
    let settings = if is_request { settings.for_deserialize() } else { settings.for_serialize() };
    settings.into_generator()
}

fn verb(route: &Route) -> &'static str {
    match route.verb {
        Verb::Get => "get",
        Verb::Post => "post",
    }
}

fn operation(route: &Route, answers: &mut SchemaGenerator, problem: &Value) -> Value {
    let error = |description: &str| {
        let content = json!({ Problem::MEDIA_TYPE: { "schema": problem } });
        json!({ "description": description, "content": content })
    };
    let schema = (route.answer)(answers).to_value();
    let mut responses = Map::new();
    let content = json!({ "application/json": { "schema": schema } });
    responses.insert("200".to_owned(), json!({ "description": route.summary, "content": content }));
    let common = [
        (400, "A parameter is unknown or has a wrong value"),
        (401, "A token or a user is needed"),
        (406, "The client takes no JSON"),
        (429, "Too many requests, or too many failed log-ins"),
        (500, "An internal error"),
        (503, "Too many connections"),
    ];
    for (status, description) in common.iter().chain(route.problems) {
        responses.insert(status.to_string(), error(description));
    }
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(body) = route.body {
        let schema = body(&mut generator(true)).to_value();
        let content = json!({ "application/json": { "schema": schema } });
        operation["requestBody"] = json!({ "required": false, "content": content });
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path_parameter.map(|(name, kind, description)| {
        let schema = match kind {
            PathKind::Number => json!({ "type": "integer", "minimum": 0 }),
            PathKind::Text => Text::json_schema(&mut generator(true)).to_value(),
        };
        let required = true;
        json!({ "name": name, "in": "path", "required": required, "description": description, "schema": schema })
    });
    let query = route.query.map(|query| query(&mut generator(true)).to_value());
    let properties = query.as_ref().and_then(|query| query["properties"].as_object());
    let in_query = properties.into_iter().flatten().map(|(name, schema)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|it| it.remove("description"));
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    });
    in_path.into_iter().chain(in_query).collect()
}
