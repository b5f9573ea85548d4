//! Our own private key and certificates.

use super::password::Password;
use super::{file_reason, openssl_reason};
use crate::cli::{KeyFormat, Tls as Config};
use crate::error::{Error, TlsFile};
use openssl::asn1::Asn1Time;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;
use std::fs;
use std::path::Path;

/// Our private key, the certificate to it, and those that lead on to the authority.
pub(super) struct Identity {
    pub(super) key: PKey<Private>,
    pub(super) certificate: X509,
    pub(super) chain: Vec<X509>,
}

impl Identity {
    /// Reads and checks both files. What is doubtful under the profile is added to `warnings`.
    ///
    /// # Errors
    /// A file is unreadable or not in the format asked for, the password is wrong, the two do not
    /// belong together, the certificate does not hold today, or is too weak for the profile.
    pub(super) fn load(
        config: &Config,
        password: &Password,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let key = load_key(&config.key_file, config.key_format, password)?;
        let mut certificates =
            load_certificates(&config.certificate_file, config.key_format, TlsFile::Certificate)?;
        let certificate = certificates.remove(0);
        let identity = Self { key, certificate, chain: certificates };
        identity.check_match(config)?;
        identity.check_dates(config)?;
        identity.check_strength(config, warnings)?;
        Ok(identity)
    }

    fn check_match(&self, config: &Config) -> Result<(), Error> {
        let theirs = self.certificate.public_key();
        if theirs.is_ok_and(|theirs| self.key.public_eq(&theirs)) {
            return Ok(());
        }
        Err(Error::TlsKeyMismatch {
            key: config.key_file.clone(),
            certificate: config.certificate_file.clone(),
        })
    }

    fn check_dates(&self, config: &Config) -> Result<(), Error> {
        let now = Asn1Time::days_from_now(0).map_err(Error::TlsLibrary)?;
        let (begin, end) = (self.certificate.not_before(), self.certificate.not_after());
        let fault = if end < &*now {
            format!("it expired on {end}")
        } else if begin > &*now {
            format!("it is not valid before {begin}")
        } else {
            return Ok(());
        };
        Err(unusable(config, fault))
    }

    /// RFC 9325 §4.1, §4.2: RSA keys of 2048 bits at least, hashes not older than SHA-256.
    fn check_strength(&self, config: &Config, warnings: &mut Vec<String>) -> Result<(), Error> {
        let current = config.profile.is_current();
        let file = config.certificate_file.display();
        let bits = self.key.bits();
        if self.key.id() == Id::RSA && bits < 2048 {
            if current {
                let fault = format!("its RSA key has {bits} bits, fewer than 2048");
                return Err(unusable(config, fault));
            }
            warnings.push(format!(
                "Key length of RSA public key too short: RFC 9325 recommends at least 2048 bits \
                 for RSA keys, but the key in certificate file '{file}' is only {bits} bits."
            ));
        }
        if self.key.id() == Id::DSA {
            if current {
                return Err(unusable(config, "its key is a DSA key".to_owned()));
            }
            warnings.push(format!("the key in certificate file '{file}' is a DSA key"));
        }
        let Some(name) = old_signature_hash(&self.certificate) else { return Ok(()) };
        if current {
            return Err(unusable(config, format!("it is signed with {name}")));
        }
        warnings.push(format!(
            "Certificate hash key not SHA-256: RFC 9325 recommends the use of SHA-256 for \
             certificates, but certificate file '{file}' uses '{name}'."
        ));
        Ok(())
    }
}

/// The certificates of a file, at least one.
///
/// # Errors
/// There are none in it, or it is unreadable.
pub(super) fn load_certificates(
    path: &Path,
    format: KeyFormat,
    what: TlsFile,
) -> Result<Vec<X509>, Error> {
    let fault = |reason| Error::TlsUnreadable { what, path: path.to_owned(), reason };
    let content = fs::read(path).map_err(|error| fault(file_reason(&error)))?;
    let certificates = match format {
        KeyFormat::Pem => X509::stack_from_pem(&content),
        KeyFormat::Der => X509::from_der(&content).map(|certificate| vec![certificate]),
    }
    .map_err(|error| fault(openssl_reason(&error)))?;
    if certificates.is_empty() {
        return Err(fault(format!("there is no {} certificate in it", format.name())));
    }
    Ok(certificates)
}

fn load_key(path: &Path, format: KeyFormat, password: &Password) -> Result<PKey<Private>, Error> {
    let fault = |reason| Error::TlsUnreadable { what: TlsFile::Key, path: path.to_owned(), reason };
    let content = fs::read(path).map_err(|error| fault(file_reason(&error)))?;
    if !is_encrypted(&content, format) {
        return match format {
            KeyFormat::Pem => PKey::private_key_from_pem(&content),
            KeyFormat::Der => PKey::private_key_from_der(&content),
        }
        .map_err(|error| {
            let reason = openssl_reason(&error);
            fault(format!("there is no {} key in it ({reason})", format.name()))
        });
    }
    let password = password
        .reveal(path)
        .map_err(|error| fault(format!("cannot read its password: {}", file_reason(&error))))?;
    // Keys encrypted with what is now called legacy, such as DES, are read too.
    let _legacy = Provider::try_load(None, "legacy", true);
    match format {
        KeyFormat::Pem => PKey::private_key_from_pem_passphrase(&content, password),
        KeyFormat::Der => PKey::private_key_from_pkcs8_passphrase(&content, password),
    }
    .map_err(|error| fault(format!("the password is wrong ({})", openssl_reason(&error))))
}

/// Whether a key needs a password.
fn is_encrypted(content: &[u8], format: KeyFormat) -> bool {
    match format {
        KeyFormat::Pem => content.windows(9).any(|window| window == b"ENCRYPTED"),
        // An EncryptedPrivateKeyInfo (RFC 5958) begins with an algorithm, a SEQUENCE, any other
        // key with a version, an INTEGER.
        KeyFormat::Der => {
            let length_bytes = match content.get(1) {
                Some(&length) if length & 0x80 != 0 => usize::from(length & 0x7F),
                _ => 0,
            };
            content.first() == Some(&0x30) && content.get(2 + length_bytes) == Some(&0x30)
        }
    }
}

/// What a certificate's signature is called, if its hash is older than SHA-256.
fn old_signature_hash(certificate: &X509) -> Option<String> {
    let algorithm = certificate.signature_algorithm().object().nid();
    let hash = algorithm.signature_algorithms()?.digest;
    let old = [Nid::MD2, Nid::MD4, Nid::MD5, Nid::MD5_SHA1, Nid::SHA1, Nid::RIPEMD160];
    old.contains(&hash).then(|| algorithm.long_name().unwrap_or("an old hash").to_owned())
}

fn unusable(config: &Config, reason: String) -> Error {
    Error::TlsCertificateUnusable { path: config.certificate_file.clone(), reason }
}
