//! Encodes A-ASSOCIATE-RQ and decodes A-ASSOCIATE-AC PDUs (PS3.8 §9.3.2, §9.3.3).

use super::{pdu, uid};

/// A proposed presentation context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Context {
    /// Presentation context ID.
    pub id: u8,
    /// Its abstract syntax.
    pub abstract_syntax: String,
    /// Its transfer syntaxes, in the order proposed.
    pub transfer_syntaxes: Vec<String>,
}

impl Context {
    /// A presentation context.
    #[must_use]
    pub fn new(id: u8, abstract_syntax: &str, transfer_syntaxes: &[&str]) -> Self {
        let transfer_syntaxes = transfer_syntaxes.iter().map(ToString::to_string).collect();
        Self { id, abstract_syntax: abstract_syntax.to_owned(), transfer_syntaxes }
    }
}

/// An association request; the fields are sent as they are, valid or not.
#[derive(Clone, Debug)]
pub struct Request {
    /// Protocol version.
    pub version: u16,
    /// Called AE title, padded or cut to 16 bytes.
    pub called: String,
    /// Calling AE title, likewise.
    pub calling: String,
    /// Application context name; `None` leaves the item out.
    pub application_context: Option<String>,
    /// Presentation contexts.
    pub contexts: Vec<Context>,
    /// Maximum length received; `None` leaves the item out.
    pub max_pdu: Option<u32>,
    /// Implementation class UID; `None` leaves the item out.
    pub implementation_class: Option<String>,
    /// More user information sub-items: type and content.
    pub user_items: Vec<(u8, Vec<u8>)>,
}

impl Request {
    /// A valid request with these contexts.
    #[must_use]
    pub fn new(contexts: Vec<Context>) -> Self {
        Self {
            version: 1,
            called: "STORESCP".to_owned(),
            calling: "INTEROP".to_owned(),
            application_context: Some(uid::APPLICATION_CONTEXT.to_owned()),
            contexts,
            max_pdu: Some(16_384),
            implementation_class: Some("2.25.1".to_owned()),
            user_items: Vec::new(),
        }
    }

    /// A valid request for Verification (ID 1), CT (ID 3) and MR (ID 5), all in Explicit VR Little Endian.
    #[must_use]
    pub fn usual() -> Self {
        let classes = [(1, uid::VERIFICATION), (3, uid::CT), (5, uid::MR)];
        Self::new(classes.map(|(id, class)| Context::new(id, class, &[uid::EVLE])).to_vec())
    }

    /// The presentation contexts in an A-ASSOCIATE-RQ PDU.
    ///
    /// # Panics
    /// If the PDU is malformed.
    #[must_use]
    pub fn contexts_of(pdu: &[u8]) -> Vec<Context> {
        let contexts = items(&pdu[74..]).into_iter().filter(|(kind, _)| *kind == 0x20);
        let read = |(_, value): (u8, &[u8])| {
            let syntaxes = items(&value[4..]);
            let of_kind = |wanted| {
                let found = syntaxes.iter().filter(move |(kind, _)| *kind == wanted);
                found.map(|(_, syntax)| text(syntax).trim_end_matches('\0').to_owned())
            };
            Context {
                id: value[0],
                abstract_syntax: of_kind(0x30).next().unwrap_or_default(),
                transfer_syntaxes: of_kind(0x40).collect(),
            }
        };
        contexts.map(read).collect()
    }

