//! Our own private key and certificates.

use super::error::{Error, TlsFile};
use super::password::Password;
use super::reason::{file_reason, openssl_reason};
use super::settings::{KeyFormat, TlsSettings as Config};
use crate::limits::TLS_FILE_BYTES;
use openssl::asn1::Asn1Time;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::provider::Provider;
use openssl::x509::X509;
use std::path::Path;

/// Our private keys, each with the certificate to it, and the certificates of the chain to a CA.
pub(super) struct Identity {
    /// At least one; of one kind of key the last is used.
    pub(super) pairs: Vec<Pair>,
    pub(super) chain: Vec<X509>,
}

/// A private key and the certificate to it.
pub(super) struct Pair {
    pub(super) key: PKey<Private>,
    pub(super) certificate: X509,
}

impl Identity {
    /// Reads and checks both files. What is doubtful under the profile is added to `warnings`.
    ///
    /// The first certificate has to be that of the first key. Where the files have keys of several
    /// kinds, each needs its certificate, and each peer gets the one that it can use.
    ///
    /// # Errors
    /// A file is unreadable or not in the format asked for, the password is wrong, the two do not belong
    /// together, the certificate is not valid today, or is too weak for the profile.
    pub(super) fn load(
        config: &Config,
        password: &Password,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let keys = load_keys(&config.key_file, config.key_format, password)?;
        let mut chain =
            load_certificates(&config.certificate_file, config.key_format, TlsFile::Certificate)?;
        let mut pairs = Vec::new();
        for key in keys {
            let is_its = |certificate: &X509| {
                certificate.public_key().is_ok_and(|public| key.public_eq(&public))
            };
            let position = chain.iter().position(is_its);
            let Some(position) = position.filter(|&position| position == 0 || !pairs.is_empty())
            else {
                return Err(Error::KeyMismatch {
                    key: config.key_file.clone(),
                    certificate: config.certificate_file.clone(),
                });
            };
            let pair = Pair { key, certificate: chain.remove(position) };
            pair.check_dates(config)?;
            pair.check_strength(config, warnings)?;
            pairs.push(pair);
        }
        Ok(Self { pairs, chain })
    }
}

impl Pair {
    fn check_dates(&self, config: &Config) -> Result<(), Error> {
        let now = Asn1Time::days_from_now(0).map_err(Error::Library)?;
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
    let fault = |reason| Error::Unreadable { what, path: path.to_owned(), reason };
    let content =
        platform::read_at_most(path, TLS_FILE_BYTES).map_err(|error| fault(file_reason(&error)))?;
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

/// The keys of a file, at least one; DER has room for one.
fn load_keys(
    path: &Path,
    format: KeyFormat,
    password: &Password,
) -> Result<Vec<PKey<Private>>, Error> {
    let fault = |reason| Error::Unreadable { what: TlsFile::Key, path: path.to_owned(), reason };
    let content =
        platform::read_at_most(path, TLS_FILE_BYTES).map_err(|error| fault(file_reason(&error)))?;
    let blocks = match format {
        KeyFormat::Pem => private_key_blocks(&content),
        KeyFormat::Der => vec![content.as_slice()],
    };
    if blocks.is_empty() {
        return Err(fault("there is no PEM key in it".to_owned()));
    }
    let load = |block| load_key(block, path, format, password).map_err(fault);
    blocks.into_iter().map(load).collect()
}

/// Reads a key, or says why it cannot be read.
fn load_key(
    content: &[u8],
    path: &Path,
    format: KeyFormat,
    password: &Password,
) -> Result<PKey<Private>, String> {
    if !is_encrypted(content, format) {
        return match format {
            KeyFormat::Pem => PKey::private_key_from_pem(content),
            KeyFormat::Der => PKey::private_key_from_der(content),
        }
        .map_err(|error| {
            format!("there is no {} key in it ({})", format.name(), openssl_reason(&error))
        });
    }
    let password = password
        .reveal(path)
        .map_err(|error| format!("cannot read its password: {}", file_reason(&error)))?;
    // Keys encrypted with what is now called legacy, such as DES, are read too.
    let _legacy = Provider::try_load(None, "legacy", true);
    match format {
        KeyFormat::Pem => PKey::private_key_from_pem_passphrase(content, password),
        KeyFormat::Der => PKey::private_key_from_pkcs8_passphrase(content, password),
    }
    .map_err(|error| format!("the password is wrong ({})", openssl_reason(&error)))
}

/// The parts of a PEM file that are private keys.
fn private_key_blocks(content: &[u8]) -> Vec<&[u8]> {
    const END: &[u8] = b"PRIVATE KEY-----";
    let find = |from: usize, what: &[u8]| {
        let rest = content.get(from..)?;
        Some(from + rest.windows(what.len()).position(|window| window == what)?)
    };
    let mut blocks = Vec::new();
    let mut from = 0;
    while let Some(begin) = find(from, b"-----BEGIN ") {
        let line_end = find(begin, b"\n").unwrap_or(content.len());
        from = line_end;
        if !content[begin..line_end].trim_ascii_end().ends_with(END) {
            continue;
        }
        let end = find(line_end, b"-----END ").and_then(|end| find(end, END));
        from = end.map_or(content.len(), |end| end + END.len());
        blocks.push(&content[begin..from]);
    }
    blocks
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
    Error::CertificateUnusable { path: config.certificate_file.clone(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_keys_are_found_among_other_things() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----";
        let other = "-----BEGIN PRIVATE KEY-----\r\nBBBB\r\n-----END PRIVATE KEY-----";
        let parameters = "-----BEGIN EC PARAMETERS-----\nCCCC\n-----END EC PARAMETERS-----";
        let file = format!("Bag\n{parameters}\n{key}\nmore\n{other}\n");
        assert_eq!(private_key_blocks(file.as_bytes()), [key.as_bytes(), other.as_bytes()]);
        assert!(private_key_blocks(parameters.as_bytes()).is_empty());
        // What has no end is left for OpenSSL to refuse.
        assert_eq!(private_key_blocks(&key.as_bytes()[..40]), [&key.as_bytes()[..40]]);
        for text in ["", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----"] {
            assert!(private_key_blocks(text.as_bytes()).len() <= 1, "{text}");
        }
    }

    #[test]
    fn encrypted_keys_are_told_by_their_form() {
        assert!(is_encrypted(b"-----BEGIN ENCRYPTED PRIVATE KEY-----", KeyFormat::Pem));
        assert!(!is_encrypted(b"-----BEGIN PRIVATE KEY-----", KeyFormat::Pem));
        assert!(is_encrypted(&[0x30, 0x82, 1, 0, 0x30, 0x40], KeyFormat::Der));
        assert!(!is_encrypted(&[0x30, 0x82, 1, 0, 0x02, 1, 0], KeyFormat::Der));
        for cut in [&[][..], &[0x30], &[0x30, 0xFF], &[0x30, 0x82, 1]] {
            assert!(!is_encrypted(cut, KeyFormat::Der));
        }
    }
}
