//! Why TLS cannot be set up.

use super::SecurityProfile;
use openssl::error::ErrorStack;
use std::fmt;
use std::path::PathBuf;

/// What is wrong with the settings of TLS, or with a file that they name.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory for TLS cannot be read, or written, or is not what it should be.
    Unreadable {
        /// What it is for.
        what: TlsFile,
        /// As given on the command line.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The private key is not that of the certificate.
    KeyMismatch {
        /// The file of the private key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// Our certificate is not valid today, or is too weak.
    CertificateUnusable {
        /// The file of the certificate.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// There is no cipher suite of this name.
    UnknownCipherSuite {
        /// As given on the command line.
        name: String,
    },
    /// The OpenSSL in use does not have this cipher suite.
    MissingCipherSuite {
        /// Its registered name.
        name: &'static str,
    },
    /// A cipher suite that the security profile does not allow.
    CipherSuiteConflict {
        /// Its registered name.
        name: &'static str,
        /// The profile.
        profile: SecurityProfile,
        /// What the profile does not allow about it.
        what: &'static str,
    },
    /// The OpenSSL in use has none of the profile's cipher suites.
    NoCipherSuite {
        /// The profile.
        profile: SecurityProfile,
    },
    /// OpenSSL refused something that should always work.
    Library(ErrorStack),
}

/// What a file or directory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// `--enable-tls`, our private key.
    Key,
    /// `--enable-tls`, our certificate.
    Certificate,
    /// `--add-cert-file`.
    TrustedCertificate,
    /// `--add-cert-dir`.
    TrustedDirectory,
    /// `--add-crl-file`.
    Crl,
    /// `--dhparam`.
    DhParameters,
    /// `--seed`.
    Seed,
    /// `--write-seed`, `--write-seed-file`.
    WrittenSeed,
}

impl fmt::Display for TlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "000b:0004 Unable to load private TLS key from",
            Self::Certificate => "Unable to load TLS certificate from",
            Self::TrustedCertificate => "unable to load certificate file",
            Self::TrustedDirectory => "unable to use certificate directory",
            Self::Crl => "unable to load CRL file",
            Self::DhParameters => "unable to load temporary DH parameter file",
            Self::Seed => "unable to read seed file",
            Self::WrittenSeed => "unable to write seed file",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { what, path, reason } => {
                write!(f, "{what} '{}': {reason}", path.display())
            }
            Self::KeyMismatch { key, certificate } => write!(
                f,
                "000b:0006 Private key '{}' and certificate '{}' do not match",
                key.display(),
                certificate.display()
            ),
            Self::CertificateUnusable { path, reason } => {
                write!(f, "TLS certificate '{}' cannot be used: {reason}", path.display())
            }
            Self::UnknownCipherSuite { name } => {
                write!(f, "000b:0003 Unknown or invalid ciphersuite: {name}")
            }
            Self::MissingCipherSuite { name } => write!(
                f,
                "Ciphersuite '{name}' not supported by the OpenSSL library used to compile this \
                 application."
            ),
            Self::CipherSuiteConflict { name, profile, what } => write!(
                f,
                "{what} ciphersuite '{name}' not permitted with security profile '{profile}'"
            ),
            Self::NoCipherSuite { profile } => write!(
                f,
                "the OpenSSL library in use has none of the ciphersuites of security profile \
                 '{profile}'"
            ),
            Self::Library(source) => write!(f, "TLS cannot be set up: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Library(source) => Some(source),
            _ => None,
        }
    }
}
