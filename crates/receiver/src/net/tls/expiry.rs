//! When our own certificates expire.

use super::error::Error;
use super::identity::Identity;
use super::settings::TlsSettings as Config;
use crate::limits::EXPIRY_WARNING;
use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// Which of our certificates expires first.
#[derive(Clone)]
pub(super) struct Expiry {
    file: PathBuf,
    at: SystemTime,
    /// As OpenSSL writes it, in UTC.
    written: String,
}

impl Expiry {
    /// Of all certificates that peers are sent, those of the chain too.
    pub(super) fn of(identity: &Identity, config: &Config) -> Result<Self, Error> {
        let own = identity.pairs.iter().map(|pair| &pair.certificate);
        let mut expiry = Self {
            file: config.certificate_file.clone(),
            at: SystemTime::now() + DISTANT,
            written: String::new(),
        };
        for certificate in own.chain(&identity.chain) {
            let end = certificate.not_after();
            let at = seconds_since_1970(end).map_err(Error::Library)?;
            if at < expiry.at {
                expiry.at = at;
                expiry.written = end.to_string();
            }
        }
        Ok(expiry)
    }

    /// Its file, and when it expires.
    pub(super) fn first(&self) -> (PathBuf, SystemTime) {
        (self.file.clone(), self.at)
    }

    /// What is to be said of it at this time.
    pub(super) fn warning(&self, now: SystemTime) -> Option<String> {
        let file = self.file.display();
        let Ok(left) = self.at.duration_since(now) else {
            return Some(format!(
                "a certificate in '{file}' expired on {}: senders that check it refuse to connect; replace it, then \
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
        assert_eq!(expiry.warning(at - days(31)), None);
        let warning = expiry.warning(at - days(30)).unwrap();
        assert!(warning.contains("'cert.pem' expires in 30 days, on Jan 15"), "{warning}");
        assert!(expiry.warning(at - days(1)).unwrap().contains("expires in 1 days, "));
        assert!(expiry.warning(at + days(1)).unwrap().contains("expired on "));
    }
}
