//! What the tests share: two associations joined in memory, and events without borrows.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use dataset::{TransferSyntax, Uid};
use proto::{
    AbortCause, AbstractSyntaxes, Acceptance, AcceptorConfig, AcceptorPolicy, AeTitle, Association,
    ClassPolicy, CommandSet, ContextId, Event, PeerFault, Proposal, Rejection, RequestorConfig,
    State, VersionName, negotiate,
};

pub(crate) const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const MR_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.4";
pub(crate) const MAX_PDU_BYTES: u32 = 16384;
pub(crate) const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
pub(crate) const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";

/// A time to begin with. From there on, time is what a test says it is.
#[expect(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

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
    Aborted(AbortCause),
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
        let now = start();
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
        let happened = pair.deliver_to_acceptor();
        let [Happened::Proposed(proposal)] = &happened[..] else { panic!("{happened:?}") };
        pair.acceptor.answer(negotiate(proposal, &policy()), pair.now);
        let happened = pair.deliver_to_requestor();
        let [Happened::Accepted(_)] = &happened[..] else { panic!("{happened:?}") };
        let ids = proposal.contexts.iter().map(|context| context.id).collect();
        (pair, ids)
    }

    pub(crate) fn deliver_to_acceptor(&mut self) -> Vec<Happened> {
        let bytes = take_outgoing(&mut self.requestor);
        self.acceptor_receives(&bytes)
    }

    pub(crate) fn acceptor_receives(&mut self, bytes: &[u8]) -> Vec<Happened> {
        feed(&mut self.acceptor, bytes, self.now, |_, _| {})
    }

    pub(crate) fn deliver_to_requestor(&mut self) -> Vec<Happened> {
        let bytes = take_outgoing(&mut self.acceptor);
        feed(&mut self.requestor, &bytes, self.now, |_, _| {})
    }
}

/// Bytes as the standard's tables give them, written without the code under test.
pub(crate) mod wire {
    /// A PDU: type, reserved, length, body.
    pub(crate) fn pdu(pdu_type: u8, body: &[u8]) -> Vec<u8> {
        [&[pdu_type, 0][..], &(body.len() as u32).to_be_bytes(), body].concat()
    }

    /// An item or sub-item: type, reserved, length, value.
    pub(crate) fn item(item_type: u8, value: &[u8]) -> Vec<u8> {
        [&[item_type, 0][..], &(value.len() as u16).to_be_bytes(), value].concat()
    }

