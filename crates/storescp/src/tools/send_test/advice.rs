//! What to do when a step fails.

use super::settings::TestSettings;
use proto::AbortCause;
use requestor::{Error, Status, Waiting};
use std::io;

/// What most likely helps with this error, before the association is accepted.
pub(super) fn on_error(error: &Error, settings: &TestSettings) -> String {
    let TestSettings { host, port, tls, .. } = settings;
    match error {
        Error::Connect(source) if source.kind() == io::ErrorKind::ConnectionRefused => format!(
            "nothing listens on port {port} of {host}: is the receiver running, and is this its port ('ss -ltn' there \
             lists them)? Or a firewall refuses"
        ),
        Error::Connect(_) => format!(
            "is '{host}' the right name or address, and is there a route to it ('ping {host}')?"
        ),
        Error::TimedOut(Waiting::Connect) => format!(
            "there is no answer from {host}: a wrong address, a machine that is off, or a firewall that drops what is \
             sent to port {port}"
        ),
        Error::Handshake(source) if source.to_string().contains("certificate verify failed") => {
            "the receiver's certificate is not from an authority in --ca, has expired, or is for another name than the \
             host given here"
                .to_owned()
        }
        Error::Handshake(_) | Error::TimedOut(Waiting::Handshake) => {
            "does the receiver use TLS on this port? If not, leave out --tls. Does it want a certificate? Then give --key \
             and --cert. Its log says why it refused"
                .to_owned()
        }
        Error::Aborted(AbortCause::ByPeer(_)) if tls.is_none() => {
            "the receiver speaks DICOM and refuses on purpose: its log says why".to_owned()
        }
        Error::Rejected(rejection) => on_rejection(rejection.source, rejection.reason, settings),
        Error::TimedOut(Waiting::AssociateResponse) | Error::Aborted(_) | Error::Connection(_)
            if tls.is_none() =>
        {
            "does the receiver want TLS on this port? Then give --tls. Is it a DICOM port at all? Its log says more".to_owned()
        }
        Error::Aborted(_) | Error::Connection(_) if tls.is_some() => {
            "the receiver may want a certificate (--key, --cert), or trust another authority; its log says which".to_owned()
        }
        Error::TimedOut(_) => "the receiver hangs, or needs longer: see its log, or give --timeout".to_owned(),
        Error::NotAccepted { .. } => "the receiver does not take this class in uncompressed transfer syntaxes: see its \
             negotiation profile"
            .to_owned(),
        _ => "see the log of the receiver".to_owned(),
    }
}

/// What most likely helps with this error, once the association is accepted: address, port and TLS are right.
pub(super) fn on_association(error: &Error) -> &'static str {
    match error {
        Error::TimedOut(_) => "the receiver hangs, or needs longer: see its log, or give --timeout",
        Error::NotAccepted { .. } => {
            "the receiver does not take this class in uncompressed transfer syntaxes: see its negotiation profile"
        }
        Error::Aborted(AbortCause::ByPeer(_)) | Error::ReleasedByPeer => {
            "the receiver ended the association on purpose: its log says why"
        }
        Error::Aborted(AbortCause::ConnectionClosed) | Error::Connection(_) => {
            "the receiver accepted the association and then broke off: did it stop or crash, or does something between \
             cut connections? Its log says more"
        }
        Error::Aborted(_) | Error::UnexpectedMessage(_) | Error::Protocol(_) => {
            "the receiver answered what DICOM does not allow here: that is a fault of its program"
        }
        _ => "see the log of the receiver",
    }
}

/// What went wrong, with OpenSSL's messages in plain words where they are known.
pub(super) fn what_failed(error: &Error, host: &str) -> String {
    let text = error.to_string();
    match error {
        Error::Handshake(_) | Error::Connection(_) => tls_in_words(&text, host).unwrap_or(text),
        _ => text,
    }
}

/// What a message of OpenSSL means; `None` if it is another.
fn tls_in_words(text: &str, host: &str) -> Option<String> {
    let has = |words: &str| text.contains(words);
    if let Some((_, alert)) = text.split_once(" alert ").filter(|_| has("SSL routines")) {
        let alert = alert.split(':').next().unwrap_or(alert);
        let is_about_us = alert.contains("certificate") || alert == "unknown ca";
        let what = if is_about_us { "our certificate" } else { "the TLS handshake" };
        let alert = if alert == "unknown ca" { "unknown CA" } else { alert };
        return Some(format!("the peer refused {what}: {alert}"));
    }
    if has("wrong version number") || has("packet length too long") {
        return Some("the peer does not speak TLS".to_owned());
    }
    if !has("certificate verify failed") {
        return None;
    }
    let problem = if has("hostname mismatch") || has("IP address mismatch") {
        format!("does not name '{host}'")
    } else if has("has expired") {
        "has expired".to_owned()
    } else if has("local issuer") || has("self-signed") || has("self signed") {
        "is not from an authority in --ca".to_owned()
    } else {
        return None;
    };
    Some(format!("the peer's certificate {problem}"))
}

/// PS3.8 §9.3.4.
fn on_rejection(source: u8, reason: u8, settings: &TestSettings) -> String {
    match (source, reason) {
        (1, 3) => format!(
            "the receiver does not know the sender's AE title: enter {} there, or give one that it knows with --calling",
            settings.calling
        ),
        (1, 7) => "the receiver has another AE title: give it with --called".to_owned(),
        (3, 1) => "the receiver is short of something for a while, mostly of disk space: its log says of what".to_owned(),
        (3, 2) => "the receiver serves as many associations as it may: try again, or raise its limit \
             (--max-associations)"
            .to_owned(),
        _ => "the receiver refuses on purpose: see its log, and its list of senders".to_owned(),
    }
}

/// What helps with a status that is no success.
pub(super) fn on_status(status: Status) -> &'static str {
    match status.0 {
        0xA700..=0xA7FF | 0x0213 => {
            "the receiver cannot write: look there for a full or read-only disk ('df -h'), and into its log"
        }
        0x0122 => "the receiver stores no objects of this class",
        0x0124 => "the receiver does not let this sender store",
        _ => "the log of the receiver says why",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_openssl_in_words() {
        for (text, words) in [
            (
                "error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:x.c:1:SSL alert number 48",
                "the peer refused our certificate: unknown CA",
            ),
            (
                "error:0A000410:SSL routines:f:sslv3 alert handshake failure:x.c:1:SSL alert number 40",
                "the peer refused the TLS handshake: handshake failure",
            ),
            (
                "error:0A00010B:SSL routines:f:wrong version number:x.c:1:",
                "the peer does not speak TLS",
            ),
            (
                "certificate verify failed:x.c:1:: hostname mismatch",
                "the peer's certificate does not name 'pacs'",
            ),
            (
                "certificate verify failed:x.c:1:: certificate has expired",
                "the peer's certificate has expired",
            ),
        ] {
            assert_eq!(tls_in_words(text, "pacs").as_deref(), Some(words), "{text}");
        }
        assert_eq!(tls_in_words("Connection reset by peer", "pacs"), None);
    }
}
