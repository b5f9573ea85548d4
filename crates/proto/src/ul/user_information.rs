//! The user information item and its sub-items (PS3.8 Annex D, PS3.7 Annex D.3.3).

use std::fmt;

use dataset::Uid;

use super::item::{Fields, USER_INFORMATION, counted, items, put_item};
use crate::ae_title::printable;
use crate::error::PeerFault;
use crate::limits;

/// The user information item (50H) of an A-ASSOCIATE-RQ or -AC.
///
/// Proposals and answers use the same sub-items. A sub-item that is absent, or whose UID is invalid,
/// is `None` or missing from its list; of a repeated sub-item, the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInformation {
    /// 51H: longest variable field of a P-DATA-TF PDU that the sender accepts, in bytes; 0 for any
    /// length (PS3.8 §D.1).
    pub max_pdu_bytes: Option<u32>,
    /// 52H (PS3.7 §D.3.3.2).
    pub implementation_class_uid: Option<Uid>,
    /// 53H (PS3.7 §D.3.3.3).
    pub asynchronous_operations: Option<OperationsWindow>,
    /// 54H (PS3.7 §D.3.3.4). At most [`limits::NEGOTIATION_ITEMS`].
    pub roles: Vec<RoleSelection>,
    /// 55H (PS3.7 §D.3.3.2), at most 16 characters.
    pub implementation_version_name: Option<VersionName>,
    /// 56H (PS3.7 §D.3.3.5). At most [`limits::NEGOTIATION_ITEMS`].
    pub extended: Vec<ExtendedNegotiation>,
    /// 57H (PS3.7 §D.3.3.6), in requests. At most [`limits::NEGOTIATION_ITEMS`].
    pub common_extended: Vec<CommonExtendedNegotiation>,
    /// 58H (PS3.7 §D.3.3.7), in requests.
    pub user_identity: Option<UserIdentity>,
    /// 59H (PS3.7 §D.3.3.7), in answers: the server response.
    pub user_identity_response: Option<Vec<u8>>,
}

/// Asynchronous operations window (PS3.7 §D.3.3.3); 0 means unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationsWindow {
    /// Maximum number of operations invoked.
    pub invoked: u16,
    /// Maximum number of operations performed.
    pub performed: u16,
}

/// SCP/SCU role selection for one SOP class (PS3.7 §D.3.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleSelection {
    /// The SOP class.
    pub sop_class: Uid,
    /// Whether the requestor proposes to be, or is accepted as, SCU.
    pub scu: bool,
    /// Whether the requestor proposes to be, or is accepted as, SCP.
    pub scp: bool,
}

/// SOP class extended negotiation (PS3.7 §D.3.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedNegotiation {
    /// The SOP class.
    pub sop_class: Uid,
    /// Service class application information, whose meaning the SOP class defines.
    pub information: Vec<u8>,
}

/// SOP class common extended negotiation (PS3.7 §D.3.3.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonExtendedNegotiation {
    /// The SOP class.
    pub sop_class: Uid,
    /// The service class to which it belongs.
    pub service_class: Uid,
    /// Classes of which it is a specialization.
    pub related_general_classes: Vec<Uid>,
}

/// User identity (PS3.7 §D.3.3.7). [`Debug`] hides the fields that hold credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct UserIdentity {
    /// 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JSON web token.
    pub kind: u8,
    /// Whether the requestor asks for a positive response.
    pub positive_response_requested: bool,
    /// User name, ticket, assertion or token.
    pub primary: Vec<u8>,
    /// Passcode, if the kind is 2.
    pub secondary: Vec<u8>,
}

impl fmt::Debug for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserIdentity")
            .field("kind", &self.kind)
            .field("positive_response_requested", &self.positive_response_requested)
            .finish_non_exhaustive()
    }
}

/// An implementation version name (PS3.7 §D.3.3.2): 1 to 16 printable ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct VersionName(String);