    /// Bytes 7 to 74 of an A-ASSOCIATE PDU. The reserved ones are not zero, to see them echoed.
    pub(crate) fn fixed(called: &str, calling: &str) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        bytes.extend(format!("{called:16}{calling:16}").bytes());
        bytes.extend(0x60..0x80);
        bytes
    }

    /// A proposed presentation context item.
    pub(crate) fn context(id: u8, abstract_syntax: &str, transfer_syntaxes: &[&str]) -> Vec<u8> {
        let mut value = vec![id, 0, 0, 0];
        value.extend(item(0x30, abstract_syntax.as_bytes()));
        for uid in transfer_syntaxes {
            value.extend(item(0x40, uid.as_bytes()));
        }
        item(0x20, &value)
    }

    pub(crate) fn application_context() -> Vec<u8> {
        item(0x10, b"1.2.840.10008.3.1.1.1")
    }

    /// A user information item with a maximum length and these sub-items.
    pub(crate) fn user_information(more: &[Vec<u8>]) -> Vec<u8> {
        let max = item(0x51, &16384_u32.to_be_bytes());
        item(0x50, &[max, more.concat()].concat())
    }

    /// An A-ASSOCIATE-RQ with these items, in this order.
    pub(crate) fn associate_rq(items: &[Vec<u8>]) -> Vec<u8> {
        pdu(1, &[fixed("STORESCP", "REQUESTOR"), items.concat()].concat())
    }

    /// One that is accepted: these presentation contexts between the other two items.
    pub(crate) fn usual_rq(contexts: &[Vec<u8>]) -> Vec<u8> {
        associate_rq(&[application_context(), contexts.concat(), user_information(&[])])
    }

    /// Message control header bits (PS3.8 §E.2).
    pub(crate) const COMMAND: u8 = 1;
    pub(crate) const LAST: u8 = 2;

    /// A PDV item: length, context ID, message control header, data.
    pub(crate) fn pdv(context: u8, control: u8, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u32 + 2).to_be_bytes();
        [&length[..], &[context, control], data].concat()
    }

    /// A P-DATA-TF PDU with one PDV.
    pub(crate) fn p_data(context: u8, control: u8, data: &[u8]) -> Vec<u8> {
        pdu(4, &pdv(context, control, data))
    }

    pub(crate) fn release_rq() -> Vec<u8> {
        vec![5, 0, 0, 0, 0, 4, 0, 0, 0, 0]
    }

    pub(crate) fn release_rp() -> Vec<u8> {
        vec![6, 0, 0, 0, 0, 4, 0, 0, 0, 0]
    }

    pub(crate) fn abort(source: u8, reason: u8) -> Vec<u8> {
        vec![7, 0, 0, 0, 0, 4, 0, 0, source, reason]
    }

    /// An element of a command set.
    pub(crate) fn element(number: u16, value: &[u8]) -> Vec<u8> {
        let tag = [&[0, 0][..], &number.to_le_bytes()].concat();
        [&tag[..], &(value.len() as u32).to_le_bytes(), value].concat()
    }

    pub(crate) fn us(number: u16, value: u16) -> Vec<u8> {
        element(number, &value.to_le_bytes())
    }

    /// A UID element, padded with NUL.
    pub(crate) fn ui(number: u16, value: &str) -> Vec<u8> {
        let mut value = value.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        element(number, &value)
    }

    /// These elements behind their group length.
    pub(crate) fn command(elements: &[Vec<u8>]) -> Vec<u8> {
        let elements = elements.concat();
        [element(0, &(elements.len() as u32).to_le_bytes()), elements].concat()
    }

    pub(crate) fn c_echo_rq(message_id: u16) -> Vec<u8> {
        command(&[
            ui(0x0002, "1.2.840.10008.1.1"),
            us(0x0100, 0x0030),
            us(0x0110, message_id),
            us(0x0800, 0x0101),
        ])
    }

    pub(crate) fn c_store_rq(message_id: u16, sop_class: &str, sop_instance: &str) -> Vec<u8> {
        command(&[
            ui(0x0002, sop_class),
            us(0x0100, 0x0001),
            us(0x0110, message_id),
            us(0x0700, 0),
            us(0x0800, 0x0000),
            ui(0x1000, sop_instance),
        ])
    }
}

/// An acceptor driven by bytes, answering requests by [`policy`].
pub(crate) struct Acceptor {
    pub(crate) association: Association,
    pub(crate) now: Instant,
}

impl Acceptor {
    /// Connected, nothing received (Sta2).
    pub(crate) fn connected() -> Acceptor {
        let now = start();
        Acceptor { association: Association::acceptor(acceptor_config(), now), now }
    }

    /// Established, with Verification on context 1 and CT on 3, nothing left to send.
    pub(crate) fn established() -> Acceptor {
        let mut acceptor = Acceptor::connected();
        acceptor.receive(&wire::usual_rq(&[
            wire::context(1, dataset::sop_class::VERIFICATION, &[IMPLICIT_LITTLE]),
            wire::context(3, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        ]));
        assert_eq!(acceptor.association.state(), State::Sta6);
        acceptor.sent();
        acceptor
    }

    /// Feeds bytes; a request is answered by [`policy`].
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Vec<Happened> {
        self.receive_with(bytes, &policy())
    }

    pub(crate) fn receive_with(&mut self, bytes: &[u8], policy: &AcceptorPolicy) -> Vec<Happened> {
        let now = self.now;
        feed(&mut self.association, bytes, now, |association, happened| {
            if let Happened::Proposed(proposal) = happened {
                association.answer(negotiate(proposal, policy), now);
            }
        })
    }

    /// What it sent since the last call.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        take_outgoing(&mut self.association)
    }

    /// Feeds bytes that are against the rules; returns the fault found, and checks that it was
    /// answered with this A-ABORT and nothing else.
    #[track_caller]
    pub(crate) fn faults(&mut self, bytes: &[u8], source: u8, reason: u8) -> PeerFault {
        let happened = self.receive(bytes);
        let Some(Happened::Aborted(AbortCause::Fault(fault))) = happened.last() else {
            panic!("no fault in {happened:?}")
        };
        assert_eq!(self.sent(), wire::abort(source, reason), "{fault}");
        assert_eq!(self.association.state(), State::Sta13);
        *fault
    }
}
