//! Everything that may differ from sender to sender.

use crate::identity::Identity;
use crate::output::Output;
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{TransferSyntax, Uid, sop_class};
use proto::{AbstractSyntaxes, AcceptorPolicy, ClassPolicy};
use std::sync::Arc;
use std::time::Duration;

/// How a sender is treated: chosen when its association is proposed, and kept to the end of that.
#[derive(Clone)]
pub struct Treatment {
    /// What is accepted: abstract and transfer syntaxes, roles.
    pub policy: AcceptorPolicy,
    /// Where objects go, under which names and in which form. `None`: they are received, answered with
    /// success, and not stored.
    pub output: Option<Arc<Output>>,
    /// Errors provoked on purpose.
    pub faults: Faults,
}

/// The transfer syntaxes without compression (PS3.5 §10), little endian before big endian.
pub const UNCOMPRESSED: &[&TransferSyntax] =
    &[EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];

impl Treatment {
    /// All storage classes are accepted, in these transfer syntaxes, best first, and stored into `output`.
    #[must_use]
    pub fn new(
        identity: &Identity,
        transfer_syntaxes: &[&'static TransferSyntax],
        output: Arc<Output>,
    ) -> Self {
        let policy = AcceptorPolicy {
            max_pdu_bytes: identity.max_pdu_bytes,
            implementation_class_uid: identity.implementation_class_uid,
            implementation_version_name: identity.implementation_version_name.clone(),
            refuse: false,
            require_implementation_class_uid: false,
            abstract_syntaxes: storage_classes(transfer_syntaxes, false),
            user_identity_response: None,
        };
        Self { policy, output: Some(output), faults: Faults::default() }
    }
}

/// All storage classes and Verification, in these transfer syntaxes, best first; with `promiscuous`, classes
/// that are not registered too.
#[must_use]
pub fn storage_classes(
    transfer_syntaxes: &[&'static TransferSyntax],
    promiscuous: bool,
) -> AbstractSyntaxes {
    let policy = ClassPolicy::new(transfer_syntaxes.into());
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    for class in sop_class::all() {
        if let Ok(uid) = Uid::parse(class.uid.as_bytes()) {
            abstract_syntaxes.accept(uid, policy.clone());
        }
    }
    if let Ok(uid) = Uid::parse(sop_class::VERIFICATION.as_bytes()) {
        // It has no data sets, so a compression means nothing, and some peers take it amiss.
        let mut syntaxes = transfer_syntaxes.to_vec();
        syntaxes.sort_by_key(|syntax| syntax.encapsulated() || syntax.deflated());
        abstract_syntaxes.accept(uid, ClassPolicy::new(syntaxes.into()));
    }
    if promiscuous {
        abstract_syntaxes.accept_unregistered(policy);
    }
    abstract_syntaxes
}

/// Errors provoked on purpose, to test senders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// `--sleep-after`: pause after each C-STORE-RSP, before the next command is read.
    pub sleep_after: Duration,
    /// `--sleep-during`: pause before the data set, after each of its PDVs, and at its end.
    pub sleep_during: Duration,
    /// `--abort-after`: A-ABORT after the last PDV of a data set, in place of the response.
    pub abort_after: bool,
    /// `--abort-during`: A-ABORT after the first PDV of a data set.
    pub abort_during: bool,
}
