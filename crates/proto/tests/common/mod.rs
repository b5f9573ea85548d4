//! What the tests share: two associations joined in memory, and events without borrows.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid};
use proto::{
    Abort, AbstractSyntaxes, Acceptance, AcceptorConfig, AcceptorPolicy, AeTitle, Association,
    ClassPolicy, CommandSet, ContextId, Event, Proposal, Rejection, RequestorConfig, VersionName,
    negotiate,
};

pub(crate) const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const MR_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.4";
pub(crate) const MAX_PDU_BYTES: u32 = 16384;

pub(crate) fn uid(text: &str) -> Uid {
    text.parse().unwrap()
}

pub(crate) fn ae(text: &str) -> AeTitle {
    text.parse().unwrap()
}

pub(crate) fn syntaxes() -> Arc<[&'static TransferSyntax]> {
    Arc::new([EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN])
}

/// Accepts Verification, CT and MR, in explicit and implicit little endian.
pub(crate) fn policy() -> AcceptorPolicy {
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    for class in [dataset::sop_class::VERIFICATION, CT_IMAGE_STORAGE, MR_IMAGE_STORAGE] {
        abstract_syntaxes.accept(uid(class), ClassPolicy::new(syntaxes()));
    }
    AcceptorPolicy {
        max_pdu_bytes: MAX_PDU_BYTES,
        implementation_class_uid: uid("2.25.1"),
        implementation_version_name: VersionName::parse(b"TEST").unwrap(),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes,
        user_identity_response: None,
    }
}

pub(crate) fn acceptor_config() -> AcceptorConfig {
    AcceptorConfig { acse_timeout: Duration::from_secs(30), close_timeout: Duration::from_secs(5) }
}

/// Proposes these classes, each in implicit and explicit little endian.
pub(crate) fn proposal(classes: &[&str]) -> (Proposal, Vec<ContextId>) {
    let mut proposal = Proposal::new(ae("REQUESTOR"), ae("STORESCP"), MAX_PDU_BYTES);
    proposal.user_information.implementation_class_uid = Some(uid("2.25.2"));
    let ids = classes.iter().map(|class| {
        proposal.propose(uid(class), &[IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN])
    });
    let ids = ids.collect();
    (proposal, ids)
}

/// An event that owns its bytes. Consecutive pieces of one data set are one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happened {
    Proposed(Box<Proposal>),
    Accepted(Box<Acceptance>),
    Rejected(Rejection),
    Command(ContextId, CommandSet),
    DataSet { context: ContextId, bytes: Vec<u8>, pdvs: usize, ended: bool },
    ReleaseRequested,
    Released,
    Aborted(Abort),
}

/// Feeds `input` to the end, calling `react` after each event, and returns what happened.
pub(crate) fn feed(
    association: &mut Association,
    mut input: &[u8],
    now: Instant,
    mut react: impl FnMut(&mut Association, &Happened),
) -> Vec<Happened> {
    let mut all = Vec::new();
    loop {
        let step = association.receive(input, now);
        assert!(step.consumed <= input.len());
        let happened = match step.event {
            Event::NeedInput => {
                assert_eq!(step.consumed, input.len(), "NeedInput means that all is consumed");
                return all;
            }
            Event::Proposed(proposal) => Happened::Proposed(proposal),
            Event::Accepted(acceptance) => Happened::Accepted(acceptance),
            Event::Rejected(rejection) => Happened::Rejected(rejection),
            Event::Command { context, command } => Happened::Command(context, command),
            Event::DataSet(fragments) => {
                let bytes = fragments.slices().iter().flat_map(|slice| slice.to_vec()).collect();
                let (pdvs, ended) = (fragments.pdvs_ended(), fragments.is_last());
                Happened::DataSet { context: fragments.context(), bytes, pdvs, ended }
            }
            Event::ReleaseRequested => Happened::ReleaseRequested,
            Event::Released => Happened::Released,
            Event::Aborted(abort) => Happened::Aborted(abort),
        };
        react(association, &happened);
        push(&mut all, happened);
        input = &input[step.consumed..];
    }
}

/// Appends an event, joining the pieces of a data set.
pub(crate) fn push(all: &mut Vec<Happened>, happened: Happened) {
    if let (
        Some(Happened::DataSet { context, bytes, pdvs, ended: ended @ false }),
        Happened::DataSet { context: new_context, bytes: more, pdvs: more_pdvs, ended: new_ended },
    ) = (all.last_mut(), &happened)
        && context == new_context
    {
        bytes.extend(more);
        *pdvs += more_pdvs;
        *ended = *new_ended;
        return;
    }
    all.push(happened);
}

/// Takes all that an association has to send.
pub(crate) fn take_outgoing(association: &mut Association) -> Vec<u8> {
    let bytes = association.outgoing().to_vec();
    association.consume_outgoing(bytes.len());
    bytes
}

/// A requestor and an acceptor with a perfect wire between them.
pub(crate) struct Pair {
    pub(crate) requestor: Association,
    pub(crate) acceptor: Association,
    pub(crate) now: Instant,
}

impl Pair {
    /// Both connected, the request on its way.
    pub(crate) fn proposing(classes: &[&str]) -> Pair {
        let (proposal, _) = proposal(classes);
        let now = Instant::now();
        let config = RequestorConfig { proposal, close_timeout: Duration::from_secs(5) };
        Pair {
            requestor: Association::requestor(config),
            acceptor: Association::acceptor(acceptor_config(), now),
            now,
        }
    }

    /// An association with these classes, and the IDs of their contexts.
    pub(crate) fn established(classes: &[&str]) -> (Pair, Vec<ContextId>) {
        let mut pair = Pair::proposing(classes);
        let happened = pair.to_acceptor();
        let [Happened::Proposed(proposal)] = &happened[..] else { panic!("{happened:?}") };
        pair.acceptor.answer(negotiate(proposal, &policy()), pair.now);
        let happened = pair.to_requestor();
        let [Happened::Accepted(_)] = &happened[..] else { panic!("{happened:?}") };
        let ids = proposal.contexts.iter().map(|context| context.id).collect();
        (pair, ids)
    }

    pub(crate) fn to_acceptor(&mut self) -> Vec<Happened> {
        let bytes = take_outgoing(&mut self.requestor);
        self.acceptor_receives(&bytes)
    }

    pub(crate) fn acceptor_receives(&mut self, bytes: &[u8]) -> Vec<Happened> {
        feed(&mut self.acceptor, bytes, self.now, |_, _| {})
    }

    pub(crate) fn to_requestor(&mut self) -> Vec<Happened> {
        let bytes = take_outgoing(&mut self.acceptor);
        feed(&mut self.requestor, &bytes, self.now, |_, _| {})
    }
}
