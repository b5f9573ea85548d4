//! Traces by OTLP/HTTP: of each association a span, in it one for each object, and in that one for its commit.
//!
//! ```text
//!   association  ├──────────────────────────────────────────────────┤  from the connection to its end
//!     C-STORE       ├─────────────────┤                                from the request to the answer
//!       commit                   ├──┤                                  naming and sync
//! ```

mod http;
mod otlp;

use crate::error::Error;
use crate::limits::{SPAN_BYTES_WAITING, SPAN_LINGER, SPANS_PER_REQUEST};
use crate::outbox::{Deliver, Failure, Outbox, OutboxSettings};
use crate::settings::TraceSettings;
use http::Poster;
use otlp::{
    ExportTraceServiceRequest, InstrumentationScope, KIND_INTERNAL, KIND_SERVER, KeyValue,
    Resource, ResourceSpans, SAMPLED, STATUS_ERROR, ScopeSpans, Span,
};
use prost::Message as _;
use receiver::{Answered, Peer, Refused, StoredObject, Summary};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Sends spans of associations and objects. Told by the threads that something happens on; none of them waits for the
/// server.
///
/// Holds two spans of each association that is traced, and what waits to be sent: see [`limits`](crate::limits).
#[derive(Debug)]
pub(crate) struct Traces {
    outbox: Arc<Outbox<Span>>,
    ratio: f64,
    /// By the number of the association; only those that are traced.
    traced: Mutex<HashMap<u64, Trace>>,
}

/// A trace under way.
#[derive(Debug)]
struct Trace {
    id: [u8; 16],
    association: [u8; 8],
    /// The object whose answer is not sent yet.
    object: Option<Span>,
}

impl Traces {
    /// Reads keys and certificates, and starts the thread that sends. `version` is that of this program.
    ///
    /// # Errors
    /// The settings cannot be used; the thread cannot be started.
    pub(crate) fn start(settings: &TraceSettings, version: &str) -> Result<Self, Error> {
        settings.check()?;
        let exporter = Exporter {
            poster: Poster::new(settings)?,
            resource: Resource {
                attributes: vec![
                    KeyValue::text("service.name", &settings.service_name),
                    KeyValue::text("service.version", version),
                    KeyValue::text("host.name", host_name()),
                    KeyValue::count("process.pid", u64::from(std::process::id())),
                ],
            },
            version: version.to_owned(),
        };
        let outbox = OutboxSettings {
            items: "trace spans",
            destination: settings.url.to_string(),
            bytes_waiting: SPAN_BYTES_WAITING,
            batch: SPANS_PER_REQUEST,
            linger: SPAN_LINGER,
        };
        let outbox = Outbox::start(outbox, exporter)?;
        Ok(Self { outbox, ratio: settings.ratio, traced: Mutex::default() })
    }

    /// An association is accepted: decides whether it is traced.
    pub(crate) fn association_accepted(&self, peer: &Peer) {
        let (Some(id), Some(association)) = (random(), random()) else { return };
        if is_sampled(id, self.ratio) {
            let trace = Trace { id, association, object: None };
            self.lock().insert(peer.association, trace);
        }
    }

    /// An object is stored.
    pub(crate) fn stored(&self, object: &StoredObject<'_>) {
        let Some((id, association)) = self.ids_of(object.peer) else { return };
        let (Some(span_id), Some(commit_id)) = (random(), random()) else { return };
        let received = object.requested + object.receive;
        let stored = received + object.commit;
        let mut span = span(id, span_id, association, "C-STORE", KIND_SERVER);
        (span.start_time_unix_nano, span.end_time_unix_nano) =
            (nanoseconds(object.requested), nanoseconds(stored));
        span.attributes = vec![
            KeyValue::text("dicom.sop_class_uid", object.sop_class.to_string()),
            KeyValue::text("dicom.sop_instance_uid", object.sop_instance.to_string()),
            KeyValue::count("dicom.data_set.bytes", object.received_bytes),
            KeyValue::text("dicom.status", "0000H"),
        ];
        if let Some(file) = &object.file {
            let syntax = KeyValue::text("dicom.transfer_syntax_uid", file.transfer_syntax);
            span.attributes.extend([syntax, KeyValue::count("file.size", file.size)]);
            let mut commit = self::span(id, commit_id, span_id, "commit", KIND_INTERNAL);
            (commit.start_time_unix_nano, commit.end_time_unix_nano) =
                (nanoseconds(received), nanoseconds(stored));
            self.send(commit);
        }
        if let Some(trace) = self.lock().get_mut(&object.peer.association) {
            trace.object = Some(span);
        }
    }

