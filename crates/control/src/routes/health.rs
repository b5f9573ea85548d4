//! `/livez` and `/readyz`: whether the program needs a restart, and whether it takes objects.

use crate::access::Caller;
use crate::problem::Problem;
use crate::program::{Directory, Status};
use crate::state::State;
use axum::extract::{self, Extension};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt::Write as _;

/// 200 while the receiver accepts connections, or ends because it was told to; 503 if it needs a restart.
pub(super) async fn live(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
) -> Response {
    let trouble = match state.is_accepting().await {
        Ok(true) => None,
        Ok(false) => Some("no connection is being accepted; restart storescp".to_owned()),
        Err(_) => Some("the program does not answer; restart storescp".to_owned()),
    };
    Report::new("live", "not live", vec![Check::new("accepting", trouble)]).answer(&headers)
}

/// 200 while objects are taken; 503 while the receiver ends, when all associations that may be served are there, and
/// when a directory takes no objects.
pub(super) async fn ready(
    extract::State(state): extract::State<State>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    let mut checks = match state.ask(|program| program.status()).await {
        Ok(status) => checks(&status),
        // Whatever it is, the program or its disks hang.
        Err(_) => vec![Check::new("program", Some("the program does not answer".to_owned()))],
    };
    if !caller.sees_details {
        for check in &mut checks {
            check.redact();
        }
    }
    Report::new("ready", "not ready", checks).answer(&headers)
}

fn checks(status: &Status) -> Vec<Check> {
    let draining = status.is_draining.then(|| "storescp is shutting down".to_owned());
    let (connections, capacity) = (status.connections, status.capacity);
    let full = (connections >= capacity)
        .then(|| format!("all {capacity} associations are in use (--max-associations)"));
    let mut checks = vec![Check::new("accepting", draining), Check::new("associations", full)];
    checks.extend(status.directories.iter().map(|directory| {
        let path = Some(directory.path.display().to_string());
        Check { path, ..Check::new("directory", trouble(directory)) }
    }));
    checks
}

fn trouble(directory: &Directory) -> Option<String> {
    if directory.trouble.is_some() {
        return directory.trouble.clone();
    }
    match (directory.free_bytes, directory.min_free_bytes) {
        (Some(free), Some(least)) if free < least => {
            Some(format!("{free} bytes are free, fewer than {least} (--min-free)"))
        }
        _ => None,
    }
}

/// One thing that has to be in order.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Check {
    fn new(name: &'static str, trouble: Option<String>) -> Self {
        Self { name, path: None, ok: trouble.is_none(), reason: trouble }
    }

    /// Leaves what anybody may know.
    fn redact(&mut self) {
        self.path = None;
        self.reason = None;
    }
}

/// All checks, and what they come to.
#[derive(Debug, Serialize)]
struct Report {
    status: &'static str,
    checks: Vec<Check>,
    #[serde(skip)]
    is_good: bool,
}

impl Report {
    fn new(good: &'static str, bad: &'static str, checks: Vec<Check>) -> Self {
        let is_good = checks.iter().all(|check| check.ok);
        Self { status: if is_good { good } else { bad }, checks, is_good }
    }

    /// As JSON, if it is asked for before text; otherwise as text, a line for each check.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let status = if self.is_good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        if !wants_json(headers) {
            return (status, self.text()).into_response();
        }
        let Ok(body) = serde_json::to_string(self) else {
            return Problem::internal().into_response();
        };
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (status, kind, format!("{body}\n")).into_response()
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.status);
        for Check { name, path, reason, ok } in &self.checks {
            let path = path.as_ref().map(|path| format!(" {path}")).unwrap_or_default();
            let found = reason.as_deref().unwrap_or(if *ok { "ok" } else { "failed" });
            let _ = writeln!(text, "{name}{path}: {found}");
        }
        text
    }
}

/// Whether `Accept` names JSON, and no text before it.
fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let kinds = accept.unwrap_or_default().split(',');
    let kinds = kinds.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let first = kinds.into_iter().find(|kind| {
        kind.eq_ignore_ascii_case("application/json")
            || kind.to_ascii_lowercase().starts_with("text/")
    });
    first.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn status() -> Status {
        let directory = Directory {
            path: "/data".into(),
            free_bytes: Some(5000),
            total_bytes: Some(10_000),
            min_free_bytes: Some(1000),
            trouble: None,
        };
        Status {
            version: "storescp 0.1.0".into(),
            started: SystemTime::UNIX_EPOCH,
            generation: 1,
            settings_since: SystemTime::UNIX_EPOCH,
            settings_file: None,
            listening: Vec::new(),
            connections: 3,
            capacity: 4,
            is_draining: false,
            directories: vec![directory],
        }
    }

    fn text(status: &Status) -> String {
        Report::new("ready", "not ready", checks(status)).text()
    }

    #[test]
    fn a_receiver_is_ready_or_says_why_not() {
        let good = status();
        assert_eq!(text(&good), "ready\naccepting: ok\nassociations: ok\ndirectory /data: ok\n");
        let draining = Status { is_draining: true, ..good.clone() };
        assert!(text(&draining).starts_with("not ready\naccepting: storescp is shutting down\n"));
        let full = Status { connections: 4, ..good.clone() };
        assert!(text(&full).contains("associations: all 4 associations are in use"));
        let mut no_room = good.clone();
        no_room.directories[0].free_bytes = Some(999);
        let expected = "directory /data: 999 bytes are free, fewer than 1000 (--min-free)\n";
        assert!(text(&no_room).ends_with(expected));
        let mut down = good;
        down.directories[0].trouble = Some("Stale file handle".into());
        assert!(text(&down).ends_with("directory /data: Stale file handle\n"));
        for check in &mut checks(&down) {
            check.redact();
            let shown = serde_json::to_string(check).unwrap();
            assert!(!shown.contains("data") && !shown.contains("Stale"), "{shown}");
        }
    }

    #[test]
    fn json_is_for_those_who_ask_for_it() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("application/json", true),
            ("Application/JSON; charset=utf-8, text/plain", true),
            ("text/html,application/json;q=0.9,*/*;q=0.8", false),
            ("application/xml, application/json", true),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            assert_eq!(wants_json(&headers), expected, "{accept}");
        }
    }
}
