//! Audit messages (PS3.15 §A.5): who sent what, and who was refused.
//!
//! ```text
//!   observer ──► Audit: gathers each association ──► message: XML ──► syslog: header ──► outbox ──► destination
//! ```

mod code;
mod destination;
mod message;
mod syslog;
mod transfers;

use crate::error::Error;
use crate::limits::{AUDIT_BYTES_WAITING, AUDIT_MESSAGE_BYTES};
use crate::outbox::{Outbox, OutboxSettings};
use crate::settings::AuditSettings;
use code::Code;
use dataset::Uid;
use destination::Destination;
use message::{AccessPoint, Action, Message, Object, Outcome, Participant, SopClass, Source};
use proto::{AeTitle, Rejection};
use receiver::{ConnectionRefusal, Peer, Refused, StoredObject, Summary};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use syslog::{Header, Severity};
use transfers::Transfers;

/// Reports what happens to an audit trail. Told by the threads that something happens on; none of them waits for the
/// server.
///
/// Holds, of each association on which objects came, its studies and SOP classes with counts, and what waits to be
/// sent: see [`limits`](crate::limits).
#[derive(Debug)]
pub struct Audit {
    outbox: Arc<Outbox<Vec<u8>>>,
    source: Source,
    header: Header,
    host: String,
    identity: AuditIdentity,
    /// By the number of the association.
    transfers: Mutex<HashMap<u64, Transfers>>,
}

/// Who this program is.
#[derive(Debug, Clone)]
pub struct AuditIdentity {
    /// Name of the program.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The AE title that it goes by.
    pub ae_title: String,
}

/// Somebody has logged in to the HTTP API, or has tried to.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name of the user, or of the token, as far as it is known. Never a password.
    pub user: String,
    /// Where from.
    pub address: IpAddr,
    /// What came of it.
    pub outcome: LoginOutcome,
}

/// An object whose file was removed.
#[derive(Debug, Clone, Copy)]
pub struct RemovedObject<'o> {
    /// Study Instance UID, if there is one.
    pub study: Option<&'o str>,
    /// SOP Class UID.
    pub sop_class: &'o str,
    /// SOP Instance UID.
    pub sop_instance: &'o str,
}

/// What came of a log-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOutcome {
    /// They are in.
    Granted,
    /// The token, or the user, or the password is wrong.
    Refused,
    /// It was one failure too many: log-ins from the address are not looked at for a while.
    Blocked,
}

