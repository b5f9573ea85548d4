//! The targets for `crates/proto`.

pub mod association;
pub mod command_set;
pub mod pdu;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dataset::Uid;
use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use proto::{
    AbstractSyntaxes, AcceptorConfig, AcceptorPolicy, AeTitle, Association, ClassPolicy, Event,
    Proposal, RequestorConfig, State, VersionName,
};

const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
const CT_IMAGE_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
const MAX_PDU_BYTES: u32 = 4096;

fn uid(text: &str) -> Uid {
    text.parse().expect("a UID")
}

fn ae(text: &str) -> AeTitle {
    text.parse().expect("an AE title")
}

/// Accepts Verification and CT in both uncompressed little-endian transfer syntaxes.
fn policy() -> AcceptorPolicy {
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    for class in [dataset::sop_class::VERIFICATION, CT_IMAGE_STORAGE] {
        let syntaxes = Arc::new([EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN]);
        abstract_syntaxes.accept(uid(class), ClassPolicy::new(syntaxes));
    }
    AcceptorPolicy {
        max_pdu_bytes: MAX_PDU_BYTES,
        implementation_class_uid: uid("2.25.1"),
        implementation_version_name: VersionName::parse(b"FUZZ").expect("a name"),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes,
        user_identity_response: Some(Vec::new()),
    }
}

/// Proposes Verification on context 1 and CT on 3.
fn proposal() -> Proposal {
    let mut proposal = Proposal::new(ae("REQUESTOR"), ae("ACCEPTOR"), MAX_PDU_BYTES);
    for class in [dataset::sop_class::VERIFICATION, CT_IMAGE_STORAGE] {
        proposal.propose(uid(class), &[IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN]);
    }
    proposal
}

fn acceptor(now: Instant) -> Association {
    let acse_timeout = Duration::from_secs(30);
    Association::acceptor(AcceptorConfig { acse_timeout, close_timeout: CLOSE_TIMEOUT }, now)
}

fn requestor(proposal: Proposal) -> Association {
    Association::requestor(RequestorConfig { proposal, close_timeout: CLOSE_TIMEOUT })
}

/// A start time. The clock does not run: the harness passes the time to each call.
#[allow(clippy::disallowed_methods, reason = "an Instant cannot be made otherwise")]
fn start() -> Instant {
    Instant::now()
}

fn take_outgoing(association: &mut Association) -> Vec<u8> {
    let bytes = association.outgoing().to_vec();
    association.consume_outgoing(bytes.len());
    bytes
}

/// Feeds all of `input`, calling `react` for each event except the last, `NeedInput`.
fn feed(
    association: &mut Association,
    mut input: &[u8],
    now: Instant,
    mut react: impl FnMut(&mut Association, Event<'_>),
) {
    loop {
        let step = association.receive(input, now);
        let (consumed, rest) = input.split_at(step.consumed);
        match step.event {
            Event::NeedInput => {
                assert!(rest.is_empty(), "NeedInput means that all is consumed");
                return;
            }
            Event::DataSet(fragments) => {
                let lent: usize = fragments.slices().iter().map(|slice| slice.len()).sum();
                assert_eq!(lent, fragments.byte_count());
                assert!(lent <= consumed.len(), "no more is lent than was consumed");
                react(association, Event::DataSet(fragments));
            }
            event => react(association, event),
        }
        check(association);
        input = rest;
    }
}

/// Checks what must hold between any two calls.
fn check(association: &Association) {
    let state = association.state();
    let over = matches!(state, State::Sta1 | State::Sta13);
    assert_eq!(association.is_closed(), state == State::Sta1);
    assert!(!over || association.ending().is_some(), "{state}: an end has a reason");
    let timed = matches!(state, State::Sta2 | State::Sta13);
    assert_eq!(association.poll_timeout().is_some(), timed, "{state}: ARTIM");
    let established = !matches!(state, State::Sta2 | State::Sta3 | State::Sta5);
    assert!(established || association.contexts().is_empty(), "{state}: contexts");
}
