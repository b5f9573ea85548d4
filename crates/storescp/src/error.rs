//! What can go wrong, and whose C-STORE or whose start it costs.

use crate::profile;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tls::SecurityProfile;
use openssl::error::ErrorStack;

/// Everything that this crate reports as an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The port asks for privileges that the process lacks.
    Privileges {
        /// The port number.
        port: u16,
    },
    /// The port cannot be listened on.
    Listen(io::Error),
    /// A socket that was passed to the process is of no use.
    PassedSocket(io::Error),
    /// Standard input is no connection, which it should be with `--inetd`.
    NoConnection(io::Error),
    /// The negotiation profile cannot be used.
    Profile(profile::Fault),
    /// `DCMDICTPATH` names files, and none of them has an entry.
    NoDictionary,
    /// There is no output directory.
    NoOutputDirectory {
        /// As given on the command line.
        path: PathBuf,
    },
    /// The output directory takes no files.
    OutputDirectoryNotWritable {
        /// As given on the command line.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A value cannot be put into a command as it is.
    CommandLine {
        /// The option whose command it is.
        option: &'static str,
        /// The command, as given on the command line.
        command: std::ffi::OsString,
        /// The placeholder, why not, and what to use instead.
        reason: String,
    },
    /// The file system of the output directory cannot do what the options need.
    OutputDirectoryLacks {
        /// As given on the command line.
        path: PathBuf,
        /// What it cannot do, and how to do without.
        lacking: String,
    },
    /// More associations were asked for than the process may have descriptors or threads.
    TooManyAssociations {
        /// `--max-associations`.
        asked: usize,
        /// What the limits allow.
        allowed: usize,
    },
    /// Signals cannot be received.
    Signals(io::Error),
    /// A second signal ended the server before all was finished.
    CutShort {
        /// Associations that were cut off.
        cut_off: usize,
    },
    /// There is not one thread to serve with.
    Threads(io::Error),
    /// A file or directory for TLS cannot be read, or written, or is not what it should be.
    TlsUnreadable {
        /// What it is for.
        what: TlsFile,
        /// As given on the command line.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The private key is not that of the certificate.
    TlsKeyMismatch {
        /// The file of the private key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// Our certificate does not hold today, or is too weak.
    TlsCertificateUnusable {
        /// The file of the certificate.
        path: PathBuf,
        /// Why it cannot be used.
        reason: String,
    },
    /// There is no cipher suite of this name.
    TlsUnknownCipherSuite {
        /// As given on the command line.
        name: String,
    },
    /// The OpenSSL in use does not have this cipher suite.
    TlsMissingCipherSuite {
        /// Its registered name.
        name: &'static str,
    },
    /// A cipher suite that the security profile does not allow.
    TlsCipherSuiteConflict {
        /// Its registered name.
        name: &'static str,
        /// The profile.
        profile: SecurityProfile,
        /// What the profile does not allow about it.
        what: &'static str,
    },
    /// The OpenSSL in use has none of the profile's cipher suites.
    TlsNoCipherSuite {
        /// The profile.
        profile: SecurityProfile,
    },
    /// OpenSSL refused something that should always work.
    TlsLibrary(ErrorStack),
    /// An instance could not be stored; it costs that one C-STORE.
    Storage {
        /// What was being done.
        step: StorageStep,
        /// What the operating system said.
        source: io::Error,
    },
    /// The connection failed.
    Transport(io::Error),
}

/// The steps of storing an instance, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageStep {
    /// Making the file.
    Create,
    /// Writing to it.
    Write,
    /// Making its content durable.
    Sync,
    /// Finding or making the subfolder it belongs into.
    Subfolder,
    /// Giving it its name.
    Name,
    /// Making the name durable.
    SyncFolder,
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

impl Error {
    /// For `map_err`: what the operating system said, and at which step.
    pub fn storage(step: StorageStep) -> impl Fn(io::Error) -> Self {
        move |source| Self::Storage { step, source }
    }
}

impl fmt::Display for StorageStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "cannot create file",
            Self::Write => "cannot write file",
            Self::Sync => "cannot sync file",
            Self::Subfolder => "cannot create subdirectory",
            Self::Name => "cannot name file",
            Self::SyncFolder => "cannot sync folder",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Privileges { port } => {
                write!(f, "cannot listen on port {port}, insufficient privileges")
            }
            Self::Listen(source) => write!(
                f,
                "cannot create network: 0006:031c TCP Initialization Error: {}",
                reason(source)
            ),
            Self::PassedSocket(source) => {
                write!(f, "cannot use the socket that was passed: {}", reason(source))
            }
            Self::NoConnection(source) => {
                write!(f, "--inetd: standard input is no connection: {}", reason(source))
            }
            Self::Profile(fault) => fault.fmt(f),
            Self::NoDictionary => {
                f.write_str("no data dictionary loaded, check environment variable: DCMDICTPATH")
            }
            Self::NoOutputDirectory { .. } => {
                f.write_str("specified output directory does not exist")
            }
            Self::OutputDirectoryNotWritable { .. } => {
                f.write_str("specified output directory is not writeable")
            }
            Self::CommandLine { option, command, reason } => {
                write!(f, "{option}: {reason}: {}", command.display())
            }
            Self::OutputDirectoryLacks { path, lacking } => {
                write!(f, "cannot use output directory '{}': {lacking}", path.display())
            }
            Self::TooManyAssociations { asked, allowed } => write!(
                f,
                "--max-associations {asked} is more than the limits on descriptors, threads and memory allow \
                 ({allowed}): raise them (ulimit -n, -u, -v) or ask for fewer"
            ),
            Self::Signals(source) => write!(f, "cannot receive signals: {source}"),
            Self::CutShort { cut_off } => {
                write!(f, "ended by a second signal, {cut_off} associations were cut off")
            }
            Self::Threads(source) => write!(f, "cannot start a thread: {source}"),
            Self::TlsUnreadable { what, path, reason } => {
                write!(f, "{what} '{}': {reason}", path.display())
            }
            Self::TlsKeyMismatch { key, certificate } => write!(
                f,
                "000b:0006 Private key '{}' and certificate '{}' do not match",
                key.display(),
                certificate.display()
            ),
            Self::TlsCertificateUnusable { path, reason } => {
                write!(f, "TLS certificate '{}' cannot be used: {reason}", path.display())
            }
            Self::TlsUnknownCipherSuite { name } => {
                write!(f, "000b:0003 Unknown or invalid ciphersuite: {name}")
            }
            Self::TlsMissingCipherSuite { name } => write!(
                f,
                "Ciphersuite '{name}' not supported by the OpenSSL library used to compile this \
                 application."
            ),
            Self::TlsCipherSuiteConflict { name, profile, what } => write!(
                f,
                "{what} ciphersuite '{name}' not permitted with security profile '{profile}'"
            ),
            Self::TlsNoCipherSuite { profile } => write!(
                f,
                "the OpenSSL library in use has none of the ciphersuites of security profile \
                 '{profile}'"
            ),
            Self::TlsLibrary(source) => write!(f, "TLS cannot be set up: {source}"),
            Self::Storage { step, source } => write!(f, "{step}: {}", reason(source)),
            Self::Transport(source) => write!(f, "connection failed: {}", reason(source)),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen(source)
            | Self::PassedSocket(source)
            | Self::NoConnection(source)
            | Self::OutputDirectoryNotWritable { source, .. }
            | Self::Signals(source)
            | Self::Threads(source)
            | Self::Storage { source, .. }
            | Self::Transport(source) => Some(source),
            Self::Profile(fault) => Some(fault),
            Self::TlsLibrary(source) => Some(source),
            _ => None,
        }
    }
}

/// What the operating system said, without the error number that the standard library appends.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
