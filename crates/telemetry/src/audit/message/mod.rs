//! An audit message (PS3.15 §A.5.1), and its XML.

use crate::audit::code::Code;
use crate::limits::AUDIT_TEXT_CHARS;
use chrono::{DateTime, SecondsFormat, Utc};
use openssl::base64;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use std::io;
use std::time::SystemTime;

/// An audit message: what happened, who took part, and what it happened to.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: Code,
    pub(super) type_code: Option<Code>,
    pub(super) action: Action,
    pub(super) time: SystemTime,
    pub(super) outcome: Outcome,
    /// Why it failed.
    pub(super) outcome_description: Option<String>,
    pub(super) participants: Vec<Participant>,
    pub(super) objects: Vec<Object>,
}

/// What was done (EventActionCode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Create,
    Read,
    Update,
    Delete,
    Execute,
}

/// How it went (EventOutcomeIndicator).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    MinorFailure,
    SeriousFailure,
}

/// Somebody who took part (ActiveParticipant).
#[derive(Debug, Clone, Default)]
pub(super) struct Participant {
    pub(super) user_id: String,
    pub(super) alternative_user_id: Option<String>,
    pub(super) user_name: Option<String>,
    pub(super) is_requestor: bool,
    pub(super) role: Option<Code>,
    pub(super) access_point: Option<AccessPoint>,
}

/// Where on the network somebody is (NetworkAccessPointID).
#[derive(Debug, Clone)]
pub(super) enum AccessPoint {
    Machine(String),
    Address(String),
}

/// What it happened to (ParticipantObjectIdentification).
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) id_type: Code,
    /// The schema wants a name for each (§A.5.1).
    pub(super) name: &'static str,
    /// ParticipantObjectTypeCodeRole; the type is always 2, a system object.
    pub(super) role: &'static str,
    pub(super) details: Vec<(&'static str, String)>,
    pub(super) sop_classes: Vec<SopClass>,
}

/// Objects of one SOP class.
#[derive(Debug, Clone)]
pub(super) struct SopClass {
    pub(super) uid: String,
    pub(super) objects: u64,
    /// Some of them.
    pub(super) instances: Vec<String>,
}

/// Who reports (AuditSourceIdentification).
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) id: String,
    pub(super) site_id: Option<String>,
}

impl Message {
    /// The message as one line of XML in UTF-8, without an end of line.
    pub(super) fn xml(&self, source: &Source) -> Vec<u8> {
        let mut writer = Writer::new(Vec::with_capacity(1024));
        // Writing into memory does not fail.
        let _ = self.write(&mut writer, source);
        writer.into_inner()
    }

    fn write(&self, writer: &mut Xml, source: &Source) -> io::Result<()> {
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let root = start("AuditMessage", &[]);
        within(writer, root, |writer| {
            self.write_event(writer)?;
            for participant in &self.participants {
                participant.write(writer)?;
            }
            source.write(writer)?;
            for object in &self.objects {
                object.write(writer)?;
            }
            Ok(())
        })
    }

    fn write_event(&self, writer: &mut Xml) -> io::Result<()> {
        let time = DateTime::<Utc>::from(self.time).to_rfc3339_opts(SecondsFormat::Millis, true);
        let attributes = [
            ("EventActionCode", self.action.code()),
            ("EventDateTime", &time),
            ("EventOutcomeIndicator", self.outcome.indicator()),
        ];
        within(writer, start("EventIdentification", &attributes), |writer| {
            write_code(writer, "EventID", self.id)?;
            if let Some(type_code) = self.type_code {
                write_code(writer, "EventTypeCode", type_code)?;
            }
            if let Some(description) = &self.outcome_description {
                within(writer, start("EventOutcomeDescription", &[]), |writer| {
                    writer.write_event(Event::Text(BytesText::new(&clean(description))))
                })?;
            }
            Ok(())
        })
    }
}

impl Action {
    fn code(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::Execute => "E",
        }
    }
}

impl Outcome {
    fn indicator(self) -> &'static str {
        match self {
            Self::Success => "0",
            Self::MinorFailure => "4",
            Self::SeriousFailure => "8",
        }
    }
}

