//! What all associations share, made once at the start.

use crate::cli::{
    Config, GroupLengths, Negotiation, OutputTransferSyntax, ProfileChoice, SequenceLengths,
    SocketTimeout,
};
use crate::data_dictionary;
use crate::error::Error;
use crate::events::Events;
use crate::host_access::HostAccess;
use crate::naming::NameStyle;
use crate::peer_names::PeerNames;
use crate::profile::Profile;
use crate::storage::{Directory, Needs, Storage};
use crate::studies::{Studies, Timing};
use crate::tls::Tls;

use dataset::{Dictionary, OutputFormat, Uid, format, sop_class};
use proto::{AbstractSyntaxes, AcceptorPolicy, ClassPolicy, VersionName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What all associations share. Nothing in it changes once the server runs.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) policy: AcceptorPolicy,
    pub(crate) output_format: OutputFormat,
    pub(crate) dictionary: Arc<Dictionary>,
    pub(crate) peer_names: Arc<PeerNames>,
    /// `None` where everybody is served.
    pub(crate) host_access: Option<HostAccess>,
    /// `None` without `--enable-tls`.
    pub(crate) tls: Option<Arc<Tls>>,
    /// `None` with `--ignore`.
    pub(crate) storage: Option<Arc<dyn Storage>>,
    /// If objects are sorted.
    pub(crate) studies: Option<Studies>,
    pub(crate) events: Events,
}

impl Shared {
    /// Reads the negotiation profile and the data dictionary, opens the output directory and tries out
    /// what its file system can do, reads the keys and certificates.
    ///
    /// # Errors
    /// The profile cannot be used; there is no dictionary; the output directory is missing, takes no
    /// files, or cannot do what the options need; TLS cannot be set up; a command cannot be used.
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let policy = acceptor_policy(&config)?;
        let path = std::env::var_os(data_dictionary::PATH_VARIABLE);
        let shared = data_dictionary::SHARED.map(Path::new);
        let dictionary = Arc::new(data_dictionary::load(path.as_deref(), &shared)?);
        let storage = open_storage(&config)?;
        let tls = config.tls.as_ref().map(Tls::new).transpose()?.map(Arc::new);
        let output_format = output_format(&config);
        let peer_names = Arc::new(PeerNames::new(!config.network.disable_host_lookup));
        let sorting = config.output.sorting.clone().filter(|_| storage.is_some());
        let timing = Timing {
            awaited: config.events.at_end_of_study(),
            timeout: config.events.end_of_study_timeout,
            keeps_files: config.events.rename_on_end_of_study,
        };
        let studies = sorting.map(|sorting| Studies::new(sorting, timing));
        let (events, output) = (&config.events, &config.output);
        let events = Events::new(events, output, storage.clone(), Arc::clone(&peer_names))?;
        let host_access = config.network.access_control.then(HostAccess::system);
        Ok(Self {
            config,
            policy,
            output_format,
            dictionary,
            peer_names,
            host_access,
            tls,
            storage,
            studies,
            events,
        })
    }

    /// Deals with the temporary files that a crash left.
    pub(crate) fn recover_storage(&self) {
        if let Some(storage) = &self.storage {
            // For one connection, nothing is to cost as much as there are files.
            storage.recover(!self.config.network.inetd);
        }
    }

    /// An association or the receiver ends: nothing of its own is to stay in the output directory.
    pub(crate) fn leave_storage(&self) {
        if let Some(storage) = &self.storage {
            storage.leave();
        }
    }

    /// Says so if there is less room than `--min-free` wants left.
    pub(crate) fn shortage(&self) -> Option<String> {
        let storage = self.storage.as_deref()?;
        Some(self.config.output.min_free?.shortage(storage)?.to_string())
    }

    /// `--socket-timeout` as a time to wait. The operating system's own setting, as accepted
    /// sockets have it, is to wait for ever.
    pub(crate) fn socket_timeout(&self) -> Option<Duration> {
        match self.config.timeouts.socket {
            SocketTimeout::After(timeout) => Some(timeout),
            SocketTimeout::None | SocketTimeout::System => None,
        }
    }
}

