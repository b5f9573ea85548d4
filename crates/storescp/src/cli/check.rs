//! The second step: what was typed, checked and turned into a [`Config`].
//!
//! The checks come in the order in which DCMTK's `storescp` makes them, so that of several faults
//! the same one is reported.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::Config;
use super::error::{Error, Misfit};
use super::options::{self, Choice, Opt};
use super::parse::{Base, Typed, leading_integer};
use super::{Files, tls, transfer_syntaxes};
use crate::commands::CommandSettings;
use crate::logging::{LogLevel, LogSettings};
use crate::negotiation::{Negotiation, ProfileChoice};
use dataset::OutputFormat;
use dataset::format::{GroupLengths, OutputTransferSyntax, Padding, SequenceLengths};
use receiver::net::{AddressFamily, Network, inherited};
use receiver::output::naming::{FileNaming, NameStyle};
use receiver::{Faults, Limits, OutputSettings, SocketTimeout, Sorting, Timeouts};
use storage::{Durability, FileName, MinFree};

/// The port to listen on, the only parameter; with `--inetd` or passed sockets there may be none.
pub(super) fn port(typed: &Typed) -> Result<u16, Error> {
    let value = match typed.parameters() {
        [] | [_] if typed.has(Opt::Inetd) => return Ok(0),
        [] if inherited::may_have_listeners() => return Ok(0),
        [] => return Err(Error::MissingPort),
        [value] => value,
        _ => return Err(Error::TooManyParameters),
    };
    let port = match leading_integer(value, Base::Decimal) {
        None => Err(Misfit::Malformed),
        Some(0) => Err(Misfit::Underflow),
        Some(number) => u16::try_from(number).map_err(|_| Misfit::Overflow),
    };
    port.map_err(|misfit| Error::Port(value.clone(), misfit))
}

/// How much is logged; until this is known, every error is reported.
pub(super) fn log(typed: &Typed, files: &impl Files) -> Result<LogSettings, Error> {
    const LEVELS: &str = "--verbose, --debug or --quiet";
    let verbosity = typed.chosen(Choice::Verbosity);
    let mut level = match verbosity {
        Some(Opt::Quiet) => LogLevel::Fatal,
        Some(Opt::Verbose) => LogLevel::Info,
        Some(Opt::Debug) => LogLevel::Debug,
        _ => LogLevel::Warn,
    };
    let mut setup = None;
    if let Some(word) = typed.text(Opt::LogLevel) {
        if verbosity.is_some() {
            return Err(Error::NotAllowedWith("--log-level", LEVELS));
        }
        level = log_level(word).ok_or(Error::LogLevel)?;
    }
    if let Some(file) = typed.text(Opt::LogConfig) {
        if verbosity.is_some() {
            return Err(Error::NotAllowedWith("--log-config", LEVELS));
        }
        if typed.has(Opt::LogLevel) {
            return Err(Error::NotAllowedWith("--log-config", "--log-level"));
        }
        let read = files.log_setup(Path::new(file)).map_err(Error::LogConfig)?;
        level = read.level().unwrap_or(LogLevel::Fatal);
        setup = Some(read);
    }
    let arguments = typed.has(Opt::Arguments).then(|| called_with(typed));
    Ok(LogSettings {
        level,
        setup,
        verbose_presentation_contexts: typed.has(Opt::VerbosePc),
        arguments,
    })
}

fn log_level(word: &OsStr) -> Option<LogLevel> {
    match word.to_str()?.to_ascii_lowercase().as_str() {
        "fatal" => Some(LogLevel::Fatal),
        "error" => Some(LogLevel::Error),
        "warn" => Some(LogLevel::Warn),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        "trace" => Some(LogLevel::Trace),
        _ => None,
    }
}

