//! What to do when a step fails.

use super::settings::TestSettings;
use requestor::{Error, Status, Waiting};
use std::io;

/// What most likely helps with this error.
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
