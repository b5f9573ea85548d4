//! The settings of destinations.

use crate::Filter;
use crate::limits::DESTINATION_NAME_BYTES;
use proto::AeTitle;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A destination, as the settings have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationSettings {
    /// Its name: by which rules choose it, and by which its deliveries are known in the catalogue.
    pub name: String,
    /// What it is.
    pub kind: DestinationKind,
    /// Which events it gets; at least one.
    pub on: Vec<On>,
    /// Which objects it gets, and of which objects' studies it is told; all without one.
    pub filter: Option<Filter>,
    /// Deliveries at a time, at least 1.
    pub concurrency: usize,
    /// The objects of a study one after the other, in the order in which they came.
    pub order_by_study: bool,
    /// Bytes a second, if bounded.
    pub bandwidth: Option<u64>,
    /// When it is used; always without any.
    pub hours: Vec<Hours>,
    /// How often, and how long, failures are tried again.
    pub retry: RetrySettings,
    /// How much may wait for it.
    pub bounds: Bounds,
    /// How long what is done is remembered.
    pub remember: Duration,
}

/// Hours of the day, local time, in which a destination is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Minutes after midnight.
    pub from: u16,
    /// Minutes after midnight; before `from`, it is that of the next day.
    pub to: u16,
}

/// How failures are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Attempts before a delivery is parked; `None` for as many as it takes.
    pub attempts: Option<u32>,
    /// The longest pause between two.
    pub longest_pause: Duration,
}

/// How much may wait for a destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of objects.
    pub bytes: Option<u64>,
    /// Age of the oldest.
    pub age: Option<Duration>,
    /// What happens past them.
    pub over: OverBounds,
}

/// What happens if too much waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OverBounds {
    /// Associations whose rule names the destination are rejected (transient, local limit exceeded).
    #[default]
    Refuse,
    /// The oldest deliveries are parked.
    Park,
}

/// Which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// Each object.
    Object,
    /// Each end of a study.
    Study,
    /// Each end of an association.
    Association,
    /// Each refusal.
    Refusal,
}

/// What a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationKind {
    /// A command for each delivery.
    Exec(ExecSettings),
    /// Long-lived processes that read a JSON object a line.
    Worker(WorkerSettings),
    /// POST of CloudEvents.
    Webhook(WebhookSettings),
    /// C-STORE to another AE.
    Dicom(DicomSettings),
    /// A copy in another folder.
    Folder(FolderSettings),
}

/// A command for each delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecSettings {
    /// Program and arguments, without a shell. `{name}` stands for a field of the event's data.
    pub command: Vec<OsString>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

/// Long-lived processes: as many as the destination's concurrency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSettings {
    /// Program and arguments, without a shell.
    pub command: Vec<OsString>,
    /// Events that one process has at a time, at least 1.
    pub window: usize,
    /// How long an event may take.
    pub timeout: Option<Duration>,
}

/// POST of CloudEvents. Shown without the key.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where and how.
    pub http: HttpSettings,
    /// The key of the HMAC-SHA-256 signature, if there is one: `whsec_` and base64, or the bytes themselves.
    pub secret: Option<Vec<u8>>,
    /// Events in one request (`application/cloudevents-batch+json`), at least 1; 1 sends them alone.
    pub batch: usize,
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSettings")
            .field("http", &self.http)
            .field("is_signed", &self.secret.is_some())
            .field("batch", &self.batch)
            .finish()
    }
}

/// A server that is spoken to by HTTP. Shown without path and query, and without the values of header fields.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// `http://` or `https://`, without user and password.
    pub url: String,
    /// Further header fields, e.g. `Authorization`: names and values.
    pub headers: Vec<(String, String)>,
    /// How TLS is done.
    pub tls: TlsClientSettings,
    /// How long a request may take in all.
    pub timeout: Duration,
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        // Some services have their secret in the path or the query.
        let origin = reqwest::Url::parse(&self.url).map(|it| it.origin().ascii_serialization());
        f.debug_struct("HttpSettings")
            .field("origin", &origin)
            .field("headers", &names)
            .field("tls", &self.tls)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Checks a URL of [`HttpSettings`].
///
/// # Errors
/// What is wrong with it, in words that do not show it: a password may be in it.
pub fn check_http_url(text: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("this is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("expected a URL that begins with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL must not contain a user or password: send them in a header field, Authorization"
                .to_owned(),
        );
    }
    if url.fragment().is_some() {
        return Err("the part behind # is not sent to a server: leave it out".to_owned());
    }
    Ok(())
}

/// Checks the name of a destination: 1 to 64 ASCII letters, digits, `.`, `_` and `-`, the first a letter or digit. The
/// program's own destinations have a colon in their names.
#[must_use]
pub fn is_destination_name(text: &str) -> bool {
    let is_part = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'-');
    let begins = text.bytes().next().is_some_and(|it| it.is_ascii_alphanumeric());
    begins && text.len() <= DESTINATION_NAME_BYTES && text.bytes().all(is_part)
}

/// TLS as a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsClientSettings {
    /// Certificates of the authorities that are trusted in place of the system's (PEM).
    pub trusted: Option<PathBuf>,
    /// Our certificate chain (PEM).
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
}

/// C-STORE to another AE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DicomSettings {
    /// `host:port`.
    pub address: String,
    /// Its AE title.
    pub called: AeTitle,
    /// Our AE title.
    pub calling: AeTitle,
    /// TLS; `None` for plain TCP.
    pub tls: Option<TlsClientSettings>,
    /// How long it may take to answer.
    pub timeout: Duration,
    /// How long an association is kept open with nothing to send.
    pub linger: Duration,
}

/// A copy in another folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderSettings {
    /// The folder, which exists.
    pub directory: PathBuf,
    /// Path beneath it, `/` between names, with the fields of the event's data in braces, e.g.
    /// `{studyInstanceUid}/{sopInstanceUid}.dcm`.
    pub file: String,
    /// A hard link in place of a copy, where both are in one file system.
    pub link: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_of_web_servers_and_have_no_password() {
        for good in ["http://host", "https://host:8443/a?b=c", "http://[::1]:80/"] {
            assert_eq!(check_http_url(good), Ok(()), "{good}");
        }
        for bad in ["", "host", "ftp://host", "https://", "https://me:pa55@host/", "http://host/#a"]
        {
            let why = check_http_url(bad).unwrap_err();
            assert!(!why.contains("pa55"), "{bad}: {why}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let http = HttpSettings {
            url: "https://host/".to_owned(),
            headers: vec![("Authorization".to_owned(), "pa55".to_owned())],
            tls: TlsClientSettings::default(),
            timeout: Duration::from_secs(1),
        };
        let settings = WebhookSettings { http, secret: Some(b"pa55".to_vec()), batch: 1 };
        let shown = format!("{settings:?}");
        assert!(shown.contains("Authorization") && !shown.contains("pa55"), "{shown}");
        assert!(!shown.contains("112, 97, 53, 53"), "{shown}");
    }

    #[test]
    fn names_fit_everywhere() {
        assert!(["pacs", "a.b_c-d", "1"].into_iter().all(is_destination_name));
        let long = "x".repeat(65);
        for bad in ["", "-a", ".", "a b", "a:b", "ä", "a/b", &long] {
            assert!(!is_destination_name(bad), "{bad}");
        }
    }
}
