//! Rules: how each sender is treated, by its titles, its address, its certificate and what it proposes.

mod compiled;
mod explanation;
mod pattern;
mod table;

pub use pattern::TitlePattern;
pub use table::{Found, RuleTable};

use crate::commands::CommandSettings;
use crate::negotiation::Negotiation;
use archive::Keep;
use dataset::Uid;
use ipnet::IpNet;
use receiver::{AssociationTimeouts, Leniency, OutputSettings, Rejection};

/// A rule as the settings have it. Of several that match a proposal, the first decides.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it is called in the log, metrics and API: its name in the settings, or `rule 3`.
    pub name: String,
    /// Whom it is about.
    pub condition: Condition,
    /// What it decides.
    pub decision: Decision,
}

impl Rule {
    fn accepts(&self) -> bool {
        matches!(self.decision, Decision::Accept(_))
    }
}

/// For each rule that can never decide, since an earlier one matches all that it matches: its index, and that of
/// the earlier one.
#[must_use]
pub fn shadowed(rules: &[Rule]) -> Vec<(usize, usize)> {
    compiled::Compiled::new(rules).shadowed().collect()
}

/// Whom a rule is about: all parts that are not empty must match, and of each part one entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Patterns of the calling AE title, with `*` and `?`.
    pub calling: Vec<String>,
    /// Patterns of the called AE title.
    pub called: Vec<String>,
    /// Networks that the peer's address may be in.
    pub addresses: Vec<IpNet>,
    /// Patterns of the verified certificate: subject, alternative names, fingerprint.
    pub certificates: Vec<CertificateCondition>,
    /// SOP classes one of which is proposed.
    pub classes: Vec<Uid>,
}

/// What a rule asks of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateCondition {
    /// A pattern of the subject, as in [`PeerCertificate::subject`](receiver::PeerCertificate::subject).
    Subject(String),
    /// A pattern of a subject alternative name.
    AlternativeName(String),
    /// SHA-256 of the certificate.
    Fingerprint([u8; 32]),
}

/// What a rule decides.
#[derive(Debug, Clone)]
pub enum Decision {
    /// The association is rejected.
    Refuse(Rejection),
    /// It is treated so.
    Accept(Box<TreatmentSettings>),
}

/// Everything that may differ from sender to sender, as the settings have it: what a rule does not say is as at the
/// top of the file.
#[derive(Debug, Clone)]
pub struct TreatmentSettings {
    /// What is answered to an A-ASSOCIATE-RQ.
    pub negotiation: Negotiation,
    /// How long the peer is waited for.
    pub timeouts: AssociationTimeouts,
    /// Associations at a time by this rule.
    pub max_associations: Option<usize>,
    /// Data sets are received and answered, not stored.
    pub ignore: bool,
    /// Where objects go, and in which form.
    pub output: OutputSettings,
    /// What is tolerated.
    pub leniency: Leniency,
    /// What happens after objects and studies.
    pub commands: CommandSettings,
    /// The destinations that get the objects, by name.
    pub deliver: Vec<String>,
    /// How long files are kept.
    pub keep: Keep,
}
