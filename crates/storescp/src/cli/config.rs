//! What the server is to do, checked and ready: what [`parse`](super::parse()) gives.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::logging::Setup;
use dataset::TransferSyntax;

/// Everything the program was told, valid once built; made only by [`super::parse()`].
///
/// Each part goes to the part of the program that needs it and to no other.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where and how the server listens.
    pub network: Network,
    /// What is answered to an A-ASSOCIATE-RQ.
    pub negotiation: Negotiation,
    /// How long the server waits for a peer.
    pub timeouts: Timeouts,
    /// How much the server takes on, and how it ends.
    pub limits: Limits,
    /// Errors provoked on purpose, to test senders.
    pub faults: Faults,
    /// `--enable-tls`; `None` for plain TCP.
    pub tls: Option<Tls>,
    /// Where received objects go and in which form.
    pub output: Output,
    /// What happens after objects and studies.
    pub events: Events,
    /// What is written to standard error.
    pub log: Log,
    /// Remarks about the command line, to be logged as warnings once logging is set up.
    pub warnings: Vec<String>,
}

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// TCP port to listen on; 0 if there is none, because somebody else listens.
    pub port: u16,
    /// `--inetd`: standard input is the one connection to serve.
    pub inetd: bool,
    /// `--ipv4`, `--ipv6`, `--ip-auto`.
    pub address_family: AddressFamily,
    /// `--access-control`: who is served is decided by hosts.allow and hosts.deny.
    pub access_control: bool,
    /// `--disable-host-lookup`: peers are named by address, not by a reverse DNS query.
    pub disable_host_lookup: bool,
}

/// The network protocols that the server listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// IPv4 only, the default.
    Ipv4,
    /// IPv6 only.
    Ipv6,
    /// Both, on one socket.
    Both,
}

/// What is answered to an A-ASSOCIATE-RQ (PS3.8 §7.1).
#[derive(Debug, Clone)]
pub struct Negotiation {
    /// `--aetitle`: shown in dumps as the responding application, never compared with the called
    /// AE title; any text, also one that is no legal AE title.
    pub ae_title: String,
    /// `--max-pdu`: longest P-DATA-TF PDU that peers may send, 4096 to 131072 bytes, even.
    pub max_pdu_bytes: u32,
    /// Transfer syntaxes accepted, best first, none twice: the first of them that a presentation
    /// context proposes is chosen.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
    /// `--config-file`: what is accepted, in place of the transfer syntaxes above and the storage
    /// classes; not looked at yet.
    pub profile: Option<ProfileChoice>,
    /// `--promiscuous`: abstract syntaxes that are not registered are accepted too.
    pub promiscuous: bool,
    /// `--uid-padding`: accepted for compatibility; UIDs padded with spaces are always tolerated.
    pub uid_padding: bool,
}

/// The two values of `--config-file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileChoice {
    /// The file with profiles.
    pub file: PathBuf,
    /// The profile's name, in any case and with any blanks.
    pub name: String,
}

/// How long the server waits for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `--socket-timeout`: silence on the socket, while reading or sending.
    pub socket: SocketTimeout,
    /// `--acse-timeout`: from TCP accept to a complete A-ASSOCIATE-RQ.
    pub acse: Duration,
    /// `--dimse-timeout`: silence inside a DIMSE message; `None` is unlimited.
    pub dimse: Option<Duration>,
}

/// The three meanings of `--socket-timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketTimeout {
    /// 0: wait for ever.
    None,
    /// -1: leave the operating system's own setting.
    System,
    /// End the connection after this much silence.
    After(Duration),
}

/// How much the server takes on at a time, and how long it may take to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `--max-associations`: associations at a time, at least 1; `None` lets the server work out
    /// what descriptors and threads allow.
    pub max_associations: Option<usize>,
    /// `--max-associations-per-host`: associations of one address at a time, at least 1.
    pub max_associations_per_host: Option<usize>,
    /// `--grace-period`: how long work in progress may go on after SIGTERM or SIGINT.
    pub grace_period: Duration,
}

/// Errors provoked on purpose, to test senders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// `--refuse`: every association is rejected.
    pub refuse: bool,
    /// `--reject`: associations without an implementation class UID are rejected.
    pub reject_without_implementation_class_uid: bool,
    /// `--ignore`: data sets are received and answered, not stored.
    pub ignore: bool,
    /// `--sleep-after`: pause after each C-STORE-RSP, before the next command is read.
    pub sleep_after: Duration,
    /// `--sleep-during`: pause before the data set, after each of its PDVs, and at its end.
    pub sleep_during: Duration,
    /// `--abort-after`: A-ABORT after the last PDV of a data set, in place of the response.
    pub abort_after: bool,
    /// `--abort-during`: A-ABORT after the first PDV of a data set.
    pub abort_during: bool,
}

pub use crate::tls::SecurityProfile;

/// How TLS is spoken. The files are not looked at yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `--enable-tls`: our private key.
    pub key_file: PathBuf,
    /// `--enable-tls`: our certificate, perhaps with those that lead on to its authority.
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

/// What happens after objects and studies. In commands, `#p #f #a #c #r` stand for what they are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// `--exec-on-reception`: a command for the shell, run after each C-STORE.
    pub on_reception: Option<OsString>,
    /// `--exec-on-eostudy`: one that is run after each study.
    pub on_end_of_study: Option<OsString>,
    /// `--rename-on-eostudy`: the files of a study get numbers for names.
    pub rename_on_end_of_study: bool,
    /// `--eostudy-timeout`: after how long without an object a study has ended.
    pub end_of_study_timeout: Option<Duration>,
    /// `--exec-sync`: an association waits for its commands.
    pub wait: bool,
    /// `--exec-max`: commands that run at a time, at least 1.
    pub max_commands: usize,
}

