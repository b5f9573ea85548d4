//! Which certificates of peers are trusted.

use super::error::{Error, TlsFile};
use super::identity::load_certificates;
use super::reason::{file_reason, openssl_reason};
use super::settings::{CrlCheck, KeyFormat, PeerCertificate, TlsSettings as Config};
use crate::limits::TLS_FILE_BYTES;
use openssl::ssl::SslFiletype;
use openssl::x509::X509Crl;
use openssl::x509::store::{X509Lookup, X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;
use std::fs;
use std::path::Path;

/// The certificates of authorities and the revocation lists that peers are checked against.
///
/// A hashed directory is looked into whenever a certificate is checked.
///
/// # Errors
/// A file or directory that the command line names is unreadable, or there is nothing in it: it
/// would lock everybody out.
pub(super) fn load(config: &Config, warnings: &mut Vec<String>) -> Result<X509Store, Error> {
    let mut store = X509StoreBuilder::new().map_err(Error::Library)?;
    for path in &config.trusted_files {
        for certificate in load_certificates(path, config.key_format, TlsFile::TrustedCertificate)?
        {
            store.add_cert(certificate).map_err(Error::Library)?;
        }
    }
    for path in &config.trusted_directories {
        add_directory(&mut store, path, config.key_format, warnings)?;
    }
    for path in &config.crl_files {
        add_crls(&mut store, path, config.key_format)?;
    }
    warn_of_lock_out(config, warnings);
    let flags = match config.crl_check {
        CrlCheck::None => X509VerifyFlags::empty(),
        CrlCheck::Leaf => X509VerifyFlags::CRL_CHECK,
        CrlCheck::Chain => X509VerifyFlags::CRL_CHECK | X509VerifyFlags::CRL_CHECK_ALL,
    };
    store.set_flags(flags).map_err(Error::Library)?;
    Ok(store.build())
}

/// What is asked of peers, and no peer can give.
fn warn_of_lock_out(config: &Config, warnings: &mut Vec<String>) {
    if config.peer_certificate == PeerCertificate::Ignore || !config.trusted_directories.is_empty()
    {
        return;
    }
    if config.trusted_files.is_empty() {
        warnings.push(
            "no trusted certificate authority (--add-cert-file, --add-cert-dir): every certificate \
             of a peer will be refused"
                .to_owned(),
        );
    } else if config.crl_check != CrlCheck::None && config.crl_files.is_empty() {
        warnings.push(
            "certificates are checked for revocation, but there is no revocation list \
             (--add-crl-file): every certificate of a peer will be refused"
                .to_owned(),
        );
    }
}

fn add_directory(
    store: &mut X509StoreBuilder,
    path: &Path,
    format: KeyFormat,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    let fault = |reason| Error::Unreadable {
        what: TlsFile::TrustedDirectory,
        path: path.to_owned(),
        reason,
    };
    let entries = fs::read_dir(path).map_err(|error| fault(file_reason(&error)))?;
    let mut names = entries.flatten().map(|entry| entry.file_name());
    if !names.any(|name| name.to_str().is_some_and(is_hashed_name)) {
        warnings.push(format!(
            "no certificate in directory '{}' has a hashed name, so none is found \
             (openssl rehash makes the names)",
            path.display()
        ));
    }
    let name = path.to_str().ok_or_else(|| fault(NOT_UTF8.to_owned()))?;
    let lookup = store.add_lookup(X509Lookup::hash_dir()).map_err(Error::Library)?;
    lookup.add_dir(name, file_type(format)).map_err(|error| fault(openssl_reason(&error)))
}

/// Whether OpenSSL would look at a file of this name: `0a1b2c3d.0`, or `.r0` for revocation lists.
fn is_hashed_name(name: &str) -> bool {
    let Some((hash, number)) = name.split_once('.') else { return false };
    let number = number.strip_prefix('r').unwrap_or(number);
    hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn add_crls(store: &mut X509StoreBuilder, path: &Path, format: KeyFormat) -> Result<(), Error> {
    let fault = |reason| Error::Unreadable { what: TlsFile::Crl, path: path.to_owned(), reason };
    let content =
        platform::read_at_most(path, TLS_FILE_BYTES).map_err(|error| fault(file_reason(&error)))?;
    // OpenSSL's look-up takes a file to read; what is read here is only to say what is wrong.
    match format {
        KeyFormat::Pem => X509Crl::from_pem(&content),
        KeyFormat::Der => X509Crl::from_der(&content),
    }
    .map_err(|error| {
        let reason = openssl_reason(&error);
        fault(format!("there is no {} revocation list in it ({reason})", format.name()))
    })?;
    let name = path.to_str().ok_or_else(|| fault(NOT_UTF8.to_owned()))?;
    let lookup = store.add_lookup(X509Lookup::file()).map_err(Error::Library)?;
    lookup
        .load_crl_file(name, file_type(format))
        .map(drop)
        .map_err(|error| fault(openssl_reason(&error)))
}

fn file_type(format: KeyFormat) -> SslFiletype {
    match format {
        KeyFormat::Pem => SslFiletype::PEM,
        KeyFormat::Der => SslFiletype::ASN1,
    }
}

const NOT_UTF8: &str = "its name is not UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashed_names_are_told_apart() {
        for name in ["0a1b2c3d.0", "DEADBEEF.12", "0a1b2c3d.r0"] {
            assert!(is_hashed_name(name), "{name}");
        }
        for name in ["ca.pem", "0a1b2c3d", "0a1b2c3d.", "0a1b2c3d.r", "0a1b2c3.0", "0a1b2c3d.0~"] {
            assert!(!is_hashed_name(name), "{name}");
        }
    }
}