/// The line for `--arguments`: empty arguments are counted but not shown, nor are passwords.
fn called_with(typed: &Typed) -> String {
    let words = typed.words();
    let mut line = format!("calling 'storescp' with {} arguments: ", words.len());
    let mut is_password = false;
    for word in words {
        if is_password {
            line.push_str("'***' ");
        } else if !word.is_empty() {
            line.push_str(&format!("'{}' ", word.display()));
        }
        is_password = word == options::spec(Opt::UsePasswd).long;
    }
    line
}

/// Everything else.
pub(super) fn config(typed: &Typed, port: u16, log: LogSettings) -> Result<Config, Error> {
    if log.verbose_presentation_contexts && log.level < LogLevel::Info {
        return Err(Error::OnlyAllowedWith("--verbose-pc", "verbose mode"));
    }
    refuse_with(typed, Opt::Inetd, &[Opt::Fork])?;
    let limits = limits(typed)?;
    let timeouts = timeouts(typed)?;
    let mut warnings = Vec::new();
    let inetd = typed.has(Opt::Inetd);
    if inetd && !typed.parameters().is_empty() {
        warnings.push("the port is not listened on with --inetd".to_owned());
    }
    let max_pdu_bytes = max_pdu_bytes(typed, &mut warnings)?;
    let faults = faults(typed)?;
    let profile = profile(typed)?;
    let output = output(typed)?;
    let commands = commands(typed)?;
    let tls = tls::config(typed)?;
    Ok(Config {
        network: Network {
            port,
            inetd,
            address_family: match typed.chosen(Choice::AddressFamily) {
                Some(Opt::Ipv6) => AddressFamily::Ipv6,
                Some(Opt::IpAuto) => AddressFamily::Both,
                _ => AddressFamily::Ipv4,
            },
            access_control: typed.won(Opt::AccessControl),
            disable_host_lookup: typed.has(Opt::DisableHostLookup),
        },
        negotiation: Negotiation {
            ae_title: match typed.text(Opt::AeTitle) {
                Some(title) => title.to_string_lossy().into_owned(),
                None => "STORESCP".into(),
            },
            max_pdu_bytes,
            transfer_syntaxes: transfer_syntaxes::accepted(typed.chosen(Choice::Preference)),
            profile,
            promiscuous: typed.has(Opt::Promiscuous),
            refuse: typed.has(Opt::Refuse),
            require_implementation_class_uid: typed.has(Opt::Reject),
            uid_padding: typed.has(Opt::UidPadding),
        },
        timeouts,
        limits,
        faults,
        ignore: typed.has(Opt::Ignore),
        tls,
        output,
        commands,
        log,
        warnings,
    })
}

fn limits(typed: &Typed) -> Result<Limits, Error> {
    let most = typed.number(Opt::MaxAssociations)?;
    let grace_period = typed.number(Opt::GracePeriod)?.unwrap_or(30);
    Ok(Limits {
        max_associations: most.map(count),
        max_associations_per_host: typed.number(Opt::MaxAssociationsPerHost)?.map(count),
        grace_period: seconds(grace_period),
    })
}

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn timeouts(typed: &Typed) -> Result<Timeouts, Error> {
    let socket = match typed.number(Opt::SocketTimeout)?.unwrap_or(60) {
        -1 => SocketTimeout::System,
        0 => SocketTimeout::None,
        number => SocketTimeout::After(seconds(number)),
    };
    let acse = seconds(typed.number(Opt::AcseTimeout)?.unwrap_or(30));
    let dimse = typed.number(Opt::DimseTimeout)?.map(seconds);
    Ok(Timeouts { socket, acse, dimse })
}

/// At most 2^32 - 1 seconds (136 years), so that sums with the current time cannot overflow.
fn seconds(number: i64) -> Duration {
    Duration::from_secs(number.clamp(0, i64::from(u32::MAX)).unsigned_abs())
}