impl VersionName {
    /// Takes the first 16 characters of `raw` without padding, with `?` for anything but printable
    /// ASCII. `None` if nothing is left.
    #[must_use]
    pub fn parse(raw: &[u8]) -> Option<VersionName> {
        let text = raw.split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii();
        let text = &text[..text.len().min(limits::VERSION_NAME_BYTES)];
        let ascii = |&byte: &u8| if byte.is_ascii() { printable(byte) } else { '?' };
        // The 16th character may be in the middle of padding.
        let name: String = text.trim_ascii_end().iter().map(ascii).collect();
        if name.is_empty() { None } else { Some(VersionName(name)) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VersionName({})", self.0)
    }
}

/// Sub-item types.
const MAXIMUM_LENGTH: u8 = 0x51;
const IMPLEMENTATION_CLASS_UID: u8 = 0x52;
const ASYNCHRONOUS_OPERATIONS: u8 = 0x53;
const ROLE_SELECTION: u8 = 0x54;
const IMPLEMENTATION_VERSION_NAME: u8 = 0x55;
const EXTENDED_NEGOTIATION: u8 = 0x56;
const COMMON_EXTENDED_NEGOTIATION: u8 = 0x57;
const USER_IDENTITY: u8 = 0x58;
const USER_IDENTITY_RESPONSE: u8 = 0x59;

impl UserInformation {
    /// Reads the value of the item. Unknown sub-items are skipped.
    pub(crate) fn decode(value: &[u8]) -> Result<UserInformation, PeerFault> {
        let mut information = UserInformation::default();
        for sub_item in items(value, USER_INFORMATION) {
            let (item_type, value) = sub_item?;
            let decoded = information.decode_sub_item(item_type, Fields(value));
            decoded.ok_or(PeerFault::ItemLength { item_type })?;
        }
        Ok(information)
    }

    /// `None` if the value lacks a field that its type requires.
    fn decode_sub_item(&mut self, item_type: u8, mut value: Fields<'_>) -> Option<()> {
        match item_type {
            MAXIMUM_LENGTH => {
                let max_pdu_bytes = value.u32()?;
                self.max_pdu_bytes.get_or_insert(max_pdu_bytes);
            }
            IMPLEMENTATION_CLASS_UID => {
                let uid = Uid::parse(value.0).ok();
                self.implementation_class_uid = self.implementation_class_uid.or(uid);
            }
            ASYNCHRONOUS_OPERATIONS => {
                let (invoked, performed) = (value.u16()?, value.u16()?);
                self.asynchronous_operations.get_or_insert(OperationsWindow { invoked, performed });
            }
            ROLE_SELECTION => {
                let sop_class = Uid::parse(value.counted()?);
                let (scu, scp) = (value.u8()? != 0, value.u8()? != 0);
                if let Ok(sop_class) = sop_class {
                    push(&mut self.roles, RoleSelection { sop_class, scu, scp });
                }
            }
            IMPLEMENTATION_VERSION_NAME => {
                let name = VersionName::parse(value.0);
                self.implementation_version_name = self.implementation_version_name.take().or(name);
            }
            EXTENDED_NEGOTIATION => {
                if let Ok(sop_class) = Uid::parse(value.counted()?) {
                    let information = value.0.to_vec();
                    push(&mut self.extended, ExtendedNegotiation { sop_class, information });
                }
            }
            COMMON_EXTENDED_NEGOTIATION => self.decode_common_extended(value)?,
            USER_IDENTITY => {
                let kind = value.u8()?;
                let positive_response_requested = value.u8()? != 0;
                let primary = value.counted()?.to_vec();
                let secondary = value.counted()?.to_vec();
                self.user_identity.get_or_insert(UserIdentity {
                    kind,
                    positive_response_requested,
                    primary,
                    secondary,
                });
            }
            USER_IDENTITY_RESPONSE => {
                let response = value.counted()?.to_vec();
                self.user_identity_response.get_or_insert(response);
            }
            _ => {}
        }
        Some(())
    }

    fn decode_common_extended(&mut self, mut value: Fields<'_>) -> Option<()> {
        let sop_class = Uid::parse(value.counted()?);
        let service_class = Uid::parse(value.counted()?);
        let mut related = Fields(value.counted()?);
        let mut related_general_classes = Vec::new();
        let kept: usize =
            self.common_extended.iter().map(|item| item.related_general_classes.len()).sum();
        while !related.0.is_empty() {
            let uid = Uid::parse(related.counted()?);
            let room = kept + related_general_classes.len() < limits::RELATED_GENERAL_CLASSES;
            related_general_classes.extend(uid.ok().filter(|_| room));
        }
        if let (Ok(sop_class), Ok(service_class)) = (sop_class, service_class) {
            let item =
                CommonExtendedNegotiation { sop_class, service_class, related_general_classes };
            push(&mut self.common_extended, item);
        }
        Some(())
    }

