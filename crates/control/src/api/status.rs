//! `GET /status`: what the receiver is doing.

use super::forms::query::{NoParameters, Query};
use super::forms::time::Time;
use crate::problem::Problem;
use crate::program::{CertificateStatus, CommandCounts, Directory, Program};
use crate::state::State;
use axum::Json;
use axum::extract;
use schemars::JsonSchema;
use serde::Serialize;
use std::time::SystemTime;

/// What the receiver is doing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    /// Name and version of the program.
    version: String,
    /// When it began to serve.
    started: Time,
    /// For how long it has served.
    uptime_seconds: f64,
    /// Which settings are in effect: 1 at the start, one more after each reload.
    generation: u64,
    /// Since when they are.
    settings_since: Time,
    /// The settings file, if there is one.
    settings_file: Option<String>,
    /// Addresses on which it listens for DICOM.
    listening: Vec<String>,
    /// No more connections are accepted, and the program will end.
    is_draining: bool,
    /// Connections that are open, those included that have not proposed an association yet.
    connections: u64,
    /// Associations that were accepted and have not ended.
    associations: u64,
    /// Associations that may be served at a time.
    capacity: u64,
    /// Studies that are open.
    open_studies: u64,
    /// The directories that objects go into.
    directories: Vec<OutputDirectory>,
    /// The certificates that are shown to senders and to clients of HTTP, each file once.
    certificates: Vec<Certificate>,
    /// Commands that are run after objects and studies.
    commands: Commands,
}

/// A directory that objects go into.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OutputDirectory {
    /// As in the settings.
    path: String,
    /// Bytes that are free in its file system; null if that cannot be found out.
    free_bytes: Option<u64>,
    /// Size of its file system.
    total_bytes: Option<u64>,
    /// Bytes that must remain free; objects are refused otherwise.
    min_free_bytes: Option<u64>,
    /// Why it takes no objects now, if so.
    trouble: Option<String>,
}

/// A certificate.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    /// The file that it was read from.
    file: String,
    /// When it expires.
    expires: Time,
}

/// Commands that are run after objects and studies.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commands {
    /// In the queue.
    waiting: u64,
    /// Running now.
    running: u64,
    /// Ended so far.
    ended: u64,
    /// Of those, how many could not be started or ended with a code other than 0.
    failed: u64,
}

/// The answer.
pub(super) async fn get(
    extract::State(state): extract::State<State>,
    Query(NoParameters {}): Query<NoParameters>,
) -> Result<Json<Status>, Problem> {
    let associations = state.monitor.live_count();
    state.ask(move |program| status(program, associations)).await.map(Json)
}

fn status(program: &dyn Program, associations: usize) -> Status {
    let status = program.status();
    let count = |count: usize| count as u64;
    Status {
        uptime_seconds: seconds_since(status.started),
        version: status.version,
        started: Time(status.started),
        generation: status.generation,
        settings_since: Time(status.settings_since),
        settings_file: status.settings_file.map(|file| file.display().to_string()),
        listening: status.listening.iter().map(ToString::to_string).collect(),
        is_draining: status.is_draining,
        connections: count(status.connections),
        associations: count(associations),
        capacity: count(status.capacity),
        open_studies: count(program.open_study_count()),
        directories: status.directories.into_iter().map(OutputDirectory::from).collect(),
        certificates: program.certificates().into_iter().map(Certificate::from).collect(),
        commands: program.commands().into(),
    }
}

pub(super) fn seconds_since(time: SystemTime) -> f64 {
    SystemTime::now().duration_since(time).unwrap_or_default().as_secs_f64()
}

impl From<Directory> for OutputDirectory {
    fn from(directory: Directory) -> Self {
        let Directory { path, free_bytes, total_bytes, min_free_bytes, trouble } = directory;
        let path = path.display().to_string();
        Self { path, free_bytes, total_bytes, min_free_bytes, trouble }
    }
}

impl From<CertificateStatus> for Certificate {
    fn from(certificate: CertificateStatus) -> Self {
        let CertificateStatus { file, expires } = certificate;
        Self { file: file.display().to_string(), expires: Time(expires) }
    }
}

impl From<CommandCounts> for Commands {
    fn from(counts: CommandCounts) -> Self {
        let CommandCounts { waiting, running, ended, failed } = counts;
        Self { waiting, running, ended, failed }
    }
}
