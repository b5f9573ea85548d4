//! What becomes of an object: statuses and errors become outcomes.
//!
//! | status of the C-STORE-RSP | outcome |
//! |---|---|
//! | 0000 success | done |
//! | 0001, 0107, 0116, Bxxx warnings | done; the log has a warning |
//! | 0111 duplicate SOP instance | done: the peer has it |
//! | A7xx out of resources, 0110 processing failure, 0213 resource limitation | tried again |
//! | 0210 duplicate invocation, FE00 cancel, FF00 and FF01 pending: answers that make no sense | tried again, on another association |
//! | A9xx data set does not match SOP class, Cxxx cannot understand | parked |
//! | 0105, 0106, 0112, 0117, 0118, 0119, 0120, 0121 wrong identifiers or attributes, 0122 SOP class not supported, 0124 not authorized, 0211 unrecognized operation, 0212 mistyped argument | parked |
//! | any other | parked |

use super::contexts::Need;
use crate::Outcome;
use dataset::{TransferSyntax, Uid, uid_names};
use requestor::{Error, Response, Status, StatusKind};
use std::io;

/// What a response means for its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The peer has it; with a remark for the log.
    Done(Option<String>),
    /// The peer may take it later.
    Again(String),
    /// The peer may take it later; it does not follow the protocol, so on another association.
    Confused(String),
    /// The peer will not take it.
    Park(String),
}

/// Judges a C-STORE-RSP (PS3.4 §B.2.3, PS3.7 Annex C).
pub(super) fn judge(response: &Response) -> Verdict {
    let status = response.status;
    let text = || {
        let mut text = format!("status {status} ({})", meaning(status));
        if let Some(comment) = response.error_comment.as_deref().filter(|it| !it.is_empty()) {
            text.push_str(": ");
            text.extend(comment.escape_debug());
        }
        text
    };
    match (status.0, status.kind()) {
        (0x0000, _) => Verdict::Done(None),
        (_, StatusKind::Warning) | (0x0111, _) => Verdict::Done(Some(text())),
        (0xA700..=0xA7FF | 0x0110 | 0x0213, _) => Verdict::Again(text()),
        (0x0210, _) | (_, StatusKind::Cancel | StatusKind::Pending) => Verdict::Confused(text()),
        _ => Verdict::Park(text()),
    }
}

fn meaning(status: Status) -> &'static str {
    match status.0 {
        0xA700..=0xA7FF => "out of resources",
        0xA900..=0xA9FF => "data set does not match SOP class",
        0xC000..=0xCFFF => "cannot understand",
        0xB000 => "coercion of data elements",
        0xB006 => "elements discarded",
        0xB007 => "data set does not match SOP class, stored all the same",
        0x0112 => "no such SOP instance",
        0x0118 => "no such SOP class",
        0x0119 => "class-instance conflict",
        0x0213 => "resource limitation",
        _ => status.meaning(),
    }
}

/// An association could not be opened.
pub(super) fn not_opened(error: &Error) -> Outcome {
    Outcome::Unreachable { reason: error.to_string(), after: None }
}

/// Why the file of an object cannot be sent: an error of its own, or one of the system that may pass.
pub(super) fn unreadable(what: &str, error: &io::Error) -> Outcome {
    let reason = format!("{what}: {error}");
    match error.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::InvalidData
        | io::ErrorKind::IsADirectory => Outcome::Park { reason },
        _ => Outcome::Again { reason, after: None },
    }
}

/// No presentation context was accepted for an object.
pub(super) fn not_accepted(need: Need) -> Outcome {
    let alternatives = need.alternatives();
    let names = |syntaxes: &[&TransferSyntax]| {
        syntaxes.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ")
    };
    let mut reason = format!(
        "the peer accepts no presentation context for SOP class {} in {}",
        described(&need.sop_class),
        need.transfer_syntax.name(),
    );
    if alternatives.is_empty() {
        reason.push_str(", and compressed data sets are sent as they are");
    } else {
        reason.push_str(&format!(", nor in {}", names(&alternatives)));
    }
    Outcome::Park { reason }
}

/// The UID, and the name if it has one.
fn described(sop_class: &Uid) -> String {
    match uid_names::name_of(sop_class.as_str()) {
        Some(name) => format!("{sop_class} ({name})"),
        None => sop_class.to_string(),
    }
}

/// The C-STORE-RQ of an object, or the beginning of its data set, could not be made.
pub(super) fn not_encoded(error: &Error) -> Outcome {
    match error {
        Error::Read(error) => unreadable("cannot read the data set", error),
        error => Outcome::Again { reason: error.to_string(), after: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16) -> Verdict {
        judge(&Response {
            command_field: 0x8001,
            message_id_being_responded_to: 1,
            status: Status(status),
            error_comment: Some("full\u{1b}[2J\n".to_owned()),
            sop_class: None,
            sop_instance: None,
        })
    }

    #[test]
    fn each_status_has_one_outcome() {
        for status in [0x0001, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007, 0xBFFF, 0x0111] {
            assert!(matches!(verdict(status), Verdict::Done(Some(_))), "{status:04X}");
        }
        for status in [0xA700, 0xA701, 0xA7FF, 0x0110, 0x0213] {
            assert!(matches!(verdict(status), Verdict::Again(_)), "{status:04X}");
        }
        for status in [0x0210, 0xFE00, 0xFF00, 0xFF01] {
            assert!(matches!(verdict(status), Verdict::Confused(_)), "{status:04X}");
        }
        let parked = [
            0x0105, 0x0106, 0x0112, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0122, 0x0124, 0x0211,
            0x0212, 0xA801, 0xA900, 0xA9FF, 0xC000, 0xCFFF, 0x1234, 0xFFFF,
        ];
        for status in parked {
            assert!(matches!(verdict(status), Verdict::Park(_)), "{status:04X}");
        }
        assert_eq!(verdict(0x0000), Verdict::Done(None));
    }

    #[test]
    fn what_the_peer_says_is_told_without_control_characters() {
        let Verdict::Again(reason) = verdict(0xA701) else { panic!() };
        assert_eq!(reason, "status A701H (out of resources): full\\u{1b}[2J\\n");
    }
}
