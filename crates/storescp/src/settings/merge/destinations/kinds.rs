//! What each kind of destination has.

use crate::cli::Config;
use crate::settings::merge::merging::{Merging, value};
use crate::settings::reader::At;
use crate::settings::typed::{Destination, DestinationHeader, Kind};
use delivery::{
    DestinationKind, DicomSettings, ExecSettings, FolderSettings, HttpSettings, TlsClientSettings,
    WebhookSettings, WorkerSettings,
};
use proto::AeTitle;
use std::ffi::OsString;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

const WINDOW: usize = 8;
const WORKER_TIMEOUT: Duration = Duration::from_secs(3600);
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);
const DICOM_TIMEOUT: Duration = Duration::from_secs(60);
const LINGER: Duration = Duration::from_secs(10);
const FILE: &str = "{studyInstanceUid}/{seriesInstanceUid}/{sopInstanceUid}.dcm";

/// What a destination of this kind has, whose table is all of `span`; `None` if something is missing or wrong, which is told.
pub(super) fn settings(
    destination: &Destination,
    span: &Range<usize>,
    kind: Kind,
    config: &Config,
    merging: &mut Merging<'_>,
) -> Option<DestinationKind> {
    match kind {
        Kind::Exec => {
            let command = command(destination, span, merging)?;
            let timeout = value(&destination.timeout).and_then(|timeout| timeout.0);
            Some(DestinationKind::Exec(ExecSettings { command, timeout }))
        }
        Kind::Worker => {
            let command = command(destination, span, merging)?;
            let timeout =
                value(&destination.timeout).map_or(Some(WORKER_TIMEOUT), |timeout| timeout.0);
            let window = value(&destination.window).map_or(WINDOW, |it| count(it.0));
            Some(DestinationKind::Worker(WorkerSettings { command, window, timeout }))
        }
        Kind::Webhook => webhook(destination, span, merging).map(DestinationKind::Webhook),
        Kind::Dicom => dicom(destination, span, config, merging).map(DestinationKind::Dicom),
        Kind::Folder => folder(destination, span, merging).map(DestinationKind::Folder),
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Tells of a key that a kind cannot be without.
fn required<'t, T>(
    key: &str,
    typed: &'t Option<At<T>>,
    span: &Range<usize>,
    merging: &mut Merging<'_>,
) -> Option<&'t At<T>> {
    if typed.is_none() && !merging.report.has_fault_within(span) {
        merging.fault(span, format!("missing key \"{key}\""));
    }
    typed.as_ref()
}

/// A program with a path that is not absolute begins at the folder of the file; one without is looked for in `PATH`.
fn command(
    destination: &Destination,
    span: &Range<usize>,
    merging: &mut Merging<'_>,
) -> Option<Vec<OsString>> {
    let typed = required("command", &destination.command, span, merging)?;
    let words = typed.value.0.iter().map(|word| &word.value);
    let mut command: Vec<OsString> = words.map(OsString::from).collect();
    let is_usable = |word: &OsString| !word.as_encoded_bytes().contains(&0);
    let program = command.first_mut().filter(|program| !program.is_empty());
    let Some(program) = program else {
        if !merging.report.has_fault_within(&typed.span) {
            merging.fault(&typed.span, "command: expected a program and its arguments");
        }
        return None;
    };
    if Path::new(&*program).components().count() > 1 {
        *program = merging.path(Path::new(&*program)).into_os_string();
    }
    if !command.iter().all(is_usable) {
        merging.fault(&typed.span, "command: an argument has a NUL character");
        return None;
    }
    Some(command)
}

fn webhook(
    destination: &Destination,
    span: &Range<usize>,
    merging: &mut Merging<'_>,
) -> Option<WebhookSettings> {
    let url = required("url", &destination.url, span, merging)?.value.0.clone();
    let is_encrypted = url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"));
    let tls = tls(destination, is_encrypted, "url = \"https://…\"", merging);
    let headers = destination.header.iter().flat_map(|list| &list.value);
    let headers =
        headers.filter_map(|typed| merging.inside("header", |merging| header(typed, merging)));
    let http = HttpSettings {
        url,
        headers: headers.collect(),
        tls,
        timeout: timeout(destination, WEBHOOK_TIMEOUT, merging),
    };
    let secret = destination.secret.as_ref().and_then(|source| {
        let secret = source.value.secret(merging.folder);
        let secret = secret.map_err(|why| merging.fault(&source.span, format!("secret: {why}")));
        Some(secret.ok()?.reveal().as_bytes().to_vec())
    });
    let batch = value(&destination.batch).map_or(1, |batch| count(batch.0));
    Some(WebhookSettings { http, secret, batch })
}

