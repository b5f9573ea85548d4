//! The words that labels can have, and which of them stands for what happened. Free text never becomes a label, so the
//! number of series is bounded.

use receiver::{AssociationEnd, ConnectionRefusal, Rejection, Status, StoredFile, Tolerance};

/// How associations end.
pub(super) const RESULTS: [&str; 10] = [
    "released",
    "aborted-by-peer",
    "fault",
    "not-a-request",
    "connection-lost",
    "timed-out",
    "stopped",
    "on-purpose",
    "rejected",
    "internal-error",
];

/// The number in [`RESULTS`] of associations that are not accepted.
pub(super) const REJECTED: usize = 8;

/// The number of an end in [`RESULTS`].
pub(super) fn result(end: &AssociationEnd) -> usize {
    match end {
        AssociationEnd::Released => 0,
        AssociationEnd::AbortedByPeer(_) => 1,
        AssociationEnd::Fault(_) => 2,
        AssociationEnd::NoRequest => 3,
        AssociationEnd::ConnectionLost => 4,
        AssociationEnd::TimedOut(_) => 5,
        AssociationEnd::Stopped => 6,
        AssociationEnd::OnPurpose => 7,
        AssociationEnd::Rejected(_) => REJECTED,
        // Ends that come to be later are counted here until they have a word.
        _ => 9,
    }
}

/// Why connections are closed.
pub(super) const CONNECTION_REASONS: [&str; 3] =
    ["host-access-control", "tls-handshake", "too-many-connections"];

/// The number of a reason in [`CONNECTION_REASONS`].
pub(super) fn connection_reason(cause: ConnectionRefusal) -> usize {
    match cause {
        ConnectionRefusal::HostAccess => 0,
        ConnectionRefusal::TlsHandshake => TLS_HANDSHAKE,
        ConnectionRefusal::TooMany => 2,
    }
}

/// The number in [`CONNECTION_REASONS`] of handshakes that fail.
pub(super) const TLS_HANDSHAKE: usize = 1;

/// Why associations are rejected: the reasons of PS3.8 Table 9-21, under the names that settings have for them.
pub(super) const REJECTION_REASONS: [&str; 9] = [
    "no-reason-given",
    "application-context-name-not-supported",
    "calling-ae-title-not-recognized",
    "called-ae-title-not-recognized",
    "protocol-version-not-supported",
    "temporary-congestion",
    "local-limit-exceeded",
    "request-too-large",
    "other",
];

/// The number of a reason in [`REJECTION_REASONS`].
pub(super) fn rejection_reason(rejection: Rejection) -> usize {
    if rejection == Rejection::REQUEST_TOO_LARGE {
        return 7;
    }
    match (rejection.source, rejection.reason) {
        (1 | 2, 1) => 0,
        (1, 2) => 1,
        (1, 3) => 2,
        (1, 7) => 3,
        (2, 2) => 4,
        (3, 1) => 5,
        (3, 2) => 6,
        _ => 8,
    }
}

/// Why SOP classes are refused.
pub(super) const CLASS_REASONS: [&str; 1] = ["no-presentation-context"];

/// The statuses that are counted one by one (PS3.7 Annex C, PS3.4 §B.2.3), as the log shows them, and why requests
/// and objects are refused with them.
pub(super) const STATUSES: [(Status, &str, &str); 13] = [
    (Status::SUCCESS, "0000H", "success"),
    (Status::PROCESSING_FAILURE, "0110H", "processing-failure"),
    (Status::DUPLICATE_SOP_INSTANCE, "0111H", "duplicate-sop-instance"),
    (Status::INVALID_SOP_INSTANCE, "0117H", "invalid-sop-instance"),
    (Status::SOP_CLASS_NOT_SUPPORTED, "0122H", "sop-class-not-supported"),
    (Status::NOT_AUTHORIZED, "0124H", "not-authorized"),
    (Status::DUPLICATE_INVOCATION, "0210H", "duplicate-invocation"),
    (Status::UNRECOGNIZED_OPERATION, "0211H", "unrecognized-operation"),
    (Status::MISTYPED_ARGUMENT, "0212H", "mistyped-argument"),
    (Status::OUT_OF_RESOURCES, "A700H", "out-of-resources"),
    (Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS, "A900H", "data-set-does-not-match-sop-class"),
    (Status::CANNOT_UNDERSTAND, "C000H", "cannot-understand"),
    // Whatever is not above: faults on purpose answer anything.
    (Status(0xFFFF), "other", "other"),
];

/// The number of a status in [`STATUSES`].
pub(super) fn status(status: Status) -> usize {
    let known = STATUSES.iter().position(|(known, ..)| *known == status);
    known.unwrap_or(STATUSES.len() - 1)
}

