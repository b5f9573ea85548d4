//! Which media types a client takes (RFC 9110 §12.5.1): all answers are JSON.

use crate::problem::Problem;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers 406 to clients that take no JSON.
pub(in crate::api) async fn accepts_json(request: Request, next: Next) -> Response {
    if takes_json(request.headers()) {
        return next.run(request).await;
    }
    let detail = "the field Accept excludes application/json, which all answers are";
    Problem::new(StatusCode::NOT_ACCEPTABLE, detail).into_response()
}

fn takes_json(headers: &HeaderMap) -> bool {
    let mut fields = headers.get_all(header::ACCEPT).iter().peekable();
    if fields.peek().is_none() {
        return true;
    }
    let ranges = fields.filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(','));
    // The most specific range that fits decides.
    let best = ranges.filter_map(fit).max_by_key(|&(specificity, _)| specificity);
    best.is_some_and(|(_, is_wanted)| is_wanted)
}

/// How specific a media range is that fits JSON, and whether it is wanted: its weight is not 0.
fn fit(range: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let specificity = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/json" | "application/problem+json" => 2,
        "application/*" => 1,
        "*/*" => 0,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let is_wanted = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|it| it > 0.0));
    Some((specificity, is_wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, expected) in [
            ("*/*", true),
            ("application/json", true),
            ("text/html, application/*;q=0.8", true),
            ("Application/JSON; charset=utf-8; q=0.5", true),
            ("text/html", false),
            ("application/json;q=0, */*", false),
            ("application/json;q=0.000", false),
            ("image/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(takes_json(&headers), expected, "{accept}");
        }
        assert!(takes_json(&HeaderMap::new()));
    }
}
