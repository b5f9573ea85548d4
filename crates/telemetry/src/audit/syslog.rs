//! The form of syslog messages (RFC 5424), as PS3.15 §A.6 and §A.7 want them for audit messages.

use chrono::{DateTime, SecondsFormat, Utc};
use std::fmt::Write as _;
use std::time::SystemTime;

/// Who sends: the fields of the header that are always the same.
#[derive(Debug, Clone)]
pub(super) struct Header {
    host: String,
    application: String,
    process: u32,
}

/// How serious it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    Warning,
    Notice,
}

impl Header {
    pub(super) fn new(host: &str, application: &str, process: u32) -> Self {
        Self { host: printable(host, 255), application: printable(application, 48), process }
    }

    /// The message with its header: without an end of line, and without a frame around it.
    pub(super) fn message(&self, severity: Severity, time: SystemTime, xml: &[u8]) -> Vec<u8> {
        // Facility 10, security (§A.6).
        const FACILITY: u8 = 10;
        const MESSAGE_ID: &str = "DICOM+RFC3881";
        let severity = match severity {
            Severity::Warning => 4,
            Severity::Notice => 5,
        };
        let priority = FACILITY * 8 + severity;
        let time = DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Micros, true);
        let Self { host, application, process } = self;
        let mut header = String::with_capacity(128 + xml.len());
        // Writing into a string does not fail.
        let _ =
            write!(header, "<{priority}>1 {time} {host} {application} {process} {MESSAGE_ID} - ");
        let mut message = header.into_bytes();
        message.extend("\u{feff}".as_bytes());
        message.extend(xml);
        message
    }
}

/// A field of the header: printable ASCII of bounded length, `-` for nothing (RFC 5424 §6).
fn printable(text: &str, most: usize) -> String {
    let text: String = text.chars().filter(char::is_ascii_graphic).take(most).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_message_has_the_header_of_audit_messages() {
        let header = Header::new("archive.example", "storescp", 4711);
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_764_504_000_000_123);
        let message = header.message(Severity::Notice, time, b"<AuditMessage/>");
        assert_eq!(
            String::from_utf8(message).unwrap(),
            "<85>1 2025-11-30T12:00:00.000123Z archive.example storescp 4711 DICOM+RFC3881 - \
             \u{feff}<AuditMessage/>"
        );
        let message = header.message(Severity::Warning, time, b"");
        assert!(message.starts_with(b"<84>1 "));
    }

    #[test]
    fn a_host_without_a_name_breaks_no_header() {
        let header = Header::new("", "a b\nc", 1);
        let message = header.message(Severity::Notice, SystemTime::UNIX_EPOCH, b"");
        assert_eq!(
            String::from_utf8(message).unwrap(),
            "<85>1 1970-01-01T00:00:00.000000Z - abc 1 DICOM+RFC3881 - \u{feff}"
        );
    }
}