/// Where received objects go and in which form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// `--output-directory`, without trailing slashes, and what of the prefix of subdirectories is a
    /// path; not looked at yet.
    pub directory: PathBuf,
    /// `--write-file` (true) with preamble and file meta information, or `--write-dataset`
    /// (false) without.
    pub write_file_format: bool,
    /// `--bit-preserving` (`None`), or how data sets are written anew.
    pub encoding: Option<Encoding>,
    /// `--durability`.
    pub durability: Durability,
    /// `--min-free`: the room below which nothing new is taken in.
    pub min_free: Option<MinFree>,
    /// `--default-filenames`, `--unique-filenames`, `--timenames`, `--filename-extension`.
    pub file_naming: FileNaming,
    /// Into which subdirectories objects are sorted, if they are.
    pub sorting: Option<Sorting>,
}

impl Output {
    /// `--bit-preserving`: data sets are stored as received, byte for byte.
    pub fn bit_preserving(&self) -> bool {
        self.encoding.is_none()
    }

    /// Whether files are written, with their meta information, in the transfer syntax received.
    pub fn writes_same_file(&self) -> bool {
        let same =
            |encoding: Encoding| encoding.transfer_syntax == OutputTransferSyntax::AsReceived;
        self.write_file_format && self.encoding.is_none_or(same)
    }
}

pub use crate::naming::{FileNaming, NameStyle};
pub use crate::storage::{Durability, MinFree};

/// What the subdirectory of a study is named by. A prefix is text without separators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sorting {
    /// `--sort-conc-studies`: the time at which the study began.
    ByTime {
        /// What the name begins with.
        prefix: String,
    },
    /// `--sort-on-study-uid`: Study Instance UID.
    ByStudyUid {
        /// What the name begins with.
        prefix: String,
    },
    /// `--sort-on-patientname`: Patient's Name, and the time.
    ByPatientName,
}

/// How data sets are written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    /// `+t=`, `+te`, `+tb`, `+ti`, `+td`.
    pub transfer_syntax: OutputTransferSyntax,
    /// `+u` (true); `-u` (false) writes UN, UT and the later value representations as OB.
    pub new_vrs: bool,
    /// `+g=`, `+g`, `-g`.
    pub group_lengths: GroupLengths,
    /// `+e`, `-e`.
    pub sequence_lengths: SequenceLengths,
    /// `+p`; `None` (`-p`) adds no Data Set Trailing Padding.
    pub padding: Option<Padding>,
    /// `+uc`: elements of VR UN and defined length get the VR of the dictionary.
    pub convert_un: bool,
    /// `+cl`: deflate level, 0 (stored) to 9 (smallest).
    pub compression_level: u8,
}

impl Default for Encoding {
    /// What is done without any option.
    fn default() -> Self {
        Self {
            transfer_syntax: OutputTransferSyntax::AsReceived,
            new_vrs: true,
            group_lengths: GroupLengths::Recalculate,
            sequence_lengths: SequenceLengths::Explicit,
            padding: None,
            convert_un: false,
            compression_level: 6,
        }
    }
}

/// The transfer syntax that data sets are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputTransferSyntax {
    /// The one that they came in.
    AsReceived,
    /// Explicit VR little endian.
    ExplicitVrLittleEndian,
    /// Explicit VR big endian.
    ExplicitVrBigEndian,
    /// Implicit VR little endian.
    ImplicitVrLittleEndian,
    /// Deflated explicit VR little endian.
    DeflatedExplicitVrLittleEndian,
}

/// What happens to Group Length elements (gggg,0000).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupLengths {
    /// Those present get the right value.
    Recalculate,
    /// Every group gets one.
    Create,
    /// None is written.
    Remove,
}

/// How sequences and items are delimited (PS3.5 §7.5.1, §7.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceLengths {
    /// By their length.
    Explicit,
    /// By delimitation items.
    Undefined,
}

/// The multiples that Data Set Trailing Padding fills up to; 0 switches that half off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// For the whole file, in bytes.
    pub file_bytes: u32,
    /// For each item, in bytes.
    pub item_bytes: u32,
}

/// What is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least severe lines that are still written.
    pub level: LogLevel,
    /// `--log-config`: where lines go, and which ones; `None` is standard error, and all from the
    /// level up.
    pub setup: Option<Setup>,
    /// `--verbose-pc`: A-ASSOCIATE PDUs are dumped at INFO rather than DEBUG.
    pub verbose_presentation_contexts: bool,
    /// `--arguments`: a line to be logged as INFO before all else, whatever the level.
    pub arguments: Option<String>,
}

impl Log {
    /// Whether errors of the command line are not to be told: the exit code says enough.
    pub(crate) fn is_quiet(&self) -> bool {
        match &self.setup {
            Some(setup) => setup.is_quiet(),
            None => self.level == LogLevel::Fatal,
        }
    }
}

/// The severities of log lines, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The program cannot go on.
    Fatal,
    /// Something failed.
    Error,
    /// Something is odd; the default level.
    Warn,
    /// What is being done (`--verbose`).
    Info,
    /// How it is being done (`--debug`).
    Debug,
    /// Everything.
    Trace,
}
