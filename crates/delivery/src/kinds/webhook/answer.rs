//! What an answer says about the events that it is for.

use super::request::Requests;
use crate::Outcome;
use crate::limits::{ANSWER_SHOWN, LONGEST_RETRY_AFTER};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let location = headers.get(LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Self {
            status,
            retry_after: retry_after.and_then(|text| pause(text, SystemTime::now())),
            location,
            body,
        }
    }

    pub(super) fn outcome(&self, requests: &Requests) -> Outcome {
        let after = self.retry_after;
        let reason = || self.reason(requests);
        match self.status.as_u16() {
            200..=299 => Outcome::Done,
            429 | 502..=504 => Outcome::Unreachable { reason: reason(), after },
            408 | 409 | 425 | 500..=599 => Outcome::Again { reason: reason(), after },
            300..=399 => Outcome::Park { reason: self.redirect(requests) },
            _ => Outcome::Park { reason: reason() },
        }
    }

    /// The status and the beginning of the body, escaped.
    fn reason(&self, requests: &Requests) -> String {
        let mut text = format!("{} answers {}", requests.host(), self.status);
        let body = String::from_utf8_lossy(&self.body);
        let body = requests.without_secrets(body.trim());
        if !body.is_empty() {
            let more = if body.chars().nth(ANSWER_SHOWN).is_some() { "…" } else { "" };
            let shown = body.chars().take(ANSWER_SHOWN);
            text.push_str(": ");
            text.extend(shown.flat_map(char::escape_debug));
            text.push_str(more);
        }
        text
    }

    fn redirect(&self, requests: &Requests) -> String {
        let location = requests.without_secrets(self.location.as_deref().unwrap_or_default());
        // The query may have secrets of somebody else.
        let place = location.split(['?', '#']).next().unwrap_or_default();
        let place: String = place.chars().take(ANSWER_SHOWN).flat_map(char::escape_debug).collect();
        format!(
            "{} answers {} to {place:?}, and redirects are not followed: set url to where events are taken",
            requests.host(),
            self.status
        )
    }
}

/// What `Retry-After` says (RFC 9110 §10.2.3): seconds, or a date.
fn pause(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    let pause = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
            SystemTime::from(date).duration_since(now).unwrap_or_default()
        }
    };
    Some(pause.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date_and_bounded() {
        let date = DateTime::parse_from_rfc2822("Wed, 21 Oct 2015 07:28:00 GMT").unwrap();
        let now = SystemTime::from(date.with_timezone(&Utc)) - Duration::from_secs(90);
        assert_eq!(pause("120", now), Some(Duration::from_secs(120)));
        assert_eq!(pause(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(90)));
        let late = now + Duration::from_secs(999);
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT", late), Some(Duration::ZERO));
        assert_eq!(pause("18446744073709551615", now), Some(LONGEST_RETRY_AFTER));
        for wrong in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
            assert_eq!(pause(wrong, now), None, "{wrong}");
        }
    }
}
