//! What TLS is to be spoken with.

use super::SecurityProfile;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// How TLS is spoken. The files are not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// `--enable-tls`: our private key.
    pub key_file: PathBuf,
    /// `--enable-tls`: our certificate, perhaps with those of the chain to its CA.
    pub certificate_file: PathBuf,
    /// `--std-passwd`, `--use-passwd`, `--null-passwd`.
    pub password: KeyPassword,
    /// `--pem-keys`, `--der-keys`: the format of all these files.
    pub key_format: KeyFormat,
    /// `--add-cert-file`: certificates of authorities.
    pub trusted_files: Vec<PathBuf>,
    /// `--add-cert-dir`: directories of such under hashed names.
    pub trusted_directories: Vec<PathBuf>,
    /// `--add-crl-file`: certificate revocation lists.
    pub crl_files: Vec<PathBuf>,
    /// `--enable-crl-vfy`, `--enable-crl-all`.
    pub crl_check: CrlCheck,
    /// `--profile-…`: versions and cipher suites.
    pub profile: SecurityProfile,
    /// Whether the profile was asked for, rather than being the default.
    pub profile_named: bool,
    /// `--cipher`: names of further cipher suites.
    pub cipher_suites: Vec<OsString>,
    /// `--dhparam`: Diffie-Hellman parameters.
    pub dh_parameters: Option<PathBuf>,
    /// `--expect-sni`: the name that clients must ask for, if they ask for one.
    pub server_name: Option<String>,
    /// `--seed`: a file whose contents are stirred into the random numbers.
    pub seed: Option<PathBuf>,
    /// `--write-seed`, `--write-seed-file`: a file for new randomness.
    pub write_seed: Option<PathBuf>,
    /// `--require-peer-cert`, `--verify-peer-cert`, `--ignore-peer-cert`.
    pub peer_certificate: PeerCertificate,
}

impl TlsSettings {
    /// With a key and a certificate in PEM, and whatever else is so without an option: peers need a
    /// certificate, so a trusted authority has to be named, too.
    #[must_use]
    pub fn new(key_file: PathBuf, certificate_file: PathBuf) -> Self {
        Self {
            key_file,
            certificate_file,
            password: KeyPassword::Ask,
            key_format: KeyFormat::Pem,
            trusted_files: Vec::new(),
            trusted_directories: Vec::new(),
            crl_files: Vec::new(),
            crl_check: CrlCheck::None,
            profile: SecurityProfile::Bcp195Rfc8996,
            profile_named: false,
            cipher_suites: Vec::new(),
            dh_parameters: None,
            server_name: None,
            seed: None,
            write_seed: None,
            peer_certificate: PeerCertificate::Require,
        }
    }
}

/// Where the password of the private key comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyPassword {
    /// It is asked for, if the key is encrypted.
    Ask,
    /// It is this one.
    Given(OsString),
    /// It is empty.
    Empty,
}

/// The password is not shown.
impl fmt::Debug for KeyPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask => "Ask",
            Self::Given(_) => "Given(..)",
            Self::Empty => "Empty",
        })
    }
}

/// The format of keys, certificates and revocation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Text.
    Pem,
    /// Binary.
    Der,
}

impl KeyFormat {
    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pem => "PEM",
            Self::Der => "DER",
        }
    }
}

/// Which certificates of a peer are checked for revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrlCheck {
    /// None.
    None,
    /// The peer's own.
    Leaf,
    /// All up to the authority's.
    Chain,
}

/// Whether a peer needs a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerCertificate {
    /// A valid one.
    Require,
    /// A valid one or none.
    Verify,
    /// It is not asked for one.
    Ignore,
}
