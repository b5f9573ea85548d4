//! The settings of destinations.

use crate::Filter;
use proto::AeTitle;
use std::ffi::OsString;
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

/// POST of CloudEvents. Its `Debug` has no secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// Where and how.
    pub http: HttpSettings,
    /// The key of the HMAC-SHA-256 signature, if there is one: `whsec_` and base64, or the bytes themselves.
    pub secret: Option<Vec<u8>>,
    /// Events in one request (`application/cloudevents-batch+json`), at least 1; 1 sends them alone.
    pub batch: usize,
}

/// A server that is spoken to by HTTP. Its `Debug` has no secrets.
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