fn max_pdu_bytes(typed: &Typed, warnings: &mut Vec<String>) -> Result<u32, Error> {
    let Some(typed) = typed.number(Opt::MaxPdu)?.and_then(|bytes| u32::try_from(bytes).ok()) else {
        return Ok(16384);
    };
    let even = typed & !1;
    if even != typed {
        warnings.push(format!("--max-pdu {typed} is odd, using {even}"));
    }
    Ok(even)
}

fn faults(typed: &Typed) -> Result<Faults, Error> {
    Ok(Faults {
        sleep_after: seconds(typed.number(Opt::SleepAfter)?.unwrap_or(0)),
        sleep_during: seconds(typed.number(Opt::SleepDuring)?.unwrap_or(0)),
        abort_after: typed.has(Opt::AbortAfter),
        abort_during: typed.has(Opt::AbortDuring),
    })
}

/// A negotiation profile leaves no room for options about the same thing.
fn profile(typed: &Typed) -> Result<Option<ProfileChoice>, Error> {
    let Some([file, name]) = typed.two_texts(Opt::ConfigFile) else { return Ok(None) };
    match typed.chosen(Choice::Preference) {
        None | Some(Opt::PreferUncompr) => {}
        Some(preference) => return Err(not_allowed(Opt::ConfigFile, preference)),
    }
    refuse_with(typed, Opt::ConfigFile, &[Opt::Promiscuous])?;
    Ok(Some(ProfileChoice { file: file.into(), name: name.to_string_lossy().into_owned() }))
}

fn output(typed: &Typed) -> Result<OutputSettings, Error> {
    use Opt::{BitPreserving, WriteDataset};

    let transfer_syntax = output_transfer_syntax(typed)?;
    for choice in [Choice::NewVrs, Choice::GroupLength, Choice::SequenceLength] {
        refuse_choice_with(typed, choice, &[BitPreserving])?;
    }
    compressed_transmission(typed)?;
    let padding = match typed.chosen(Choice::Padding) {
        Some(Opt::PaddingCreate) => {
            refuse_with(typed, Opt::PaddingCreate, &[WriteDataset, BitPreserving])?;
            typed.numbers(Opt::PaddingCreate)?
        }
        _ => None,
    };
    let compression_level = compression_level(typed)?;
    let file_naming = file_naming(typed)?;
    let (sorting, parent) = sorting(typed)?;
    let durability = durability(typed)?;
    let min_free = min_free(typed)?;

    let format = OutputFormat {
        bit_preserving: typed.won(BitPreserving),
        transfer_syntax,
        new_vrs: !typed.won(Opt::DisableNewVr),
        group_lengths: match typed.chosen(Choice::GroupLength) {
            Some(Opt::GroupLengthCreate) => GroupLengths::Create,
            Some(Opt::GroupLengthRemove) => GroupLengths::Remove,
            _ => GroupLengths::Recalculate,
        },
        sequence_lengths: match typed.chosen(Choice::SequenceLength) {
            Some(Opt::LengthUndefined) => SequenceLengths::Undefined,
            _ => SequenceLengths::Explicit,
        },
        padding: padding.map_or_else(Padding::default, |[file, item]| Padding {
            file_bytes: u32::try_from(file).unwrap_or(u32::MAX),
            item_bytes: u32::try_from(item).unwrap_or(u32::MAX),
        }),
        convert_un: typed.won(Opt::ConvertUn),
        compression_level,
    };
    Ok(OutputSettings {
        directory: directory(typed.text(Opt::OutputDirectory), parent),
        write_file_format: !typed.won(WriteDataset),
        format,
        durability,
        min_free,
        file_naming,
        sorting,
    })
}

/// The directory without trailing slashes; `/` stays. Behind it, what of a prefix of subdirectories
/// is a path.
fn directory(typed: Option<&OsStr>, parent: Option<&str>) -> PathBuf {
    let directory = Path::new(typed.unwrap_or(OsStr::new("."))).components().as_path();
    parent.map_or_else(
        || directory.to_owned(),
        |parent| directory.join(parent).components().as_path().to_owned(),
    )
}

