//! Encodes and decodes DIMSE command sets (PS3.7 §6.3): Implicit VR Little Endian, group 0000.

use std::collections::BTreeMap;

/// Element numbers of group 0000.
pub mod tag {
    /// Command Group Length.
    pub const GROUP_LENGTH: u16 = 0x0000;
    /// Affected SOP Class UID.
    pub const SOP_CLASS: u16 = 0x0002;
    /// Command Field.
    pub const FIELD: u16 = 0x0100;
    /// Message ID.
    pub const MESSAGE_ID: u16 = 0x0110;
    /// Message ID Being Responded To.
    pub const RESPONDED_TO: u16 = 0x0120;
    /// Priority.
    pub const PRIORITY: u16 = 0x0700;
    /// Command Data Set Type.
    pub const DATA_SET_TYPE: u16 = 0x0800;
    /// Status.
    pub const STATUS: u16 = 0x0900;
    /// Offending Element.
    pub const OFFENDING_ELEMENT: u16 = 0x0901;
    /// Error Comment.
    pub const ERROR_COMMENT: u16 = 0x0902;
    /// Affected SOP Instance UID.
    pub const SOP_INSTANCE: u16 = 0x1000;
}

/// A command set: element number to value. The group length is computed when encoded, unless set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    elements: BTreeMap<u16, Vec<u8>>,
}

impl Command {
    /// C-ECHO-RQ.
    #[must_use]
    pub fn echo(message_id: u16) -> Self {
        Self::default()
            .uid(tag::SOP_CLASS, super::uid::VERIFICATION)
            .number(tag::FIELD, 0x0030)
            .number(tag::MESSAGE_ID, message_id)
            .number(tag::DATA_SET_TYPE, 0x0101)
    }

    /// C-STORE-RQ with a data set.
    #[must_use]
    pub fn store(message_id: u16, sop_class: &str, sop_instance: &str) -> Self {
        Self::default()
            .uid(tag::SOP_CLASS, sop_class)
            .number(tag::FIELD, 0x0001)
            .number(tag::MESSAGE_ID, message_id)
            .number(tag::PRIORITY, 0)
            .number(tag::DATA_SET_TYPE, 0x0001)
            .uid(tag::SOP_INSTANCE, sop_instance)
    }

    /// Sets a US element.
    #[must_use]
    pub fn number(self, element: u16, value: u16) -> Self {
        self.bytes(element, &value.to_le_bytes())
    }

    /// Sets a UI element, padded with NUL to even length.
    #[must_use]
    pub fn uid(self, element: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        self.bytes(element, &bytes)
    }

    /// Sets an element to any bytes.
    #[must_use]
    pub fn bytes(mut self, element: u16, value: &[u8]) -> Self {
        self.elements.insert(element, value.to_vec());
        self
    }

    /// Removes an element.
    #[must_use]
    pub fn without(mut self, element: u16) -> Self {
        self.elements.remove(&element);
        self
    }

    /// Encodes the command set.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (element, value) in self.elements.iter().filter(|(tag, _)| **tag != tag::GROUP_LENGTH) {
            append(&mut body, *element, value);
        }
        let computed = u32::try_from(body.len()).expect("a short command").to_le_bytes();
        let length = self.elements.get(&tag::GROUP_LENGTH).map_or(&computed[..], Vec::as_slice);
        let mut bytes = Vec::new();
        append(&mut bytes, tag::GROUP_LENGTH, length);
        bytes.extend(body);
        bytes
    }

    /// Decodes a command set.
    ///
    /// # Panics
    /// If it is malformed, its elements are out of order, or its group length is wrong.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let mut command = Self::default();
        let mut rest = bytes;
        let mut previous = None;
        while !rest.is_empty() {
            let (header, after) = rest.split_first_chunk::<8>().expect("an element header");
            let &[g0, g1, e0, e1, l0, l1, l2, l3] = header;
            assert_eq!([g0, g1], [0, 0], "only group 0000 in a command set");
            let element = u16::from_le_bytes([e0, e1]);
            assert!(previous < Some(element), "elements of a command set in ascending order");
            previous = Some(element);
            let (value, after) = after.split_at(u32::from_le_bytes([l0, l1, l2, l3]) as usize);
            if element == tag::GROUP_LENGTH {
                let length = u32::try_from(after.len()).expect("a short command");
                assert_eq!(value, length.to_le_bytes(), "command group length");
            }
            command = command.bytes(element, value);
            rest = after;
        }
        command
    }

    /// The value of an element.
    #[must_use]
    pub fn value(&self, element: u16) -> Option<&[u8]> {
        self.elements.get(&element).map(Vec::as_slice)
    }

    /// The numbers of all elements.
    #[must_use]
    pub fn elements(&self) -> Vec<u16> {
        self.elements.keys().copied().collect()
    }

    /// The value of a US element, if present.
    #[must_use]
    pub fn us(&self, element: u16) -> Option<u16> {
        self.value(element).map(|bytes| {
            u16::from_le_bytes(bytes.try_into().expect("two bytes in an element of VR US"))
        })
    }

    /// A value as text without padding; empty if the element is missing.
    #[must_use]
    pub fn text(&self, element: u16) -> String {
        let bytes = self.value(element).unwrap_or_default();
        String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned()
    }

    /// The status.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.us(tag::STATUS).expect("a response has a status")
    }
}

fn append(bytes: &mut Vec<u8>, element: u16, value: &[u8]) {
    bytes.extend([0, 0]);
    bytes.extend(element.to_le_bytes());
    bytes.extend(u32::try_from(value.len()).expect("below 4 GiB").to_le_bytes());
    bytes.extend(value);
}