    /// Encodes the PDU.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut content = self.version.to_be_bytes().to_vec();
        content.extend([0, 0]);
        for title in [&self.called, &self.calling] {
            let mut field = [b' '; 16];
            let length = title.len().min(16);
            field[..length].copy_from_slice(&title.as_bytes()[..length]);
            content.extend(field);
        }
        content.extend([0; 32]);
        if let Some(name) = &self.application_context {
            content.extend(item(0x10, name.as_bytes()));
        }
        for context in &self.contexts {
            let mut inner = vec![context.id, 0, 0, 0];
            inner.extend(item(0x30, context.abstract_syntax.as_bytes()));
            for syntax in &context.transfer_syntaxes {
                inner.extend(item(0x40, syntax.as_bytes()));
            }
            content.extend(item(0x20, &inner));
        }
        let mut user = Vec::new();
        if let Some(length) = self.max_pdu {
            user.extend(item(0x51, &length.to_be_bytes()));
        }
        if let Some(class) = &self.implementation_class {
            user.extend(item(0x52, class.as_bytes()));
        }
        for (kind, value) in &self.user_items {
            user.extend(item(*kind, value));
        }
        content.extend(item(0x50, &user));
        pdu(0x01, &content)
    }
}

/// The response to one presentation context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedContext {
    /// Presentation context ID.
    pub id: u8,
    /// 0 if accepted, 1 to 4 for the reason of the refusal.
    pub result: u8,
    /// Transfer syntax; meaningless unless accepted.
    pub transfer_syntax: String,
}

/// An accepted association.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    /// Protocol version.
    pub version: u16,
    /// Called AE title as sent back, 16 bytes.
    pub called: Vec<u8>,
    /// Calling AE title as sent back, 16 bytes.
    pub calling: Vec<u8>,
    /// Application context name.
    pub application_context: String,
    /// Responses to the contexts, in the order of the PDU.
    pub contexts: Vec<AcceptedContext>,
    /// User information sub-items, in the order of the PDU: type and content.
    pub user_items: Vec<(u8, Vec<u8>)>,
}

impl Accept {
    /// Decodes the content of an A-ASSOCIATE-AC PDU.
    ///
    /// # Panics
    /// If it is malformed.
    #[must_use]
    pub fn parse(content: &[u8]) -> Self {
        let mut accept = Self {
            version: u16::from_be_bytes([content[0], content[1]]),
            called: content[4..20].to_vec(),
            calling: content[20..36].to_vec(),
            ..Self::default()
        };
        for (kind, value) in items(&content[68..]) {
            match kind {
                0x10 => accept.application_context = text(value),
                0x21 => accept.contexts.push(AcceptedContext {
                    id: value[0],
                    result: value[2],
                    transfer_syntax: items(&value[4..])
                        .first()
                        .map(|(_, syntax)| text(syntax))
                        .unwrap_or_default(),
                }),
                0x50 => {
                    accept.user_items = items(value)
                        .into_iter()
                        .map(|(kind, value)| (kind, value.to_vec()))
                        .collect();
                }
                other => panic!("item {other:02X} in an A-ASSOCIATE-AC"),
            }
        }
        accept
    }

    /// Result and transfer syntax of a context.
    ///
    /// # Panics
    /// If the PDU has no response to it.
    #[must_use]
    pub fn context(&self, id: u8) -> (u8, &str) {
        let context = self.contexts.iter().find(|context| context.id == id);
        let context = context.unwrap_or_else(|| panic!("context {id} is not answered: {self:?}"));
        (context.result, &context.transfer_syntax)
    }

    /// The content of a user information sub-item.
    #[must_use]
    pub fn user_item(&self, kind: u8) -> Option<&[u8]> {
        let found = self.user_items.iter().find(|(found, _)| *found == kind);
        found.map(|(_, value)| value.as_slice())
    }

    /// The maximum length that the receiver announces.
    ///
    /// # Panics
    /// If it announces none.
    #[must_use]
    pub fn max_pdu(&self) -> u32 {
        let value = self.user_item(0x51).expect("a maximum length sub-item");
        u32::from_be_bytes(value.try_into().expect("four bytes"))
    }
}

fn item(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("an item below 64 KiB");
    [&[kind, 0][..], &length.to_be_bytes(), value].concat()
}

fn items(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let Some((&[kind, _, high, low], rest)) = bytes.split_first_chunk() {
        let (value, rest) = rest.split_at(usize::from(u16::from_be_bytes([high, low])));
        found.push((kind, value));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "stray bytes after the last item: {bytes:?}");
    found
}

fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).expect("ASCII from the receiver")
}
