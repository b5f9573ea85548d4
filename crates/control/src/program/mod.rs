//! What the control plane asks of the program around the receiver.

mod owed;

pub use owed::{
    CatalogStatus, DELIVERY_FAILURES, DestinationStatus, Distribution, Outage,
    VERIFICATION_FINDINGS,
};

use crate::settings::Role;
use catalog::{Catalog, DeliveryId};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// The program, as the control plane sees it. Called by threads of the control plane; none of the methods may wait
/// for an association.
pub trait Program: Send + Sync {
    /// What the program is doing.
    fn status(&self) -> Status;

    /// The settings in effect, without secrets, each under the name that the settings file has for it.
    fn settings(&self) -> serde_json::Value;

    /// Reads the settings file again, and puts it in place for new associations if all of it is right.
    ///
    /// # Errors
    /// Everything that is wrong, one line each; nothing has changed then.
    fn reload(&self) -> Result<Reloaded, ReloadFailure>;

    /// The studies that are open, the oldest first: at most so many.
    fn open_studies(&self, most: usize) -> Vec<OpenStudy>;

    /// How many studies are open.
    fn open_study_count(&self) -> usize;

    /// The certificates of the receiver and of the control plane, each file once.
    fn certificates(&self) -> Vec<CertificateStatus>;

    /// Commands that wait, run, and have failed.
    fn commands(&self) -> CommandCounts;

    /// True while the receiver accepts connections, and while it ends because it was told to: false says that it
    /// needs a restart.
    fn is_accepting(&self) -> bool {
        true
    }

    /// The catalogue; `None` if there is none.
    fn catalog(&self) -> Option<Arc<dyn Catalog>> {
        None
    }

    /// How the catalogue is kept; `None` if there is none.
    fn catalog_status(&self) -> Option<CatalogStatus> {
        None
    }

    /// The destinations: those of the settings, in their order, then others that something is owed to. Asks no
    /// database.
    fn destinations(&self) -> Vec<DestinationStatus> {
        Vec::new()
    }

    /// Lets parked, waiting or dropped deliveries be tried now. Returns how many there were.
    ///
    /// # Errors
    /// Those of the catalogue.
    fn retry(&self, deliveries: &[DeliveryId]) -> Result<u64, catalog::Error> {
        let _ = deliveries;
        Ok(0)
    }

    /// Parks deliveries that wait. Returns how many there were.
    ///
    /// # Errors
    /// Those of the catalogue.
    fn park(&self, deliveries: &[DeliveryId], reason: &str) -> Result<u64, catalog::Error> {
        let _ = (deliveries, reason);
        Ok(0)
    }

    /// Gives up deliveries that wait or are parked.
    ///
    /// # Errors
    /// Those of the catalogue.
    fn drop_deliveries(
        &self,
        deliveries: &[DeliveryId],
        reason: &str,
    ) -> Result<(), catalog::Error> {
        let _ = (deliveries, reason);
        Ok(())
    }

    /// Pauses a destination, or resumes it.
    ///
    /// # Errors
    /// Those of the catalogue.
    fn pause(&self, destination: &str, paused: bool) -> Result<(), catalog::Error> {
        let _ = (destination, paused);
        Ok(())
    }

    /// Somebody has logged in to the control plane, or tried to: for the audit. Called by a thread that serves
    /// requests, so it may only queue.
    fn access(&self, event: &AccessEvent<'_>) {
        let _ = event;
    }
}

/// A log-in to the control plane. Requests that need none are not told, nor is each request of somebody who has
/// logged in, but one an hour from each address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessEvent<'a> {
    /// Who connected.
    pub peer: SocketAddr,
    /// The address of ours that it connected to.
    pub local: SocketAddr,
    /// The name of the token or the user: of an unknown user as it was given, at most 64 characters; `None` of an
    /// unknown token. It may be anything, and needs to be made safe for where it goes.
    pub name: Option<&'a str>,
    /// How.
    pub credential: Credential,
    /// What came of it.
    pub outcome: AccessOutcome,
}

/// What somebody logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A token (`Authorization: Bearer`).
    Token,
    /// A name and a password (`Authorization: Basic`).
    Password,
    /// Something that is neither.
    Malformed,
}

/// What came of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessOutcome {
    /// They are in, and may do so much.
    Granted(Role),
    /// The token, or the user, or the password is wrong.
    Refused,
    /// It was one failure too many: log-ins from the address are not looked at for a while.
    Blocked,
}

/// What the program is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Name and version.
    pub version: String,
    /// When it began to serve.
    pub started: SystemTime,
    /// Which settings are in effect: 1 at the start, one more after each reload.
    pub generation: u64,
    /// When they came into effect.
    pub settings_since: SystemTime,
    /// The settings file; `None` if there is none.
    pub settings_file: Option<PathBuf>,
    /// Where the receiver listens.
    pub listening: Vec<SocketAddr>,
    /// Connections that are open.
    pub connections: usize,
    /// Associations that may be served at a time.
    pub capacity: usize,
    /// No more connections are accepted, and the program will end.
    pub is_draining: bool,
    /// The directories that objects go into.
    pub directories: Vec<Directory>,
}

/// A directory that objects go into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is, as in the settings.
    pub path: PathBuf,
    /// Free bytes; `None` if they cannot be found out.
    pub free_bytes: Option<u64>,
    /// Size of the file system in bytes.
    pub total_bytes: Option<u64>,
    /// Bytes that must remain free.
    pub min_free_bytes: Option<u64>,
    /// Why it takes no objects now, if so.
    pub trouble: Option<String>,
}

/// What a reload has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// The generation that is in effect now.
    pub generation: u64,
    /// What was done, for people: reopened log files, rules that changed.
    pub done: Vec<String>,
    /// What changed in the file and needs a restart.
    pub needs_restart: Vec<String>,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadFailure {
    /// Everything that is wrong, one line each, with file, line and column where there is one.
    pub faults: Vec<String>,
}

/// A study that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStudy {
    /// Its folder.
    pub folder: String,
}

/// A certificate of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The file that it was read from.
    pub file: PathBuf,
    /// When it expires.
    pub expires: SystemTime,
}

/// Commands of `--exec-on-reception` and the like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommandCounts {
    /// In the queue.
    pub waiting: u64,
    /// Running now.
    pub running: u64,
    /// Ended so far.
    pub ended: u64,
    /// Of those, how many could not be started or ended with a code other than 0.
    pub failed: u64,
}
