//! The steps of a test, one after the other, each told with the time that it took.

use super::advice;
use super::object::TestObject;
use super::settings::TestSettings;
use super::status;
use dataset::transfer_syntax::EXPLICIT_VR_LITTLE_ENDIAN;
use dataset::{TransferSyntax, Uid, uid_names};
use requestor::{
    Connection, ContextProposal, Error, Requestor, Response, Settings, Status, StatusKind,
    Timeouts, Tls,
};
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

/// Why a test ended early.
enum Failure {
    Error(Error),
    Refused(Box<Response>),
    /// The answer names another object or class than was sent.
    AnotherObject,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Sends a C-ECHO and an object, over TLS if `tls` is given, and writes each step to `out`. True if the object was stored.
pub(super) fn send(settings: &TestSettings, tls: Option<&Tls>, out: &mut dyn Write) -> bool {
    let TestSettings { host, port, calling, called, .. } = settings;
    let mut teller = Teller { out, since: Instant::now(), is_associated: false };
    teller.say(&format!("sending to {host} port {port}, from {calling} to {called}"));
    match all_steps(settings, tls, &mut teller) {
        Ok(_) if settings.is_echo_only => {
            teller.say("All is well: the receiver answers.");
            true
        }
        Ok(status) => {
            let how = match status {
                Status::SUCCESS => "All is well: the object was stored".to_owned(),
                _ => format!(
                    "The object was stored, with warning {status} ({}): see the log of the receiver",
                    status::name(status)
                ),
            };
            teller.say(&format!(
                "{how}. It is of the made-up patient STORESCP^TEST, ID STORESCP-TEST; delete it at the receiver."
            ));
            true
        }
        Err(Failure::Error(error)) => {
            let advice = if teller.is_associated {
                advice::on_association(&error).to_owned()
            } else {
                advice::on_error(&error, settings)
            };
            teller.failed(&advice::what_failed(&error, &settings.host), &advice);
            false
        }
        Err(Failure::AnotherObject) => {
            let what = "the answer is about another SOP instance or class than was sent";
            teller.failed(what, "the receiver breaks the protocol: see its log, and ask its maker");
            false
        }
        Err(Failure::Refused(response)) => {
            let comment = response.error_comment.map(|it| format!(" ({it})")).unwrap_or_default();
            let what = format!("the receiver answered with a failure{comment}");
            teller.failed(&what, advice::on_status(response.status));
            false
        }
    }
}

/// The status of the object, or of the C-ECHO if that is all.
fn all_steps(
    settings: &TestSettings,
    tls: Option<&Tls>,
    teller: &mut Teller<'_>,
) -> Result<Status, Failure> {
    let timeout = Some(settings.timeout);
    let timeouts = Timeouts { connect: timeout, response: timeout, send: timeout };
    teller.begin();
    let addresses: Vec<SocketAddr> =
        (&*settings.host, settings.port).to_socket_addrs().map_err(Error::Connect)?.collect();
    let mut connection = Connection::connect(&addresses[..], None, &timeouts)?;
    let peer = connection.tcp().peer_addr().map_err(Error::Connect)?;
    teller.done(&format!("connected to {peer}"));
    if let Some(tls) = tls {
        connection = connection.secured(tls, &timeouts)?;
        let checked = match tls.server_name {
            Some(_) => "certificate checked",
            None => "certificate not checked",
        };
        teller.done(&format!("TLS: {}, {checked}", connection.cipher().unwrap_or_default()));
    }
    let object = TestObject::new();
    let mut contexts = vec![ContextProposal::verification()];
    if !settings.is_echo_only {
        contexts.push(object.context());
    }
    let proposal = Settings { timeouts, ..Settings::new(settings.calling, settings.called) };
    let mut requestor = Requestor::associate_over(connection, &proposal, &contexts)?;
    teller.done("association accepted");
    teller.is_associated = true;
    for proposed in &contexts {
        let accepted =
            requestor.contexts().iter().find(|it| it.abstract_syntax == proposed.sop_class);
        let answer = accepted.map_or("not accepted", |context| in_words(context.transfer_syntax));
        let class =
            uid_names::name_of(proposed.sop_class.as_str()).unwrap_or(proposed.sop_class.as_str());
        teller.detail(&format!("{class}: {answer}"));
    }
    teller.begin();
    echo(&mut requestor, settings, teller)?;
    let status = if settings.is_echo_only {
        Status::SUCCESS
    } else {
        store(&mut requestor, &object, teller)?
    };
    requestor.release()?;
    teller.done("association released");
    Ok(status)
}

fn echo(
    requestor: &mut Requestor,
    settings: &TestSettings,
    teller: &mut Teller<'_>,
) -> Result<(), Failure> {
    match requestor.echo() {
        Ok(response) => {
            teller.done(&answered("C-ECHO", &response));
            match response.status {
                Status::SUCCESS => Ok(()),
                _ => Err(Failure::Refused(response.into())),
            }
        }
        Err(Error::NotAccepted { .. }) if !settings.is_echo_only => {
            teller.detail("no C-ECHO, since it is not accepted");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn store(
    requestor: &mut Requestor,
    object: &TestObject,
    teller: &mut Teller<'_>,
) -> Result<Status, Failure> {
    let sop_class = object.sop_class();
    let id = requestor.context_for(&sop_class, None)?;
    let accepted = requestor.contexts().iter().find(|context| context.id == id);
    let syntax = accepted
        .map(|context| context.transfer_syntax)
        .ok_or(Error::NotAccepted { sop_class, transfer_syntax: None })?;
    let instance = object.instance(syntax);
    let data_set = object.data_set(syntax == EXPLICIT_VR_LITTLE_ENDIAN);
    teller.begin();
    let response = requestor.store(&instance, &data_set[..])?;
    teller.done(&answered("C-STORE", &response));
    teller.detail(&format!("{} bytes, SOP Instance UID {}", data_set.len(), instance.sop_instance));
    let is_other = |named: Option<Uid>, sent: Uid| named.is_some_and(|named| named != sent);
    match response.status.kind() {
        StatusKind::Success | StatusKind::Warning
            if is_other(response.sop_instance, instance.sop_instance)
                || is_other(response.sop_class, sop_class) =>
        {
            Err(Failure::AnotherObject)
        }
        StatusKind::Success | StatusKind::Warning => Ok(response.status),
        _ => Err(Failure::Refused(response.into())),
    }
}

/// One of the two that are proposed.
fn in_words(syntax: &TransferSyntax) -> &'static str {
    if syntax == EXPLICIT_VR_LITTLE_ENDIAN {
        "explicit VR little endian"
    } else {
        "implicit VR little endian"
    }
}

fn answered(request: &str, response: &Response) -> String {
    format!("{request} answered {} ({})", response.status, status::name(response.status))
}

/// Writes the steps.
struct Teller<'o> {
    out: &'o mut dyn Write,
    since: Instant,
    /// Whether the receiver has accepted the association, so that it speaks DICOM.
    is_associated: bool,
}

impl Teller<'_> {
    /// The time of the next step begins now.
    fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// A step is done; the next one begins.
    fn done(&mut self, what: &str) {
        let milliseconds = self.since.elapsed().as_secs_f64() * 1000.0;
        self.say(&format!("{milliseconds:8.1} ms  {what}"));
        self.begin();
    }

    fn failed(&mut self, what: &str, advice: &str) {
        // The number of the system's error tells a user nothing.
        let what = what.split_once(" (os error ").map_or(what, |(what, _)| what);
        let end = if advice.ends_with('?') { "" } else { "." };
        self.say(&format!("FAILED: {what}"));
        self.say(&format!("What to do: {advice}{end}"));
    }

    fn detail(&mut self, what: &str) {
        self.say(&format!("             {what}"));
    }

    /// What a peer chose is shown without control characters, which could rewrite the terminal.
    fn say(&mut self, line: &str) {
        let line = line.replace(char::is_control, "?");
        // A reader that is gone is no failure of the receiver.
        let _ = writeln!(self.out, "{line}");
    }
}
