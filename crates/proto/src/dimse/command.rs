//! Command sets (PS3.7 §6.3): elements of group 0000, Implicit VR Little Endian.

use std::fmt;

use dataset::Uid;

use super::status::Status;
use crate::error::PeerFault;
use crate::limits;

/// Element numbers of group 0000 (PS3.7 Annex E).
pub mod element {
    /// (0000,0000) UL Command Group Length.
    pub const GROUP_LENGTH: u16 = 0x0000;
    /// (0000,0002) UI Affected SOP Class UID.
    pub const AFFECTED_SOP_CLASS_UID: u16 = 0x0002;
    /// (0000,0003) UI Requested SOP Class UID.
    pub const REQUESTED_SOP_CLASS_UID: u16 = 0x0003;
    /// (0000,0100) US Command Field.
    pub const COMMAND_FIELD: u16 = 0x0100;
    /// (0000,0110) US Message ID.
    pub const MESSAGE_ID: u16 = 0x0110;
    /// (0000,0120) US Message ID Being Responded To.
    pub const MESSAGE_ID_BEING_RESPONDED_TO: u16 = 0x0120;
    /// (0000,0700) US Priority.
    pub const PRIORITY: u16 = 0x0700;
    /// (0000,0800) US Command Data Set Type.
    pub const COMMAND_DATA_SET_TYPE: u16 = 0x0800;
    /// (0000,0900) US Status.
    pub const STATUS: u16 = 0x0900;
    /// (0000,0902) LO Error Comment.
    pub const ERROR_COMMENT: u16 = 0x0902;
    /// (0000,1000) UI Affected SOP Instance UID.
    pub const AFFECTED_SOP_INSTANCE_UID: u16 = 0x1000;
    /// (0000,1001) UI Requested SOP Instance UID.
    pub const REQUESTED_SOP_INSTANCE_UID: u16 = 0x1001;
    /// (0000,1030) AE Move Originator Application Entity Title.
    pub const MOVE_ORIGINATOR_AE_TITLE: u16 = 0x1030;
    /// (0000,1031) US Move Originator Message ID.
    pub const MOVE_ORIGINATOR_MESSAGE_ID: u16 = 0x1031;
}

/// Values of (0000,0100) Command Field (PS3.7 Annex E).
pub mod command_field {
    /// C-STORE-RQ.
    pub const C_STORE_RQ: u16 = 0x0001;
    /// C-ECHO-RQ.
    pub const C_ECHO_RQ: u16 = 0x0030;
    /// C-CANCEL-RQ.
    pub const C_CANCEL_RQ: u16 = 0x0FFF;
    /// Set in every response.
    pub const RESPONSE: u16 = 0x8000;
}

/// Whether a data set follows a command set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DataSetDue {
    /// Yes; the response has to wait for it.
    Yes,
    /// No.
    No,
    /// The command set is silent or contradicts itself: no data set is awaited, one that arrives is
    /// discarded.
    Doubtful,
}

/// The value of (0000,0800) for "no data set"; any other value announces one.
const NO_DATA_SET: u16 = 0x0101;

/// Tag and length of an element.
const ELEMENT_HEADER_BYTES: usize = 8;

/// A command set in encoded form, each element known to lie within it.
///
/// Memory: the encoded bytes, at most [`limits::COMMAND_SET_BYTES`] if it came from a peer.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct CommandSet {
    /// Without (0000,0000), which [`encode`](Self::encode) computes.
    bytes: Vec<u8>,
}

impl CommandSet {
    /// A command set without elements.
    #[must_use]
    pub fn new() -> CommandSet {
        CommandSet::default()
    }

    /// Takes the bytes of a complete command set. The order of elements, elements of other groups and the
    /// value of the group length are ignored.
    ///
    /// # Errors
    /// [`PeerFault::CommandSetElement`] if an element does not lie within the command set.
    pub fn decode(mut bytes: Vec<u8>) -> Result<CommandSet, PeerFault> {
        let mut at = 0;
        let mut group_length = None;
        while at < bytes.len() {
            let Some((tag, value)) = split_element(&bytes[at..]) else {
                return Err(PeerFault::CommandSetElement { offset: at });
            };
            let end = at + ELEMENT_HEADER_BYTES + value.len();
            if tag == (0, element::GROUP_LENGTH) && group_length.is_none() {
                group_length = Some(at..end);
            }
            at = end;
        }
        if let Some(group_length) = group_length {
            bytes.drain(group_length);
        }
        Ok(CommandSet { bytes })
    }