impl Audit {
    /// Reads keys and certificates, and starts the thread that sends.
    ///
    /// # Errors
    /// The settings cannot be used; the thread cannot be started.
    pub(crate) fn start(settings: &AuditSettings, identity: AuditIdentity) -> Result<Self, Error> {
        let destination = Destination::new(settings)?;
        let outbox = OutboxSettings {
            items: "audit messages",
            destination: settings.destination.to_string(),
            bytes_waiting: AUDIT_BYTES_WAITING,
            batch: 64,
            linger: Duration::ZERO,
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let id = settings.source_id.clone().unwrap_or_else(|| host.clone());
        Ok(Self {
            outbox: Outbox::start(outbox, destination)?,
            source: Source { id, site_id: settings.site_id.clone() },
            header: Header::new(&host, &identity.program, std::process::id()),
            host,
            identity,
            transfers: Mutex::default(),
        })
    }

    /// The receiver listens: reports that the application has started.
    pub(crate) fn serving(&self) {
        self.report_activity(code::APPLICATION_START);
    }

    /// An object is stored, or was dropped on purpose: counts it for its association's messages.
    pub(crate) fn stored(&self, object: &StoredObject<'_>) {
        let file = object.file.as_ref();
        let study = object.study_uid();
        let action = match file {
            Some(file) if file.kept => Action::Read,
            Some(file) if file.replaced => Action::Update,
            _ => Action::Create,
        };
        self.count(object.peer, |transfers| transfers.stored(study, action, object.sop_class));
    }

    /// Somebody, or an object, was refused: an object is counted for its association's messages; a peer that is
    /// not to be served is reported as a security alert.
    pub(crate) fn refused(&self, refused: &Refused<'_>) {
        match *refused {
            Refused::Connection { peer, cause, reason } => match cause {
                ConnectionRefusal::HostAccess | ConnectionRefusal::TlsHandshake => {
                    let node = peer.ip().to_canonical().to_string();
                    self.report_alert(code::NODE_AUTHENTICATION, code::NODE_ID, &node, reason);
                }
                ConnectionRefusal::TooMany => {}
            },
            Refused::Association { peer, rejection, reason } if is_of_titles(rejection) => {
                let address = peer.address.to_canonical().to_string();
                let (calling, called) = (peer.calling_ae, peer.called_ae);
                let why = format!("{reason} (calling \"{calling}\", called \"{called}\")");
                self.report_alert(code::NODE_AUTHENTICATION, code::NODE_ID, &address, &why);
            }
            Refused::Object { peer, sop_class, sop_instance, status, .. } => {
                self.count(peer, |transfers| transfers.refused(sop_class, sop_instance, status));
            }
            _ => {}
        }
    }

    /// An association has ended: reports what came on it, a message for each study and outcome.
    pub(crate) fn association_ended(&self, summary: &Summary) {
        let transfers = self.lock().remove(&summary.peer.association).unwrap_or_default();
        self.report_transfers(&summary.peer, transfers, summary.broken_off);
    }

    /// The settings were read again, and are in effect; or they are wrong, and nothing has changed.
    pub fn settings_reloaded(&self, file: &Path, failure: Option<&str>) {
        let uri = format!("file:{}", file.display());
        let why = match failure {
            None => "the settings were read again and are in effect".to_owned(),
            Some(why) => format!("the settings are wrong and were not put in place: {why}"),
        };
        let (type_code, is_failure) = (code::SOFTWARE_CONFIGURATION, failure.is_some());
        self.report(&self.alert(type_code, code::URI, &uri, &why, is_failure));
    }

    /// Files were removed, since they are kept no longer: reports DICOM Instances Accessed (§A.5.3.6), deleted, one message
    /// for each study.
    pub fn objects_removed<'o>(
        &self,
        objects: impl Iterator<Item = RemovedObject<'o>>,
        reason: &str,
    ) {
        let mut studies: BTreeMap<Option<&str>, BTreeMap<&str, u64>> = BTreeMap::new();
        for object in objects {
            *studies.entry(object.study).or_default().entry(object.sop_class).or_default() += 1;
        }
        for (study, classes) in studies {
            let classes = classes.into_iter();
            let classes = classes.map(|(uid, count)| SopClass {
                uid: uid.to_owned(),
                objects: count,
                instances: Vec::new(),
            });
            let classes = classes.collect();
            let study = study.and_then(|uid| Uid::parse(uid.as_bytes()).ok());
            self.report(&Message {
                id: code::INSTANCES_ACCESSED,
                type_code: None,
                action: Action::Delete,
                time: SystemTime::now(),
                outcome: Outcome::Success,
                outcome_description: Some(reason.to_owned()),
                participants: vec![Participant {
                    is_requestor: true,
                    ..self.ourselves(&self.identity.ae_title)
                }],
                objects: objects_of(study, classes),
            });
        }
    }

    /// All files of an output directory were verified, with this result.
    pub fn files_verified(&self, directory: &Path, result: &str, is_failure: bool) {
        let uri = format!("file:{}", directory.display());
        let type_code = code::OBJECT_SECURITY_ATTRIBUTES;
        self.report(&self.alert(type_code, code::URI, &uri, result, is_failure));
    }