fn header(typed: &At<DestinationHeader>, merging: &mut Merging<'_>) -> Option<(String, String)> {
    let At { value: DestinationHeader { name, value }, span } = typed;
    let (Some(name), Some(value)) = (name, value) else {
        let missing = if name.is_none() { "name" } else { "value" };
        if !merging.report.has_fault_within(span) {
            merging.fault(span, format!("missing key \"{missing}\""));
        }
        return None;
    };
    // RFC 9110 §5.6.2
    let is_token = |it: u8| it.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&it);
    if name.value.is_empty() || !name.value.bytes().all(is_token) {
        merging.fault(&name.span, "name: expected the name of a header field");
        return None;
    }
    let secret = value.value.secret(merging.folder);
    let secret = secret.and_then(|secret| {
        let text = secret.reveal();
        let is_sendable = !text.contains(|it: char| it.is_control() && it != '\t');
        is_sendable.then(|| text.to_owned()).ok_or_else(|| "it has a control character".to_owned())
    });
    match secret {
        Ok(text) => Some((name.value.clone(), text)),
        Err(why) => {
            merging.fault(&value.span, format!("value: {why}"));
            None
        }
    }
}

/// Who is trusted and who we are: only where the connection `is_encrypted`.
fn tls(
    destination: &Destination,
    is_encrypted: bool,
    needed: &str,
    merging: &mut Merging<'_>,
) -> TlsClientSettings {
    let Destination { ca, certificate, key, .. } = destination;
    for (name, typed) in [("ca", ca), ("certificate", certificate), ("key", key)] {
        if let Some(typed) = typed.as_ref().filter(|_| !is_encrypted) {
            merging.fault(&typed.span, format!("{name} has no effect without {needed}"));
        }
    }
    if let (Some(key), None) = (key, certificate) {
        merging.fault(&key.span, "key has no effect without certificate");
    }
    let path = |typed: &Option<At<std::path::PathBuf>>| {
        typed.as_ref().map(|path| merging.path(&path.value))
    };
    let certificate = path(certificate);
    TlsClientSettings {
        trusted: path(ca),
        key: path(key).or_else(|| certificate.clone()),
        certificate,
    }
}

fn timeout(destination: &Destination, default: Duration, merging: &mut Merging<'_>) -> Duration {
    let Some(typed) = &destination.timeout else { return default };
    typed.value.0.unwrap_or_else(|| {
        merging.fault(&typed.span, "timeout: \"never\" is for exec and worker only: a server that hangs would hold up everything");
        default
    })
}

fn dicom(
    destination: &Destination,
    span: &Range<usize>,
    config: &Config,
    merging: &mut Merging<'_>,
) -> Option<DicomSettings> {
    let address = required("address", &destination.address, span, merging);
    let called = required("called", &destination.called, span, merging);
    let is_encrypted = value(&destination.tls).unwrap_or(false);
    let tls = tls(destination, is_encrypted, "tls = true", merging);
    let calling = match value(&destination.calling) {
        Some(title) => Some(title.0),
        None => AeTitle::parse(config.negotiation.ae_title.as_bytes()).ok(),
    };
    if calling.is_none() {
        merging.fault(span, "missing key \"calling\": ae-title at the top is no AE title");
    }
    Some(DicomSettings {
        address: address?.value.0.clone(),
        called: called?.value.0,
        calling: calling?,
        tls: is_encrypted.then_some(tls),
        timeout: timeout(destination, DICOM_TIMEOUT, merging),
        linger: value(&destination.linger).map_or(LINGER, |time| time.0),
    })
}

fn folder(
    destination: &Destination,
    span: &Range<usize>,
    merging: &mut Merging<'_>,
) -> Option<FolderSettings> {
    let directory = required("directory", &destination.directory, span, merging)?;
    Some(FolderSettings {
        directory: merging.path(&directory.value),
        file: value(&destination.file).map_or_else(|| FILE.to_owned(), |file| file.0),
        link: value(&destination.link).unwrap_or(false),
    })
}
