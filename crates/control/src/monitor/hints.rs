//! What an operator can do about a refusal, where whoever reported it knew nothing better.

use proto::{Rejection, Status};
use receiver::{ConnectionRefusal, Refused};

/// `None` if nothing is known to help.
pub(super) fn hint<'r>(refused: &'r Refused<'_>) -> Option<&'r str> {
    match refused {
        Refused::Connection { cause, reason, .. } => of_connection(*cause, reason),
        Refused::Association { rejection, .. } => of_association(*rejection),
        Refused::Classes { advice, .. } => *advice,
        Refused::Request { status, .. } => of_request(*status),
        Refused::Object { status, .. } => of_object(*status),
        _ => None,
    }
}

/// Of what was refused to test the sender; `None` of all else.
pub(super) fn fault_on_purpose(refused: &Refused<'_>) -> Option<&'static str> {
    let (Refused::Association { reason, .. } | Refused::Object { reason, .. }) = refused else {
        return None;
    };
    let hint = "this receiver was started with options that provoke faults, such as --fault";
    (*reason == "fault on purpose").then_some(hint)
}

fn of_connection(cause: ConnectionRefusal, reason: &str) -> Option<&'static str> {
    match cause {
        ConnectionRefusal::TlsHandshake => of_handshake(reason),
        ConnectionRefusal::HostAccess => Some(
            "to serve this address, allow it in the files of --access-control (/etc/hosts.allow, /etc/hosts.deny)",
        ),
        ConnectionRefusal::TooMany => Some(
            "find out why this address opens so many connections; --max-associations-per-host limits one address",
        ),
    }
}

fn of_handshake(reason: &str) -> Option<&'static str> {
    const NO_TLS: [&str; 3] = ["wrong version number", "http request", "https proxy request"];
    Some(match reason {
        "no handshake in time" => {
            "check that the sender uses TLS and that the network lets it through; --acse-timeout sets the time"
        }
        "no shared cipher" => {
            "for senders with older cipher suites, see --profile-bcp195-nd and --cipher (profile and cipher-suites of \
             [tls])"
        }
        "unsupported protocol" => {
            "for senders with older versions of TLS, see --profile-bcp195 (profile of [tls])"
        }
        reason if NO_TLS.contains(&reason) => {
            "the sender does not use TLS, but this port requires it: enable TLS at the sender"
        }
        reason if reason.contains(" alert ") => {
            "the sender refused our certificate: let it trust the authority that issued it"
        }
        reason if reason.contains("certificate") => {
            "check that the sender has a certificate of an authority that --add-cert-file or --add-cert-dir (trust of \
             [tls]) names"
        }
        _ => return None,
    })
}

fn of_association(rejection: Rejection) -> Option<&'static str> {
    Some(match rejection {
        Rejection::CALLING_AE_TITLE => {
            "if this sender is to be served, add a rule for its calling AE title or address, or correct its title \
             at the sender"
        }
        Rejection::CALLED_AE_TITLE => {
            "correct the called AE title at the sender, or add a rule for it"
        }
        Rejection::APPLICATION_CONTEXT_NAME | Rejection::PROTOCOL_VERSION => {
            "the sender does not speak DICOM as the standard defines it: ask its manufacturer"
        }
        Rejection::REQUEST_TOO_LARGE => {
            "let the sender propose fewer presentation contexts, at most 128"
        }
        Rejection::TEMPORARY_CONGESTION => {
            "make room on the disk of the output directory, or change --min-free; the sender may try again"
        }
        Rejection::LOCAL_LIMIT_EXCEEDED => {
            "the sender may try again; if that happens often, raise the limit that the reason names: --max-associations, \
             --max-associations-per-host, or max-associations of its rule"
        }
        _ => return None,
    })
}

fn of_request(status: Status) -> Option<&'static str> {
    Some(match status {
        Status::UNRECOGNIZED_OPERATION => {
            "this receiver performs C-STORE and C-ECHO only: point queries and other services of the sender elsewhere"
        }
        Status::INVALID_SOP_INSTANCE | Status::MISTYPED_ARGUMENT => {
            "the sender's request is not valid: ask its manufacturer"
        }
        _ => return None,
    })
}

fn of_object(status: Status) -> Option<&'static str> {
    Some(match status {
        Status::OUT_OF_RESOURCES => {
            "check the disk of the output directory: room, quota, permissions; then send the object again"
        }
        Status::DATA_SET_DOES_NOT_MATCH_SOP_CLASS => {
            "the UIDs of the object and of the request differ: correct the sender, or tolerate it by \
             lenient = [\"mismatched-uids\"] in a rule for this sender"
        }
        Status::CANNOT_UNDERSTAND => {
            "the data set is damaged or lacks what its place is made of: send it again, or look at the object at \
             the sender"
        }
        Status::SOP_CLASS_NOT_SUPPORTED => {
            "the sender sends a SOP class that it has not negotiated: correct the sender, or tolerate it by \
             lenient = [\"classes-not-negotiated\"] in a rule for this sender"
        }
        Status(0x0111) => "the object is here already, and the settings reject duplicates",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HINT_BYTES;
    use crate::monitor::testing;
    use proto::Status;

    #[test]
    fn what_can_be_helped_has_a_hint_that_is_not_cut() {
        let handshakes =
            ["no handshake in time", "no shared cipher", "unsupported protocol", "http request"];
        let rejections = [
            Rejection::CALLING_AE_TITLE,
            Rejection::CALLED_AE_TITLE,
            Rejection::TEMPORARY_CONGESTION,
            Rejection::LOCAL_LIMIT_EXCEEDED,
        ];
        let objects = [0xA700, 0xA900, 0xC000, 0x0122, 0x0111];
        let hints = handshakes.into_iter().map(of_handshake);
        let hints = hints.chain(rejections.into_iter().map(of_association));
        for hint in hints.chain(objects.into_iter().map(|code| of_object(Status(code)))) {
            assert!(hint.unwrap().len() < HINT_BYTES);
        }
    }

    #[test]
    fn faults_on_purpose_are_not_blamed_on_the_sender() {
        let (peer, uid) = (testing::peer(1), testing::uid("1.2"));
        let refused = Refused::Object {
            peer: &peer,
            sop_class: &uid,
            sop_instance: &uid,
            status: Status::OUT_OF_RESOURCES,
            reason: "fault on purpose",
        };
        assert!(fault_on_purpose(&refused).is_some());
    }
}
