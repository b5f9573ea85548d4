//! What a worker answers.

use crate::Outcome;
use crate::kinds::programs::output::{bounded, printable};
use serde::Deserialize;
use std::time::Duration;

/// The longest time that a worker may ask to be left alone with an event.
const LONGEST_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An answer: about which event, and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) outcome: Outcome,
}

#[derive(Deserialize)]
struct Written {
    ack: Option<String>,
    retry: Option<String>,
    park: Option<String>,
    after: Option<f64>,
    reason: Option<String>,
}

impl Answer {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let fault = |what: &str| {
            let start = line.get(..80).unwrap_or(line);
            format!("{what}: {}", printable(start))
        };
        let written: Written = serde_json::from_slice(line)
            .map_err(|error| fault(&format!("wrote a line that is no answer ({error})")))?;
        let Written { ack, retry, park, after, reason } = written;
        let reason = |otherwise: &str| bounded(reason.as_deref().unwrap_or(otherwise));
        match (ack, retry, park) {
            (Some(id), None, None) => Ok(Self { id, outcome: Outcome::Done }),
            (None, Some(id), None) => {
                let after = after.map(duration).transpose().map_err(fault)?;
                let reason = reason("the worker asks for it to be sent again");
                Ok(Self { id, outcome: Outcome::Again { reason, after } })
            }
            (None, None, Some(id)) => {
                let reason = reason("the worker cannot do it");
                Ok(Self { id, outcome: Outcome::Park { reason } })
            }
            _ => Err(fault("wrote an answer without exactly one of ack, retry and park")),
        }
    }
}

fn duration(seconds: f64) -> Result<Duration, &'static str> {
    if !(0.0..=f64::MAX).contains(&seconds) {
        return Err("wrote an answer whose \"after\" is no number of seconds");
    }
    Ok(Duration::from_secs_f64(seconds.min(LONGEST_AFTER.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let outcome = |line: &str| Answer::parse(line.as_bytes()).map(|it| (it.id, it.outcome));
        let again = |reason: &str, after| Outcome::Again { reason: reason.to_owned(), after };
        assert_eq!(outcome(r#"{"ack":"k"}"#).unwrap(), ("k".to_owned(), Outcome::Done));
        assert_eq!(
            outcome(r#" {"retry":"k","after":1.5,"reason":"a\u001b\nb", "other": [1]} "#)
                .unwrap()
                .1,
            again("a\\u{1b}\\nb", Some(Duration::from_millis(1500)))
        );
        assert_eq!(outcome(r#"{"retry":"k","after":1e300}"#).unwrap().1, {
            again("the worker asks for it to be sent again", Some(LONGEST_AFTER))
        });
        assert_eq!(
            outcome(r#"{"park":"k"}"#).unwrap().1,
            Outcome::Park { reason: "the worker cannot do it".to_owned() }
        );
    }

    #[test]
    fn what_is_no_answer_is_told_without_control_characters() {
        for line in [
            "",
            "ok",
            "{}",
            "[]",
            "null",
            r#"{"ack":1}"#,
            r#"{"ack":"a","park":"a"}"#,
            r#"{"retry":"a","after":-1}"#,
            r#"{"retry":"a","after":"5"}"#,
            "{\"ack\":\"\x1b[2J",
            "\u{ff}\0",
        ] {
            let fault = Answer::parse(line.as_bytes()).unwrap_err();
            assert!(!fault.is_empty() && !fault.contains(char::is_control), "{line:?}: {fault:?}");
        }
        assert!(Answer::parse("[".repeat(60_000).as_bytes()).is_err(), "no stack overflow");
    }
}
