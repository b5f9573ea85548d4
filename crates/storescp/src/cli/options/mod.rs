//! The option table: one entry per option, from which the parser, the help text and `docs/cli.md`
//! are made.

mod general;
mod network;
mod output;
mod tls;

/// Every option, in the order of the help text.
pub(super) static SECTIONS: [Section; 6] = [
    general::GENERAL,
    general::PROCESSES,
    network::NETWORK,
    tls::TLS,
    output::OUTPUT,
    output::EVENTS,
];

/// All entries of the table, in its order.
pub(super) fn all() -> impl Iterator<Item = &'static OptionSpec> {
    SECTIONS.iter().flat_map(|section| section.parts).flat_map(|part| part.options)
}

/// The entry with this long or short name; no abbreviations.
pub(super) fn find(name: &str) -> Option<&'static OptionSpec> {
    all().find(|option| option.long == name || (!name.is_empty() && option.short == name))
}

/// The entry of an option.
pub(super) fn spec(id: Opt) -> &'static OptionSpec {
    all().find(|option| option.id == id).expect("a test looks every option up")
}

/// A heading of the help text with what stands under it.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) parts: &'static [Part],
}

/// Options under one sub-heading; sections without sub-headings have one part without heading.
pub(super) struct Part {
    pub(super) heading: Option<&'static str>,
    pub(super) options: &'static [OptionSpec],
}

/// What there is to know about one option.
pub(super) struct OptionSpec {
    pub(super) id: Opt,
    /// `-x` or `+x`, or empty.
    pub(super) short: &'static str,
    pub(super) long: &'static str,
    /// What the help text says of the values, empty if there are none.
    pub(super) values_text: &'static str,
    pub(super) values: &'static [Value],
    /// The group of options that exclude each other.
    pub(super) choice: Option<Choice>,
    pub(super) help: &'static [&'static str],
    /// Whether nothing else matters once this option is there, not even the port.
    pub(super) stands_alone: bool,
}

impl OptionSpec {
    const fn new(
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
        }
    }

    const fn takes(mut self, values_text: &'static str, values: &'static [Value]) -> Self {
        self.values_text = values_text;
        self.values = values;
        self
    }

    /// Of several typed options of one choice, the rightmost counts.
    const fn one_of(mut self, choice: Choice) -> Self {
        self.choice = Some(choice);
        self
    }

    const fn stands_alone(mut self) -> Self {
        self.stands_alone = true;
        self
    }
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    Text,
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
}

impl Value {
    const COUNT: Self = Self::Unsigned { min: 0, max: i64::MAX };

    const fn at_least(min: i64) -> Self {
        Self::Integer { min, max: i64::MAX }
    }
}

/// Groups of options that exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opt {
    Help,
    Version,
    Arguments,
    Quiet,
    Verbose,
    Debug,
    LogLevel,
    LogConfig,
    VerbosePc,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_in_the_table_once_and_in_order() {
        for (position, option) in all().enumerate() {
            assert_eq!(option.id as usize, position, "{}", option.long);
            assert_eq!(find(option.long).map(|found| found.id), Some(option.id));
            if !option.short.is_empty() {
                assert_eq!(find(option.short).map(|found| found.id), Some(option.id));
            }
        }
        assert_eq!(all().count(), Opt::ExecMax as usize + 1);
    }

    #[test]
    fn only_whole_names_are_found() {
        for name in ["", "-", "--", "--verb", "--verbose=1", "-V", "+verbose"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn names_and_texts_fit_their_columns() {
        for option in all() {
            assert!(option.short.len() <= 5, "{}", option.long);
            assert!(option.long.len() <= 32, "{}", option.long);
            assert!(option.long.starts_with("--"), "{}", option.long);
            for line in option.help.iter().chain([&option.values_text]) {
                assert!(line.len() <= 47, "{line}");
            }
            assert_eq!(option.values_text.is_empty(), option.values.is_empty(), "{}", option.long);
        }
    }
}
