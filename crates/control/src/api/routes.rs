//! The list of all resources: what is at which path, and how the document describes it.

use super::query::{NoParameters, Page, Query};
use super::route::{Route, Verb};
use super::{associations, counters, openapi, refusals, settings, status, studies};
use crate::problem::Problem;
use axum::Json;
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;
use std::sync::LazyLock;

/// A resource that is only read, without parameters.
const READ: Route = Route {
    path: "",
    verb: Verb::Get,
    id: "",
    summary: "",
    path_parameter: None,
    query: None,
    body: None,
    answer: of::<()>,
    problems: &[],
    handler: MethodRouter::new,
};

/// All resources.
pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/status",
        id: "status",
        summary: "What the receiver is doing",
        answer: of::<status::Status>,
        handler: || get(status::get),
        ..READ
    },
    Route {
        path: "/settings",
        id: "settings",
        summary: "The settings in effect, without secrets",
        answer: of::<settings::Settings>,
        handler: || get(settings::get),
        ..READ
    },
    Route {
        path: "/settings/reload",
        verb: Verb::Post,
        id: "reloadSettings",
        summary: "Reads the settings file and certificates again: all of it takes effect for new associations and \
                  requests, or nothing does",
        body: Some(of::<settings::ReloadRequest>),
        answer: of::<settings::Reload>,
        problems: &[
            (403, "The request is from a page of another site, or from somebody who may only read"),
            (413, "The body is too long"),
            (415, "The body is not JSON"),
            (
                422,
                "The settings are wrong: faults has each of them with its place; or the body has unknown fields",
            ),
        ],
        handler: || post(settings::reload),
        ..READ
    },
    Route {
        path: "/associations",
        id: "associations",
        summary: "The associations that are being served, the latest first",
        query: Some(of::<Page>),
        answer: of::<associations::LiveAssociations>,
        handler: || get(associations::live),
        ..READ
    },
    Route {
        path: "/associations/recent",
        id: "recentAssociations",
        summary: "The last 1,000 associations that have ended, the latest first",
        query: Some(of::<Page>),
        answer: of::<associations::EndedAssociations>,
        handler: || get(associations::recent),
        ..READ
    },
    Route {
        path: "/associations/{number}",
        id: "association",
        summary: "One of these associations, with the presentation contexts that were proposed and their answers",
        path_parameter: Some(("number", "The number of the association, which the log has too")),
        answer: of::<associations::AssociationDetails>,
        problems: &[(404, "There is no such association, or others have followed since")],
        handler: || get(associations::one),
        ..READ
    },
    Route {
        path: "/refusals",
        id: "refusals",
        summary: "The last 10,000 refusals, the latest first: when, who, what, why, and what to do",
        query: Some(of::<refusals::Wanted>),
        answer: of::<refusals::Refusals>,
        handler: || get(refusals::get),
        ..READ
    },
    Route {
        path: "/studies/open",
        id: "openStudies",
        summary: "The studies that objects are being received of",
        query: Some(of::<studies::Wanted>),
        answer: of::<studies::OpenStudies>,
        handler: || get(studies::get),
        ..READ
    },
    Route {
        path: "/counters",
        id: "counters",
        summary: "What has happened since the start, in numbers",
        answer: of::<counters::Counters>,
        handler: || get(counters::get),
        ..READ
    },
    Route {
        path: "/openapi.json",
        id: "document",
        summary: "All of this as an OpenAPI 3.1 document, for programs",
        answer: |_| schemars::json_schema!({ "type": "object" }),
        handler: || get(document),
        ..READ
    },
];

/// The document.
async fn document(
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<&'static Value>, Problem> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(ROUTES));
    Ok(Json(&*DOCUMENT))
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