fn output_transfer_syntax(typed: &Typed) -> Result<OutputTransferSyntax, Error> {
    let transfer_syntax = match typed.chosen(Choice::OutputTransferSyntax) {
        Some(Opt::WriteXferLittle) => OutputTransferSyntax::ExplicitVrLittleEndian,
        Some(Opt::WriteXferBig) => OutputTransferSyntax::ExplicitVrBigEndian,
        Some(Opt::WriteXferImplicit) => OutputTransferSyntax::ImplicitVrLittleEndian,
        Some(Opt::WriteXferDeflated) => OutputTransferSyntax::DeflatedExplicitVrLittleEndian,
        _ => return Ok(OutputTransferSyntax::AsReceived),
    };
    let others = [Opt::AcceptAll, Opt::BitPreserving];
    refuse_choice_with(typed, Choice::OutputTransferSyntax, &others)?;
    Ok(transfer_syntax)
}

/// Compressed data sets are never decompressed, so no other transfer syntax can be written.
fn compressed_transmission(typed: &Typed) -> Result<(), Error> {
    match (typed.chosen(Choice::OutputTransferSyntax), typed.chosen(Choice::Preference)) {
        (None | Some(Opt::WriteXferSame), _) => Ok(()),
        (_, Some(preference)) if transfer_syntaxes::compressed(preference) => {
            refuse_choice_with(typed, Choice::OutputTransferSyntax, &[preference])
        }
        _ => Ok(()),
    }
}

fn compression_level(typed: &Typed) -> Result<u8, Error> {
    if typed.has(Opt::CompressionLevel) {
        match typed.chosen(Choice::OutputTransferSyntax) {
            None | Some(Opt::WriteXferSame | Opt::WriteXferDeflated) => {}
            Some(_) => {
                return Err(Error::OnlyAllowedWith(
                    "--compression-level",
                    "--write-xfer-deflated or --write-xfer-same",
                ));
            }
        }
    }
    let level = typed.number(Opt::CompressionLevel)?.and_then(|level| u8::try_from(level).ok());
    Ok(level.unwrap_or(6))
}

fn file_naming(typed: &Typed) -> Result<FileNaming, Error> {
    refuse_with(typed, Opt::Timenames, &[Opt::UniqueFilenames])?;
    let style = match typed.chosen(Choice::FileNames) {
        Some(Opt::UniqueFilenames) => NameStyle::NewUid,
        _ if typed.has(Opt::Timenames) => NameStyle::Time,
        _ => NameStyle::SopInstance,
    };
    let extension = typed.text(Opt::FilenameExtension).unwrap_or_default();
    // Whether the longest name made with it fits a file system, shows only then.
    match extension.to_str().filter(|text| text.is_empty() || part_of_name(text)) {
        Some(extension) => Ok(FileNaming { style, extension: extension.to_owned() }),
        None => Err(Error::Value("--filename-extension", extension.into(), Misfit::Malformed)),
    }
}

/// How objects are sorted, and what of the prefix is a path.
fn sorting(typed: &Typed) -> Result<(Option<Sorting>, Option<&str>), Error> {
    let Some(option) = typed.chosen(Choice::Sorting) else { return Ok((None, None)) };
    if option == Opt::SortOnPatientname {
        return Ok((Some(Sorting::ByPatientName), None));
    }
    let value = typed.text(option).unwrap_or_default();
    let invalid = || Error::Value(options::spec(option).long, value.into(), Misfit::Malformed);
    let text = value.to_str().ok_or_else(invalid)?;
    let (parent, prefix) = match text.rfind('/') {
        Some(slash) => (Some(&text[..=slash]), &text[slash + 1..]),
        None => (None, text),
    };
    if !prefix.is_empty() && !part_of_name(prefix) {
        return Err(invalid());
    }
    let prefix = prefix.to_owned();
    let sorting = match option {
        Opt::SortConcStudies => Sorting::ByTime { prefix },
        _ => Sorting::ByStudyUid { prefix },
    };
    Ok((Some(sorting), parent))
}

