//! The list of all resources: what is at which path, and how the document describes it.

use super::forms::query::{NoParameters, Page, Query};
use super::route::{PathKind, Route, Verb};
use super::{
    associations, catalog, counters, openapi, outbox, refusals, settings, status, studies,
};
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

/// Errors of what reads the catalogue.
const CATALOG_PROBLEMS: &[(u16, &str)] = &[
    (404, "There is no catalogue"),
    (503, "The catalogue is unavailable, or there are too many connections"),
];

const DELIVERY: Option<(&str, PathKind, &str)> =
    Some(("id", PathKind::Number, "The key of the delivery"));

/// Something that an operator does with a delivery.
const CHANGE_DELIVERY: Route = Route {
    verb: Verb::Post,
    path_parameter: DELIVERY,
    body: Some(of::<outbox::changes::Why>),
    answer: of::<outbox::changes::DeliveryChanged>,
    problems: &[
        (403, "The request is from a page of another site, or from somebody who may only read"),
        (404, "There is no such delivery, or no catalogue"),
        (409, "It is in a state in which this cannot be done"),
        (413, "The body is too long"),
        (415, "The body is not JSON"),
        (422, "The body has unknown fields, or wrong values"),
        (503, "The catalogue is unavailable, or there are too many connections"),
    ],
    ..READ
};

/// Something that an operator does with a destination.
const CHANGE_DESTINATION: Route = Route {
    verb: Verb::Post,
    path_parameter: Some(("name", PathKind::Text, "The name of the destination")),
    body: Some(of::<outbox::changes::Nothing>),
    answer: of::<outbox::changes::DestinationChanged>,
    problems: &[
        (403, "The request is from a page of another site, or from somebody who may only read"),
        (404, "There is no such destination, or no catalogue"),
        (413, "The body is too long"),
        (415, "The body is not JSON"),
        (422, "The body has unknown fields"),
        (503, "The catalogue is unavailable, or there are too many connections"),
    ],
    ..READ
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
        path_parameter: Some((
            "number",
            PathKind::Number,
            "The number of the association, which the log has too",
        )),
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
        path: "/catalog/studies",
        id: "catalogStudies",
        summary: "Studies in the catalogue, the latest first, by what people search for",
        query: Some(of::<catalog::studies::Wanted>),
        answer: of::<catalog::studies::CatalogStudies>,
        problems: CATALOG_PROBLEMS,
        handler: || get(catalog::studies::get),
        ..READ
    },
    Route {
        path: "/catalog/studies/{uid}",
        id: "catalogStudy",
        summary: "One of these studies, with its objects in the order in which they came",
        path_parameter: Some(("uid", PathKind::Text, "Study Instance UID")),
        query: Some(of::<catalog::study::WantedObjects>),
        answer: of::<catalog::study::CatalogStudyDetails>,
        problems: &[
            (404, "There is no such study, or no catalogue"),
            (503, "The catalogue is unavailable, or there are too many connections"),
        ],
        handler: || get(catalog::study::get),
        ..READ
    },
    Route {
        path: "/catalog/statistics",
        id: "catalogStatistics",
        summary: "What the catalogue holds, in numbers, and how it is kept",
        answer: of::<catalog::statistics::CatalogStatistics>,
        problems: CATALOG_PROBLEMS,
        handler: || get(catalog::statistics::get),
        ..READ
    },
    Route {
        path: "/outbox",
        id: "outbox",
        summary: "The destinations: how much is owed to each, and whether it is there",
        answer: of::<outbox::destinations::Destinations>,
        problems: CATALOG_PROBLEMS,
        handler: || get(outbox::destinations::get),
        ..READ
    },
    Route {
        path: "/outbox/deliveries",
        id: "deliveries",
        summary: "What is owed to destinations, the oldest first",
        query: Some(of::<outbox::deliveries::Wanted>),
        answer: of::<outbox::deliveries::Deliveries>,
        problems: CATALOG_PROBLEMS,
        handler: || get(outbox::deliveries::get),
        ..READ
    },
    Route {
        path: "/outbox/deliveries/{id}",
        id: "delivery",
        summary: "One of these deliveries, also of those that are done or dropped",
        path_parameter: DELIVERY,
        answer: of::<outbox::deliveries::Delivery>,
        problems: &[
            (404, "There is no such delivery, or no catalogue"),
            (503, "The catalogue is unavailable, or there are too many connections"),
        ],
        handler: || get(outbox::deliveries::one),
        ..READ
    },
    Route {
        path: "/outbox/deliveries/{id}/retry",
        id: "retryDelivery",
        summary: "Tries a delivery now that waits, is parked, or was dropped",
        body: Some(of::<outbox::changes::Nothing>),
        handler: || post(outbox::changes::retry),
        ..CHANGE_DELIVERY
    },
    Route {
        path: "/outbox/deliveries/{id}/park",
        id: "parkDelivery",
        summary: "Parks a delivery that waits: it is not tried until it is retried",
        handler: || post(outbox::changes::park),
        ..CHANGE_DELIVERY
    },
    Route {
        path: "/outbox/deliveries/{id}/drop",
        id: "dropDelivery",
        summary: "Gives up a delivery that waits or is parked: the destination never gets it, and the bytes that were kept \
                  for it go",
        handler: || post(outbox::changes::give_up),
        ..CHANGE_DELIVERY
    },
    Route {
        path: "/outbox/destinations/{name}/pause",
        id: "pauseDestination",
        summary: "Pauses a destination: what is owed to it waits, also after a restart",
        handler: || post(outbox::changes::pause),
        ..CHANGE_DESTINATION
    },
    Route {
        path: "/outbox/destinations/{name}/resume",
        id: "resumeDestination",
        summary: "Resumes a destination that was paused",
        handler: || post(outbox::changes::resume),
        ..CHANGE_DESTINATION
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