impl Participant {
    fn write(&self, writer: &mut Xml) -> io::Result<()> {
        let is_requestor = if self.is_requestor { "true" } else { "false" };
        let mut attributes = vec![("UserID", self.user_id.as_str())];
        attributes.extend(self.alternative_user_id.iter().map(|id| ("AlternativeUserID", &**id)));
        attributes.extend(self.user_name.iter().map(|name| ("UserName", &**name)));
        attributes.push(("UserIsRequestor", is_requestor));
        if let Some(access_point) = &self.access_point {
            let (id, type_code) = match access_point {
                AccessPoint::Machine(name) => (name, "1"),
                AccessPoint::Address(address) => (address, "2"),
            };
            attributes.push(("NetworkAccessPointID", id));
            attributes.push(("NetworkAccessPointTypeCode", type_code));
        }
        within(writer, start("ActiveParticipant", &attributes), |writer| match self.role {
            Some(role) => write_code(writer, "RoleIDCode", role),
            None => Ok(()),
        })
    }
}

impl Source {
    fn write(&self, writer: &mut Xml) -> io::Result<()> {
        // Application server process.
        const TYPE: &str = "4";
        let mut attributes = Vec::new();
        attributes.extend(self.site_id.iter().map(|id| ("AuditEnterpriseSiteID", &**id)));
        attributes.push(("AuditSourceID", &self.id));
        within(writer, start("AuditSourceIdentification", &attributes), |writer| {
            let type_code = start("AuditSourceTypeCode", &[("csd-code", TYPE)]);
            writer.write_event(Event::Empty(type_code))
        })
    }
}

impl Object {
    fn write(&self, writer: &mut Xml) -> io::Result<()> {
        let attributes = [
            ("ParticipantObjectID", self.id.as_str()),
            ("ParticipantObjectTypeCode", "2"),
            ("ParticipantObjectTypeCodeRole", self.role),
        ];
        within(writer, start("ParticipantObjectIdentification", &attributes), |writer| {
            write_code(writer, "ParticipantObjectIDTypeCode", self.id_type)?;
            within(writer, start("ParticipantObjectName", &[]), |writer| {
                writer.write_event(Event::Text(BytesText::new(self.name)))
            })?;
            for (name, value) in &self.details {
                let value = base64::encode_block(clean(value).as_bytes());
                let detail = [("type", *name), ("value", &value)];
                writer.write_event(Event::Empty(start("ParticipantObjectDetail", &detail)))?;
            }
            if self.sop_classes.is_empty() {
                return Ok(());
            }
            within(writer, start("ParticipantObjectDescription", &[]), |writer| {
                self.sop_classes.iter().try_for_each(|class| class.write(writer))
            })
        })
    }
}

impl SopClass {
    fn write(&self, writer: &mut Xml) -> io::Result<()> {
        let count = self.objects.to_string();
        let attributes = [("UID", self.uid.as_str()), ("NumberOfInstances", &count)];
        within(writer, start("SOPClass", &attributes), |writer| {
            for instance in &self.instances {
                writer.write_event(Event::Empty(start("Instance", &[("UID", instance)])))?;
            }
            Ok(())
        })
    }
}

type Xml = Writer<Vec<u8>>;

fn start<'n>(name: &'n str, attributes: &[(&str, &str)]) -> BytesStart<'n> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, clean(value).as_str()));
    }
    start
}

fn within(
    writer: &mut Xml,
    start: BytesStart<'_>,
    content: impl FnOnce(&mut Xml) -> io::Result<()>,
) -> io::Result<()> {
    let end = BytesEnd::new(start.name().as_ref().to_owned());
    writer.write_event(Event::Start(start))?;
    content(writer)?;
    writer.write_event(Event::End(end))
}

fn write_code(writer: &mut Xml, element: &str, code: Code) -> io::Result<()> {
    let attributes = [
        ("csd-code", code.value),
        ("codeSystemName", code.system),
        ("displayName", code.meaning),
        ("originalText", code.meaning),
    ];
    writer.write_event(Event::Empty(start(element, &attributes)))
}

/// The text without what XML 1.0 forbids or a line of syslog would end at, and of bounded length.
fn clean(text: &str) -> String {
    let allowed = |character: char| match character {
        '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        character if character.is_control() => ' ',
        character => character,
    };
    text.chars().take(AUDIT_TEXT_CHARS).map(allowed).collect()
}

#[cfg(test)]
mod tests;