    /// The bytes to send: (0000,0000), then the elements in the order in which they were added.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let mut out = Vec::with_capacity(ELEMENT_HEADER_BYTES + 4 + self.bytes.len());
        put_element(&mut out, element::GROUP_LENGTH, &length.to_le_bytes());
        out.extend_from_slice(&self.bytes);
        out
    }

    /// Appends an element. Its value must have an even length, less than 64 KiB. Of two elements with
    /// the same number, the first counts.
    pub(crate) fn put(&mut self, element: u16, value: &[u8]) -> &mut CommandSet {
        put_element(&mut self.bytes, element, value);
        self
    }

    /// Appends an element of VR US.
    pub fn put_u16(&mut self, element: u16, value: u16) -> &mut CommandSet {
        self.put(element, &value.to_le_bytes())
    }

    /// Appends an element of VR UI, padded with NUL.
    pub fn put_uid(&mut self, element: u16, uid: &Uid) -> &mut CommandSet {
        self.put_padded(element, uid.as_bytes(), 0)
    }

    /// Appends an element of VR LO: at most 64 characters, with `?` for backslashes and anything but
    /// printable ASCII, padded with a space.
    pub fn put_text(&mut self, element: u16, text: &str) -> &mut CommandSet {
        let clean = |character: char| match character {
            ' '..='~' if character != '\\' => character as u8,
            _ => b'?',
        };
        let value: Vec<u8> = text.chars().take(limits::LONG_STRING_CHARS).map(clean).collect();
        self.put_padded(element, &value, b' ')
    }

    pub(crate) fn put_padded(
        &mut self,
        element: u16,
        value: &[u8],
        padding: u8,
    ) -> &mut CommandSet {
        if value.len().is_multiple_of(2) {
            self.put(element, value)
        } else {
            self.put(element, &[value, &[padding]].concat())
        }
    }

    /// The elements in the order received or added: group, number and value.
    pub fn elements(&self) -> impl Iterator<Item = ((u16, u16), &[u8])> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (tag, value) = split_element(rest)?;
            rest = &rest[ELEMENT_HEADER_BYTES + value.len()..];
            Some((tag, value))
        })
    }

    /// The value of an element of group 0000, with its padding.
    #[must_use]
    pub fn value(&self, element: u16) -> Option<&[u8]> {
        self.elements().find(|(tag, _)| *tag == (0, element)).map(|(_, value)| value)
    }

    /// The value of an element of VR US; `None` if it is absent or its length is not 2.
    #[must_use]
    pub fn u16(&self, element: u16) -> Option<u16> {
        self.value(element)?.try_into().map(u16::from_le_bytes).ok()
    }

    /// The value of an element of VR UI; `None` if it is absent or invalid.
    #[must_use]
    pub fn uid(&self, element: u16) -> Option<Uid> {
        Uid::parse(self.value(element)?).ok()
    }

    /// (0000,0100) Command Field.
    #[must_use]
    pub fn command_field(&self) -> Option<u16> {
        self.u16(element::COMMAND_FIELD)
    }

    /// Whether (0000,0800) announces a data set; `None` if it is absent or its length is not 2.
    #[must_use]
    pub fn announces_data_set(&self) -> Option<bool> {
        self.u16(element::COMMAND_DATA_SET_TYPE).map(|value| value != NO_DATA_SET)
    }

    /// Whether a data set is expected after this command set, judged by command field and announcement.
    pub(crate) fn data_set(&self) -> DataSetDue {
        let announced = self.announces_data_set();
        match (self.command_field(), announced) {
            (Some(command_field::C_CANCEL_RQ), _) => DataSetDue::No,
            (Some(command_field::C_STORE_RQ), Some(false))
            | (Some(command_field::C_ECHO_RQ), Some(true))
            | (_, None) => DataSetDue::Doubtful,
            (_, Some(true)) => DataSetDue::Yes,
            (_, Some(false)) => DataSetDue::No,
        }
    }

    pub(crate) fn put_data_set_type(&mut self, has_data_set: bool) -> &mut CommandSet {
        // PS3.7 §E.1 allows any other value for the first case; peers use 0 and 1.
        let value = if has_data_set { 0x0001 } else { NO_DATA_SET };
        self.put_u16(element::COMMAND_DATA_SET_TYPE, value)
    }

    /// A response without data set (PS3.7 §9.3, §10.3), elements in ascending order; `class` and
    /// `instance` are values as received.
    pub(crate) fn response(
        command_field: u16,
        message_id: u16,
        status: Status,
        comment: Option<&str>,
        class: Option<&[u8]>,
        instance: Option<&[u8]>,
    ) -> CommandSet {
        let mut response = CommandSet { bytes: Vec::with_capacity(192) };
        if let Some(class) = class {
            response.put_padded(element::AFFECTED_SOP_CLASS_UID, class, 0);
        }
        response
            .put_u16(element::COMMAND_FIELD, command_field | command_field::RESPONSE)
            .put_u16(element::MESSAGE_ID_BEING_RESPONDED_TO, message_id)
            .put_data_set_type(false)
            .put_u16(element::STATUS, status.0);
        if let Some(comment) = comment {
            response.put_text(element::ERROR_COMMENT, comment);
        }
        if let Some(instance) = instance {
            response.put_padded(element::AFFECTED_SOP_INSTANCE_UID, instance, 0);
        }
        response
    }
}

fn put_element(out: &mut Vec<u8>, element: u16, value: &[u8]) {
    debug_assert!(value.len().is_multiple_of(2), "values have an even length");
    out.extend([0, 0]);
    out.extend(element.to_le_bytes());
    out.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(value);
}

/// The tag and value at the start of `bytes`; `None` if they do not lie within.
fn split_element(bytes: &[u8]) -> Option<((u16, u16), &[u8])> {
    let (&[a, b, c, d, e, f, g, h], rest) = bytes.split_first_chunk::<ELEMENT_HEADER_BYTES>()?;
    let length = usize::try_from(u32::from_le_bytes([e, f, g, h])).ok()?;
    let value = rest.get(..length)?;
    Some(((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])), value))
}

impl fmt::Debug for CommandSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Value<'a>(&'a [u8]);
        impl fmt::Debug for Value<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    &[a, b] => write!(f, "{:04X}H", u16::from_le_bytes([a, b])),
                    bytes => write!(f, "\"{}\"", bytes.escape_ascii()),
                }
            }
        }
        let mut map = f.debug_map();
        for ((group, element), value) in self.elements() {
            map.entry(&format_args!("({group:04X},{element:04X})"), &Value(value));
        }
        map.finish()
    }
}
