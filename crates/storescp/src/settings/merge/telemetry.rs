//! Audit messages and traces.

use super::{Merging, value};
use crate::settings::reader::At;
use crate::settings::typed::{Audit, TraceHeader, Traces};
use std::path::PathBuf;
use telemetry::{AuditSettings, ClientTls, Header, TraceSettings};

/// What the file says of audit messages over what the command line says; `None` for none.
pub(super) fn audit(
    typed: &At<Audit>,
    command_line: Option<AuditSettings>,
    merging: &mut Merging<'_>,
) -> Option<AuditSettings> {
    let At { value: audit, span } = typed;
    if value(&audit.enabled) == Some(false) {
        return None;
    }
    let destination = value(&audit.destination).map(|url| url.0);
    let destination = destination.or_else(|| command_line.map(|settings| settings.destination));
    let Some(destination) = destination else {
        if audit.destination.is_none() && !merging.report.has_fault_since(span.start) {
            merging.fault(span, "missing key \"destination\"");
        }
        return None;
    };
    let tls = client_tls([&audit.ca, &audit.certificate, &audit.key], merging);
    let settings = AuditSettings {
        tls,
        source_id: value(&audit.source_id),
        site_id: value(&audit.site_id),
        ..AuditSettings::new(destination)
    };
    if let Err(error) = settings.check() {
        let place = audit.destination.as_ref().map_or(span, |destination| &destination.span);
        merging.fault(place, error.to_string());
    }
    Some(settings)
}

/// The same for traces.
pub(super) fn traces(
    typed: &At<Traces>,
    command_line: Option<TraceSettings>,
    merging: &mut Merging<'_>,
) -> Option<TraceSettings> {
    let At { value: traces, span } = typed;
    if value(&traces.enabled) == Some(false) {
        return None;
    }
    let url = value(&traces.url).map(|url| url.0);
    let Some(url) = url.or_else(|| command_line.map(|settings| settings.url)) else {
        if traces.url.is_none() && !merging.report.has_fault_since(span.start) {
            merging.fault(span, "missing key \"url\"");
        }
        return None;
    };
    let mut settings = TraceSettings::new(url);
    settings.tls = client_tls([&traces.ca, &traces.certificate, &traces.key], merging);
    settings.ratio = value(&traces.share).map_or(settings.ratio, |share| share.0);
    settings.service_name = value(&traces.service_name).unwrap_or(settings.service_name);
    for typed in traces.header.iter().flat_map(|list| &list.value) {
        settings.headers.extend(merging.inside("header", |merging| header(typed, merging)));
    }
    if let Err(error) = settings.check() {
        let place = traces.url.as_ref().map_or(span, |url| &url.span);
        merging.fault(place, error.to_string());
    }
    Some(settings)
}

fn client_tls(
    [ca, certificate, key]: [&Option<At<PathBuf>>; 3],
    merging: &Merging<'_>,
) -> ClientTls {
    let path = |typed: &Option<At<PathBuf>>| typed.as_ref().map(|it| merging.path(&it.value));
    ClientTls { ca: path(ca), certificate: path(certificate), key: path(key) }
}

fn header(typed: &At<TraceHeader>, merging: &mut Merging<'_>) -> Option<Header> {
    let At { value: TraceHeader { name, value }, span } = typed;
    let (Some(name), Some(value)) = (name, value) else {
        let missing = if name.is_none() { "name" } else { "value" };
        merging.fault(span, format!("missing key \"{missing}\""));
        return None;
    };
    match value.value.secret(merging.folder) {
        Ok(secret) => Some(Header { name: name.value.clone(), value: secret.reveal().to_owned() }),
        Err(why) => {
            merging.fault(&value.span, format!("value: {why}"));
            None
        }
    }
}
