//! What is sent: headers, body and signature.

use super::signature::SigningKey;
use crate::WebhookSettings;
use crate::settings::check_http_url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Request, Url};
use serde_json::Value;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes requests.
pub(super) struct Requests {
    url: Url,
    /// Those of the settings; their values are marked as sensitive, so `Debug` hides them.
    headers: HeaderMap,
    key: Option<SigningKey>,
    /// Texts that must not be told.
    secrets: Vec<String>,
    batched: bool,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// What this program says itself.
const OWN_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

impl Requests {
    /// # Errors
    /// What cannot be used, without secrets.
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, String> {
        let url = url(&settings.http.url)?;
        let (mut headers, mut secrets) = (HeaderMap::new(), Vec::new());
        let ours = concat!("storescp/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(ours));
        for (name, value) in &settings.http.headers {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        for (_, value) in &settings.http.headers {
            secrets.push(value.clone());
            // Of `Bearer TOKEN` also the token alone.
            secrets.extend(value.split_once(' ').map(|(_, rest)| rest.trim().to_owned()));
        }
        secrets.extend(url.query().map(str::to_owned));
        // Some services have their secret in the path.
        secrets.extend(Some(url.path().to_owned()).filter(|path| path.len() >= LONG_PATH));
        secrets.extend(settings.secret.as_ref().map(|it| String::from_utf8_lossy(it).into_owned()));
        secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
        let key = settings.secret.as_deref().map(SigningKey::new).transpose()?;
        Ok(Self { url, headers, key, secrets, batched: settings.batch > 1 })
    }

    /// The server, as a reason names it: without path and query, which may have secrets.
    pub(super) fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// A text with `…` in place of each secret of the settings: a server may tell what it was sent.
    pub(super) fn without_secrets(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), "…");
        self.secrets.iter().fold(text.to_owned(), hide)
    }

    /// The request for these events, at least one.
    ///
    /// # Errors
    /// Why there is none: an identifier that no header can have.
    pub(super) fn of(&self, events: &[Value]) -> Result<Request, String> {
        let (id, media_type, body) = match events {
            [event] if !self.batched => {
                (id(event).to_owned(), "application/cloudevents+json", serde_json::to_vec(event))
            }
            _ => {
                (batch_id(events), "application/cloudevents-batch+json", serde_json::to_vec(events))
            }
        };
        let body = body.map_err(|error| format!("the event is no JSON: {error}"))?;
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.clone_from(&self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let key = HeaderValue::try_from(&id);
        let key = key.map_err(|_| format!("the event's key {id:?} cannot be sent in a header"))?;
        headers.insert("idempotency-key", key.clone());
        if let Some(signing_key) = &self.key {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            let signature = signing_key.sign(&id, now, &body).ok();
            let signature = signature.and_then(|it| HeaderValue::try_from(it).ok());
            let signature = signature.ok_or("the request cannot be signed")?;
            headers.insert("webhook-id", key);
            headers.insert("webhook-timestamp", HeaderValue::from(now));
            headers.insert("webhook-signature", signature);
        }
        *request.body_mut() = Some(body.into());
        Ok(request)
    }
}

/// Shorter ones would hide ordinary words.
const SHORTEST_SECRET: usize = 6;

/// Shorter paths are taken for names.
const LONG_PATH: usize = 24;

fn url(text: &str) -> Result<Url, String> {
    let wrong = |reason| format!("url: {reason}");
    check_http_url(text).map_err(wrong)?;
    Url::parse(text).map_err(|error| wrong(error.to_string()))
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let wrong = || format!("{name:?} cannot be the name of a header field");
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    if OWN_HEADERS.contains(&parsed.as_str()) {
        return Err(format!("the header field {name} is set by this program"));
    }
    let value = HeaderValue::from_str(value);
    let mut value =
        value.map_err(|_| format!("the header field {name} has a value that cannot be sent"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap_or_default()
}

/// The same for the same events in the same order.
fn batch_id(events: &[Value]) -> String {
    let mut hash = openssl::sha::Sha256::new();
    for event in events {
        hash.update(id(event).as_bytes());
        hash.update(b"\n");
    }
    let mut text = "batch-".to_owned();
    for byte in hash.finish() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
