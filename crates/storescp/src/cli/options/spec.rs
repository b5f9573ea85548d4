//! What there is to know of an option: the types of the table, and the names of its entries.

/// A heading of the help text with what stands under it.
pub(in crate::cli) struct Section {
    pub(in crate::cli) title: &'static str,
    pub(in crate::cli) parts: &'static [Part],
}

/// Options under one sub-heading; sections without sub-headings have one part without heading.
pub(in crate::cli) struct Part {
    pub(in crate::cli) heading: Option<&'static str>,
    pub(in crate::cli) options: &'static [OptionSpec],
}

/// What there is to know about one option.
pub(in crate::cli) struct OptionSpec {
    pub(in crate::cli) id: Opt,
    /// `-x` or `+x`, or empty.
    pub(in crate::cli) short: &'static str,
    pub(in crate::cli) long: &'static str,
    /// What the help text says of the values, empty if there are none.
    pub(in crate::cli) values_text: &'static str,
    pub(in crate::cli) values: &'static [Value],
    /// The group of options that exclude each other.
    pub(in crate::cli) choice: Option<Choice>,
    pub(in crate::cli) help: &'static [&'static str],
    /// Whether nothing else matters once this option is there, not even the port.
    pub(in crate::cli) stands_alone: bool,
    /// Whether all of its values count if it is typed again, not the last one only.
    pub(in crate::cli) adds_up: bool,
}

impl OptionSpec {
    pub(super) const fn new(
        id: Opt,
        short: &'static str,
        long: &'static str,
        help: &'static [&'static str],
    ) -> Self {
        Self {
            id,
            short,
            long,
            values_text: "",
            values: &[],
            choice: None,
            help,
            stands_alone: false,
            adds_up: false,
        }
    }

    pub(super) const fn takes(
        mut self,
        values_text: &'static str,
        values: &'static [Value],
    ) -> Self {
        self.values_text = values_text;
        self.values = values;
        self
    }

    /// Of several typed options of one choice, the rightmost counts.
    pub(super) const fn one_of(mut self, choice: Choice) -> Self {
        self.choice = Some(choice);
        self
    }

    pub(super) const fn stands_alone(mut self) -> Self {
        self.stands_alone = true;
        self
    }

    /// Typed again, it adds a value to those before.
    pub(super) const fn adds_up(mut self) -> Self {
        self.adds_up = true;
        self
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Value {
    Text,
    /// The name of a file.
    File,
    /// The name of a directory.
    Directory,
    /// One of some words.
    OneOf(&'static Words),
    /// The name of a cipher suite.
    CipherSuite,
    /// The bounds are inclusive.
    Integer {
        min: i64,
        max: i64,
    },
    /// Bounds as above; a minus sign is refused before the value is looked at.
    Unsigned {
        min: i64,
        max: i64,
    },
    /// Bounds as above; nothing but digits. DCMTK ignores what follows the digits of its numbers.
    Digits {
        min: i64,
        max: i64,
    },
}

impl Value {
    pub(super) const COUNT: Self = Self::Unsigned { min: 0, max: i64::MAX };

    pub(super) const fn at_least(min: i64) -> Self {
        Self::Integer { min, max: i64::MAX }
    }
}

/// The words that a value may be.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Words {
    /// What they are, in one word.
    pub(in crate::cli) kind: &'static str,
    /// With blanks between them.
    pub(in crate::cli) words: &'static str,
}

/// Groups of options that exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Choice {
    Verbosity,
    Processes,
    AddressFamily,
    Preference,
    HostAccess,
    Transport,
    Password,
    KeyFormat,
    CrlCheck,
    SecurityProfile,
    PeerCertificate,
    BitPreserving,
    FileFormat,
    OutputTransferSyntax,
    NewVrs,
    GroupLength,
    SequenceLength,
    Padding,
    Un,
    Sorting,
    FileNames,
}

/// The options, named like their long names and in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) enum Opt {
    Help,
    Version,
    Settings,
    Arguments,
    Quiet,
    Verbose,
    Debug,
    LogLevel,
    LogConfig,
    LogFormat,
    VerbosePc,
    Audit,
    Traces,
    SingleProcess,
    Fork,
    MaxAssociations,
    MaxAssociationsPerHost,
    GracePeriod,
    Ipv4,
    Ipv6,
    IpAuto,
    ConfigFile,
    PreferUncompr,
    PreferLittle,
    PreferBig,
    PreferLossless,
    PreferJpeg8,
    PreferJpeg12,
    PreferJ2kLossless,
    PreferJ2kLossy,
    PreferJlsLossless,
    PreferJlsLossy,
    PreferMpeg2,
    PreferMpeg2High,
    PreferMpeg4,
    PreferMpeg4Bd,
    PreferMpeg4V2In2d,
    PreferMpeg4V2In3d,
    PreferMpeg4V2Stereo,
    PreferHevc,
    PreferHevc10,
    PreferRle,
    PreferDeflated,
    Implicit,
    AcceptAll,
    AccessFull,
    AccessControl,
    Inetd,
    SocketTimeout,
    AcseTimeout,
    DimseTimeout,
    AeTitle,
    MaxPdu,
    DisableHostLookup,
    Refuse,
    Reject,
    Ignore,
    SleepAfter,
    SleepDuring,
    AbortAfter,
    AbortDuring,
    Promiscuous,
    UidPadding,
    Http,
    Fault,
    FaultFile,
    FaultSeed,
    DisableTls,
    EnableTls,
    StdPasswd,
    UsePasswd,
    NullPasswd,
    PemKeys,
    DerKeys,
    AddCertFile,
    AddCertDir,
    AddCrlFile,
    EnableCrlVfy,
    EnableCrlAll,
    ListProfiles,
    Profile8996,
    Profile8996Mod,
    ProfileBcp195Nd,
    ProfileBcp195,
    ProfileBcp195Ex,
    ProfileBasic,
    ProfileAes,
    ProfileNull,
    ListCiphers,
    Cipher,
    DhParam,
    NoSni,
    ExpectSni,
    Seed,
    WriteSeed,
    WriteSeedFile,
    RequirePeerCert,
    VerifyPeerCert,
    IgnorePeerCert,
    OutputDirectory,
    Durability,
    MinFree,
    Catalog,
    Normal,
    BitPreserving,
    WriteFile,
    WriteDataset,
    WriteXferSame,
    WriteXferLittle,
    WriteXferBig,
    WriteXferImplicit,
    WriteXferDeflated,
    EnableNewVr,
    DisableNewVr,
    GroupLengthRecalc,
    GroupLengthCreate,
    GroupLengthRemove,
    LengthExplicit,
    LengthUndefined,
    PaddingOff,
    PaddingCreate,
    RetainUn,
    ConvertUn,
    CompressionLevel,
    SortConcStudies,
    SortOnStudyUid,
    SortOnPatientname,
    DefaultFilenames,
    UniqueFilenames,
    Timenames,
    FilenameExtension,
    ExecOnReception,
    ExecOnEostudy,
    RenameOnEostudy,
    EostudyTimeout,
    ExecSync,
    ExecMax,
    ExecJournal,
}
