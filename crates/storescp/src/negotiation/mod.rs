//! What is answered to an A-ASSOCIATE-RQ: the options about it, and what they mean for the receiver.

pub mod profile;

use dataset::{TransferSyntax, Uid, sop_class};
use profile::Profile;
use proto::{AbstractSyntaxes, AcceptorPolicy, ClassPolicy, VersionName};
use receiver::Identity;
use std::path::PathBuf;

/// Our implementation class UID (PS3.7 §D.3.3.2), made from a UUID (PS3.5 §B.2).
const IMPLEMENTATION_CLASS_UID: &str = "2.25.276397947768074104005898073337973822803";

/// Our implementation version name (PS3.7 §D.3.3.2), at most 16 characters.
const IMPLEMENTATION_VERSION_NAME: &str = "STORESCP_010";

/// What is answered to an A-ASSOCIATE-RQ (PS3.8 §7.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Negotiation {
    /// `--aetitle`: shown in dumps as the responding application, never compared with the called
    /// AE title; any text, also one that is no legal AE title.
    pub ae_title: String,
    /// `--max-pdu`: longest P-DATA-TF PDU that peers may send, 4096 to 131072 bytes, even.
    pub max_pdu_bytes: u32,
    /// Transfer syntaxes accepted, best first, none twice: the first of them that a presentation
    /// context proposes is chosen.
    pub transfer_syntaxes: Vec<&'static TransferSyntax>,
    /// What `--accept-all` would accept, for those who are told to use it.
    pub accept_all: Vec<&'static TransferSyntax>,
    /// Abstract syntaxes that are accepted in place of all storage classes; Verification is accepted beside them.
    pub classes: Option<Vec<Uid>>,
    /// `--config-file`: what is accepted, in place of the transfer syntaxes above and the storage
    /// classes; not looked at yet.
    pub profile: Option<ProfileChoice>,
    /// `--promiscuous`: abstract syntaxes that are not registered are accepted too.
    pub promiscuous: bool,
    /// `--refuse`: every association is rejected.
    pub refuse: bool,
    /// `--reject`: associations without an implementation class UID are rejected.
    pub require_implementation_class_uid: bool,
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

impl Negotiation {
    /// Who we say we are.
    pub(crate) fn identity(&self) -> Identity {
        let (uid, name) = (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME);
        Identity {
            implementation_class_uid: Uid::parse(uid.as_bytes()).expect("it is a UID"),
            implementation_version_name: VersionName::parse(name.as_bytes()).expect("it is one"),
            max_pdu_bytes: self.max_pdu_bytes,
        }
    }

    /// What is accepted. Reads the negotiation profile, if there is one.
    ///
    /// # Errors
    /// The profile cannot be used.
    pub(crate) fn policy(&self) -> Result<AcceptorPolicy, profile::Fault> {
        let identity = self.identity();
        Ok(AcceptorPolicy {
            max_pdu_bytes: self.max_pdu_bytes,
            implementation_class_uid: identity.implementation_class_uid,
            implementation_version_name: identity.implementation_version_name,
            refuse: self.refuse,
            require_implementation_class_uid: self.require_implementation_class_uid,
            abstract_syntaxes: self.abstract_syntaxes()?,
            user_identity_response: None,
        })
    }

    /// Those that are listed, or all storage classes; and Verification.
    fn accepted_classes(&self) -> AbstractSyntaxes {
        let all = receiver::storage_classes(&self.transfer_syntaxes, self.promiscuous);
        let Some(classes) = &self.classes else { return all };
        let policy = ClassPolicy::new(self.transfer_syntaxes.as_slice().into());
        let mut accepted = AbstractSyntaxes::new();
        for class in classes {
            accepted.accept(*class, policy.clone());
        }
        let verification = Uid::parse(sop_class::VERIFICATION.as_bytes()).ok();
        if let Some((uid, policy)) = verification.and_then(|uid| Some((uid, all.find(&uid)?))) {
            accepted.accept(uid, policy.clone());
        }
        if self.promiscuous {
            accepted.accept_unregistered(policy);
        }
        accepted
    }

    /// What a profile lists, else all storage classes and Verification.
    fn abstract_syntaxes(&self) -> Result<AbstractSyntaxes, profile::Fault> {
        let Some(ProfileChoice { file, name }) = &self.profile else {
            return Ok(self.accepted_classes());
        };
        let profile = Profile::read(file, name)?;
        for warning in profile.warnings() {
            tracing::warn!("{}: {warning}", file.display());
        }
        Ok(profile.abstract_syntaxes())
    }
}
