//! What a filter looks at.

use super::Known;
use super::fault::{FilterFault, fault};
use dataset::dictionary::{self, EntryVr};
use dataset::{AttributeName, Dictionary, Tag, TransferSyntax, Vr, uid_names};
use std::borrow::Cow;

/// Something of an object that has values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// An attribute of the data set.
    DataSet {
        name: AttributeName,
        /// Whether its values are numbers; `None` if the VR is not known.
        is_number: Option<bool>,
    },
    CallingAeTitle,
    CalledAeTitle,
    SopClassUid,
    TransferSyntaxUid,
    Rule,
}

const OTHERS: [(&str, Source); 5] = [
    ("CallingAETitle", Source::CallingAeTitle),
    ("CalledAETitle", Source::CalledAeTitle),
    ("SOPClassUID", Source::SopClassUid),
    ("TransferSyntaxUID", Source::TransferSyntaxUid),
    ("Rule", Source::Rule),
];

impl Source {
    /// Its values that are not empty. `data_set` gives those of an attribute.
    pub(super) fn values<'o>(
        &self,
        known: &Known<'o>,
        data_set: &dyn Fn(&AttributeName) -> Vec<String>,
    ) -> Vec<Cow<'o, str>> {
        let one = |text: &'o str| vec![Cow::Borrowed(text)];
        let mut values = match self {
            Self::DataSet { name, .. } => data_set(name).into_iter().map(Cow::Owned).collect(),
            Self::CallingAeTitle => one(known.calling_ae_title),
            Self::CalledAeTitle => one(known.called_ae_title),
            Self::SopClassUid => one(known.sop_class_uid),
            Self::TransferSyntaxUid => one(known.transfer_syntax_uid),
            Self::Rule => known.rule.into_iter().map(Cow::Borrowed).collect(),
        };
        values.retain(|value| !value.is_empty());
        values
    }

    /// Whether values are numbers; `None` if that is not known.
    pub(super) fn is_number(&self) -> Option<bool> {
        match self {
            Self::DataSet { is_number, .. } => *is_number,
            _ => Some(false),
        }
    }

    /// A text that its values are compared with: the UID in place of the name of a class or transfer syntax.
    pub(super) fn literal(&self, text: &str) -> String {
        let uid = match self {
            Self::SopClassUid => uid_names::abstract_syntax(text),
            Self::TransferSyntaxUid => uid_names::transfer_syntax(text).map(TransferSyntax::uid),
            _ => None,
        };
        uid.unwrap_or(text).to_owned()
    }
}

/// What has this name.
pub(super) fn named(word: &str, at: usize) -> Result<Source, FilterFault> {
    if let Some((_, source)) = OTHERS.iter().find(|(name, _)| *name == word) {
        return Ok(source.clone());
    }
    if let Some(attribute) = dictionary::attribute(word) {
        return of_data_set(AttributeName::Public(attribute.tag), Some(attribute.vr), word, at);
    }
    let other = OTHERS.iter().map(|(name, _)| *name).find(|it| it.eq_ignore_ascii_case(word));
    let near = other.or_else(|| dictionary::nearest_keyword(word, |it| text_of(it.vr).is_some()));
    let help = match near {
        Some(near) => format!("; did you mean {near}?"),
        None => ": expected one of PS3.6 such as Modality, a tag such as (0008,0060), or CallingAETitle, CalledAETitle, \
                 SOPClassUID, TransferSyntaxUID or Rule"
            .to_owned(),
    };
    let word: String = word.chars().take(80).collect();
    Err(fault(at, format!("no attribute has the keyword {word}{help}")))
}

/// The attribute with a tag.
pub(super) fn public(group: u16, element: u16, at: usize) -> Result<Source, FilterFault> {
    let tag = Tag(group, element);
    if tag == Tag(0x0008, 0x0016) {
        return Ok(Source::SopClassUid);
    }
    if tag.is_invalid() || tag.is_foreign() || tag.is_group_length() {
        return Err(fault(at, format!("{tag} is in no data set")));
    }
    if group % 2 == 1 && element >= 0x1000 {
        let form = format!("({group:04X},'CREATOR',{:02X})", element & 0xFF);
        return Err(fault(
            at,
            format!("{tag} is private, and has no meaning without its creator: {form}"),
        ));
    }
    let vr = Dictionary::built_in().find(tag);
    of_data_set(AttributeName::Public(tag), vr, &tag.to_string(), at)
}

/// A private attribute.
pub(super) fn private(
    group: u16,
    creator: &str,
    element: u16,
    at: usize,
) -> Result<Source, FilterFault> {
    let creator = creator.trim_matches(' ');
    let is_private = group % 2 == 1 && group > 8 && group != 0xFFFF;
    if !is_private {
        return Err(fault(at, format!("the group {group:04X} is not private: only odd ones are")));
    }
    if creator.is_empty() || creator.chars().count() > 64 {
        return Err(fault(at, "the private creator has 1 to 64 characters"));
    }
    let element = u8::try_from(element).unwrap_or(u8::MAX);
    let name = AttributeName::Private { group, creator: creator.into(), element };
    Ok(Source::DataSet { name, is_number: None })
}

fn of_data_set(
    name: AttributeName,
    vr: Option<EntryVr>,
    shown: &str,
    at: usize,
) -> Result<Source, FilterFault> {
    let Some(vr) = vr else { return Ok(Source::DataSet { name, is_number: None }) };
    match text_of(vr) {
        Some(is_number) => Ok(Source::DataSet { name, is_number: Some(is_number) }),
        None if vr == EntryVr::Exact(Vr::SQ) => {
            Err(fault(at, format!("{shown} is a sequence, which has no value")))
        }
        None => Err(fault(at, format!("{shown} is binary data, which cannot be compared"))),
    }
}

/// Whether values of this VR are numbers; `None` if they cannot be told as text.
fn text_of(vr: EntryVr) -> Option<bool> {
    use Vr::{AT, DS, FD, FL, IS, OB, OD, OF, OL, OV, OW, SL, SQ, SS, SV, UL, UN, US, UV};

    match vr {
        EntryVr::Exact(OB | OD | OF | OL | OV | OW | SQ | UN | AT) => None,
        EntryVr::Exact(DS | FD | FL | IS | SL | SS | SV | UL | US | UV) => Some(true),
        EntryVr::Exact(_) => Some(false),
        EntryVr::Xs | EntryVr::Up => Some(true),
        EntryVr::Ox | EntryVr::Px | EntryVr::Lt | EntryVr::Na => None,
    }
}
