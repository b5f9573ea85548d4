//! Keys and certificates of connections to HTTP servers.

use crate::TlsClientSettings;
use crate::limits::TLS_FILE_BYTES;
use openssl::pkey::PKey;
use reqwest::{Certificate, ClientBuilder, Identity};
use std::fmt;
use std::path::Path;

/// What was read from the files. Its `Debug` has no keys.
pub(super) struct Tls {
    /// Those of the authorities that are trusted; `None` for the system's.
    trusted: Option<Vec<Certificate>>,
    identity: Option<Identity>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("trusted", &self.trusted.as_ref().map(Vec::len))
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Which cannot be used, and why.
    pub(super) fn read(settings: &TlsClientSettings) -> Result<Self, String> {
        let trusted = settings.trusted.as_deref().map(certificates).transpose()?;
        let identity = match (&settings.certificate, &settings.key) {
            (Some(certificate), key) => {
                Some(identity(certificate, key.as_deref().unwrap_or(certificate))?)
            }
            (None, Some(key)) => {
                return Err(format!("{}: a key needs a certificate", key.display()));
            }
            (None, None) => None,
        };
        Ok(Self { trusted, identity })
    }

    /// Connections made by `builder` use them: TLS 1.2 or later, the server's certificate and name verified.
    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        let mut builder = builder.tls_version_min(reqwest::tls::Version::TLS_1_2);
        if let Some(trusted) = &self.trusted {
            builder = builder.tls_certs_only(trusted.iter().cloned());
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }
        builder
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, String> {
    let found = Certificate::from_pem_bundle(&read(path)?);
    let found = found.map_err(|_| format!("{}: a certificate cannot be read", path.display()))?;
    if found.is_empty() {
        return Err(format!("{}: no certificate in PEM form in this file", path.display()));
    }
    Ok(found)
}

/// Keys in any PEM form, without a password, so that nobody is asked for one.
fn identity(certificate: &Path, key: &Path) -> Result<Identity, String> {
    let wrong = |_| format!("{}: it has no private key that can be read", key.display());
    let read_key = PKey::private_key_from_pem_callback(&read(key)?, |_| Ok(0)).map_err(wrong)?;
    let pkcs8 = read_key.private_key_to_pem_pkcs8().map_err(wrong)?;
    let chain = read(certificate)?;
    let first = openssl::x509::X509::from_pem(&chain);
    let first = first.map_err(|_| format!("{}: no certificate in it", certificate.display()))?;
    let fits = first.public_key().is_ok_and(|public| public.public_eq(&read_key));
    if !fits {
        return Err(format!("{}: its key does not belong to the certificate", key.display()));
    }
    Identity::from_pkcs8_pem(&chain, &pkcs8)
        .map_err(|_| format!("{}: the certificate cannot be used", certificate.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    platform::read_at_most(path, TLS_FILE_BYTES)
        .map_err(|error| format!("{}: {}", path.display(), platform::reason(&error)))
}
