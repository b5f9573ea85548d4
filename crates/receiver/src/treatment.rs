//! Everything that may differ from sender to sender: what is accepted, where it goes, and in which form.

use crate::identity::Identity;
use crate::net::SocketTimeout;
use crate::output::Output;
use crate::peer::Peer;
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{Attributes, TransferSyntax, Uid, WantedAttributes, sop_class};
use proto::{AbstractSyntaxes, AcceptorPolicy, ClassPolicy};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
    /// How long the peer may be silent once the association is accepted; `None` for the
    /// [`Timeouts`](crate::Timeouts) of the node.
    pub timeouts: Option<AssociationTimeouts>,
    /// How many associations may be treated so at a time; `None` for as many as the node has.
    pub associations: Option<AssociationLimit>,
    /// What is tolerated of objects that are not as they should be.
    pub leniency: Leniency,
    /// What is owed for each object; `None` for nothing: then its file has one name and no more.
    pub intents: Option<IntentSettings>,
    /// Whatever the program wants to find again with the objects of an association. The receiver does not look
    /// at it.
    pub program: Option<Arc<dyn Any + Send + Sync>>,
}

/// How objects get the intents that make what is owed for them durable ([`storage::Intents`]).
#[derive(Clone)]
pub struct IntentSettings {
    /// Which rule it is, for [`Envelope::route`](storage::Envelope::route).
    pub route: u32,
    /// The attributes that [`StoredObject::attributes`](crate::StoredObject::attributes) is to have, to be found there by
    /// [`Attributes::noted_as`](dataset::Attributes::noted_as): at most
    /// [`INTENT_ATTRIBUTES`](crate::limits::INTENT_ATTRIBUTES). Of more, none is noted.
    pub wanted: Arc<WantedAttributes>,
    /// Which objects get their final names too.
    pub final_names: FinalNames,
}

/// Which objects that have intents get their final names too.
#[derive(Clone)]
pub enum FinalNames {
    /// All.
    All,
    /// Those that nobody takes. The others are kept by their intents alone, until they are delivered.
    NotTaken(Arc<dyn Takers>),
}

/// Those to whom objects are delivered.
pub trait Takers: Send + Sync {
    /// Whether one of them takes the object. Called before it is answered.
    fn take(&self, object: &OfferedObject<'_>) -> bool;
}

/// An object that was received whole and is not stored yet.
#[derive(Clone, Copy)]
pub struct OfferedObject<'a> {
    /// Who sent it.
    pub peer: &'a Peer,
    /// SOP Class UID, as it is stored.
    pub sop_class: &'a Uid,
    /// Transfer Syntax UID of the file.
    pub transfer_syntax: &'a str,
    /// Those of [`IntentSettings::wanted`].
    pub attributes: &'a Attributes,
}

/// How long a peer may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssociationTimeouts {
    /// While reading or sending.
    pub socket: SocketTimeout,
    /// Inside a DIMSE message; `None` is unlimited.
    pub dimse: Option<Duration>,
}

/// How many associations may have a treatment at a time.
#[derive(Clone, Debug)]
pub struct AssociationLimit {
    /// The most; one more is rejected with "local limit exceeded" (PS3.8 §9.3.4).
    pub most: usize,
    /// How many there are. Shared by the treatments that count together, before and after a change of settings.
    pub current: Arc<AtomicUsize>,
}

/// What is tolerated of senders that cannot be mended. By default nothing; what is tolerated is logged as a
/// warning and told to [`Observer::tolerated`](crate::Observer::tolerated).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leniency {
    /// UIDs that differ between command and data set: which of them names the file. `None`: the object is
    /// refused with A900H.
    pub mismatched_uids: Option<NamedBy>,
    /// The Specific Character Set (0008,0005) of data sets that declare none, as text of the defined terms
    /// (`ISO_IR 100`). Names of folders and files are read by it; the data set is stored as it is.
    pub default_character_set: Option<String>,
    /// Objects of SOP classes that were not accepted on the presentation context are stored.
    pub classes_not_negotiated: bool,
}

/// Whose UIDs name the file of an object whose command and data set disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// Affected SOP Class and Instance UID of the C-STORE-RQ.
    Command,
    /// SOP Class and Instance UID of the data set.
    DataSet,
}

impl AssociationLimit {
    /// At most `most` associations, none of which there is yet.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, current: Arc::default() }
    }

    /// One more association, if there are fewer than [`AssociationLimit::most`]; dropping the permit gives it back.
    /// Of several at a time, no more get one than are allowed.
    pub(crate) fn enter(&self) -> Option<AssociationPermit> {
        let one_more = |current: usize| (current < self.most).then_some(current + 1);
        let entered = self.current.fetch_update(Ordering::AcqRel, Ordering::Relaxed, one_more);
        entered.is_ok().then(|| AssociationPermit(Arc::clone(&self.current)))
    }
}

/// One of the associations that count towards an [`AssociationLimit`].
#[derive(Debug)]
pub(crate) struct AssociationPermit(Arc<AtomicUsize>);

impl Drop for AssociationPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl fmt::Debug for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Treatment").finish_non_exhaustive()
    }
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
        Self::with_policy(policy, Some(output))
    }

    /// What is accepted, and where it goes; all else as the node has it.
    #[must_use]
    pub fn with_policy(policy: AcceptorPolicy, output: Option<Arc<Output>>) -> Self {
        Self {
            policy,
            output,
            timeouts: None,
            associations: None,
            leniency: Leniency::default(),
            intents: None,
            program: None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    #[test]
    fn however_many_ask_at_a_time_no_more_get_in_than_are_allowed() {
        const THREADS: usize = 8;
        let limit = AssociationLimit::new(3);
        let inside = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let Some(_permit) = limit.enter() else { continue };
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(most.into_inner(), 3);
        assert_eq!(limit.current.load(Ordering::SeqCst), 0, "all were given back");
    }

    #[test]
    fn a_panic_gives_the_permit_back_and_a_lower_limit_lets_those_who_are_in_stay() {
        let limit = AssociationLimit::new(1);
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _permit = limit.enter().unwrap();
            panic!("a bug");
        }));
        assert!(panics.is_err());
        let first = limit.enter().unwrap();
        let changed = AssociationLimit { most: 0, current: Arc::clone(&limit.current) };
        assert!(limit.enter().is_none() && changed.enter().is_none());
        drop(first);
        assert!(changed.enter().is_none(), "nobody at all");
        assert!(limit.enter().is_some());
    }
}
