use std::sync::Arc;

use dataset::transfer_syntax::{EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN};
use proto::{
    AbstractSyntaxes, AssociateResponse, CStoreRq, ClassPolicy, Request, VersionName, negotiate,
};

use super::*;
use dataset::{TransferSyntax, sop_class};

fn uid(text: &str) -> Uid {
    text.parse().unwrap()
}

fn ae(title: &str) -> AeTitle {
    AeTitle::parse(title.as_bytes()).unwrap()
}

/// Accepts MR Image Storage and Verification, uncompressed.
fn policy() -> AcceptorPolicy {
    let syntaxes = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
    let mut abstract_syntaxes = AbstractSyntaxes::new();
    for class in ["1.2.840.10008.1.1", MR, CT] {
        abstract_syntaxes.accept(uid(class), ClassPolicy::new(Arc::new(syntaxes)));
    }
    AcceptorPolicy {
        max_pdu_bytes: 16384,
        implementation_class_uid: uid("2.25.1"),
        implementation_version_name: VersionName::parse(b"OURS").unwrap(),
        refuse: false,
        require_implementation_class_uid: false,
        abstract_syntaxes,
        user_identity_response: None,
    }
}

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const MR: &str = "1.2.840.10008.5.1.4.1.1.4";

/// What a sender that makes use of everything proposes.
fn proposal() -> Proposal {
    let jpeg = TransferSyntax::find("1.2.840.10008.1.2.4.70").unwrap();
    let mut proposal = Proposal::new(ae("RICH"), ae("CALLED"), 0);
    proposal.propose(uid("1.2.840.10008.1.1"), &[IMPLICIT_VR_LITTLE_ENDIAN]);
    proposal.propose(uid(CT), &[jpeg]);
    proposal.propose(uid(MR), &[EXPLICIT_VR_LITTLE_ENDIAN]);
    proposal.contexts[2].other_transfer_syntaxes.push(uid("1.2.3.4.5"));
    proposal.contexts[2].other_transfer_syntax_count = 3;
    proposal.propose(uid("1.2.3.4.99"), &[IMPLICIT_VR_LITTLE_ENDIAN]);
    let user = &mut proposal.user_information;
    user.implementation_class_uid = Some(uid("1.2.826.0.1"));
    user.implementation_version_name = VersionName::parse(b"THEIRS");
    user.roles.push(RoleSelection { sop_class: uid(MR), scu: true, scp: true });
    user.roles.push(RoleSelection { sop_class: uid(CT), scu: false, scp: true });
    let information = vec![1, 2, 0, 255];
    user.extended.push(ExtendedNegotiation { sop_class: uid(MR), information });
    user.user_identity = Some(UserIdentity {
        kind: 2,
        positive_response_requested: true,
        primary: b"joe".to_vec(),
        secondary: b"secret".to_vec(),
    });
    proposal
}

/// As DCMTK 3.6.7 shows it, but for the transfer syntaxes it does not know, which come last and
/// are bounded, and for the password.
#[test]
fn a_request_is_shown_whole() {
    let expected = "\
====================== BEGIN A-ASSOCIATE-RQ =====================
Our Implementation Class UID:      2.25.1
Our Implementation Version Name:   OURS
Their Implementation Class UID:    1.2.826.0.1
Their Implementation Version Name: THEIRS
Application Context Name:    1.2.840.10008.3.1.1.1
Calling Application Name:    RICH
Called Application Name:     CALLED
Responding Application Name: .
Our Max PDU Receive Size:    16384
Their Max PDU Receive Size:  0
Presentation Contexts:
  Context ID:        1 (Proposed)
    Abstract Syntax: =VerificationSOPClass
    Proposed SCP/SCU Role: Default
    Proposed Transfer Syntax(es):
      =LittleEndianImplicit
  Context ID:        3 (Proposed)
    Abstract Syntax: =CTImageStorage
    Proposed SCP/SCU Role: SCP
    Proposed Transfer Syntax(es):
      =JPEGLossless:Non-hierarchical-1stOrderPrediction
  Context ID:        5 (Proposed)
    Abstract Syntax: =MRImageStorage
    Proposed SCP/SCU Role: SCP/SCU
    Proposed Transfer Syntax(es):
      =LittleEndianExplicit
      1.2.3.4.5
      (and 2 more)
  Context ID:        7 (Proposed)
    Abstract Syntax: 1.2.3.4.99
    Proposed SCP/SCU Role: Default
    Proposed Transfer Syntax(es):
      =LittleEndianImplicit
Requested Extended Negotiation:
  =MRImageStorage (1.2.840.10008.5.1.4.1.1.4)
    [0x01, 0x02, 0x00, 0xff]
Accepted Extended Negotiation:  none
Requested User Identity Negotiation:
  Authentication mode 2: Username/Password
  Username: [joe]
  Password (not dumped) length: 6
  Positive Response requested: Yes
User Identity Negotiation Response:  none
======================= END A-ASSOCIATE-RQ ======================";
    let expected = expected.replace(": .\n", ": \n");
    assert_eq!(associate_rq(&proposal(), &policy()).join("\n"), expected);
}

