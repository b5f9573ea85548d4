//! When our own certificates expire.

use crate::limits::EXPIRY_WARNING;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::x509::X509;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Which of the certificates in a file expires first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    file: PathBuf,
    at: SystemTime,
    /// As OpenSSL writes it, in UTC.
    written: String,
}

impl Expiry {
    /// Of all certificates of the file that are sent, those of the chain too.
    ///
    /// # Errors
    /// OpenSSL cannot compute with one of the times.
    pub fn of<'a>(
        file: &Path,
        certificates: impl IntoIterator<Item = &'a X509>,
    ) -> Result<Self, ErrorStack> {
        let at = SystemTime::now() + DISTANT;
        let mut expiry = Self { file: file.to_owned(), at, written: String::new() };
        for certificate in certificates {
            let end = certificate.not_after();
            let at = seconds_since_1970(end)?;
            if at < expiry.at {
                expiry.at = at;
                expiry.written = end.to_string();
            }
        }
        Ok(expiry)
    }

    /// Its file, and when it expires.
    #[must_use]
    pub fn first(&self) -> (PathBuf, SystemTime) {
        (self.file.clone(), self.at)
    }

    /// What is to be said of it at this time: something from [`EXPIRY_WARNING`] before it on. `whose` are those who
    /// are sent the certificate, such as "senders".
    #[must_use]
    pub fn warning(&self, whose: &str, now: SystemTime) -> Option<String> {
        let file = self.file.display();
        let Ok(left) = self.at.duration_since(now) else {
            return Some(format!(
                "a certificate in '{file}' expired on {}: {whose} that check it refuse to connect; replace it, then \
                 send SIGHUP",
                self.written
            ));
        };
        let days = left.as_secs() / SECONDS_A_DAY;
        (left <= EXPIRY_WARNING).then(|| {
            format!(
                "a certificate in '{file}' expires in {days} days, on {}: replace it, then send SIGHUP",
                self.written
            )
        })
    }
}

const SECONDS_A_DAY: u64 = 24 * 3600;
const DISTANT: Duration = Duration::from_secs(100 * 366 * SECONDS_A_DAY);

fn seconds_since_1970(time: &openssl::asn1::Asn1TimeRef) -> Result<SystemTime, ErrorStack> {
    let left = Asn1Time::from_unix(0)?.diff(time)?;
    let seconds = i64::from(left.days) * 24 * 3600 + i64::from(left.secs);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_days_before_it_is_warned_of() {
        let days = |count: u64| Duration::from_secs(count * SECONDS_A_DAY);
        let end = Asn1Time::from_unix(1_800_000_000).unwrap();
        let at = seconds_since_1970(&end).unwrap();
        assert_eq!(at, SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let expiry = Expiry { file: "cert.pem".into(), at, written: end.to_string() };
        let warning = |now| expiry.warning("senders", now);
        assert_eq!(warning(at - days(31)), None);
        let soon = warning(at - days(30)).unwrap();
        assert!(soon.contains("'cert.pem' expires in 30 days, on Jan 15"), "{soon}");
        assert!(warning(at - days(1)).unwrap().contains("expires in 1 days, "));
        let late = warning(at + days(1)).unwrap();
        assert!(late.contains("expired on ") && late.contains(": senders that check it"), "{late}");
    }
}
