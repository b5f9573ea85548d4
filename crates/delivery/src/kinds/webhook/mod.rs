//! POST of events to an HTTP server, as CloudEvents in JSON: one a request
//! (`application/cloudevents+json`), or several (`application/cloudevents-batch+json`).
//!
//! ```text
//!   2xx                       done
//!   3xx                       parked: redirects are not followed
//!   408 409 425 500 others    again
//!   429 502 503 504           unreachable, for as long as Retry-After says
//!   other 4xx                 parked, with the beginning of the answer's body
//!   no connection, no TLS, no answer in time          unreachable
//!   an answer that is not HTTP, or broken off         again, on a kept connection once more at once
//! ```
//!
//! A batch that would be parked is sent once more, event by event, so that one event parks no others.
//!
//! Memory: the events of one request, an answer of at most [`limits::ANSWER_BODY_BYTES`](crate::limits::ANSWER_BODY_BYTES)
//! and [`limits::ANSWER_HEADERS`](crate::limits::ANSWER_HEADERS) header fields, and one connection for each session.

mod answer;
mod client;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod tls;

use crate::limits::LEASED;
use crate::{Destination, Error, Item, Outcome, Session, Stop, WebhookSettings, cloud_event};
use client::{Client, Posted};
use request::Requests;
use std::sync::Arc;
use std::time::Duration;
use tls::Tls;

/// A destination that takes POST of CloudEvents.
#[derive(Debug)]
pub(super) struct Webhook {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    requests: Requests,
    tls: Tls,
    timeout: Duration,
    batch: usize,
}

impl Webhook {
    /// With its settings. Reads keys and certificates, and connects to nothing.
    ///
    /// # Errors
    /// [`Error::Destination`]: the URL, a header field, the secret, a key or a certificate cannot be used.
    pub(super) fn new(name: &str, settings: &WebhookSettings) -> Result<Self, Error> {
        let wrong = |reason| Error::Destination { name: name.to_owned(), reason };
        let requests = Requests::new(settings).map_err(wrong)?;
        let tls = Tls::read(&settings.http.tls).map_err(wrong)?;
        // What cannot be built is told now, not at the first event.
        Client::new(&tls, settings.http.timeout).map_err(wrong)?;
        let (timeout, batch) = (settings.http.timeout, settings.batch.clamp(1, LEASED));
        Ok(Self { shared: Arc::new(Shared { requests, tls, timeout, batch }) })
    }
}

impl Destination for Webhook {
    fn open(&self) -> Box<dyn Session> {
        Box::new(WebhookSession { shared: Arc::clone(&self.shared), client: None })
    }

    fn batch(&self) -> usize {
        self.shared.batch
    }
}

/// One connection, kept while events come.
struct WebhookSession {
    shared: Arc<Shared>,
    client: Option<Client>,
}

impl Session for WebhookSession {
    fn deliver(&mut self, items: &[Item], stop: &Stop, tell: &mut dyn FnMut(usize, Outcome)) {
        let batch = self.shared.batch;
        for (number, part) in items.chunks(batch).enumerate() {
            let mut told = |index: usize, outcome| tell(number * batch + index, outcome);
            if !self.deliver_part(part, stop, &mut told) {
                return;
            }
        }
    }

    fn idle(&mut self, since: Duration) {
        if since > KEPT {
            self.client = None;
        } else if let Some(client) = &self.client {
            client.look();
        }
    }
}

/// How long a connection is kept without events.
const KEPT: Duration = Duration::from_secs(30);

impl WebhookSession {
    /// Returns whether others may be tried now.
    fn deliver_part(
        &mut self,
        part: &[Item],
        stop: &Stop,
        tell: &mut dyn FnMut(usize, Outcome),
    ) -> bool {
        let Some(outcome) = self.send(part, stop) else { return false };
        if part.len() > 1 && matches!(outcome, Outcome::Park { .. }) {
            return part.iter().enumerate().all(|(index, item)| {
                let one = std::slice::from_ref(item);
                self.deliver_part(one, stop, &mut |_, outcome| tell(index, outcome))
            });
        }
        let goes_on = matches!(outcome, Outcome::Done | Outcome::Park { .. });
        for index in 0..part.len() {
            tell(index, outcome.clone());
        }
        goes_on
    }

    /// `None` if it was told to stop before an answer came.
    fn send(&mut self, part: &[Item], stop: &Stop) -> Option<Outcome> {
        let is_kept = self.client.is_some();
        let posted = match self.post(part, stop) {
            // The server may have closed the kept connection just now. A repeat has the same key.
            Ok(Posted::Failed(_)) if is_kept => {
                self.client = None;
                self.post(part, stop)
            }
            posted => posted,
        };
        let requests = &self.shared.requests;
        let reason = |why| requests.without_secrets(&format!("{}: {why}", requests.host()));
        match posted {
            Err(outcome) => Some(outcome),
            Ok(Posted::Stopped) => None,
            Ok(Posted::Answer(answer)) => Some(answer.outcome(requests)),
            Ok(Posted::Unreachable(why)) => {
                Some(Outcome::Unreachable { reason: reason(why), after: None })
            }
            Ok(Posted::Failed(why)) => {
                self.client = None;
                Some(Outcome::Again { reason: reason(why), after: None })
            }
        }
    }

    fn post(&mut self, part: &[Item], stop: &Stop) -> Result<Posted, Outcome> {
        let Shared { requests, tls, timeout, .. } = &*self.shared;
        let client = self.client.take().map_or_else(|| Client::new(tls, *timeout), Ok);
        let client = client.map_err(|reason| Outcome::Unreachable { reason, after: None })?;
        let client = self.client.insert(client);
        let events: Vec<_> = part.iter().map(cloud_event).collect();
        let request = requests.of(&events).map_err(|reason| Outcome::Park { reason })?;
        Ok(client.post(request, stop))
    }
}