    /// Writes the value of the item. Optional sub-items that would exceed its 16-bit length field are
    /// left out.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Some(max_pdu_bytes) = self.max_pdu_bytes {
            put_item(&mut out, MAXIMUM_LENGTH, &[&max_pdu_bytes.to_be_bytes()]);
        }
        if let Some(uid) = &self.implementation_class_uid {
            put_item(&mut out, IMPLEMENTATION_CLASS_UID, &[uid.as_bytes()]);
        }
        if let Some(OperationsWindow { invoked, performed }) = self.asynchronous_operations {
            let value: [&[u8]; 2] = [&invoked.to_be_bytes(), &performed.to_be_bytes()];
            put_item(&mut out, ASYNCHRONOUS_OPERATIONS, &value);
        }
        for RoleSelection { sop_class, scu, scp } in &self.roles {
            let roles = [u8::from(*scu), u8::from(*scp)];
            put_item(&mut out, ROLE_SELECTION, &[&counted(sop_class.as_bytes()), &roles]);
        }
        if let Some(name) = &self.implementation_version_name {
            put_item(&mut out, IMPLEMENTATION_VERSION_NAME, &[name.as_str().as_bytes()]);
        }
        for ExtendedNegotiation { sop_class, information } in &self.extended {
            let value: [&[u8]; 2] = [&counted(sop_class.as_bytes()), information];
            put_item(&mut out, EXTENDED_NEGOTIATION, &value);
        }
        for item in &self.common_extended {
            let mut related = Vec::new();
            for uid in &item.related_general_classes {
                related.extend(counted(uid.as_bytes()));
            }
            let value = [
                counted(item.sop_class.as_bytes()),
                counted(item.service_class.as_bytes()),
                counted(&related),
            ];
            put_item(&mut out, COMMON_EXTENDED_NEGOTIATION, &[&value.concat()]);
        }
        if let Some(identity) = &self.user_identity {
            let head = [identity.kind, u8::from(identity.positive_response_requested)];
            let fields = [counted(&identity.primary), counted(&identity.secondary)].concat();
            put_item(&mut out, USER_IDENTITY, &[&head, &fields]);
        }
        if let Some(response) = &self.user_identity_response {
            put_item(&mut out, USER_IDENTITY_RESPONSE, &[&counted(response)]);
        }
        out
    }
}

fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() < limits::NEGOTIATION_ITEMS {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(text: &str) -> Uid {
        text.parse().unwrap()
    }

    fn full() -> UserInformation {
        UserInformation {
            max_pdu_bytes: Some(16384),
            implementation_class_uid: Some(uid("2.25.1")),
            asynchronous_operations: Some(OperationsWindow { invoked: 3, performed: 0 }),
            roles: vec![RoleSelection { sop_class: uid("1.2.3"), scu: true, scp: false }],
            implementation_version_name: VersionName::parse(b"NAME_1"),
            extended: vec![ExtendedNegotiation {
                sop_class: uid("1.2.3"),
                information: vec![2, 1],
            }],
            common_extended: vec![CommonExtendedNegotiation {
                sop_class: uid("1.2.3"),
                service_class: uid("1.2.840.10008.4.2"),
                related_general_classes: vec![uid("1.2"), uid("1.3")],
            }],
            user_identity: Some(UserIdentity {
                kind: 2,
                positive_response_requested: true,
                primary: b"user".to_vec(),
                secondary: b"secret".to_vec(),
            }),
            user_identity_response: Some(vec![9]),
        }
    }

    #[test]
    fn every_sub_item_comes_back() {
        let information = full();
        let decoded = UserInformation::decode(&information.encode()).unwrap();
        assert_eq!(decoded, information);
    }

    #[test]
    fn bytes_are_those_of_the_standard() {
        let information = UserInformation {
            max_pdu_bytes: Some(0x4000),
            roles: vec![RoleSelection { sop_class: uid("1.2"), scu: true, scp: false }],
            ..UserInformation::default()
        };
        let expected = b"\x51\0\0\x04\0\0\x40\0\x54\0\0\x07\0\x031.2\x01\0";
        assert_eq!(information.encode(), expected);
    }

    #[test]
    fn unknown_sub_items_are_skipped() {
        let bytes = b"\x5F\0\0\x02xx\x51\0\0\x04\0\0\x40\0\x99\0\0\0";
        let information = UserInformation::decode(bytes).unwrap();
        assert_eq!(information.max_pdu_bytes, Some(16384));
    }

    #[test]
    fn the_first_of_repeated_sub_items_counts() {
        let bytes = b"\x51\0\0\x04\0\0\x40\0\x51\0\0\x04\0\0\x50\0";
        let information = UserInformation::decode(bytes).unwrap();
        assert_eq!(information.max_pdu_bytes, Some(16384));
    }

    #[test]
    fn every_truncation_is_an_error_or_a_shorter_list() {
        let bytes = full().encode();
        let mut boundaries = 0;
        for end in 0..bytes.len() {
            match UserInformation::decode(&bytes[..end]) {
                Ok(shorter) => {
                    assert_ne!(shorter, full());
                    boundaries += 1;
                }
                Err(fault) => assert!(matches!(fault, PeerFault::ItemLength { .. })),
            }
        }
        assert_eq!(boundaries, 9, "nine sub-items, so nine ends where one could stop");
    }

    #[test]
    fn lists_are_bounded() {
        let role = b"\x54\0\0\x05\0\x011\x01\0";
        let decoded = UserInformation::decode(&role.repeat(7000)).unwrap();
        assert_eq!(decoded.roles.len(), limits::NEGOTIATION_ITEMS);
        let related = b"\0\x011".repeat(1000);
        let value = [&b"\0\x011\0\x012"[..], &counted(&related)].concat();
        let mut item = Vec::new();
        put_item(&mut item, COMMON_EXTENDED_NEGOTIATION, &[&value]);
        let decoded = UserInformation::decode(&item.repeat(10)).unwrap();
        let related: usize =
            decoded.common_extended.iter().map(|each| each.related_general_classes.len()).sum();
        assert_eq!(related, limits::RELATED_GENERAL_CLASSES);
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let mut information = full();
        information.extended[0].information = vec![0; 70_000];
        let decoded = UserInformation::decode(&information.encode()).unwrap();
        assert!(decoded.extended.is_empty());
        assert_eq!(decoded.roles, information.roles);
    }

    #[test]
    fn an_item_is_filled_to_its_last_byte_and_not_beyond() {
        let most = vec![0; limits::ASSOCIATE_ITEM_BYTES - 4];
        let mut value = Vec::new();
        put_item(&mut value, EXTENDED_NEGOTIATION, &[&most, &[0]]);
        assert!(value.is_empty(), "one byte too many");
        put_item(&mut value, EXTENDED_NEGOTIATION, &[&most]);
        assert_eq!(value.len(), limits::ASSOCIATE_ITEM_BYTES);
        put_item(&mut value, EXTENDED_NEGOTIATION, &[]);
        assert_eq!(value.len(), limits::ASSOCIATE_ITEM_BYTES, "no room for a header");

        let mut value = Vec::new();
        put_item(&mut value, EXTENDED_NEGOTIATION, &[&most[..40_000]]);
        put_item(&mut value, EXTENDED_NEGOTIATION, &[&most[..30_000]]);
        assert_eq!(value.len(), 40_004, "the sum counts");
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = format!("{:?}", full());
        assert!(!shown.contains("secret") && !shown.contains("115, 101, 99"), "{shown}");
    }

    #[test]
    fn version_names_are_cut_and_cleaned() {
        let name = VersionName::parse(b" A\nB\xC3 \0xyz").unwrap();
        assert_eq!(name.as_str(), "A?B?");
        assert_eq!(VersionName::parse(b"ABCDEFGHIJKLMNOPQRS").unwrap().as_str().len(), 16);
        assert_eq!(VersionName::parse(b"ABC                  DEF").unwrap().as_str(), "ABC");
        assert!(VersionName::parse(b"  \0").is_none());
    }
}
