//! Checks settings as a whole, before anything is sent.

use crate::connection::tls_connector;
use crate::error::Error;
use crate::settings::{AuditDestination, AuditSettings, ClientTls, TraceSettings};

impl AuditSettings {
    /// Reads keys and certificates, and forgets them again. Nothing is connected to or written.
    ///
    /// # Errors
    /// They cannot be read or used, or they are given for a destination without TLS.
    pub fn check(&self) -> Result<(), Error> {
        match &self.destination {
            AuditDestination::SyslogTls(_) => tls_connector(&self.tls).map(drop),
            _ if self.tls != ClientTls::default() => Err(Error::TlsWithoutUse),
            _ => Ok(()),
        }
    }
}

impl TraceSettings {
    /// Reads keys and certificates, and forgets them again. Nothing is connected to.
    ///
    /// # Errors
    /// They cannot be read or used, or they are given for `http`; the ratio is not from 0 to 1; a header field
    /// is not one.
    pub fn check(&self) -> Result<(), Error> {
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(Error::Ratio(self.ratio));
        }
        if let Some(header) = self.headers.iter().find(|header| !header.is_valid()) {
            return Err(Error::Header(header.name.clone()));
        }
        match self.url.is_tls {
            true => tls_connector(&self.tls).map(drop),
            false if self.tls != ClientTls::default() => Err(Error::TlsWithoutUse),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Header;

    #[test]
    fn settings_that_make_no_sense_are_told() {
        let mut settings = AuditSettings::new("file:/a".parse().unwrap());
        assert!(settings.check().is_ok());
        settings.tls.ca = Some("ca.pem".into());
        assert!(matches!(settings.check(), Err(Error::TlsWithoutUse)));
        let mut settings = TraceSettings::new("http://host".parse().unwrap());
        assert!(settings.check().is_ok());
        settings.ratio = 1.5;
        assert!(matches!(settings.check(), Err(Error::Ratio(_))));
        settings.ratio = 0.5;
        let (name, value) = ("Authorization".to_owned(), "Bearer s3cret".to_owned());
        settings.headers.push(Header { name, value });
        assert!(settings.check().is_ok());
        assert!(!format!("{settings:?}").contains("s3cret"));
        settings.headers[0].value.push_str("\r\nX: y");
        assert!(matches!(settings.check(), Err(Error::Header(_))));
    }
}