    /// The answer to an object was sent, or could not be sent: its span ends.
    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        let span = {
            let mut traced = self.lock();
            traced.get_mut(&answered.peer.association).and_then(|trace| trace.object.take())
        };
        let Some(mut span) = span else { return };
        let answer = answered.answer.saturating_sub(answered.commit);
        span.end_time_unix_nano = span.end_time_unix_nano.saturating_add(whole(answer));
        span.attributes.push(KeyValue::bool("dicom.answered", answered.is_sent));
        self.send(span);
    }

    /// An object was refused: a span without a duration, since it is not known when it began.
    pub(crate) fn refused(&self, refused: &Refused<'_>) {
        let Refused::Object { peer, sop_class, sop_instance, status, reason } = *refused else {
            return;
        };
        let Some((id, association)) = self.ids_of(peer) else { return };
        let Some(span_id) = random() else { return };
        let mut span = span(id, span_id, association, "C-STORE", KIND_SERVER);
        let now = nanoseconds(SystemTime::now());
        (span.start_time_unix_nano, span.end_time_unix_nano) = (now, now);
        span.attributes = vec![
            KeyValue::text("dicom.sop_class_uid", sop_class.to_string()),
            KeyValue::text("dicom.sop_instance_uid", sop_instance.to_string()),
            KeyValue::text("dicom.status", status.to_string()),
        ];
        span.status = Some(otlp::Status { message: reason.to_owned(), code: STATUS_ERROR });
        self.send(span);
    }

    /// An association has ended: so does its span.
    pub(crate) fn association_ended(&self, summary: &Summary) {
        let peer = &summary.peer;
        let Some(trace) = self.lock().remove(&peer.association) else { return };
        if let Some(object) = trace.object {
            self.send(object);
        }
        let end = SystemTime::now();
        let mut span = span(trace.id, trace.association, [0; 8], "association", KIND_SERVER);
        span.parent_span_id = Vec::new();
        span.start_time_unix_nano = nanoseconds(end).saturating_sub(whole(summary.duration));
        span.end_time_unix_nano = nanoseconds(end);
        span.attributes = vec![
            KeyValue::text("network.peer.address", peer.address.to_canonical().to_string()),
            KeyValue::text("dicom.calling_ae_title", peer.calling_ae.to_string()),
            KeyValue::text("dicom.called_ae_title", peer.called_ae.to_string()),
            KeyValue::count("dicom.association", peer.association),
            KeyValue::count("dicom.objects.stored", summary.objects),
            KeyValue::count("dicom.objects.refused", summary.refused.total()),
            KeyValue::count("dicom.objects.broken_off", summary.broken_off),
            KeyValue::count("dicom.bytes", summary.bytes),
            KeyValue::text("dicom.association.end", summary.end.to_string()),
        ];
        if !summary.end.is_released() {
            let message = summary.end.to_string();
            span.status = Some(otlp::Status { message, code: STATUS_ERROR });
        }
        self.send(span);
    }

    /// Spans that were dropped since the start.
    #[must_use]
    pub(crate) fn dropped(&self) -> u64 {
        self.outbox.dropped()
    }

    /// Waits until all spans are sent, but not beyond `deadline`.
    pub(crate) fn stop(&self, deadline: Instant) {
        let lost = self.outbox.finish(deadline);
        if lost > 0 {
            tracing::warn!("{lost} trace spans were not sent before the program ended");
        }
    }

    fn ids_of(&self, peer: &Peer) -> Option<([u8; 16], [u8; 8])> {
        self.lock().get(&peer.association).map(|trace| (trace.id, trace.association))
    }

    fn send(&self, span: Span) {
        let bytes = span.encoded_len() + size_of::<Span>();
        self.outbox.push(span, bytes);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Trace>> {
        self.traced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn span(trace: [u8; 16], id: [u8; 8], parent: [u8; 8], name: &str, kind: i32) -> Span {
    Span {
        trace_id: trace.to_vec(),
        span_id: id.to_vec(),
        parent_span_id: parent.to_vec(),
        name: name.to_owned(),
        kind,
        flags: SAMPLED,
        ..Span::default()
    }
}

/// As OpenTelemetry samples by the ID of a trace, so that others decide alike.
fn is_sampled(trace: [u8; 16], ratio: f64) -> bool {
    let last = trace[8..].iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    ratio >= 1.0 || ((last >> 1) as f64) < ratio * (1_u64 << 63) as f64
}

/// Random bytes, not all 0 (W3C Trace Context §3.2.2.3); `None` if there are none.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    openssl::rand::rand_bytes(&mut bytes).ok()?;
    bytes.iter().any(|&byte| byte != 0).then_some(bytes)
}

fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, whole)
}

fn whole(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Sends spans to an OTLP/HTTP server.
struct Exporter {
    poster: Poster,
    resource: Resource,
    version: String,
}

impl Deliver for Exporter {
    type Item = Span;

    /// All or none.
    fn deliver(&mut self, spans: &[Span]) -> (usize, Result<(), Failure>) {
        let scope =
            InstrumentationScope { name: "storescp".to_owned(), version: self.version.clone() };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans: spans.to_vec() }];
        let resource = Some(self.resource.clone());
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans { resource, scope_spans }],
        };
        match self.poster.post("application/x-protobuf", &request.encode_to_vec()) {
            Ok(200..=299) => (spans.len(), Ok(())),
            // The others say that the request is wrong, or who sends it, and that stays.
            Ok(status @ (408 | 429 | 500..=599)) => {
                (0, Err(Failure::Later(format!("it answered with status {status}"))))
            }
            Ok(status) => (0, Err(Failure::NeverAny(format!("it answered with status {status}")))),
            Err(why) => (0, Err(Failure::Later(why))),
        }
    }
}

#[cfg(test)]
mod tests;
