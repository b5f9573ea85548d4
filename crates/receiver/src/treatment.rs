//! Everything that may differ from sender to sender: what is accepted, where it goes, and in which form.

use crate::identity::Identity;
use crate::output::Output;
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{TransferSyntax, Uid, sop_class};
use proto::{AbstractSyntaxes, AcceptorPolicy, ClassPolicy};
use std::sync::Arc;

/// How a sender is treated: chosen by [`Observer::admit`](crate::Observer::admit) when its association is
/// proposed, and held to the end of that. So a change of settings changes nothing for associations that have
/// begun. Shared by reference counting; what it holds is held once, however many associations have it.
#[derive(Clone)]
pub struct Treatment {
    /// What is accepted (PS3.8 §9.3.3): abstract and transfer syntaxes, roles; and how we introduce ourselves,
    /// in A-ASSOCIATE-ACs and file meta information.
    pub policy: AcceptorPolicy,
    /// Where objects go, under which names and in which form. `None`: they are received, answered with
    /// success, and dropped.
    pub output: Option<Arc<Output>>,
}

/// The transfer syntaxes without compression (PS3.5 §10), little endian before big endian.
pub const UNCOMPRESSED: &[&TransferSyntax] =
    &[EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];

impl Treatment {
    /// All registered storage classes and Verification are accepted in these transfer syntaxes, the best first
    /// (see [`storage_classes`]), and stored into `output`. No sender is refused.
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
        Self { policy, output: Some(output) }
    }
}

/// All registered storage classes (PS3.4 §B.5) and Verification (PS3.4 Annex A) in these transfer syntaxes, the
/// best first; for Verification, which has no data sets, uncompressed ones go first. With `promiscuous`, abstract
/// syntaxes that are not registered are accepted too.
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
