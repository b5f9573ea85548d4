//! Arguments with the fields of an event in braces.

use crate::kinds::programs::environment::without_nul;
use crate::{event_field, is_event_field};
use serde_json::Value;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The fields of an event beside those of its data.
const OF_EVENT: [&str; 5] = ["id", "type", "time", "source", "subject"];

/// An argument: text and fields. `{name}` is the field of that name, `{{name}}` the text `{name}`; other braces are
/// text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Field(String),
}

impl Template {
    /// Reads an argument.
    ///
    /// # Errors
    /// It names a field that no event has.
    pub(super) fn parse(argument: &OsStr) -> Result<Self, String> {
        let mut parts = Vec::new();
        let (mut text, mut rest) = (Vec::new(), argument.as_bytes());
        while let Some((&byte, after)) = rest.split_first() {
            if let Some((name, after)) = escaped(rest) {
                text.extend_from_slice(b"{");
                text.extend_from_slice(name);
                text.extend_from_slice(b"}");
                rest = after;
            } else if let Some((name, after)) = braced(rest) {
                parts.push(Part::Text(std::mem::take(&mut text)));
                parts.push(Part::Field(known(name)?));
                rest = after;
            } else {
                text.push(byte);
                rest = after;
            }
        }
        parts.push(Part::Text(text));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self(parts))
    }

    /// Whether it has a field.
    pub(super) fn has_value(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Field(_)))
    }

    /// The argument for an event. Fields that it does not have are empty; a NUL is `_`.
    ///
    /// # Errors
    /// It would begin with `-` because a value does, and must not.
    pub(super) fn fill_in(
        &self,
        event: &Value,
        path: Option<&Path>,
        may_begin_with_dash: bool,
    ) -> Result<OsString, String> {
        let mut argument = Vec::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => argument.extend_from_slice(text),
                Part::Field(name) => {
                    let value = match path {
                        Some(path) if name == "path" => Cow::Borrowed(path.as_os_str().as_bytes()),
                        _ => Cow::Owned(value(event, name).into_bytes()),
                    };
                    let is_option = argument.is_empty() && value.starts_with(b"-");
                    if is_option && !may_begin_with_dash {
                        return Err(format!(
                            "{name} begins with '-', so the program would take it for an option: put \"--\" before it, \
                             or use the environment variable"
                        ));
                    }
                    argument.extend_from_slice(&without_nul(&value));
                }
            }
        }
        Ok(OsString::from_vec(argument))
    }
}

/// A field of an event, as text: empty if it does not have it.
fn value(event: &Value, name: &str) -> String {
    let of_event = OF_EVENT.contains(&name).then(|| event.get(name)).flatten();
    let of_event = of_event.map(|value| text(value).into_owned());
    of_event.or_else(|| event_field(event, name)).unwrap_or_default()
}

/// A value as text: that of a string as it is, nothing of `null`, all else as JSON writes it.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// `{name}` at the beginning: the name, and what follows.
fn braced(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"{")?;
    let end = inner.iter().position(|byte| !byte.is_ascii_alphanumeric())?;
    let (name, rest) = inner.split_at(end);
    let begins = name.first().is_some_and(u8::is_ascii_alphabetic);
    begins.then_some((name, rest.strip_prefix(b"}")?))
}

/// `{{name}}` likewise.
fn escaped(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = braced(text.strip_prefix(b"{")?)?;
    Some((name, rest.strip_prefix(b"}")?))
}

fn known(name: &[u8]) -> Result<String, String> {
    let name = String::from_utf8_lossy(name).into_owned();
    if OF_EVENT.contains(&&*name) || is_event_field(&name) {
        return Ok(name);
    }
    Err(format!(
        "no event has a field {name:?} (docs/events.md has those there are); as text, write {{{{{name}}}}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(argument: &str, event: &Value) -> String {
        let template = Template::parse(argument.as_ref()).unwrap();
        template.fill_in(event, None, false).unwrap().into_string().unwrap()
    }

    #[test]
    fn fields_are_put_in_as_they_are() {
        let event = serde_json::json!({
            "id": "k1",
            "data": {
                "path": "/a b;$(x)", "size": 7, "digest": null, "reason": "a\0b{path}",
                "attributes": { "patientId": "p 1" },
            },
        });
        for (argument, expected) in [
            ("{path}", "/a b;$(x)"),
            ("--in={path}/{id}", "--in=/a b;$(x)/k1"),
            ("{size}{digest}", "7"),
            ("{patientId}", "p 1"),
            ("{reason}", "a_b{path}"),
            ("{studyInstanceUid}", ""),
            ("{{path}}", "{path}"),
            ("{ print $1 }", "{ print $1 }"),
            ("{}", "{}"),
            ("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"),
            ("{path", "{path"),
            ("", ""),
        ] {
            assert_eq!(filled(argument, &event), expected, "{argument}");
        }
    }

    #[test]
    fn a_path_is_put_in_as_its_bytes_are() {
        let event = serde_json::json!({ "data": { "path": "/\u{fffd}" } });
        let path = Path::new(OsStr::from_bytes(b"/\xff"));
        let template = Template::parse("{path}".as_ref()).unwrap();
        assert_eq!(template.fill_in(&event, Some(path), false).unwrap().as_bytes(), b"/\xff");
    }

    #[test]
    fn a_field_that_no_event_has_is_an_error() {
        let fault = Template::parse("--in={pth}".as_ref()).unwrap_err();
        assert!(fault.starts_with("no event has a field \"pth\" ("), "{fault}");
        assert!(fault.ends_with("as text, write {{pth}}"), "{fault}");
    }

    #[test]
    fn no_value_becomes_an_option() {
        let event = serde_json::json!({ "data": { "callingAeTitle": "-rf" } });
        let template = Template::parse("{callingAeTitle}".as_ref()).unwrap();
        assert!(template.fill_in(&event, None, false).is_err());
        assert_eq!(template.fill_in(&event, None, true).unwrap(), "-rf");
        assert_eq!(filled("--ae={callingAeTitle}", &event), "--ae=-rf");
        assert_eq!(filled("-{callingAeTitle}", &event), "--rf");
    }
}