    /// Somebody has logged in, or tried to.
    pub fn login(&self, login: &Login) {
        let user = Participant {
            user_id: login.user.clone(),
            is_requestor: true,
            access_point: Some(AccessPoint::Address(login.address.to_canonical().to_string())),
            ..Participant::default()
        };
        let (outcome, why) = match login.outcome {
            LoginOutcome::Granted => (Outcome::Success, None),
            LoginOutcome::Refused => (Outcome::MinorFailure, Some("wrong name, password or token")),
            LoginOutcome::Blocked => {
                let why = "too many failures: the address is blocked for a while";
                (Outcome::SeriousFailure, Some(why))
            }
        };
        self.report(&Message {
            id: code::USER_AUTHENTICATION,
            type_code: Some(code::LOGIN),
            action: Action::Execute,
            time: SystemTime::now(),
            outcome,
            outcome_description: why.map(str::to_owned),
            participants: vec![user, self.ourselves(&self.identity.ae_title)],
            objects: Vec::new(),
        });
    }

    /// Messages that were dropped since the start, since too many waited or since they could not be sent at all.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.outbox.dropped()
    }

    /// Reports what came on associations that have not ended, and that the application stops; waits until all is sent,
    /// but not beyond `deadline`, and says in the log how many messages were not.
    pub(crate) fn stop(&self, deadline: Instant) {
        self.report_activity(code::APPLICATION_STOP);
        let lost = self.outbox.finish(deadline);
        if lost > 0 {
            let plural = if lost == 1 { " was" } else { "s were" };
            tracing::warn!("{lost} audit message{plural} not sent before the program ended");
        }
    }

    /// Counts an object; where many studies come on one association, reports what came so far.
    fn count(&self, peer: &Peer, count: impl FnOnce(&mut Transfers) -> bool) {
        let mut all = self.lock();
        let transfers = all.entry(peer.association).or_default();
        if count(transfers) {
            return;
        }
        let full = std::mem::take(transfers);
        drop(all);
        self.report_transfers(peer, full, 0);
    }

    fn report_transfers(&self, peer: &Peer, mut transfers: Transfers, broken_off: u64) {
        let refused = std::mem::take(&mut transfers.refused);
        for (study, action, classes) in transfers.into_stored() {
            let objects = objects_of(study, classes);
            self.report(&self.transfer(peer, action, objects, None));
        }
        if refused.is_empty() && broken_off == 0 {
            return;
        }
        let mut why = match refused.statuses() {
            statuses if statuses.is_empty() => String::new(),
            statuses => format!("refused: {statuses}"),
        };
        if broken_off > 0 {
            let separator = if why.is_empty() { "" } else { "; " };
            why.push_str(&format!("{separator}broken off: {broken_off}"));
        }
        let objects = refused.into_classes().map(object_of_class).collect();
        self.report(&self.transfer(peer, Action::Create, objects, Some(why)));
    }

    /// DICOM Instances Transferred (§A.5.3.7).
    fn transfer(
        &self,
        peer: &Peer,
        action: Action,
        objects: Vec<Object>,
        failure: Option<String>,
    ) -> Message {
        let address = peer.address.to_canonical().to_string();
        let calling = peer.calling_ae.to_string();
        let sender = Participant {
            user_id: if calling.is_empty() { address.clone() } else { calling },
            alternative_user_id: Some(ae_titles(&peer.calling_ae)),
            is_requestor: true,
            role: Some(code::SOURCE),
            access_point: Some(AccessPoint::Address(address)),
            ..Participant::default()
        };
        let role = Some(code::DESTINATION);
        let receiver = Participant { role, ..self.ourselves(&peer.called_ae.to_string()) };
        let failed = failure.is_some();
        Message {
            id: code::INSTANCES_TRANSFERRED,
            type_code: None,
            action,
            time: SystemTime::now(),
            outcome: if failed { Outcome::MinorFailure } else { Outcome::Success },
            outcome_description: failure,
            participants: vec![sender, receiver],
            objects,
        }
    }

    /// Application Activity (§A.5.3.1).
    fn report_activity(&self, type_code: Code) {
        let application = Participant {
            role: Some(code::APPLICATION),
            ..self.ourselves(&self.identity.ae_title)
        };
        self.report(&Message {
            id: code::APPLICATION_ACTIVITY,
            type_code: Some(type_code),
            action: Action::Execute,
            time: SystemTime::now(),
            outcome: Outcome::Success,
            outcome_description: None,
            participants: vec![application],
            objects: Vec::new(),
        });
    }

    fn report_alert(&self, type_code: Code, id_type: Code, subject: &str, why: &str) {
        self.report(&self.alert(type_code, id_type, subject, why, true));
    }

    /// Security Alert (§A.5.3.11): mitigated, so no worse than a serious failure.
    fn alert(
        &self,
        type_code: Code,
        id_type: Code,
        subject: &str,
        why: &str,
        is_failure: bool,
    ) -> Message {
        let subject = Object {
            id: subject.to_owned(),
            id_type,
            name: "Alert Subject",
            role: SECURITY_RESOURCE,
            details: vec![("Alert Description", why.to_owned())],
            sop_classes: Vec::new(),
        };
        let outcome = match is_failure {
            true if type_code == code::NODE_AUTHENTICATION => Outcome::SeriousFailure,
            true => Outcome::MinorFailure,
            false => Outcome::Success,
        };
        Message {
            id: code::SECURITY_ALERT,
            type_code: Some(type_code),
            action: Action::Execute,
            time: SystemTime::now(),
            outcome,
            outcome_description: is_failure.then(|| why.to_owned()),
            participants: vec![self.ourselves(&self.identity.ae_title)],
            objects: vec![subject],
        }
    }

    /// This program, by its process (§A.5.2.1) and its title (§A.5.2.2).
    fn ourselves(&self, ae_title: &str) -> Participant {
        let AuditIdentity { program, version, .. } = &self.identity;
        Participant {
            user_id: std::process::id().to_string(),
            alternative_user_id: Some(format!("AETITLES={ae_title}")),
            user_name: Some(format!("{program} {version}")),
            is_requestor: false,
            role: None,
            access_point: Some(AccessPoint::Machine(self.host.clone())),
        }
    }

    fn report(&self, message: &Message) {
        let mut xml = message.xml(&self.source);
        if xml.len() > AUDIT_MESSAGE_BYTES - HEADER_BYTES {
            // Bounded groups and texts keep it shorter; should they ever not, the event counts more than its objects.
            xml = Message { objects: Vec::new(), ..message.clone() }.xml(&self.source);
        }
        let severity = match message.outcome {
            Outcome::Success => Severity::Notice,
            Outcome::MinorFailure | Outcome::SeriousFailure => Severity::Warning,
        };
        let message = self.header.message(severity, message.time, &xml);
        let bytes = message.len();
        self.outbox.push(message, bytes);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Transfers>> {
        self.transfers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest header of a syslog message that [`Header`] makes.
const HEADER_BYTES: usize = 512;

/// ParticipantObjectTypeCodeRole (§A.5.1.2.2).
const REPORT: &str = "3";
const SECURITY_RESOURCE: &str = "13";

/// §A.5.2.2.
fn ae_titles(title: &AeTitle) -> String {
    format!("AETITLES={title}")
}

/// Whether a peer was rejected for how it, or we, are called.
fn is_of_titles(rejection: Rejection) -> bool {
    matches!(rejection, Rejection::CALLING_AE_TITLE | Rejection::CALLED_AE_TITLE)
}

/// The study with its SOP classes; without a study, the SOP classes.
fn objects_of(study: Option<Uid>, sop_classes: Vec<SopClass>) -> Vec<Object> {
    let Some(study) = study else { return sop_classes.into_iter().map(object_of_class).collect() };
    vec![Object {
        id: study.to_string(),
        id_type: code::STUDY_INSTANCE_UID,
        name: "Study",
        role: REPORT,
        details: Vec::new(),
        sop_classes,
    }]
}

/// Objects of a SOP class whose study is not known.
fn object_of_class(class: SopClass) -> Object {
    Object {
        id: class.uid.clone(),
        id_type: code::SOP_CLASS_UID,
        name: "SOP Class",
        role: REPORT,
        details: Vec::new(),
        sop_classes: vec![class],
    }
}

#[cfg(test)]
mod tests;
