use super::*;
use crate::audit::code;
use crate::limits::{AUDIT_MESSAGE_BYTES, NAMED_INSTANCES, TRANSFER_GROUPS};
use proptest::prelude::*;
use quick_xml::Reader;
use std::time::Duration;

fn source() -> Source {
    Source { id: "archive".to_owned(), site_id: Some("site".to_owned()) }
}

fn message() -> Message {
    Message {
        id: code::INSTANCES_TRANSFERRED,
        type_code: None,
        action: Action::Create,
        time: SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_504_000_250),
        outcome: Outcome::Success,
        outcome_description: None,
        participants: Vec::new(),
        objects: Vec::new(),
    }
}

#[test]
fn a_message_has_the_elements_of_the_schema_in_its_order() {
    let message = Message {
        type_code: Some(code::LOGIN),
        outcome: Outcome::MinorFailure,
        outcome_description: Some("why".to_owned()),
        participants: vec![Participant {
            user_id: "7".to_owned(),
            alternative_user_id: Some("AETITLES=A".to_owned()),
            user_name: None,
            is_requestor: true,
            role: Some(code::SOURCE),
            access_point: Some(AccessPoint::Address("10.0.0.1".to_owned())),
        }],
        objects: vec![Object {
            id: "1.2".to_owned(),
            id_type: code::STUDY_INSTANCE_UID,
            name: "Study",
            role: "3",
            details: vec![("Alert Description", "text".to_owned())],
            sop_classes: vec![SopClass {
                uid: "1.3".to_owned(),
                objects: 2,
                instances: vec!["1.4".to_owned()],
            }],
        }],
        ..message()
    };
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?><AuditMessage>
<EventIdentification EventActionCode="C" EventDateTime="2025-11-30T12:00:00.250Z" EventOutcomeIndicator="4">
<EventID csd-code="110104" codeSystemName="DCM" displayName="DICOM Instances Transferred" originalText="DICOM Instances Transferred"/>
<EventTypeCode csd-code="110122" codeSystemName="DCM" displayName="Login" originalText="Login"/>
<EventOutcomeDescription>why</EventOutcomeDescription></EventIdentification>
<ActiveParticipant UserID="7" AlternativeUserID="AETITLES=A" UserIsRequestor="true" NetworkAccessPointID="10.0.0.1" NetworkAccessPointTypeCode="2">
<RoleIDCode csd-code="110153" codeSystemName="DCM" displayName="Source Role ID" originalText="Source Role ID"/></ActiveParticipant>
<AuditSourceIdentification AuditEnterpriseSiteID="site" AuditSourceID="archive"><AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>
<ParticipantObjectIdentification ParticipantObjectID="1.2" ParticipantObjectTypeCode="2" ParticipantObjectTypeCodeRole="3">
<ParticipantObjectIDTypeCode csd-code="110180" codeSystemName="DCM" displayName="Study Instance UID" originalText="Study Instance UID"/>
<ParticipantObjectName>Study</ParticipantObjectName>
<ParticipantObjectDetail type="Alert Description" value="dGV4dA=="/>
<ParticipantObjectDescription><SOPClass UID="1.3" NumberOfInstances="2"><Instance UID="1.4"/></SOPClass></ParticipantObjectDescription>
</ParticipantObjectIdentification></AuditMessage>"#;
    let text = String::from_utf8(message.xml(&source())).unwrap();
    assert_eq!(text, expected.replace('\n', ""));
}

/// The attributes and texts of a document, and the names of its elements.
fn read_back(xml: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut reader = Reader::from_reader(xml);
    let (mut values, mut names, mut text) = (Vec::new(), Vec::new(), String::new());
    loop {
        match reader.read_event().expect("it is well-formed") {
            Event::Start(start) | Event::Empty(start) => {
                names.push(start.name().as_ref().to_owned());
                for attribute in start.attributes() {
                    let attribute = attribute.expect("an attribute");
                    let value = quick_xml::escape::unescape(&attribute.value).expect("escaped");
                    values.push(value.into_owned());
                }
            }
            Event::Text(part) => text.push_str(&part),
            Event::GeneralRef(name) => {
                let reference = format!("&{};", &*name);
                text.push_str(&quick_xml::escape::unescape(&reference).expect("a reference"));
            }
            Event::End(_) => values.push(std::mem::take(&mut text)),
            Event::Eof => return (values, names),
            _ => {}
        }
    }
}

proptest! {
    /// Whatever a peer calls itself, the message is well-formed, of one line, of the same elements, and says it.
    #[test]
    fn no_text_breaks_a_message(title: String, why: String) {
        let said = |title: &str, why: &str| {
            let mut message = message();
            message.outcome_description = Some(why.to_owned());
            message.participants =
                vec![Participant { user_id: title.to_owned(), ..Participant::default() }];
            message.xml(&source())
        };
        let xml = said(&title, &why);
        prop_assert!(!std::str::from_utf8(&xml).expect("UTF-8").chars().any(char::is_control));
        let (values, names) = read_back(&xml);
        prop_assert_eq!(names, read_back(&said("", "")).1);
        prop_assert!(values.contains(&clean(&title)));
        prop_assert!(values.contains(&clean(&why)));
    }
}

#[test]
fn texts_are_cut_and_forbidden_characters_are_replaced() {
    assert_eq!(clean("a\nb\u{0}c\u{ffff}"), "a b c\u{fffd}");
    assert_eq!(clean(&"x".repeat(10_000)).len(), AUDIT_TEXT_CHARS);
}

/// As many groups as one message can have, each with the longest UIDs.
#[test]
fn the_longest_message_is_short_enough_for_every_server() {
    let uid = "1".repeat(64);
    let class = |named| SopClass {
        uid: uid.clone(),
        objects: u64::MAX,
        instances: vec![uid.clone(); named],
    };
    let mut message = message();
    message.outcome_description = Some("<".repeat(AUDIT_TEXT_CHARS));
    let participant = Participant {
        user_id: "&".repeat(16),
        alternative_user_id: Some("&".repeat(32)),
        user_name: Some("storescp 0.1.0".to_owned()),
        access_point: Some(AccessPoint::Machine("x".repeat(64))),
        role: Some(code::SOURCE),
        is_requestor: true,
    };
    message.participants = vec![participant.clone(), participant];
    message.objects = (0..TRANSFER_GROUPS)
        .map(|number| Object {
            id: uid.clone(),
            id_type: code::SOP_CLASS_UID,
            name: "SOP Class",
            role: "3",
            details: Vec::new(),
            sop_classes: vec![class(if number == 0 { NAMED_INSTANCES } else { 0 })],
        })
        .collect();
    let length = message.xml(&source()).len();
    assert!(length + 512 < AUDIT_MESSAGE_BYTES, "{length}");
}
