//! What every answer says to browsers and caches.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

/// The headers that keep an answer from being cached, framed, sniffed or passed on.
const PROTECTION: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// Adds them to an answer, whatever its route said.
pub(crate) async fn protect(mut response: Response) -> Response {
    put(response.headers_mut());
    response
}

fn put(headers: &mut HeaderMap) {
    for (name, value) in PROTECTION {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}
