//! SOP classes and transfer syntaxes, by UID or by name.

use crate::settings::reader::{Read, Report, Value, meant, quoted};
use dataset::transfer_syntax::{
    EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN,
};
use dataset::{TransferSyntax, Uid, sop_class, uid_names};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// A SOP class: by UID, by keyword or DCMTK's name, or by the prefix of its file names (`CT`).
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) struct Class(pub(in crate::settings) Uid);

impl Read for Class {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a SOP class in quotes, such as \"CTImageStorage\" or \"CT\"");
            return None;
        };
        let class = class(text);
        if class.is_none() {
            let names = sop_class::all().iter().flat_map(|class| [class.name, class.prefix]);
            let what = "a SOP class: its UID, its keyword (\"CTImageStorage\") or the prefix of its files (\"CT\")";
            let message = format!("expected {what}, not {}{}", quoted(text), meant(text, names));
            report.fault(&value.span(), message);
        }
        class.map(Self)
    }
}

fn class(text: &str) -> Option<Uid> {
    let by_prefix = || sop_class::all().iter().find(|it| it.prefix == text).map(|it| it.uid);
    let known = uid_names::abstract_syntax(text).or_else(by_prefix);
    known.map_or_else(|| uid(text), |known| Uid::parse(known.as_bytes()).ok())
}

/// A UID as the standard has them.
fn uid(text: &str) -> Option<Uid> {
    Uid::parse(text.as_bytes()).ok().filter(|uid| uid.is_conformant() && uid.as_str() == text)
}

impl JsonSchema for Class {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Class".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "title": "SOP class" })
    }
}

/// A SOP class, or `"storage"` for all that are accepted by default.
#[derive(Debug, Clone, Copy)]
pub(in crate::settings) enum ClassOrAll {
    Storage,
    Class(Uid),
}

impl Read for ClassOrAll {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("storage") => Some(Self::Storage),
            _ => Class::read(value, report).map(|class| Self::Class(class.0)),
        }
    }
}

impl JsonSchema for ClassOrAll {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ClassOrAll".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "storage" }, { "type": "string", "title": "SOP class" }] })
    }
}

/// A transfer syntax by UID, keyword or DCMTK's name; `"uncompressed"` and `"all"` stand for several.
#[derive(Debug, Clone)]
pub(in crate::settings) enum TransferSyntaxes {
    Listed(Vec<&'static TransferSyntax>),
    /// Those of `--accept-all`.
    All,
}

impl Read for TransferSyntaxes {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            report.expected(value, "a transfer syntax in quotes, such as \"JPEG2000Lossless\"");
            return None;
        };
        let syntaxes = syntaxes(text);
        if syntaxes.is_none() {
            let names = TransferSyntax::all().iter().map(TransferSyntax::name);
            let names = names.chain(uid_names::transfer_syntax_keywords()).chain(WORDS);
            let what = "a transfer syntax: its UID or its keyword, such as \"JPEG2000Lossless\"; or \"uncompressed\", \
                        or \"all\"";
            let message = format!("expected {what}, not {}{}", quoted(text), meant(text, names));
            report.fault(&value.span(), message);
        }
        syntaxes
    }
}

const WORDS: [&str; 2] = ["uncompressed", "all"];

fn syntaxes(text: &str) -> Option<TransferSyntaxes> {
    let known = || uid_names::transfer_syntax(text).or_else(|| TransferSyntax::find(text));
    let unlisted = || uid(text).map(|uid| TransferSyntax::unlisted(&uid));
    match text {
        "all" => Some(TransferSyntaxes::All),
        "uncompressed" => Some(TransferSyntaxes::Listed(vec![
            EXPLICIT_VR_LITTLE_ENDIAN,
            EXPLICIT_VR_BIG_ENDIAN,
            IMPLICIT_VR_LITTLE_ENDIAN,
        ])),
        _ => known().or_else(unlisted).map(|one| TransferSyntaxes::Listed(vec![one])),
    }
}

impl JsonSchema for TransferSyntaxes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TransferSyntaxes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> =
            WORDS.into_iter().chain(uid_names::transfer_syntax_keywords()).collect();
        json_schema!({
            "title": "transfer syntax",
            "anyOf": [{ "enum": words }, { "type": "string" }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_by_every_name() {
        let ct = Uid::parse(b"1.2.840.10008.5.1.4.1.1.2").ok();
        for name in ["CT", "CTImageStorage", "1.2.840.10008.5.1.4.1.1.2"] {
            assert_eq!(class(name), ct, "{name}");
        }
        assert_eq!(class("1.2.3"), Uid::parse(b"1.2.3").ok());
        assert_eq!(class("ct"), None);
    }

    #[test]
    fn transfer_syntaxes_by_every_name() {
        let uids = |text| match syntaxes(text) {
            Some(TransferSyntaxes::Listed(all)) => {
                all.into_iter().map(TransferSyntax::uid).collect()
            }
            _ => Vec::new(),
        };
        for name in ["JPEG2000Lossless", "1.2.840.10008.1.2.4.90"] {
            assert_eq!(uids(name), ["1.2.840.10008.1.2.4.90"], "{name}");
        }
        assert_eq!(uids("uncompressed").len(), 3);
        assert_eq!(uids("1.2.3.4"), ["1.2.3.4"]);
        assert!(syntaxes("jpeg").is_none());
    }
}