fn open_storage(config: &Config) -> Result<Option<Arc<dyn Storage>>, Error> {
    let path = &config.output.directory;
    if !std::fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Err(Error::NoOutputDirectory { path: path.clone() });
    }
    if config.faults.ignore {
        return Ok(None);
    }
    let directory = Directory::open(path, config.output.durability)
        .map_err(|source| Error::OutputDirectoryNotWritable { path: path.clone(), source })?;
    let free_names = config.output.file_naming.style != NameStyle::SopInstance
        || config.events.rename_on_end_of_study;
    let checked = directory.check(Needs { free_names });
    checked.map_err(|lacking| Error::OutputDirectoryLacks { path: path.clone(), lacking })?;
    Ok(Some(Arc::new(directory)))
}

fn acceptor_policy(config: &Config) -> Result<AcceptorPolicy, Error> {
    Ok(AcceptorPolicy {
        max_pdu_bytes: config.negotiation.max_pdu_bytes,
        implementation_class_uid: Uid::parse(crate::IMPLEMENTATION_CLASS_UID.as_bytes())
            .expect("our implementation class UID is a UID"),
        implementation_version_name: VersionName::parse(
            crate::IMPLEMENTATION_VERSION_NAME.as_bytes(),
        )
        .expect("our implementation version name is one"),
        refuse: config.faults.refuse,
        require_implementation_class_uid: config.faults.reject_without_implementation_class_uid,
        abstract_syntaxes: abstract_syntaxes(&config.negotiation)?,
        user_identity_response: None,
    })
}

/// What is accepted: what a profile lists, else all storage classes and Verification.
fn abstract_syntaxes(negotiation: &Negotiation) -> Result<AbstractSyntaxes, Error> {
    if let Some(ProfileChoice { file, name }) = &negotiation.profile {
        let profile = Profile::read(file, name).map_err(Error::Profile)?;
        for warning in profile.warnings() {
            tracing::warn!("{}: {warning}", file.display());
        }
        return Ok(profile.abstract_syntaxes());
    }
    let policy = ClassPolicy::new(negotiation.transfer_syntaxes.clone().into());
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    for class in sop_class::all() {
        if let Ok(uid) = Uid::parse(class.uid.as_bytes()) {
            abstract_syntaxes.accept(uid, policy.clone());
        }
    }
    if let Ok(uid) = Uid::parse(sop_class::VERIFICATION.as_bytes()) {
        // It has no data sets, so a compression means nothing, and some peers take it amiss.
        let mut syntaxes = negotiation.transfer_syntaxes.clone();
        syntaxes.sort_by_key(|syntax| syntax.encapsulated() || syntax.deflated());
        abstract_syntaxes.accept(uid, ClassPolicy::new(syntaxes.into()));
    }
    if negotiation.promiscuous {
        abstract_syntaxes.accept_unregistered(policy);
    }
    Ok(abstract_syntaxes)
}

/// What `--bit-preserving` and the output options say, in the transcoder's words.
fn output_format(config: &Config) -> OutputFormat {
    let Some(encoding) = &config.output.encoding else { return OutputFormat::bit_preserving() };
    OutputFormat {
        bit_preserving: false,
        transfer_syntax: match encoding.transfer_syntax {
            OutputTransferSyntax::AsReceived => format::OutputTransferSyntax::AsReceived,
            OutputTransferSyntax::ExplicitVrLittleEndian => {
                format::OutputTransferSyntax::ExplicitVrLittleEndian
            }
            OutputTransferSyntax::ExplicitVrBigEndian => {
                format::OutputTransferSyntax::ExplicitVrBigEndian
            }
            OutputTransferSyntax::ImplicitVrLittleEndian => {
                format::OutputTransferSyntax::ImplicitVrLittleEndian
            }
            OutputTransferSyntax::DeflatedExplicitVrLittleEndian => {
                format::OutputTransferSyntax::DeflatedExplicitVrLittleEndian
            }
        },
        compression_level: encoding.compression_level,
        group_lengths: match encoding.group_lengths {
            GroupLengths::Recalculate => format::GroupLengths::Recalculate,
            GroupLengths::Create => format::GroupLengths::Create,
            GroupLengths::Remove => format::GroupLengths::Remove,
        },
        sequence_lengths: match encoding.sequence_lengths {
            SequenceLengths::Explicit => format::SequenceLengths::Explicit,
            SequenceLengths::Undefined => format::SequenceLengths::Undefined,
        },
        new_vrs: encoding.new_vrs,
        convert_un: encoding.convert_un,
        padding: encoding.padding.map_or(format::Padding::NONE, |padding| format::Padding {
            file_bytes: padding.file_bytes,
            item_bytes: padding.item_bytes,
        }),
    }
}
