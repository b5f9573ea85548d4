//! Who may do what: from the address and the credentials of a request to a [`Caller`], or a refusal.
//!
//! ```text
//!   secrets in the URL? ─► from this machine? ─► Host is ours ───────────────┐
//!                              │ no                                          ├─► may it change something?
//!                              └─► too many failures? ─► token or password ──┘   same site, JSON, operator
//! ```

mod browser;
mod connection;
mod credentials;
mod failures;
mod headers;
mod known;
mod log_in;
mod protection;
mod tls;
mod told;
mod url;

pub(crate) use connection::{Caller, Connection};
pub(crate) use headers::protect;
pub(crate) use protection::InForce;
pub use protection::{Protection, ReadProtection};

use crate::problem::Problem;
use crate::program::Program;
use crate::settings::{ControlSettings, Role};
use axum::extract::{self, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use log_in::LogIns;
use std::sync::Arc;

/// Decides about requests.
pub(crate) struct Access {
    protection: Arc<Protection>,
    log_ins: LogIns,
}

impl Access {
    /// As the settings say that are in force; log-ins are told to the program.
    pub(crate) fn new(protection: &Arc<Protection>, program: Arc<dyn Program>) -> Self {
        let log_ins = LogIns::new(Arc::clone(protection), program);
        Self { protection: Arc::clone(protection), log_ins }
    }

    /// Who sends the request, if they may.
    async fn admit(&self, connection: &Connection, head: &Parts) -> Result<Caller, Problem> {
        // One request is judged by one state of the settings.
        let in_force = self.protection.in_force();
        url::check(&head.uri)?;
        let caller = self.identify(&in_force.settings, connection, head).await?;
        if caller.sees_details {
            url::check_values(&head.uri, &in_force.settings.tokens)?;
        }
        if is_safe(&head.method) {
            return Ok(caller);
        }
        browser::check_site(&head.headers, connection)?;
        if caller.role < Role::Operator {
            let name = &caller.name;
            tracing::warn!("HTTP: {name} is a viewer and may not {} anything", head.method);
            let detail = format!("{name} is a viewer; this needs the role operator");
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        Ok(caller)
    }

    async fn identify(
        &self,
        settings: &ControlSettings,
        connection: &Connection,
        head: &Parts,
    ) -> Result<Caller, Problem> {
        let is_proxied = browser::is_proxied(&head.headers);
        if connection.is_local() && !is_proxied {
            browser::check_host(head, connection, settings)?;
            return Ok(Caller::local());
        }
        if connection.needs_encryption() && !settings.insecure {
            // It was opened before the settings asked for TLS.
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "this needs TLS: connect again by https",
            ));
        }
        if settings.open_health && matches!(head.uri.path(), "/livez" | "/readyz") {
            return Ok(Caller::anyone());
        }
        if settings.has_log_ins() {
            return self.log_ins.log_in(settings, connection, &head.headers).await;
        }
        if settings.insecure {
            browser::check_host(head, connection, settings)?;
            return Ok(Caller::local());
        }
        // Only a proxy on this machine gets here: other addresses are not listened on without log-ins.
        Err(Problem::new(
            StatusCode::FORBIDDEN,
            "a proxy passes this request on from elsewhere, and nobody can log in: add a token or user to [http] of \
             the settings file",
        ))
    }
}

/// The layer around all routes: lets a request through with its [`Caller`] as an extension.
pub(crate) async fn guard(
    extract::State(access): extract::State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let Some(connection) = head.extensions.get::<Connection>().copied() else {
        return Problem::internal().into_response();
    };
    match access.admit(&connection, &head).await {
        Ok(caller) => {
            head.extensions.insert(caller);
            next.run(Request::from_parts(head, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Whether the method changes nothing (RFC 9110 §9.2.1).
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