/// Why requests and objects are refused: the statuses after the first, which is success.
pub(super) const STATUS_REASONS: [&str; STATUSES.len() - 1] = {
    let (mut reasons, mut number) = ([""; STATUSES.len() - 1], 0);
    while number < reasons.len() {
        reasons[number] = STATUSES[number + 1].2;
        number += 1;
    }
    reasons
};

/// The number of a status in [`STATUS_REASONS`].
pub(super) fn status_reason(told: Status) -> usize {
    status(told).saturating_sub(1)
}

/// Statuses as the log shows them.
pub(super) const STATUS_CODES: [&str; STATUSES.len()] = {
    let (mut codes, mut number) = ([""; STATUSES.len()], 0);
    while number < STATUSES.len() {
        codes[number] = STATUSES[number].1;
        number += 1;
    }
    codes
};

/// What is tolerated.
pub(super) const TOLERANCES: [&str; 3] =
    ["mismatched-uids", "undeclared-character-set", "class-not-negotiated"];

/// The number of what is tolerated in [`TOLERANCES`].
pub(super) fn tolerance(what: Tolerance) -> usize {
    match what {
        Tolerance::MismatchedUids => 0,
        Tolerance::UndeclaredCharacterSet => 1,
        Tolerance::ClassNotNegotiated => 2,
    }
}

/// What became of an object whose SOP Instance UID was stored already.
pub(super) const DUPLICATES: [&str; 3] = ["replaced", "kept", "rejected"];

/// The number in [`DUPLICATES`] of an object that is refused since another is there.
pub(super) const DUPLICATE_REJECTED: usize = 2;

/// The number in [`DUPLICATES`] of a stored object; `None` if it was the first.
pub(super) fn duplicate(file: &StoredFile<'_>) -> Option<usize> {
    if file.kept { Some(1) } else { file.replaced.then_some(0) }
}

/// How reloads of the settings end.
pub(super) const RELOADS: [&str; 2] = ["succeeded", "failed"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_end_has_its_word() {
        for (end, word) in [
            (AssociationEnd::Released, "released"),
            (AssociationEnd::NoRequest, "not-a-request"),
            (AssociationEnd::ConnectionLost, "connection-lost"),
            (AssociationEnd::TimedOut(Duration::from_secs(1)), "timed-out"),
            (AssociationEnd::Stopped, "stopped"),
            (AssociationEnd::OnPurpose, "on-purpose"),
            (AssociationEnd::Rejected(Rejection::CALLING_AE_TITLE), "rejected"),
            (AssociationEnd::Failed, "internal-error"),
        ] {
            assert_eq!(RESULTS[result(&end)], word);
        }
        assert_eq!(RESULTS[REJECTED], "rejected");
    }

    #[test]
    fn each_rejection_of_the_standard_has_its_word() {
        for (rejection, word) in [
            (Rejection::NO_REASON_GIVEN, "no-reason-given"),
            (Rejection::APPLICATION_CONTEXT_NAME, "application-context-name-not-supported"),
            (Rejection::CALLING_AE_TITLE, "calling-ae-title-not-recognized"),
            (Rejection::CALLED_AE_TITLE, "called-ae-title-not-recognized"),
            (Rejection::PROTOCOL_VERSION, "protocol-version-not-supported"),
            (Rejection::REQUEST_TOO_LARGE, "request-too-large"),
            (Rejection::TEMPORARY_CONGESTION, "temporary-congestion"),
            (Rejection::LOCAL_LIMIT_EXCEEDED, "local-limit-exceeded"),
            (Rejection { result: 1, source: 9, reason: 9 }, "other"),
        ] {
            assert_eq!(REJECTION_REASONS[rejection_reason(rejection)], word);
        }
    }

    #[test]
    fn statuses_are_shown_as_the_log_shows_them() {
        for (number, &(known, code, _)) in STATUSES.iter().enumerate() {
            assert_eq!(status(known), number);
            assert!(code == "other" || code == known.to_string(), "{code} {known}");
        }
        assert_eq!(STATUS_CODES[status(Status(0xB123))], "other");
        for (told, reason) in [
            (Status::PROCESSING_FAILURE, "processing-failure"),
            (Status::CANNOT_UNDERSTAND, "cannot-understand"),
            (Status(0xC123), "other"),
        ] {
            assert_eq!(STATUS_REASONS[status_reason(told)], reason);
        }
    }

    #[test]
    fn connections_are_told_apart() {
        let words = [
            ConnectionRefusal::HostAccess,
            ConnectionRefusal::TlsHandshake,
            ConnectionRefusal::TooMany,
        ]
        .map(|cause| CONNECTION_REASONS[connection_reason(cause)]);
        assert_eq!(words, CONNECTION_REASONS);
        assert_eq!(CONNECTION_REASONS[TLS_HANDSHAKE], "tls-handshake");
    }
}
