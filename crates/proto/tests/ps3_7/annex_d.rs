//! PS3.7 Annex D: association negotiation by user information.

use std::sync::Arc;

use dataset::sop_class::VERIFICATION;
use proto::{
    Acceptance, AcceptorPolicy, AssociateResponse, ClassPolicy, ContextId, ContextResult,
    OperationsWindow, Proposal, RoleSelection, Roles, UserIdentity, negotiate,
};

use crate::common::{
    Acceptor, CT_IMAGE_STORAGE, IMPLICIT_LITTLE, MR_IMAGE_STORAGE, policy, proposal, syntaxes, uid,
    wire,
};

fn accepted(proposal: &Proposal, policy: &AcceptorPolicy) -> Acceptance {
    match negotiate(proposal, policy) {
        AssociateResponse::Accept(acceptance) => *acceptance,
        AssociateResponse::Reject(rejection) => panic!("{rejection}"),
    }
}

fn role(class: &str, scu: bool, scp: bool) -> RoleSelection {
    RoleSelection { sop_class: uid(class), scu, scp }
}

/// D.3.3.2, D.3.3.1
#[test]
fn the_acceptor_names_itself_and_nothing_it_was_not_asked() {
    let (proposal, _) = proposal(&[VERIFICATION]);
    let information = accepted(&proposal, &policy()).user_information;
    let expected = proto::UserInformation {
        max_pdu_bytes: Some(16384),
        implementation_class_uid: Some(uid("2.25.1")),
        implementation_version_name: proto::VersionName::parse(b"TEST"),
        ..proto::UserInformation::default()
    };
    assert_eq!(information, expected);
}

/// D.3.3.3
#[test]
fn operations_are_one_at_a_time() {
    let (mut proposal, _) = proposal(&[VERIFICATION]);
    for (invoked, performed) in [(0, 0), (1, 1), (9, 9)] {
        proposal.user_information.asynchronous_operations =
            Some(OperationsWindow { invoked, performed });
        let answer = accepted(&proposal, &policy()).user_information.asynchronous_operations;
        assert_eq!(answer, Some(OperationsWindow { invoked: 1, performed: 1 }));
    }
}

/// D.3.3.4
#[test]
fn a_storage_scp_leaves_the_requestor_the_scu_role() {
    let (mut proposal, _) = proposal(&[CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, "1.2.3"]);
    for (proposed, answered) in [
        ((true, false), Some((true, false))),
        ((true, true), Some((true, false))),
        // No answer means the default roles: better than an answer that leaves none.
        ((false, true), None),
        ((false, false), None),
    ] {
        proposal.user_information.roles = vec![
            role(CT_IMAGE_STORAGE, proposed.0, proposed.1),
            role(CT_IMAGE_STORAGE, false, true),
            role("1.2.3", true, false),
        ];
        let acceptance = accepted(&proposal, &policy());
        let expected: Vec<RoleSelection> =
            answered.map(|(scu, scp)| role(CT_IMAGE_STORAGE, scu, scp)).into_iter().collect();
        assert_eq!(acceptance.user_information.roles, expected, "{proposed:?}");
        assert_eq!(acceptance.contexts[0].result, ContextResult::Acceptance);
    }
}

#[test]
fn a_policy_may_give_other_roles() {
    let (mut proposal, _) = proposal(&[CT_IMAGE_STORAGE]);
    for (roles, proposed, answered, result) in [
        (Roles::Both, Some((true, true)), Some((true, true)), ContextResult::Acceptance),
        (Roles::Both, Some((false, true)), Some((false, true)), ContextResult::Acceptance),
        (Roles::Both, None, None, ContextResult::Acceptance),
        (Roles::Scp, Some((true, true)), Some((false, true)), ContextResult::Acceptance),
        (Roles::Scp, Some((true, false)), None, ContextResult::ProviderRejection),
        (Roles::Scp, None, None, ContextResult::ProviderRejection),
    ] {
        let mut policy = policy();
        let class = ClassPolicy { roles, ..ClassPolicy::new(syntaxes()) };
        policy.abstract_syntaxes.accept(uid(CT_IMAGE_STORAGE), class);
        proposal.user_information.roles =
            proposed.map(|(scu, scp)| role(CT_IMAGE_STORAGE, scu, scp)).into_iter().collect();
        let acceptance = accepted(&proposal, &policy);
        let answer = acceptance.user_information.roles.first().map(|it| (it.scu, it.scp));
        assert_eq!((answer, acceptance.contexts[0].result), (answered, result), "{roles:?}");
    }
}

