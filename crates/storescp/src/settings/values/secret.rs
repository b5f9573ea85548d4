//! Secrets, which stand in files of their own or in the environment.

use crate::limits::SECRET_BYTES;
use crate::settings::reader::{Read, Report, Value, listed, read_at, read_at_most};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// A secret: a password or a token. It is not shown, whatever it is printed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself: for whoever checks it, never for the log.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"…\"")
    }
}

/// Where a secret is: `{ file = "…" }` or `{ env = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) enum SecretSource {
    File(PathBuf),
    Env(String),
}

const FORM: &str = "{ file = \"PATH\" } or { env = \"VARIABLE\" }";

impl SecretSource {
    /// Reads the secret: without the line end at its end.
    ///
    /// # Errors
    /// Why there is none.
    pub(in crate::settings) fn secret(&self, folder: &Path) -> Result<Secret, String> {
        let text = match self {
            Self::Env(name) => std::env::var(name).map_err(|_| {
                format!("the environment variable {name} is not set, or is not UTF-8")
            })?,
            Self::File(path) => {
                let path = folder.join(path);
                let shown = path.display();
                let content = read_at_most(&path, SECRET_BYTES)
                    .map_err(|error| format!("cannot read {shown}: {}", platform::reason(&error)))?
                    .ok_or_else(|| format!("{shown} is longer than {SECRET_BYTES} bytes"))?;
                String::from_utf8(content).map_err(|_| format!("{shown} is not UTF-8"))?
            }
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            let place = match self {
                Self::Env(name) => format!("the environment variable {name}"),
                Self::File(path) => folder.join(path).display().to_string(),
            };
            return Err(format!("{place} is empty"));
        }
        Ok(Secret(text.to_owned()))
    }
}

impl Read for SecretSource {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        if value.get_ref().is_str() {
            // What it says is not shown.
            let why = "a secret must not be in this file, which is read, copied and kept in version control";
            report.fault(&value.span(), format!("{why}: write {FORM}"));
            return None;
        }
        let Some(table) = value.get_ref().as_table() else {
            report.fault(&value.span(), format!("expected {FORM}"));
            return None;
        };
        let mut entries = table.iter();
        match (entries.next(), entries.next()) {
            (Some((key, path)), None) if key.get_ref() == "file" => {
                read_at::<PathBuf>(path, report).map(|path| Self::File(path.value))
            }
            (Some((key, name)), None) if key.get_ref() == "env" => {
                let name = read_at::<String>(name, report)?;
                let is_name = !name.value.is_empty() && !name.value.contains(['=', '\0']);
                if !is_name {
                    report.fault(&name.span, "expected the name of an environment variable");
                }
                is_name.then_some(Self::Env(name.value))
            }
            _ => {
                let keys = listed(table.keys().map(|key| &**key.get_ref()));
                report.fault(&value.span(), format!("expected {FORM}, not a table with {keys}"));
                None
            }
        }
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "title": "`{ file = \"…\" }` or `{ env = \"…\" }`",
            "description": "A secret, which stands in a file of its own (without its last line end) or in an \
                            environment variable, never here.",
            "oneOf": [
                { "type": "object", "properties": { "file": { "type": "string" } }, "required": ["file"],
                  "additionalProperties": false },
                { "type": "object", "properties": { "env": { "type": "string" } }, "required": ["env"],
                  "additionalProperties": false },
            ]
        })
    }
}

/// Where the password of a key is: a secret, `"ask"` or `"empty"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) enum KeyPasswordSource {
    Ask,
    Empty,
    Secret(SecretSource),
}

impl Read for KeyPasswordSource {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some("ask") => Some(Self::Ask),
            Some("empty") => Some(Self::Empty),
            _ => SecretSource::read(value, report).map(Self::Secret),
        }
    }
}

impl JsonSchema for KeyPasswordSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "KeyPassword".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretSource>();
        json_schema!({ "anyOf": [{ "const": "ask" }, { "const": "empty" }, secret] })
    }
}

/// The hash of a password, which may stand in the file, or where it is.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::settings) enum HashSource {
    Here(String),
    Secret(SecretSource),
}

/// The hash is not shown.
impl fmt::Debug for HashSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here(…)",
            Self::Secret(_) => "Secret(…)",
        })
    }
}

impl Read for HashSource {
    fn read(value: &Value<'_>, report: &mut Report) -> Option<Self> {
        match value.get_ref().as_str() {
            Some(hash) => Some(Self::Here(hash.to_owned())),
            None => SecretSource::read(value, report).map(Self::Secret),
        }
    }
}

impl JsonSchema for HashSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PasswordHash".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let secret = generator.subschema_for::<SecretSource>();
        json_schema!({ "anyOf": [{ "type": "string", "pattern": "^\\$argon2id\\$", "title": "hash" }, secret] })
    }
}
