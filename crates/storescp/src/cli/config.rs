//! What the server is to do, checked and ready: what [`parse`](super::parse()) gives.

use crate::commands::CommandSettings;
use crate::logging::LogSettings;
use crate::negotiation::Negotiation;
use crate::rules::{Rule as SenderRule, TreatmentSettings};
use archive::{CatalogSettings, Keep};
use control::ControlSettings;
use delivery::DestinationSettings;
use receiver::faults::Rule;
use receiver::net::Network;
use receiver::net::tls::TlsSettings;
use receiver::{AssociationTimeouts, Leniency, Limits, OutputSettings, Timeouts};
use std::path::PathBuf;
use std::time::Duration;
use telemetry::{AuditSettings, TraceSettings};

/// The whole configuration, valid once built; made only by [`super::parse()`].
///
/// Each part is the settings of one part of the program, declared there.
#[derive(Debug, Clone)]
pub struct Config {
    /// There is no option on the command line: somebody tries the program out.
    pub port_only: bool,
    /// Where and how the server listens.
    pub network: Network,
    /// What is answered to an A-ASSOCIATE-RQ.
    pub negotiation: Negotiation,
    /// How long the server waits for a peer.
    pub timeouts: Timeouts,
    /// How much the server takes on, and how it ends.
    pub limits: Limits,
    /// `--grace-period`: how long messages in progress may go on after SIGTERM or SIGINT.
    pub grace_period: Duration,
    /// `--inetd`: standard input is the one connection to serve.
    pub inetd: bool,
    /// Faults on purpose, to test senders: those of `--fault`, of `--fault-file`, and of the options that have one
    /// each.
    pub faults: Vec<Rule>,
    /// `--fault-seed`, or the seed in the file; `None` for any.
    pub fault_seed: Option<u64>,
    /// `--ignore`: data sets are received and answered, not stored.
    pub ignore: bool,
    /// `--enable-tls`; `None` for plain TCP.
    pub tls: Option<TlsSettings>,
    /// Where received objects go and in which form.
    pub output: OutputSettings,
    /// What happens after objects and studies.
    pub commands: CommandSettings,
    /// What is written to standard error.
    pub log: LogSettings,
    /// `--settings`: the file that is merged over the command line by
    /// [`settings::effective`](crate::settings::effective).
    pub settings_file: Option<PathBuf>,
    /// What is tolerated of objects that are not as they should be.
    pub leniency: Leniency,
    /// How single senders are treated: the first rule that matches decides.
    pub rules: Vec<SenderRule>,
    /// Senders that no rule names are refused, rather than treated as the rest of the settings says.
    pub refuses_others: bool,
    /// `--http`; `None` for no control plane.
    pub http: Option<ControlSettings>,
    /// Where audit messages go; `None` for none.
    pub audit: Option<AuditSettings>,
    /// Where traces go; `None` for none.
    pub traces: Option<TraceSettings>,
    /// `[catalog]`; `None` for no catalogue.
    pub catalog: Option<CatalogSettings>,
    /// `[[destination]]`: whom rules deliver to.
    pub destinations: Vec<DestinationSettings>,
    /// The destinations, by name, that get the objects of senders that no rule names.
    pub deliver: Vec<String>,
    /// How long their files are kept.
    pub keep: Keep,
    /// Remarks about the command line, to be logged as warnings once logging is set up.
    pub warnings: Vec<String>,
}

impl Config {
    /// How senders are treated that no rule names.
    #[must_use]
    pub fn treatment(&self) -> TreatmentSettings {
        let Timeouts { socket, dimse, .. } = self.timeouts;
        TreatmentSettings {
            negotiation: self.negotiation.clone(),
            timeouts: AssociationTimeouts { socket, dimse },
            max_associations: None,
            ignore: self.ignore,
            output: self.output.clone(),
            leniency: self.leniency.clone(),
            commands: self.commands.clone(),
            deliver: self.deliver.clone(),
            keep: self.keep,
        }
    }
}