/// D.3.3.5
#[test]
fn extended_negotiation_is_answered_if_configured() {
    let (mut proposal, _) = proposal(&[CT_IMAGE_STORAGE, MR_IMAGE_STORAGE, CT_IMAGE_STORAGE]);
    proposal.user_information.extended =
        vec![proto::ExtendedNegotiation { sop_class: uid(MR_IMAGE_STORAGE), information: vec![1] }];
    assert!(accepted(&proposal, &policy()).user_information.extended.is_empty());
    let mut policy = policy();
    let mut class = ClassPolicy::new(syntaxes());
    class.extended_negotiation = Some(Arc::from([2, 1, 3]));
    policy.abstract_syntaxes.accept(uid(CT_IMAGE_STORAGE), class);
    let extended = accepted(&proposal, &policy).user_information.extended;
    let [answer] = &extended[..] else { panic!("{extended:?}") };
    assert_eq!(answer.sop_class, uid(CT_IMAGE_STORAGE));
    assert_eq!(answer.information, [2, 1, 3]);
}

/// D.3.3.7
#[test]
fn user_identity_is_answered_if_asked_for_and_configured() {
    let (mut proposal, _) = proposal(&[VERIFICATION]);
    let acknowledging = AcceptorPolicy { user_identity_response: Some(Vec::new()), ..policy() };
    for (wanted, policy, answered) in [
        (None, &acknowledging, false),
        (Some(false), &acknowledging, false),
        (Some(true), &acknowledging, true),
        (Some(true), &policy(), false),
    ] {
        proposal.user_information.user_identity = wanted.map(|wanted| UserIdentity {
            kind: 1,
            positive_response_requested: wanted,
            primary: b"me".to_vec(),
            secondary: Vec::new(),
        });
        let response = accepted(&proposal, policy).user_information.user_identity_response;
        assert_eq!(response.is_some(), answered, "{wanted:?}");
    }
}

#[test]
fn every_sub_item_at_once_over_the_wire() {
    let counted = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
    let mut acceptor = Acceptor::connected();
    let related = counted("1.2.3");
    let common = [
        counted(CT_IMAGE_STORAGE),
        counted("1.2.840.10008.4.2"),
        (related.len() as u16).to_be_bytes().to_vec(),
        related,
    ];
    acceptor.receive(&wire::associate_rq(&[
        wire::application_context(),
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::user_information(&[
            wire::item(0x52, b"1.2.3"),
            wire::item(0x53, &[0, 8, 0, 8]),
            wire::item(0x54, &[counted(CT_IMAGE_STORAGE), vec![1, 0]].concat()),
            wire::item(0x55, b"PEER_1"),
            wire::item(0x56, &[counted(CT_IMAGE_STORAGE), vec![2]].concat()),
            wire::item(0x57, &common.concat()),
            wire::item(0x58, &[&[1, 1][..], &counted("me"), &counted("")].concat()),
        ]),
    ]));
    let sent = acceptor.sent();
    let expected = [
        wire::item(0x51, &16384_u32.to_be_bytes()),
        wire::item(0x52, b"2.25.1"),
        wire::item(0x53, &[0, 1, 0, 1]),
        wire::item(0x54, &[counted(CT_IMAGE_STORAGE), vec![1, 0]].concat()),
        wire::item(0x55, b"TEST"),
    ];
    assert!(sent.ends_with(&wire::item(0x50, &expected.concat())), "{}", sent.escape_ascii());
    assert_eq!(acceptor.association.context(ContextId(1)).unwrap().id, ContextId(1));
}

#[test]
fn unregistered_classes_are_accepted_if_the_policy_says_so() {
    let registered = "1.2.840.10008.5.1.4.38.1";
    let (proposal, _) = proposal(&["1.2.3", "1.2.840.10008.9.9.9", registered, CT_IMAGE_STORAGE]);
    let results = |policy: &AcceptorPolicy| -> Vec<u8> {
        accepted(&proposal, policy).contexts.iter().map(|it| it.result.code()).collect()
    };
    let mut policy = policy();
    assert_eq!(results(&policy), [3, 3, 3, 0]);
    policy.abstract_syntaxes.accept_unregistered(ClassPolicy::new(syntaxes()));
    assert_eq!(results(&policy), [0, 0, 3, 0]);
}