#[test]
fn an_acceptance_says_what_became_of_each_context() {
    let (proposal, policy) = (proposal(), policy());
    let AssociateResponse::Accept(acceptance) = negotiate(&proposal, &policy) else {
        panic!("accepted")
    };
    let lines = associate_ac(&proposal, &acceptance, &policy);
    assert_eq!(lines[0], "====================== BEGIN A-ASSOCIATE-AC =====================");
    assert_eq!(lines[8], "Responding Application Name: CALLED");
    let contexts = "\
Presentation Contexts:
  Context ID:        1 (Accepted)
    Abstract Syntax: =VerificationSOPClass
    Proposed SCP/SCU Role: Default
    Accepted SCP/SCU Role: Default
    Accepted Transfer Syntax: =LittleEndianImplicit
  Context ID:        3 (Transfer Syntaxes Not Supported)
    Abstract Syntax: =CTImageStorage
    Proposed SCP/SCU Role: SCP
    Accepted SCP/SCU Role: Default
  Context ID:        5 (Accepted)
    Abstract Syntax: =MRImageStorage
    Proposed SCP/SCU Role: SCP/SCU
    Accepted SCP/SCU Role: SCU
    Accepted Transfer Syntax: =LittleEndianExplicit
  Context ID:        7 (Abstract Syntax Not Supported)
    Abstract Syntax: 1.2.3.4.99
    Proposed SCP/SCU Role: Default
    Accepted SCP/SCU Role: Default
Requested Extended Negotiation:";
    let contexts: Vec<_> = contexts.lines().collect();
    assert_eq!(lines[11..11 + contexts.len()], contexts);
    assert_eq!(
        lines.last().unwrap(),
        "======================= END A-ASSOCIATE-AC ======================"
    );
}

#[test]
fn what_is_missing_is_blank_and_nothing_is_asked() {
    let mut proposal = proposal();
    proposal.called_ae = AeTitle::from_field([b' '; AeTitle::BYTES]);
    proposal.application_context = None;
    proposal.contexts.clear();
    proposal.contexts_over_limit = 5;
    proposal.user_information = UserInformation::default();
    let lines = associate_rq(&proposal, &policy());
    assert!(lines.contains(&"Called Application Name:     ".to_owned()));
    assert!(lines.contains(&"Their Max PDU Receive Size:  0".to_owned()));
    assert_eq!(
        lines[11..16],
        [
            "Presentation Contexts:",
            "  (and 5 more)",
            "Requested Extended Negotiation: none",
            "Accepted Extended Negotiation:  none",
            "Requested User Identity Negotiation: none",
        ]
    );
}

#[test]
fn secrets_are_shown_by_length_only() {
    for kind in 0..=6 {
        let (primary, secondary) = (b"primary".to_vec(), b"secondary".to_vec());
        let positive_response_requested = false;
        let identity = UserIdentity { kind, positive_response_requested, primary, secondary };
        let text = user_identity(&identity).join("\n");
        assert!(!text.contains("secondary"), "{text}");
        assert_eq!(text.contains("primary"), kind == 1 || kind == 2, "{text}");
        assert!(text.ends_with("Positive Response requested: No"), "{text}");
    }
}

#[test]
fn extended_negotiation_cannot_fill_the_log() {
    let negotiation = ExtendedNegotiation { sop_class: uid(MR), information: vec![7; 65536] };
    let lines = extended("title", &[negotiation]);
    assert!(lines[2].ends_with("0x07, (and 65472 more)]"), "{}", lines[2]);
    assert!(lines.iter().all(|line| line.len() < 500));
}

#[test]
fn a_store_request_is_shown_with_its_originator() {
    let request = CStoreRq {
        message_id: 7,
        sop_class: uid(MR),
        sop_instance: uid("1.2.3.4"),
        priority: Some(1),
        move_originator_ae: None,
        move_originator_message_id: None,
    };
    let mut command = request.encode();
    command.put_text(element::MOVE_ORIGINATOR_AE_TITLE, "MOVER ");
    command.put_u16(element::MOVE_ORIGINATOR_MESSAGE_ID, 9);
    let expected = "\
===================== INCOMING DIMSE MESSAGE ====================
Message Type                  : C-STORE RQ
Presentation Context ID       : 5
Message ID                    : 7
Affected SOP Class UID        : MRImageStorage
Affected SOP Instance UID     : 1.2.3.4
Data Set                      : present
Priority                      : high
Move Originator AE Title      : MOVER
Move Originator ID            : 9
======================= END DIMSE MESSAGE =======================";
    assert_eq!(super::request(ContextId(5), &command).join("\n"), expected);
}

#[test]
fn an_echo_request_is_shown_without_its_class() {
    let command = proto::CEchoRq::new(1, &uid(sop_class::VERIFICATION)).encode();
    assert!(matches!(Request::parse(&command), Ok(Request::CEcho(_))));
    let expected = "\
===================== INCOMING DIMSE MESSAGE ====================
Message Type                  : C-ECHO RQ
Presentation Context ID       : 1
Message ID                    : 1
Data Set                      : none
======================= END DIMSE MESSAGE =======================";
    assert_eq!(super::request(ContextId(1), &command).join("\n"), expected);
}

#[test]
fn messages_are_named_by_their_command_field() {
    let names = [
        (0x0020, "C-FIND RQ"),
        (0x0140, "N-CREATE RQ"),
        (0x8001, "C-STORE RSP"),
        (0x0FFF, "C-CANCEL RQ"),
        (0x1234, "0x1234"),
    ];
    for (field, name) in names {
        assert_eq!(message_type(field), name);
    }
}
