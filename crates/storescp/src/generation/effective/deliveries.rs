//! The catalogue, destinations, and how long files are kept.

use super::{Table, object, path, time};
use archive::{CatalogSettings, Every, Keep};
use delivery::{
    DestinationKind, DestinationSettings, DicomSettings, HttpSettings, On, OverBounds,
    TlsClientSettings, WebhookSettings,
};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::time::Duration;

/// The catalogue, with the place that was so at the start. Without its password.
pub(super) fn catalog(now: &CatalogSettings, started: &CatalogSettings) -> Value {
    json!({
        "url": started.url.to_string(),
        "quiet": time(now.quiet),
        "verify": match now.verify {
            None => "never",
            Some(Every::Day) => "daily",
            Some(Every::Week) => "weekly",
            Some(Every::Month) => "monthly",
        },
        "verify-rate": now.verify_bytes_per_second,
    })
}

/// How long files are kept.
pub(super) fn keep(keep: Keep) -> Value {
    let owed = |key: &str, value: String, even_owed: bool| match even_owed {
        true => json!({ key: value, "even-owed": true }),
        false => json!(value),
    };
    match keep {
        Keep::Forever => json!("forever"),
        Keep::UntilDelivered => json!("until-delivered"),
        Keep::For { time: limit, even_owed } => owed("time", time(limit), even_owed),
        Keep::Percent { percent, even_owed } => owed("disk", format!("{percent} %"), even_owed),
    }
}

/// A destination; of its secrets, only that there are some.
pub(super) fn destination(destination: &DestinationSettings) -> Value {
    let on: Vec<&str> = destination.on.iter().map(|on| event(*on)).collect();
    let hours: Vec<String> = destination.hours.iter().map(hours).collect();
    let mut table = object(json!({
        "name": destination.name,
        "on": on,
        "filter": destination.filter.as_ref().map(ToString::to_string),
        "concurrency": destination.concurrency,
        "order": if destination.order_by_study { "study" } else { "none" },
        "bandwidth": destination.bandwidth,
        "hours": (!hours.is_empty()).then_some(hours),
        "attempts": destination.retry.attempts.map_or(json!("unlimited"), |number| json!(number)),
        "longest-pause": time(destination.retry.longest_pause),
        "max-waiting-bytes": destination.bounds.bytes,
        "max-waiting-age": destination.bounds.age.map(time),
        "over": match destination.bounds.over {
            OverBounds::Refuse => "refuse",
            OverBounds::Park => "park",
        },
        "remember": time(destination.remember),
    }));
    table.extend(kind(&destination.kind));
    table.retain(|_, value| !value.is_null());
    table.into()
}

fn event(on: On) -> &'static str {
    match on {
        On::Object => "object",
        On::Study => "study",
        On::Association => "association",
        On::Refusal => "refusal",
    }
}

fn hours(hours: &delivery::Hours) -> String {
    let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
    format!("{}-{}", clock(hours.from), clock(hours.to))
}

fn kind(kind: &DestinationKind) -> Table {
    object(match kind {
        DestinationKind::Exec(exec) => json!({
            "kind": "exec",
            "command": words(&exec.command),
            "timeout": time_or_never(exec.timeout),
        }),
        DestinationKind::Worker(worker) => json!({
            "kind": "worker",
            "command": words(&worker.command),
            "window": worker.window,
            "timeout": time_or_never(worker.timeout),
        }),
        DestinationKind::Webhook(settings) => webhook(settings),
        DestinationKind::Dicom(settings) => dicom(settings),
        DestinationKind::Folder(folder) => json!({
            "kind": "folder",
            "directory": path(&folder.directory),
            "file": folder.file,
            "link": folder.link,
        }),
    })
}

fn webhook(webhook: &WebhookSettings) -> Value {
    let HttpSettings { url, headers, tls, timeout } = &webhook.http;
    let names: Vec<Value> = headers.iter().map(|(name, _)| json!({ "name": name })).collect();
    let mut table = object(json!({
        "kind": "webhook",
        "url": url,
        "header": (!names.is_empty()).then_some(names),
        "secret": webhook.secret.as_ref().map(|_| "given"),
        "batch": webhook.batch,
        "timeout": time(*timeout),
    }));
    table.extend(client(tls));
    table.into()
}

fn dicom(dicom: &DicomSettings) -> Value {
    let title = |title: &proto::AeTitle| String::from_utf8_lossy(title.as_bytes()).into_owned();
    let mut table = object(json!({
        "kind": "dicom",
        "address": dicom.address,
        "called": title(&dicom.called),
        "calling": title(&dicom.calling),
        "tls": dicom.tls.is_some(),
        "timeout": time(dicom.timeout),
        "linger": time(dicom.linger),
    }));
    table.extend(dicom.tls.iter().flat_map(client));
    table.into()
}

fn client(tls: &TlsClientSettings) -> Table {
    object(json!({
        "ca": tls.trusted.as_deref().map(path),
        "certificate": tls.certificate.as_deref().map(path),
        "key": tls.key.as_deref().map(path),
    }))
}

fn words(command: &[OsString]) -> Vec<String> {
    command.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

fn time_or_never(limit: Option<Duration>) -> String {
    limit.map_or_else(|| "never".to_owned(), time)
}