/// Whether the name of a file can have this in it.
fn part_of_name(text: &str) -> bool {
    FileName::new(format!("x{text}")).is_some()
}

fn durability(typed: &Typed) -> Result<Durability, Error> {
    let Some(word) = typed.text(Opt::Durability) else { return Ok(Durability::Full) };
    match word.to_str() {
        Some("full") => Ok(Durability::Full),
        Some("none") => Ok(Durability::None),
        _ => Err(Error::Value("--durability", word.into(), Misfit::Malformed)),
    }
}

fn min_free(typed: &Typed) -> Result<Option<MinFree>, Error> {
    let Some(text) = typed.text(Opt::MinFree) else { return Ok(None) };
    match text.to_str().and_then(MinFree::parse) {
        Some(room) => Ok(Some(room)),
        None => Err(Error::Value("--min-free", text.into(), Misfit::Malformed)),
    }
}

fn commands(typed: &Typed) -> Result<CommandSettings, Error> {
    const SORTING: &str = "--sort-conc-studies, --sort-on-study-uid or --sort-on-patientname";
    const STUDIES: &str = "--sort-conc-studies, --sort-on-study-uid, --sort-on-patientname, \
        --exec-on-eostudy or --rename-on-eostudy";

    let end_of_study = [Opt::ExecOnEostudy, Opt::RenameOnEostudy];
    for option in end_of_study {
        refuse_with(typed, option, &[Opt::Inetd])?;
    }
    let sorting = typed.chosen(Choice::Sorting).is_some();
    for option in end_of_study {
        if typed.has(option) && !sorting {
            return Err(Error::OnlyAllowedWith(options::spec(option).long, SORTING));
        }
    }
    if typed.has(Opt::EostudyTimeout) && !sorting {
        return Err(Error::OnlyAllowedWith("--eostudy-timeout", STUDIES));
    }
    let max_commands = typed.number(Opt::ExecMax)?.unwrap_or(DEFAULT_MAX_COMMANDS);
    Ok(CommandSettings {
        on_reception: typed.text(Opt::ExecOnReception).map(OsStr::to_owned),
        on_end_of_study: typed.text(Opt::ExecOnEostudy).map(OsStr::to_owned),
        rename_on_end_of_study: typed.has(Opt::RenameOnEostudy),
        end_of_study_timeout: typed.number(Opt::EostudyTimeout)?.map(seconds),
        wait: typed.has(Opt::ExecSync),
        max_commands: usize::try_from(max_commands).unwrap_or(1),
    })
}

/// Enough that commands which wait for a network hold each other up little, and few enough to leave
/// the processor to receiving.
const DEFAULT_MAX_COMMANDS: i64 = 8;

/// Fails if `option` counts and so does one of `others`.
pub(super) fn refuse_with(typed: &Typed, option: Opt, others: &[Opt]) -> Result<(), Error> {
    if !typed.won(option) {
        return Ok(());
    }
    match others.iter().find(|&&other| typed.won(other)) {
        Some(&other) => Err(not_allowed(option, other)),
        None => Ok(()),
    }
}

/// Fails if an option of `choice` was typed and one of `others` counts. The message names the
/// first of the choice in the order of the table, overruled or not; not what is written anyway.
fn refuse_choice_with(typed: &Typed, choice: Choice, others: &[Opt]) -> Result<(), Error> {
    let mut options = options::all().filter(|option| option.choice == Some(choice));
    let named = options.find(|option| option.id != Opt::WriteXferSame && typed.has(option.id));
    match (named, others.iter().find(|&&other| typed.won(other))) {
        (Some(option), Some(&other)) => Err(not_allowed(option.id, other)),
        _ => Ok(()),
    }
}

fn not_allowed(option: Opt, other: Opt) -> Error {
    Error::NotAllowedWith(options::spec(option).long, options::spec(other).long)
}
